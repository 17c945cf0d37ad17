# SPDX-License-Identifier: GPL-2.0-only
# A physical function from the kernel's nvme driver to ours and back.  Its virtual
# functions are handed to the kernel's driver: their disk is the same.
. "$LAB_ENV"; . "$LAB_LIB"

nvme_disk()	# nvme_disk: the kernel's only one; not a path to it (nvme0c0n1)
{
	local name
	for name in /sys/block/nvme*n1; do
		case ${name##*/} in
		nvme*c*n1) ;;
		*) [ -b "/dev/${name##*/}" ] && echo "/dev/${name##*/}" && return 0 ;;
		esac
	done
	return 1
}

sum()		# sum: of the disk
{
	wait_for 60 nvme_disk || return 1
	dd if="$(nvme_disk)" bs=1M iflag=direct status=none | md5sum
}

queues()	# queues: of the first controller that the kernel's driver has
{
	cat /sys/class/nvme/nvme*/queue_count
}

resources()	# resources: all, the primary's, most for one; queues and interrupts
{
	cat "$pf/parley/queues" "$pf/parley/interrupts"
}

load
wait_for 60 nvme_disk || bail "no NVMe disk"
pci=$(basename /sys/bus/pci/drivers/nvme/0000*)
pf=/sys/bus/pci/devices/$pci
before=$(sum)
had=$(queues)
note "$pci, $had queues, sum $before"

is "$(driver_of "$pci")" nvme "loading ours takes nothing"
echo 0 >"$pf/sriov_drivers_autoprobe"
echo 1 >"$pf/sriov_numvfs"
bind_to parley_nvme_pf "$pci" && not_ok "taken with virtual functions of another driver"
# Only a driver can take them away.
bind_back "$pci"
wait_for 60 nvme_disk || bail "the kernel's driver does not take it back"
echo 0 >"$pf/sriov_numvfs"
bind_to parley_nvme_pf "$pci" || bail "cannot take $pci over"
is "$(cat "$pf/parley/state")" live "live"
is "$(cat "$pf/parley/serial")" data "serial number"
is "$(cat "$pf/parley/namespaces")" "1 32768 512" "namespaces"
is "$(stat -c %a "$pf"/parley/{namespaces,attachments,formats,capacity} | uniq)" 400 \
	"only root has the controller asked"
pool=$(resources)
is "$(cut -d ' ' -f 1,3 <<<"$pool")" $'8 4\n4 2' "resources"

check "two virtual functions" put 2 "$pf/sriov_numvfs"
is "$(grep -c online "$pf/parley/vfs")" 2 "online"
is "$(cut -d ' ' -f 1,3- "$pf/parley/vfs")" \
	$'1 online 4 2\n2 online 4 2\n3 offline 0 0\n4 offline 0 0' "their shares"
is "$(resources)" $'8 0 4\n4 0 2' "the primary has none"
check "a virtual function in the kernel's driver" bind_to nvme "$(virtfn "$pf" 2)"
is "$(sum)" "$before" "has the disk"

bind_back "$(virtfn "$pf" 2)"

check "a namespace is detached" put "1 1" "$pf/parley/ns_detach"
check "and attached" put "1 1" "$pf/parley/ns_attach"
put 4096 "$pf/parley/ns_create" 2>/dev/null && not_ok "created what this QEMU cannot"
put 4294967295 "$pf/parley/ns_delete" 2>/dev/null && not_ok "deleted all"

# This QEMU's virtual functions do not come back from a reset of the physical one.
check "a reset under it" put 1 "$pf/reset"
is "$(cat "$pf/parley/state")" live "live again"
check "none" put 0 "$pf/sriov_numvfs"
is "$(resources)" "$pool" "the primary has what it had"
check "four" put 4 "$pf/sriov_numvfs"
is "$(grep -c 'online 2 1' "$pf/parley/vfs")" 4 "online"

check "given back with virtual functions" bind_back "$pci"
wait_for 60 test -d "$pf/nvme"
is "$(driver_of "$pci")" nvme "the kernel's driver has it"
is "$(cat "$pf/sriov_numvfs")" 0 "without virtual functions"
is "$(sum)" "$before" "the disk is as it was"
is "$(queues)" "$had" "and has the queues that it had"
check "unload" unload
finish
