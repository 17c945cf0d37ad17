# SPDX-License-Identifier: GPL-2.0-only
# A mediated virtual function and everything that its VMM and its guest can do, at
# random; the kernel is the judge, and a disk that has to work between any two rounds.
. "$LAB_ENV"; . "$LAB_LIB"

load
leaks_forget
# A long run may bring its own, see tools/testing/vfio/fuzz.
export seconds=20 seed=1 episode=
if [ -n "${LONG-}" ]; then
	seconds=60
	[ ! -e "$LAB_ROOT/build/vfio/fuzz.env" ] || . "$LAB_ROOT/build/vfio/fuzz.env"
fi
inner nvme-fuzz.py
check "unload" unload
finish
