# SPDX-License-Identifier: GPL-2.0-only
"""The third part of the main job: two stock guests on one NVMe disk, each with a
virtual function and a namespace of it, at work at the same time; one moves to another
QEMU and function while it works, and asks for more than it may. Lines "ROW ...",
"MOVED ..." and "DENIED ..." are for tools/testing/run-main."""

import json
import os
import re
import sys

from labkit import moves, nvme
from labkit.common import LabError
from labkit.inner import Inner, shell
from labkit.report import Report

DISK = "nvme0n1"
# The second one's doorbells are memory of its own, that comes and goes.
KINDS = ("1", "p")
UUIDS = tuple(f"4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e0{n}" for n in (1, 2, 3))
FIO = (f"fio --name=verify --filename=/dev/{DISK} --rw=randwrite --bs=4k --size={{}} "
       "--iodepth=16 --ioengine=libaio --direct=1 --thread --verify=crc32c "
       "--verify_fatal=1 --output-format=terse --terse-version=3")
PARLEY = os.path.join(os.environ["LAB_ROOT"], "tools/parley/parley")
FORMAT = 0x80       # NVMe: make it anew, with all that is on it
RULE = "deny admin format"
# Of fio's terse line, in fields of 1024 bytes: what it read, and what it wrote.
READ, WROTE = 5, 46


class Tenant:
    """A guest, and the function and the namespace that it has."""

    def __init__(self, report, number, address):
        self.number, self.address, self.name = number, address, f"tenant{number}"
        self.device = nvme.Mediated(address, UUIDS[number - 1], KINDS[number - 1])
        self.guest = Inner(report, self.name, [], mem=192, smp=1,
                           more=moves.arguments(self.device))
        self.first, self.done = 0, ()

    def boot(self):
        """It finds its disk, by the kernel's own driver."""
        nvme.found_by(self.guest.boot(), DISK)

    def requests(self):
        """How many reads and writes its disk has had."""
        fields = self.guest.run(f"cat /sys/block/{DISK}/stat").split()
        return int(fields[0]) + int(fields[4])

    def work(self):
        """Begin to write, and to read it back."""
        self.first = self.requests()
        self.guest.begin(FIO.format("8M"))

    def worked(self, report):
        """It has done so; (KiB written, KiB read back, requests)."""
        status, text = self.guest.end(120)
        if not report.result(not status, f"{self.name}: fio finds what it wrote", text):
            raise LabError(f"{self.name} cannot trust its disk")
        fields = next(line for line in text.splitlines() if line.count(";") > 100).split(";")
        self.done = fields[WROTE], fields[READ], self.requests() - self.first

    def move(self, report, address):
        """To another function that has its namespace, while it writes and reads back."""
        device = nvme.Mediated(address, UUIDS[2], self.device.kind)
        move = moves.Move(self.guest, f"{self.name}-there", device)
        # Enough to do until it has moved.
        self.guest.begin(FIO.format("20M"))
        self.guest.wait(1)
        self.guest, down = move.begin().finish()
        report.result(self.guest.status is None, f"{self.name} works all the time while it moves")
        status, text = self.guest.end(240)
        if not report.result(not status, f"{self.name}: fio finds what it wrote on both", text):
            raise LabError(f"{self.name} cannot trust its disk")
        print("# MOVED", self.name, self.address, address, down, flush=True)
        self.device, self.address = device, address

    def row(self):
        """What there is to tell of it, with all of its disk at the end."""
        print("# ROW", self.name, self.address, self.number, *self.done,
              self.guest.run(f"sum_of {DISK}", 60), flush=True)

    def denials(self):
        """How often the policy of its device has denied to format, as the host's
        administrator asks for it."""
        said = json.loads(shell(PARLEY, "vf", "policy", "audit", "--all", "--json",
                                self.address, self.device.kind))
        return sum(rule["count"] for policy in said for rule in policy["rules"]
                   if rule["rule"] == RULE)


def ask_to_format(report, tenant):
    """What is on its disk is the tenant's, the disk's format is not."""
    before = tenant.denials()
    tenant.guest.begin(f"nvme-admin /dev/nvme0 {FORMAT:#x} 1")
    refused, said = tenant.guest.end()
    status = re.search(r"status (0x[0-9a-f]+)", said)
    report.result(refused == 1 and status, f"{tenant.name} may not format its disk",
                  said)
    times = tenant.denials() - before
    report.equal(times, 1, "that is in the audit")
    print("# DENIED", tenant.name, status and status[1], times, RULE, flush=True)


def main():
    """The whole of it."""
    report = Report()
    try:
        *functions, third = nvme.Disk().take(3, own=(1, 2, 2))
        tenants = [Tenant(report, *at) for at in enumerate(functions, 1)]
        for tenant in tenants:
            tenant.boot()
        for tenant in tenants:
            tenant.work()
        for tenant in tenants:
            tenant.worked(report)
        tenants[1].move(report, third)
        ask_to_format(report, tenants[1])
        for tenant in tenants:
            tenant.row()
        for tenant in tenants:
            report.equal(tenant.guest.off(), 0, f"{tenant.name} powers off")
    except (LabError, OSError) as error:
        report.result(False, "two tenants", error)
    return report.plan()


sys.exit(main())
