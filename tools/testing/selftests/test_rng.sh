#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The entropy front-end feeds /dev/hwrng.
. ./ktap.sh

need_device parley_rng
rng=/sys/class/misc/hw_random
name=$(tr ' ' '\n' <$rng/rng_available | grep -m 1 ^parley_rng) ||
	skip_all "$rng does not list it"
previous=$(<$rng/rng_current)
check "it can be chosen" sh -c "echo $name >$rng/rng_current"
is "$(<$rng/rng_current)" "$name" "it is chosen"
before=$(total completed)
first=$(dd if=/dev/hwrng bs=1k count=4 iflag=fullblock status=none | cksum)
second=$(dd if=/dev/hwrng bs=1k count=4 iflag=fullblock status=none | cksum)
check "two reads differ" test "$first" != "$second"
check "they came through the queue" test "$(total completed)" -gt "$before"
is "$(cut -d ' ' -f 2 <<<"$first")" 4096 "a read is complete"
is "$(total errors)" 0 "no violation"
[ "$previous" = none ] || echo "$previous" >$rng/rng_current
finish
