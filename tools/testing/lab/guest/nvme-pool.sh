# SPDX-License-Identifier: GPL-2.0-only
# Twenty-four virtual functions, in a pool and on demand, by the command alone: each is
# born and dies, and what that cost is shown.
. "$LAB_ENV"; . "$LAB_LIB"

guests=24

vf()		# vf WORD...: the command
{
	"$LAB_ROOT/tools/parley/parley" vf "$@"
}

uuid()		# uuid N
{
	printf '4b0c7a52-59a2-4d0c-9a80-%012x' "$1"
}

each()		# each COMMAND...: for each guest, until one fails
{
	local n
	for n in $(seq "$guests"); do
		"$@" "$n" >/dev/null || return 1
	done
}

born()		# born N
{
	vf birth --uuid "$(uuid "$1")" --how write-zeroes
}

dead()		# dead N
{
	vf death "$(uuid "$1")"
}

kept()		# kept N
{
	vf death --keep "$(uuid "$1")"
}

owned()		# owned: how many functions have a tenant's data
{
	vf list | grep -c "4b0c7a52-59a2-4d0c-9a80-.*4b0c7a52"
}

apart()		# apart: no function has a namespace
{
	local nsid number
	while read -r nsid number _; do
		[ -z "$number" ] || echo "$nsid $number" >"$pf/parley/ns_detach" || return 1
	done < <(cat "$pf/parley/attachments")
}

load
wait_for 60 test -b /dev/nvme0n25 || bail "no NVMe disk"
pci=$(basename /sys/bus/pci/drivers/nvme/0000*)
pf=/sys/bus/pci/devices/$pci
note "$(vf check "$pci" 2>&1)"

mkfs.ext4 -q /dev/nvme0n25 && mount -t ext4 /dev/nvme0n25 /mnt || bail "no file system"
vf take "$pci" && not_ok "took a disk that is mounted"
is "$(driver_of "$pci")" nvme "a disk that is mounted is not taken"
umount /mnt
check "taken" vf take "$pci"
echo "25 0" >"$pf/parley/ns_detach"
check "a pool" vf pool "$guests"
is "$(grep -c online "$pf/parley/vfs")" "$guests" "all online"
is "$(vf list | grep -c parley_nvme_vf)" "$guests" "and in our driver"
check "everybody is born" each born
is "$(owned)" "$guests" "with a function each"
born 25 >/dev/null 2>&1 && not_ok "one too many was born"
check "everybody dies, and his data stay" each kept
check "they come again, in another order" vf birth --uuid "$(uuid 7)"
is "$(vf list | grep -c "$(uuid 7) .*$(uuid 7)")" 1 "to their own data"
check "and die" dead 7
checked=$(vf check "$pci" 2>&1)
note "$checked"
is "$(grep -c ' NO ' <<<"$checked")" 0 "nothing is missing"
check "given back" vf release

wait_for 60 test -d "$pf/nvme"
check "taken again" vf take "$pci"
check "functions without anything" vf pool --on-demand "$guests"
is "$(grep -c online "$pf/parley/vfs")" 0 "none online"
check "without namespaces" apart
check "born on demand" each born
is "$(grep -c online "$pf/parley/vfs")" "$guests" "all online"
check "dead" each dead
is "$(grep -c online "$pf/parley/vfs")" 0 "none online"
note "$(vf plan)"
check "given back" vf release
check "unload" unload
finish
