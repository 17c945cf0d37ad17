# SPDX-License-Identifier: GPL-2.0-only
"""Firmware that boots from a disk of labkit.bootable."""

import os
import time

from . import bootable
from .common import need
from .inner import CPU, LOOP, TALK
from .limits import PATIENCE
from .vm import Vm

BOOT = 300      # seconds; OVMF takes 20 to 100 where two levels are emulated
# KVM lets a guest write to CR8 if the interrupt controller is its own, and TCG, which
# emulates that to KVM, forgets a lock when an interrupt waits (helper_write_crN() of
# QEMU 7.2 to 10): the host's emulator aborts. OVMF does so at each timer interrupt.
# Without its controller KVM has no MSR for what QEMU takes to be there.
IRQCHIP = "kernel-irqchip=off"
# Debian's U-Boot is built for the older machine.
SEABIOS = ("SeaBIOS", "q35", None, bootable.BIOS)
OVMF = ("OVMF", "q35", "/usr/share/ovmf/OVMF.fd", bootable.UEFI)
U_BOOT = ("U-Boot", "pc", "/usr/lib/u-boot/qemu-x86_64/u-boot.rom", bootable.UEFI)


def boot(device, machine, path, mark):
    """Whether the mark came from a disk with these arguments of QEMU's, after how many
    seconds, and the end of what was printed."""
    lines = []
    args = [need("qemu-system-x86_64", "qemu-system-x86"), "-accel", "kvm",
            "-cpu", f"{CPU},-kvm-asyncpf-int",
            "-machine", f"{machine},memory-backend=ram,{IRQCHIP}", "-m", "256M",
            "-object", "memory-backend-memfd,id=ram,size=256M,share=on",
            "-nodefaults", "-display", "none", "-no-reboot", *device]
    if path:
        args += ["-bios", path]
    begun = time.monotonic()
    vm = Vm(args, lines.append, lambda _: None, lambda _: None, talk=TALK, loop=LOOP)
    LOOP.serve(begun + BOOT * PATIENCE, lambda: mark in "\n".join(lines[-9:]) or vm.ended())
    took = time.monotonic() - begun
    vm.stop()
    return mark in "\n".join(lines), took, "\n".join(lines[-12:] + vm.said[-5:])


def boots(report, which, disk, device):
    """A test that one of the firmwares above boots from a disk, which are words for a
    person and arguments of QEMU's; returns whether that firmware is here."""
    name, machine, path, mark = which
    if path and not os.path.exists(path):
        report.note(f"{name} is not here: tools/testing/deps.sh soak")
        return False
    good, took, said = boot(device, machine, path, mark)
    report.result(good, f"{name} boots from {disk}", said)
    report.note(f"after {took:.0f} s")
    return True
