# SPDX-License-Identifier: GPL-2.0-only
# In a Debian of its own, after everything else: twice, with a reboot between.
. "$LAB_ENV"; . "$LAB_LIB"

root_uuid=11111111-2222-3333-4444-555555555555
data_uuid=66666666-7777-8888-9999-aaaaaaaaaaaa
conf=/etc/parley/takeover.conf
boot=first
if [ -e /lab/count ]; then
	boot=second
	read -r count </lab/count
fi

mounted()	# mounted PLACE: the disk or partition that is there
{
	findmnt -no SOURCE "$1"
}

leads_to()	# leads_to LINK NODE
{
	is "$(realpath "/dev/disk/$1")" "$2" "$boot boot: $1"
}

is "$(systemctl is-system-running --wait)" running "$boot boot: the system runs"
is "$(systemctl --failed --no-legend)" "" "$boot boot: no unit failed"
is "$(mounted /)" /dev/vdpara1 "$boot boot: the root is on a disk of ours"
is "$(driver_of 0000:00:10.0)" parley_pci "$boot boot: through our transport"
leads_to by-uuid/$root_uuid /dev/vdpara1
leads_to by-label/home /dev/vdpara1
leads_to by-id/virtio-root-part1 /dev/vdpara1
leads_to by-path/pci-0000:00:10.0 /dev/vdpara
leads_to by-partuuid/"$(lsblk -no PARTUUID /dev/vdpara1)" /dev/vdpara1
is "$(systemctl is-active dev-vdpara1.device)" active "$boot boot: systemd knows it"
other=$(disk other)
is "$(driver_of "$(pci_of "$other")"):${other:0:2}:${#other}" virtio-pci:vd:3 \
	"$boot boot: the disk that nobody named is mainline's"
for device in /sys/bus/pci/devices/*; do
	case $(cat "$device/device") in
	0x1009|0x1049)
		is "$(driver_of "${device##*/}")" virtio-pci "$boot boot: so is the 9p device" ;;
	esac
done

if [ $boot = first ]; then
	data=$(disk data)
	is "${#data}:$(driver_of 0000:00:13.0)" 3:virtio-pci "more is mainline's now"
	check "a file system on the second disk" mkfs.ext4 -q -F -U $data_uuid "/dev/$data"
	mkdir /data
	echo "UUID=$data_uuid /data ext4 defaults 0 2" >>/etc/fstab
	printf '# named after the initramfs was made\n%s\nrng\n' 0000:00:11.0 >>$conf
	echo "$count" >/lab/count
	sync
	systemctl reboot
	sleep infinity
fi
is "$(mounted /data)" /dev/vdparb "the second disk is ours, and mounted by UUID"
is "$(driver_of 0000:00:13.0)" parley_pci "so is the entropy device"
is "$(systemctl is-active parley-takeover.service)" active "the service did it"
finish
