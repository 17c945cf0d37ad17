# SPDX-License-Identifier: GPL-2.0-only
"""A guest that takes the legacy interface of a transitional disk of the bridge's,
as old guests and old firmware do."""

import sys

from labkit import disks, inner
from labkit.report import Report

FIO = ("fio --name=verify --filename=/dev/vda --rw=randwrite --bs=4k --size=4M "
       "--iodepth=16 --ioengine=libaio --direct=1 --thread --verify=crc32c "
       "--verify_fatal=1 --randrepeat=0")


def main():
    """One guest."""
    report = Report()
    inner.CONSOLE += " virtio_pci.force_legacy=1"
    host = disks.server("bridge", "old")
    disk = host.disk(disks.make_image("/tmp/old", 16), "09.0")
    host.start()
    guest = inner.Inner(report, "old", [disk]).boot()
    guest.run("insert virtio_blk && wait_for 20 test -e /dev/vda", 60)
    bits = guest.run("cat /sys/block/vda/device/features")
    report.equal(bits[32], "0", "its driver knows no virtio 1")
    guest.check("fio finds what it wrote", FIO, 120)
    report.equal(guest.run("sum_of vda", 60), disks.sum_of(disk.image),
                 "the image is what the guest sees")
    said = host.said()
    report.result("older than virtio 1" in said, "the bridge says what it serves", said)
    report.equal(said.count("serving"), 1, "there was one connection")
    report.equal(guest.off(), 0, "the guest powers off")
    report.equal(host.stop(), 0, "the bridge ends")
    return report.plan()


sys.exit(main())
