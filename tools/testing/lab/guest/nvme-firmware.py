# SPDX-License-Identifier: GPL-2.0-only
"""SeaBIOS and OVMF boot from a virtual function of an NVMe disk: what they load from it
says so on the serial port."""

import os
import sys

from labkit import bootable, disks, firmware, nvme
from labkit.report import Report

UUID = "9f7d3f6c-6a1e-4d5b-8f63-1d2f0c4b7a10"


def main():
    """The image is written through the kernel's driver, before ours has the disk."""
    report = Report()
    disk = nvme.Disk()
    with open(bootable.make("/tmp/bootable"), "rb") as image, open(disk.name, "wb") as target:
        target.write(image.read())
        target.flush()
        os.fsync(target.fileno())
    before = disks.sum_of(disk.name)
    mediated = nvme.Mediated(disk.take()[0], UUID)
    for which in (firmware.SEABIOS, firmware.OVMF):
        if firmware.boots(report, which, "it", mediated.arguments(more=",bootindex=1")):
            report.equal(mediated.state(), "off", f"{which[0]}: the function was taken back")
    mediated.remove()
    report.equal(disks.sum_of(disk.give_back()), before, "nobody wrote to it")
    return report.plan()


sys.exit(main())
