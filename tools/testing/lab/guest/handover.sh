# SPDX-License-Identifier: GPL-2.0-only
# Two disks go from kernel to kernel while they are at work. This is the first kernel,
# which goes into the second in good order; that one's script and the third's, for
# which the second one crashes, is init-next.
. "$LAB_ENV"; . "$LAB_LIB"; . "${LAB_LIB%/*}/handover-lib.sh"

# What the next kernel is told: all that we were, but for whose script to run.
words=
for word in $(</proc/cmdline); do
	case $word in
	lab.env=*) ;;
	*) words+="$word " ;;
	esac
done

load
for slot in 10 11; do
	bind_to parley_pci "0000:00:$slot.0" || bail "cannot take slot $slot over"
done
# Ours may not be asked what the disk should be.
sum=$(sum_of "$LAB_RUN/split.img")
check "write" blocks write
contents "$sum"
sound
keep_busy
# virtio-pci would reset the devices before anybody could look what they still do.
words+="initcall_blacklist=virtio_pci_driver_init crashkernel=192M"
words+=" lab.kernel=second lab.sum=$sum lab.count=$((count + 1))"
check "load the second kernel" \
	next-kernel load "$LAB_NEXT_KERNEL" "$LAB_NEXT_INITRD" "$words"
note "into the second kernel"
# The words are on their way through an emulated serial port.
sleep 0.2
check "go" next-kernel go
bail "there is no way into the second kernel"
