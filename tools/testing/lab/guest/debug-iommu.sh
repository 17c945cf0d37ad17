# SPDX-License-Identifier: GPL-2.0-only
# ACCESS_PLATFORM: every address that the device sees comes from the DMA API,
# and a wrong or forgotten one faults in the IOMMU or is told by DMA_API_DEBUG.
. "$LAB_ENV"; . "$LAB_LIB"

try()		# try SERIAL PCI-ADDRESS
{
	local name
	check "$1: taken over" bind_to parley_pci "$2"
	case $(cat "/sys/bus/pci/devices/$2/iommu_group/type") in
	DMA|DMA-FQ) ok "$1: its addresses are translated" ;;
	*) not_ok "$1: its addresses are translated" ;;
	esac
	# VIRTIO_F_ACCESS_PLATFORM is bit 33, the string begins with bit 0.
	is "$(cut -c 34 "/sys/bus/pci/devices/$2"/parley*/features)" 1 \
		"$1: ACCESS_PLATFORM is negotiated"
	wait_for 10 disk "$1" || bail "no disk with serial $1"
	name=$(disk "$1")
	is "$(dd if="/dev/$name" bs=4k skip=512 count=1 iflag=direct 2>/dev/null |
		od -An -tu8 -N8 | tr -d ' ')" 2097152 "$1: block 512 is in its place"
	check "$1: write, read back and verify" fio --name=v --filename="/dev/$name" \
		--rw=randwrite --bs=4k-64k --size=8M --iodepth=16 --direct=1 \
		--ioengine=libaio --verify=crc32c --verify_fatal=1
	check "$1: given back" bind_back "$2"
}

leaks_forget
load
try split 0000:00:10.0
try packed 0000:00:11.0
is "$(dmesg | grep -c 'DMAR:.*fault')" 0 "the IOMMU reports no fault"
check "unload" unload
finish
