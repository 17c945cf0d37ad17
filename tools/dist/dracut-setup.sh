#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# For dracut: what /usr/lib/parley/at-boot needs in an initramfs.

check()
{
	[ -s /etc/parley/takeover.conf ]
}

depends()
{
	return 0
}

installkernel()
{
	instmods parley_pci parley_blk parley_rng
}

install()
{
	inst_multiple modprobe /usr/lib/parley/at-boot /etc/parley/takeover.conf
	inst_rules 59-parley.rules
	# shellcheck disable=SC2154 # dracut's
	inst_hook pre-udev 10 "$moddir/takeover.sh"
}
