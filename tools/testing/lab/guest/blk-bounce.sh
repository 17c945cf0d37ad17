# SPDX-License-Identifier: GPL-2.0-only
# Disks that see only copies of our memory, made when a buffer is mapped and when
# it is unmapped: what is written between the two, no device sees. An IOMMU does
# not show such a fault, since behind it nothing is copied.
. "$LAB_ENV"; . "$LAB_LIB"

load
echo never >/sys/kernel/mm/transparent_hugepage/enabled
for slot in 10 11; do
	bind_to parley_pci "0000:00:$slot.0" || bail "cannot take slot $slot over"
	is "$(cut -c34 /sys/bus/pci/devices/0000:00:$slot.0/parley*/features)" 1 \
		"slot $slot: ACCESS_PLATFORM is in use"
done
used=$(cat /sys/kernel/debug/swiotlb/io_tlb_used_hiwater)
[ "$used" -gt 0 ] && ok "buffers are bounced" || not_ok "nothing is bounced: $used"
# A request has two pieces more than its data. Tables for up to 34 are kept ready,
# longer ones are allocated, and mapped like data.
for disk in vdpara vdparb; do
	check "$disk: every byte, in requests of 1 to 128 pieces of data" \
		timeout 100 python3 "$LAB_ROOT/tools/testing/lab/guest/blk-bounce.py" \
		/dev/$disk 1 31 32 33 34 35 126 128
done
is "$(dmesg | grep -c 'asks for a reset')" 0 "no device asked for a reset"
is "$(cat /sys/bus/pci/devices/*/parley*/queue*/errors | sort -u)" 0 \
	"no queue saw a violation"
for slot in 10 11; do
	echo "0000:00:$slot.0" >/sys/bus/pci/drivers/parley_pci/unbind
done
check "unload" unload
finish
