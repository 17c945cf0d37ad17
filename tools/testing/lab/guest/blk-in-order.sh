# SPDX-License-Identifier: GPL-2.0-only
# Disks and sources of entropy whose devices use what they are given in order.
. "$LAB_ENV"; . "$LAB_LIB"

disks="split packed split-direct packed-direct"

features_of()	# features_of PCI: "in-order format", as negotiated
{
	local features
	read -r features <"$(echo "/sys/bus/pci/devices/$1"/parley*/features)"
	echo "${features:35:1} ${features:34:1}"
}

errors()	# errors: every count of violations there is
{
	cat /sys/bus/pci/devices/*/parley*/queue*/errors | sort -u
}

load
slot=10
for serial in $disks; do
	check "take $serial over" bind_to parley_pci "0000:00:$slot.0"
	wait_for 20 disk "$serial" || bail "no disk with serial $serial"
	packed=0
	[ "${serial%-direct}" = split ] || packed=1
	is "$(features_of "0000:00:$slot.0")" "1 $packed" "$serial is in order"
	slot=$((slot + 1))
done

for serial in $disks; do
	name=$(disk "$serial")
	# Each 8 bytes of the image hold their own offset.
	is "$(dd if="/dev/$name" bs=4k skip=512 count=1 iflag=direct 2>/dev/null |
		od -An -tu8 -N8 | tr -d ' ')" 2097152 "$serial: reads what is there"
	check "$serial: all sizes, many in flight, verified" fio --name=sizes \
		--filename="/dev/$name" --rw=randwrite --bsrange=512-128k \
		--blockalign=512 --direct=1 --ioengine=libaio --iodepth=32 --size=8M \
		--verify=crc32c --verify_fatal=1 --output-format=terse
	check "$serial: bursts and readers beside each other, verified" fio \
		--name=bursts --filename="/dev/$name" --rw=randrw --bs=4k --direct=1 \
		--ioengine=libaio --iodepth=32 --iodepth_batch=16 \
		--iodepth_batch_complete_max=16 --size=4M --numjobs=2 \
		--offset_increment=8M --offset=8M --verify=crc32c --verify_fatal=1 \
		--output-format=terse
	sha256sum "/dev/$name" | cut -d ' ' -f 1 >"/tmp/sum-$serial"
done

for slot in 14 15; do
	check "take the entropy at $slot over" bind_to parley_pci "0000:00:$slot.0"
	is "$(features_of "0000:00:$slot.0")" "1 $((slot - 14))" "it is in order"
	bus=$(echo "/sys/bus/pci/devices/0000:00:$slot.0"/parley*)
	echo "${bus##*/}" >/sys/class/misc/hw_random/rng_current
	is "$(cat /sys/class/misc/hw_random/rng_current)" "${bus##*/}" \
		"the kernel reads from it"
	is "$(timeout 60 head -c 16384 /dev/hwrng | wc -c)" 16384 "it gives 16 KiB"
done
is "$(errors)" 0 "no queue saw an error"

slot=10
for serial in $disks; do
	bind_back "0000:00:$slot.0" || bail "mainline does not take $serial"
	wait_for 20 disk "$serial" || bail "no disk with serial $serial"
	is "$(sha256sum "/dev/$(disk "$serial")" | cut -d ' ' -f 1)" \
		"$(cat "/tmp/sum-$serial")" "$serial: mainline reads what ours wrote"
	slot=$((slot + 1))
done
check "unload" unload
finish
