# SPDX-License-Identifier: GPL-2.0-only
# Hands a disk and an entropy device to Parley, then runs the selftests.
. "$LAB_ENV"; . "$LAB_LIB"

load
"$LAB_ROOT/tools/parley/parley" takeover --all-of-type blk >&2 || bail "no disk to test"
"$LAB_ROOT/tools/parley/parley" takeover --all-of-type rng >&2 || bail "no rng to test"
"$LAB_ROOT/tools/testing/selftests/run"
