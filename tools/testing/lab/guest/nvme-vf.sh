# SPDX-License-Identifier: GPL-2.0-only
# Virtual functions that our driver of the physical one brought online, in our driver.
. "$LAB_ENV"; . "$LAB_LIB"

of()		# of NUMBER FILE: of a virtual function
{
	cat "/sys/bus/pci/devices/$(virtfn "$pf" "$1")/parley/$2"
}

load
wait_for 60 test -e /sys/class/nvme/nvme0 || bail "no NVMe disk"
pci=$(basename /sys/bus/pci/drivers/nvme/0000*)
pf=/sys/bus/pci/devices/$pci
bind_to parley_nvme_vf "$pci" && not_ok "took a physical function"
bind_to parley_nvme_pf "$pci" || bail "cannot take $pci over"
echo 0 >"$pf/sriov_drivers_autoprobe"
put 2 "$pf/sriov_numvfs" || bail "no virtual functions"
echo 1 >"$pf/sriov_drivers_autoprobe"

check "bound" bind_to parley_nvme_vf "$(virtfn "$pf" 1)"
is "$(of 1 namespace)" "1 32768 512" "its namespace"
is "$(of 1 interrupts)" 2 "its interrupts"
is "$(of 1 state)" off "is not handed out"
check "reset by hand" put 1 "/sys/bus/pci/devices/$(virtfn "$pf" 1)/reset"
check "taken away" bind_back "$(virtfn "$pf" 1)"
check "bound again" bind_to parley_nvme_vf "$(virtfn "$pf" 1)"

check "the other loses its namespace" put "1 2" "$pf/parley/ns_detach"
bind_to parley_nvme_vf "$(virtfn "$pf" 2)" && not_ok "bound without a namespace"
check "it is given back" put "1 2" "$pf/parley/ns_attach"
check "both are bound" bind_to parley_nvme_vf "$(virtfn "$pf" 2)"
is "$(of 2 namespace)" "1 32768 512" "the same namespace"

check "they go while they are bound" put 0 "$pf/sriov_numvfs"
check "the disk is given back" bind_back "$pci"
check "unload" unload
finish
