# SPDX-License-Identifier: GPL-2.0-only
"""A stock guest on a polled disk, one request at a time: between two the thread that
polls goes to sleep, takes the doorbells away, and is woken by whoever rings next."""

import sys

from labkit import nvme
from labkit.common import LabError
from labkit.inner import Inner
from labkit.report import Report

DISK = "nvme0n1"
UUID = "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01"
ALONE = (f"fio --name=alone --filename=/dev/{DISK} --rw=randread --bs=4k --size=8M "
         "--io_size=8M --iodepth=1 --direct=1 --thread")
# The doorbells of several queues are in one page.
TOGETHER = f"{ALONE} --numjobs=2 --group_reporting"


def main():
    """The whole of it."""
    report = Report()
    try:
        address = nvme.Disk().take()[0]
        device = nvme.Mediated(address, UUID, "p")
        guest = Inner(report, "guest", [], mem=192, smp=2, more=device.arguments())
        nvme.found_by(guest.boot(), DISK)
        guest.check("one queue", ALONE, 240)
        guest.check("two queues", TOGETHER, 240)
        report.equal(guest.off(), 0, "the guest powers off")
    except (LabError, OSError) as error:
        report.result(False, "a polled disk", error)
    return report.plan()


sys.exit(main())
