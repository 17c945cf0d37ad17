#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The modules: who stands on whom, and that none leaves while it is needed.
. ./ktap.sh

need_device parley_blk
[ -d /sys/module/parley_core/holders ] || skip_all "parley_core is built in"

holders()
{
	find "/sys/module/$1/holders" -mindepth 1 -printf '%f\n' | sort | paste -sd ' '
}
matches "$(holders parley_core)" '.*parley_guest.*' "the core is held by the guest model"
matches "$(holders parley_guest)" '.*parley_blk.*' "the guest model by a front-end"
is "$(holders parley_blk)" "" "nobody stands on a front-end"
check "the core does not leave" refused rmmod parley_core
check "the guest model does not leave" refused rmmod parley_guest

# An arrow only ever points down, and not to the kernel's own virtio drivers.
is "$(for module in /sys/module/parley_*/holders/*; do
	[[ ! -e $module || $module == */parley_* ]] || echo "$module"
done)" "" "nobody but Parley uses Parley"
finish
