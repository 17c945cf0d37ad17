# SPDX-License-Identifier: GPL-2.0-only
# What the tools of a distribution say of a disk: the same, whoever drives it.
. "$LAB_ENV"; . "$LAB_LIB"

serial=a-serial-of-20-chars
uuid=11111111-2222-3333-4444-555555555555
address=0000:00:10.0
# systemd's tools are shy of a chroot, and this guest is one.
export SYSTEMD_IGNORE_CHROOT=1

find_disk()	# find_disk: its name, once udev is through with it
{
	wait_for 10 disk $serial || bail "no disk with serial $serial"
	name=$(disk $serial)
	wait_for 10 test -b "/dev/${name}3" || bail "$name has no partitions"
	udevadm trigger --action=add --settle
}

links()		# links: what leads to the disk and its partitions, without its name
{
	local link target
	for link in /dev/disk/by-{id,label,partuuid,path,uuid}/*; do
		target=$(realpath "$link")
		case $target in
		"/dev/$name"*) echo "${link#/dev/disk/} ${target#"/dev/$name"}" ;;
		esac
	done
}

facts()		# facts: all that the tools say, without its name
{
	links
	lsblk -rno FSTYPE,LABEL,UUID,PARTTYPE,PARTUUID,SERIAL,TYPE,RO,SIZE "/dev/$name"
	blkid -o export "/dev/${name}1" | grep -v DEVNAME
	mount "/dev/${name}1" /mnt/x
	grub-probe -t partmap /mnt/x
	grub-probe -t drive /mnt/x | sed "s,/dev/$name,,"
	umount /mnt/x
}

watched()	# watched LABEL: a file system made now is seen, without an event
{
	mkfs.ext4 -q -F -L "$1" "/dev/${name}2" &&
		wait_for 10 test -e "/dev/disk/by-label/$1"
}

load
make -s -C "$LAB_ROOT/tools/dist" install || bail "cannot install our rules"
mkdir -p /run/udev /mnt/x
/lib/systemd/systemd-udevd --daemon || bail "no udevd"
wait_for 10 disk $serial || bail "no disk with serial $serial"
printf 'label: gpt\n,20M\n,20M\n,\n' |
	sfdisk -q "/dev/$(disk $serial)" || bail "cannot make partitions"
find_disk
mkfs.ext4 -q -F -U $uuid -L rootfs "/dev/${name}1" || bail "cannot make ext4"
check "a volume on the third partition" sh -c \
	"vgcreate -q vg /dev/${name}3 && lvcreate -q -y -l 100%FREE -n lv vg && vgchange -an vg"

check "mainline: a new file system is noticed" watched early
find_disk
facts >/tmp/mainline 2>&1
sed "s/^/# $name: /" /tmp/mainline
for fact in "by-uuid/$uuid 1" "by-label/rootfs 1" "by-id/virtio-$serial-part1 1" \
	"by-path/pci-$address-part1 1" "by-path/virtio-pci-$address " gpt "(hostdisk/,gpt1)"; do
	is "$(grep -cxF "$fact" /tmp/mainline)" 1 "mainline: $fact"
done
wait_for 10 test -b /dev/vg/lv || bail "LVM does not activate mainline's"
check "stop the volume" vgchange -q -an vg
# LVM does so once in a boot.
rm -r /run/lvm/*_online

check "take it over" "$LAB_ROOT/tools/parley/parley" takeover $address
find_disk
is "$(driver_of $address)" parley_pci "it is ours, $name"
check "LVM activates the volume by itself" wait_for 10 test -b /dev/vg/lv
facts >/tmp/ours 2>&1
check "all tools say the same of it" diff /tmp/mainline /tmp/ours
check "a new file system is noticed" watched late
check "stop the volume again" vgchange -q -an vg

check "uninstall our rules" make -s -C "$LAB_ROOT/tools/dist" uninstall
is "$(find /lib/udev /lib/systemd /usr/share/initramfs-tools /usr/lib/dracut -iname '*parley*')" \
	"" "nothing is left of them"
finish
