# SPDX-License-Identifier: GPL-2.0-only
# A host in a guest: loads the host's modules, and has a Python program called
# like the scenario drive inner guests.
. "$LAB_ENV"; . "$LAB_LIB"

load
check "KVM is there" test -c /dev/kvm
leaks_forget
inner "${INNER:-${LAB_NAME%%[[]*}}.py"
finish
