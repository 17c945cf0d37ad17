# SPDX-License-Identifier: GPL-2.0-only
# What a person finds in the shell that `lab shell` opens.
. "$LAB_ENV"; . "$LAB_LIB"

at_home
load
wait_for 10 disk data || bail "no disk with serial data"
disk=/dev/$(disk data)
check "a file system is made" mkfs.ext4 -q -F "$disk"
check "and mounted, which loads its module" mount "$disk" /mnt
check "parley is a command" parley status
check "so is the bridge" parley-bridge --help
finish
