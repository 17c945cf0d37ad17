# SPDX-License-Identifier: GPL-2.0-only
# Twenty-four virtual functions, in a pool and on demand, by the command alone: each is
# born and dies, and what that cost is shown. Then the same by hand, without what the
# command looks at, while QEMU counts how often the host reaches the disk.
. "$LAB_ENV"; . "$LAB_LIB"

guests=24
mdev=/sys/bus/mdev/devices
type=mdev_supported_types/parley_nvme_vf-1

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

# By hand, as Documentation/vfio-provision.rst has it

of()		# of N: the folder of a virtual function
{
	readlink -f "$pf/virtfn$(($1 - 1))"
}

device()	# device N: on a function that is ready
{
	uuid "$1" >"$(of "$1")/$type/create"
}

gone()		# gone N
{
	echo 1 >"$mdev/$(uuid "$1")/remove"
}

used()		# used N: a VMM opens it, and ends
{
	PYTHONPATH=$LAB_ROOT/tools/testing/lab python3 -c \
		"from labkit import vfio; vfio.Device('$mdev/$(uuid "$1")').close()"
}

equipped()	# equipped N: what a pool has done before
{
	echo "$1 $1" >"$pf/parley/birth" &&
		bind_to parley_nvme_vf "$(basename "$(of "$1")")" &&
		uuid "$1" >"$(of "$1")/parley/owner"
}

stripped()	# stripped N
{
	basename "$(of "$1")" >"$(of "$1")/driver/unbind" && echo "$1 $1" >"$pf/parley/death"
}

count()		# count WHAT: lines of the trace
{
	grep -c "$1" "$trace"
}

reached()	# reached TEXT COMMAND...: for each guest; how often the disk was, for one
{
	local what=$1 trace=$LAB_RUN/trace.$((++traces)) reads writes space irqs
	shift
	hmp logfile "$trace" >/dev/null
	hmp "log trace:pci_nvme_mmio_read,trace:pci_nvme_mmio_write,trace:pci_nvme_irq_msix,trace:pci_cfg_read,trace:pci_cfg_write" >/dev/null
	check "$what" each "$@"
	hmp log none >/dev/null
	hmp logfile /dev/null >/dev/null
	reads=$(count pci_nvme_mmio_read) writes=$(count pci_nvme_mmio_write)
	space=$(count 'pci_cfg_[a-z]* nvme') irqs=$(count pci_nvme_irq_msix)
	exits=$((reads + writes + space + irqs))
	note "REACHED $what: $reads reads, $writes writes, $space of configuration space, $irqs interrupts; $((exits / guests)) for one"
}

load
wait_for 60 test -b /dev/nvme0n1 || bail "no NVMe disk"
pci=$(basename /sys/bus/pci/drivers/nvme/0000*)
pf=/sys/bus/pci/devices/$pci
traces=0
note "$(vf check "$pci" 2>&1)"

mkfs.ext4 -q /dev/nvme0n1 64M && mount -t ext4 /dev/nvme0n1 /mnt || bail "no file system"
vf take "$pci" && not_ok "took a disk that is mounted"
is "$(driver_of "$pci")" nvme "a disk that is mounted is not taken"
umount /mnt
check "taken" vf take "$pci"
note "$(cd "$pf/parley" && grep . formats capacity)"
vf pool "$guests" 11Gi && not_ok "a pool of namespaces that there are not"
is "$(cat "$pf/sriov_numvfs")" 0 "then there is none"
put "1 0" "$pf/parley/ns_detach"
check "a pool" vf pool "$guests" 10Gi
is "$(grep -c online "$pf/parley/vfs")" "$guests" "all online"
is "$(vf list | grep -c parley_nvme_vf)" "$guests" "and in our driver"
check "everybody is born" each born
is "$(owned)" "$guests" "with a function each"
born 25 >/dev/null 2>&1 && not_ok "one too many was born"
check "everybody dies, and his data stay" each kept
check "he comes again, in another order" vf birth --uuid "$(uuid 7)"
is "$(vf list | grep -c "$(uuid 7) .*$(uuid 7)")" 1 "to his own data"
check "and dies" kept 7
checked=$(vf check "$pci" 2>&1)
note "$checked"
is "$(grep -c ' NO ' <<<"$checked")" 0 "nothing is missing"
reached "a device, from the pool" device
is "$exits" 0 "which reaches nothing"
reached "a VMM opens it, and ends" used
reached "its end, in the pool" gone
is "$exits" 0 "which reaches nothing"
check "given back" vf release

wait_for 60 test -d "$pf/nvme"
check "taken again" vf take "$pci"
check "functions without anything" vf pool --on-demand "$guests"
is "$(grep -c online "$pf/parley/vfs")" 0 "none online"
check "without namespaces" apart
check "born on demand" each born
is "$(grep -c online "$pf/parley/vfs")" "$guests" "all online"
is "$(owned)" "$guests" "with his own data each"
check "dead" each kept
is "$(grep -c online "$pf/parley/vfs")" 0 "none online"
reached "what a function gets on demand" equipped
reached "a device, on demand" device
is "$exits" 0 "which reaches nothing"
reached "its end, on demand" gone
reached "what the function gives back" stripped
check "his data go" vf birth --uuid "$(uuid 3)"
check "with him" dead 3
is "$(grep -c "$(uuid 3)" /var/lib/parley/vf.json)" 0 "nothing is known of him"
vf plan | sed 's/^/# PLAN /'
check "given back" vf release
check "unload" unload
finish
