# SPDX-License-Identifier: GPL-2.0-only
"""Firmware boots from a disk of the bridge's: what SeaBIOS, OVMF and U-Boot load says so
on the serial port. Each with the line of Documentation/bridge.rst, and with a
transitional device, whose legacy interface old firmware takes."""

import os
import sys
import time

from labkit import bootable, disks
from labkit.common import need
from labkit.inner import CPU, LOOP, TALK
from labkit.limits import PATIENCE
from labkit.report import Report
from labkit.vm import Vm

BOOT = 300      # seconds; OVMF takes 20 to 100 where two levels are emulated
# KVM lets a guest write to CR8 if the interrupt controller is its own, and TCG, which
# emulates that to KVM, forgets a lock when an interrupt waits (helper_write_crN() of
# QEMU 7.2 to 10): the host's emulator aborts. OVMF does so at each timer interrupt.
# Without its controller KVM has no MSR for what QEMU takes to be there.
IRQCHIP = "kernel-irqchip=off"
# Debian's U-Boot is built for the older machine.
FIRMWARE = (
    ("SeaBIOS", "q35", None, bootable.BIOS),
    ("OVMF", "q35", "/usr/share/ovmf/OVMF.fd", bootable.UEFI),
    ("U-Boot", "pc", "/usr/lib/u-boot/qemu-x86_64/u-boot.rom", bootable.UEFI),
)


def boot(disk, machine, path, options, mark):
    """Whether the mark came, and the end of what was printed."""
    lines = []
    device = disk.arguments()
    device[-1] += f",bootindex=1,packed=on{options}"
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


def main():
    """One disk, one VMM after the other."""
    report = Report()
    host = disks.server("bridge", "firmware")
    disk = host.disk(bootable.make("/tmp/bootable"), "09.0")
    host.start()
    for name, machine, path, mark in FIRMWARE:
        for what, options in (("virtio 1", ",disable-legacy=on"), ("transitional", "")):
            if path and not os.path.exists(path):
                report.note(f"{name} is not here: tools/testing/deps.sh soak")
                continue
            good, took, said = boot(disk, machine, path, options, mark)
            report.result(good, f"{name} boots from a disk that is {what}", said)
            report.note(f"after {took:.0f} s")
    report.equal(disks.sum_of(disk.image), disks.sum_of(bootable.make("/tmp/fresh")),
                 "nobody wrote to it")
    said = host.said()
    report.result("connection is closed" not in said, "the bridge had nothing to complain of",
                  said)
    report.equal(host.stop(), 0, "the bridge ends")
    return report.plan()


sys.exit(main())
