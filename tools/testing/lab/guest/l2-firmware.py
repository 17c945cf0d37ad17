# SPDX-License-Identifier: GPL-2.0-only
"""Firmware boots from a disk of the bridge's: what SeaBIOS, OVMF and U-Boot load says so
on the serial port. Each with the line of Documentation/bridge.rst, and with a
transitional device, whose legacy interface old firmware takes."""

import sys

from labkit import bootable, disks, firmware
from labkit.report import Report


def main():
    """One disk, one VMM after the other."""
    report = Report()
    host = disks.server("bridge", "firmware")
    disk = host.disk(bootable.make("/tmp/bootable"), "09.0")
    host.start()
    for which in (firmware.SEABIOS, firmware.OVMF, firmware.U_BOOT):
        for what, options in (("virtio 1", ",disable-legacy=on"), ("transitional", "")):
            device = disk.arguments()
            device[-1] += f",bootindex=1,packed=on{options}"
            firmware.boots(report, which, f"a disk that is {what}", device)
    report.equal(disks.sum_of(disk.image), disks.sum_of(bootable.make("/tmp/fresh")),
                 "nobody wrote to it")
    said = host.said()
    report.result("connection is closed" not in said, "the bridge had nothing to complain of",
                  said)
    report.equal(host.stop(), 0, "the bridge ends")
    return report.plan()


sys.exit(main())
