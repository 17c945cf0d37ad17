#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# /sys/bus/parley/devices/parleyN: what a device says of itself.
. ./ktap.sh

need_device parley_blk

read -r type <"$dir/device"
is "$type" 0x0002 "a disk is device type 2"
matches "$(<"$dir/vendor")" '0x[0-9a-f]{4}' "vendor is a number"
matches "$(<"$dir/status")" '0x[0-9a-f]{2}' "status is a number"
is $(($(<"$dir/status") & 0xcf)) 15 \
	"it is acknowledged, driven, agreed on and ready, not failed"
matches "$(<"$dir/transport")" 'pci|loopback' "the transport has a name"

features=$(<"$dir/features")
offered=$(<"$dir/offered")
matches "$features" '[01]{64}' "features are 64 bits"
matches "$offered" '[01]{64}' "so are those that the device offers"
is "${features:32:1}" 1 "VERSION_1 is agreed on"
surplus=
for ((bit = 0; bit < 64; bit++)); do
	[ "${features:bit:1}" -le "${offered:bit:1}" ] || surplus+=" $bit"
done
is "$surplus" "" "nothing is agreed on that was not offered"

modalias=$(<"$dir/modalias")
matches "$modalias" 'parley:d00000002v[0-9A-F]{8}' "modalias"
is "$(grep ^MODALIAS= "$dir/uevent")" "MODALIAS=$modalias" "uevent says the same"
is "$(readlink "$dir/driver" | sed 's,.*/,,')" parley_blk "it links to its driver"
is "$(readlink "$dir/subsystem" | sed 's,.*/,,')" parley "it is on our bus"

writable=$(find "$dir/" -maxdepth 1 -type f -perm /222 \
	! -name uevent ! -name driver_override -printf '%f ')
is "$writable" "" "its attributes cannot be written"
for name in device vendor status features offered transport; do
	[ "$(stat -c %a "$dir/$name")" = 444 ] || not_ok "$name is not readable by all"
done

# On PCI the same device has an identity that we did not give it.
pci=$(readlink -f "$dir/..")
if [ -e "$pci/subsystem_vendor" ]; then
	id=$(<"$pci/device")
	if ((id >= 0x1040)); then
		is $((type)) $((id - 0x1040)) "the type is that of the PCI device"
	else
		is $((type)) $(($(<"$pci/subsystem_device"))) \
			"the type is that of the transitional PCI device"
	fi
	is "$(readlink "$pci/driver" | sed 's,.*/,,')" parley_pci \
		"the function is with our transport"
fi
finish
