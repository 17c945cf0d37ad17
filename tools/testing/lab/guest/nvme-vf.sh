# SPDX-License-Identifier: GPL-2.0-only
# Virtual functions that our driver of the physical one brought online, in our driver.
. "$LAB_ENV"; . "$LAB_LIB"

of()		# of NUMBER FILE: of a virtual function
{
	cat "/sys/bus/pci/devices/$(virtfn "$pf" "$1")/parley/$2"
}

dir()		# dir NUMBER: where its files are
{
	echo "/sys/bus/pci/devices/$(virtfn "$pf" "$1")/parley"
}

erase()		# erase NUMBER WAY: the namespace of a virtual function
{
	check "erased ($2)" put "$2" "$(dir "$1")/erase"
	wait_for 60 grep -q -v ^runs "$(dir "$1")/erase"
	is "$(of "$1" erase)" "done $2 flush 32768 32768 0" "erased ($2): all of it"
}

zeroes()	# zeroes: nothing else is on the disk
{
	wait_for 60 test -b /dev/nvme0n1 && cmp -n 16777216 /dev/nvme0n1 /dev/zero
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

# Nobody's data is known to be his after a boot.
is "$(of 1 owner)" unknown "whose data there are is not known"
for said in "" nobody 4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e0 4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e011; do
	put "$said" "$(dir 1)/owner" 2>/dev/null && not_ok "the data are of \"$said\""
done
check "root says whose they are" put 4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01 "$(dir 2)/owner"
is "$(of 1 owner)" 4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01 "of both functions that have them"
erase 1 deallocate-and-verify
is "$(of 2 owner)" none "then they are nobody's"
erase 2 write-zeroes

check "they go while they are bound" put 0 "$pf/sriov_numvfs"
check "the disk is given back" bind_back "$pci"
check "nothing is left on it" zeroes
check "unload" unload
finish
