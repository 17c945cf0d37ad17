# SPDX-License-Identifier: GPL-2.0-only
# An interactive shell with everything loaded, for `lab shell`.
. "$LAB_ENV"; . "$LAB_LIB"

stty rows "${LINES:-24}" cols "${COLUMNS:-80}" 2>/dev/null
at_home
load
echo "Parley guest, kernel $(uname -r). The checkout is in $LAB_ROOT;"
echo "what you change is forgotten when you leave. Functions of lib.sh are here."
echo "\`parley status\` shows the devices, and who drives them."
cd "$LAB_ROOT" || exit 1
set -a
bash --rcfile <(echo ". $LAB_ENV; . $LAB_LIB; PATH='$PATH'; PS1='guest:\w# '") -i
