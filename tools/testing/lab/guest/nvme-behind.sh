# SPDX-License-Identifier: GPL-2.0-only
# A host in a guest that sleeps, with a guest of its own on a mediated disk: whatever that
# needs is in memory before, QEMU and Python as well.
. "$LAB_ENV"; . "$LAB_LIB"

if [ ! -e /in-memory ]; then
	load
	check "KVM is there" test -c /dev/kvm
	leaks_forget
	python=$(python3 -c 'import os; print(os.path.dirname(os.__file__))')
	to_memory python3 qemu-system-x86_64 "$python" /usr/share/qemu /usr/share/seabios \
		"$LAB_ROOT/tools/testing/lab" "$LAB_INNER_KERNEL" "$LAB_INNER_INITRD"
fi
inner "${LAB_NAME%%[[]*}.py"
finish_by_reset
