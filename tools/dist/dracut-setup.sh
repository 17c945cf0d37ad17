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
	local type name modules=(parley_pci)

	while read -r type name; do
		[ "$type" = "#" ] || modules+=("parley_$name")
	done </usr/lib/parley/front-ends
	instmods "${modules[@]}"
}

install()
{
	inst_multiple modprobe /usr/lib/parley/at-boot /usr/lib/parley/front-ends \
		/etc/parley/takeover.conf
	inst_rules 59-parley.rules
	# shellcheck disable=SC2154 # dracut's
	inst_hook pre-udev 10 "$moddir/takeover.sh"
}
