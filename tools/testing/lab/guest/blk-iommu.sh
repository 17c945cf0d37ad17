# SPDX-License-Identifier: GPL-2.0-only
# Disks behind an IOMMU. A buffer that is not mapped, or not for long enough, is
# a fault that the kernel logs.
. "$LAB_ENV"; . "$LAB_LIB"

load
for pci in 0000:00:10.0 0000:00:11.0; do
	bind_to parley_pci $pci || bail "cannot take $pci over"
	device=/sys/bus/pci/devices/$pci
	is "$(cut -c34 $device/parley*/features)" 1 "ACCESS_PLATFORM is in use"
	case $(cat $device/iommu_group/type) in
	DMA*) ok "its addresses are translated" ;;
	*) not_ok "its addresses are translated" ;;
	esac
done
cat >/tmp/job <<'JOB'
[global]
rw=randwrite
bsrange=512-128k
blockalign=512
direct=1
ioengine=io_uring
iodepth=16
size=4M
verify=crc32c
verify_fatal=1
[split]
filename=/dev/vdpara
[packed]
filename=/dev/vdparb
JOB
check "random writes of all sizes, verified" fio --minimal /tmp/job
check "discard" blkdiscard -f /dev/vdpara
check "serial number" cat /sys/block/vdparb/serial
is "$(dmesg | grep -c 'DMAR:.*fault')" 0 "the IOMMU saw no fault"
for pci in 0000:00:10.0 0000:00:11.0; do
	echo $pci >/sys/bus/pci/drivers/parley_pci/unbind
done
check "unload" unload
finish
