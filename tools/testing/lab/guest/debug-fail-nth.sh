# SPDX-License-Identifier: GPL-2.0-only
# Shows the fault injection of the lab, on a path of mainline's that stands it.
. "$LAB_ENV"; . "$LAB_LIB"

load
wait_for 10 disk data || bail "no disk with serial data"
name=$(disk data)
leaks_forget

faults_on virtio_blk
fail_sweep 50 true read "/dev/$name" 65536
fail_sweep 50 true pwrite "/dev/$name" 65536
faults_on
fail_sweep 80 true read "/dev/$name" 65536
finish
