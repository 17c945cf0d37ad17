# SPDX-License-Identifier: GPL-2.0-only
"""The third part of the main job: two stock guests on one NVMe disk, each with a
virtual function and a namespace of it, at work at the same time. Lines "ROW ..." are
for tools/testing/run-main."""

import sys

from labkit import nvme
from labkit.common import LabError
from labkit.inner import Inner
from labkit.report import Report

DISK = "nvme0n1"
UUIDS = ("4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01", "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e02")
FIO = (f"fio --name=verify --filename=/dev/{DISK} --rw=randwrite --bs=4k --size=8M "
       "--iodepth=16 --ioengine=libaio --direct=1 --thread --verify=crc32c "
       "--verify_fatal=1 --output-format=terse --terse-version=3")
# Of fio's terse line, in fields of 1024 bytes: what it read, and what it wrote.
READ, WROTE = 5, 46


class Tenant:
    """A guest, and the function and the namespace that it has."""

    def __init__(self, report, number, address):
        self.number, self.address = number, address
        self.device = nvme.Mediated(address, UUIDS[number - 1])
        self.guest = Inner(report, f"tenant{number}", [], mem=192, smp=1,
                           more=self.device.arguments())
        self.first = 0

    def boot(self):
        """It finds its disk, by the kernel's own driver."""
        self.guest.boot()
        self.guest.run(f"insert_stock && wait_for 60 test -b /dev/{DISK}", 120)

    def requests(self):
        """How many reads and writes its disk has had."""
        fields = self.guest.run(f"cat /sys/block/{DISK}/stat").split()
        return int(fields[0]) + int(fields[4])

    def work(self):
        """Begin to write, and to read it back."""
        self.first = self.requests()
        self.guest.begin(FIO)

    def row(self, report):
        """It has done so: what there is to tell."""
        status, text = self.guest.end(120)
        name = f"tenant{self.number}"
        report.result(not status, f"{name}: fio finds what it wrote", text)
        fields = next(line for line in text.splitlines() if line.count(";") > 100).split(";")
        print("# ROW", name, self.address, self.number, fields[WROTE], fields[READ],
              self.requests() - self.first, self.guest.run(f"sum_of {DISK}", 60),
              flush=True)


def main():
    """The whole of it."""
    report = Report()
    try:
        functions = nvme.Disk().take(2, own=(1, 2))
        tenants = [Tenant(report, *at) for at in enumerate(functions, 1)]
        for tenant in tenants:
            tenant.boot()
        for tenant in tenants:
            tenant.work()
        for tenant in tenants:
            tenant.row(report)
        for tenant in tenants:
            report.equal(tenant.guest.off(), 0, f"tenant{tenant.number} powers off")
    except (LabError, OSError) as error:
        report.result(False, "two tenants", error)
    return report.plan()


sys.exit(main())
