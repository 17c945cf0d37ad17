# SPDX-License-Identifier: GPL-2.0-only
"""Two guests of one NVMe disk, each with a virtual function and a namespace of it: one has
message interrupts, the other one a pin. Each is limited, and gets what it is promised
beside the other; one is reset and boots again while it works, the other one is killed."""

import re
import subprocess
import sys

from labkit import disks, nvme, nvme_guest, vfio
from labkit.common import LabError
from labkit.inner import Inner
from labkit.limits import until
from labkit.report import Report

DISK = "nvme0n1"
UUIDS = ("4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01", "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e02")
OWN = (1, 2)
# Of one who has a pair of them beside that of admin commands, a page each.
QUEUES = 4
# Bytes a second: less than a guest can do here, so both want more than they are given.
LIMIT = 500000
DRIVE, GUARANTEED = 600000, 400000
# A pause of the machine's must cost nobody what he may have: so much may wait for him.
BURST = 2
NEAR = 0.02         # how near to the limit
WINDOW, WINDOWS = 5, 6      # seconds; how many, of which one must be near
INFLIGHT = 32 * 16384       # what may have been given beside it
MODULES = ("parley_nvme_mdev", "parley_nvme_vf", "parley_nvme_pf", "parley_nvme_emu")


class Tenant:
    """A guest, and the device that it has."""

    def __init__(self, report, number, address, append=""):
        self.report, self.name = report, f"tenant{number}"
        self.device = nvme.Mediated(address, UUIDS[number - 1])
        self.guest = Inner(report, self.name, [], mem=192, smp=1,
                           more=self.device.arguments(), append=append)

    def boot(self):
        """It finds its disk."""
        nvme.found_by(self.guest.boot(), DISK)

    def hungry(self):
        """It wants all that it can have, from now on."""
        self.guest.run(f"{nvme_guest.HUNGRY.format(disk=DISK)} >/tmp/hungry 2>&1 &")

    def fed(self):
        """Not any more: a test that nothing failed."""
        self.guest.check(f"{self.name}: nothing failed on the way",
                         "killall -INT fio; wait_for 60 eval '! pidof fio' && "
                         "grep 'err= 0' /tmp/hungry", 90)

    def throttled(self):
        """How often its limit made it wait."""
        said = nvme.get(f"{self.device.folder}/parley/throttled")
        return int(re.search(r"^device (\d+)$", said, re.M)[1])


def near(tenant, wanted, good, since):
    """Look for some seconds at a time until the rate is @good; returns the last one, and
    tests that no more than what is @wanted was ever given."""
    for _ in range(WINDOWS):
        before = nvme_guest.count(tenant.device)
        tenant.guest.wait(WINDOW)
        now = nvme_guest.count(tenant.device)
        got = nvme_guest.rate(before, now)
        tenant.report.note(f"{tenant.name}: {got:.0f} bytes/s of {wanted}")
        if good(got):
            break
    if since:
        most = wanted * (now[0] - since[0] + BURST) + INFLIGHT
        tenant.report.result(now[1] - since[1] <= most, f"{tenant.name}: never had more",
                             f"{now[1] - since[1]} of {most}")
    return got


def is_limited(report, tenant, other):
    """What it has is its limit, whatever the other one does."""
    tenant.device.limit(f"device bytes={LIMIT} bytes_burst={BURST * LIMIT}")
    since, waited = nvme_guest.count(tenant.device), tenant.throttled()
    for each in (tenant, other):
        each.hungry()
    got = near(tenant, LIMIT, lambda got: abs(got - LIMIT) <= NEAR * LIMIT, since)
    report.result(abs(got - LIMIT) <= NEAR * LIMIT,
                  f"{tenant.name} has its limit, to {100 * NEAR:.0f} %", got)
    report.result(tenant.throttled() > waited, "and wanted more")
    tenant.device.limit("device off")


def is_promised(report, tenant, other):
    """With a noisy neighbour, on a drive that is limited."""
    tenant.device.limit(f"drive bytes={DRIVE}")
    tenant.device.limit(f"device bytes_guaranteed={GUARANTEED}")
    neighbour = nvme_guest.count(other.device)
    got = near(tenant, GUARANTEED, lambda got: got >= (1 - NEAR) * GUARANTEED, None)
    report.result(got >= (1 - NEAR) * GUARANTEED, f"{tenant.name} has what it is promised",
                  got)
    left = nvme_guest.rate(neighbour, nvme_guest.count(other.device))
    report.result(left > 0, f"{other.name} is not starved", left)
    report.note(f"{other.name}: {left:.0f} bytes/s beside it")
    tenant.device.limit("device off")
    tenant.device.limit("drive off")
    for each in (tenant, other):
        each.fed()


def is_served(report, tenants):
    """Both at once; and nothing that serves them can go."""
    for tenant in tenants:
        tenant.guest.begin(nvme_guest.verify(DISK, size=4))
    for module in MODULES:
        done = subprocess.run(["rmmod", module], check=False, capture_output=True)
        report.result(done.returncode != 0, f"{module} cannot be removed while it is used")
    for tenant in tenants:
        status, text = tenant.guest.end(120)
        report.result(not status, f"{tenant.name}: written and verified", text)
    tenants[0].guest.check("one has message interrupts",
                           "grep nvme /proc/interrupts | grep -q MSI")
    tenants[1].guest.check("the other one has a pin",
                           "grep nvme /proc/interrupts | grep -v MSI")


def is_reset(tenant):
    """By its own driver while it works, then all of it."""
    guest = tenant.guest
    nvme_guest.load(guest, DISK, size=4)
    for _ in range(2):
        guest.wait(1)
        guest.check("its controller is reset while it works",
                    f"echo 1 >/sys/block/{DISK}/device/reset_controller && "
                    f"wait_for 60 grep -q live /sys/block/{DISK}/device/state", 90)
    nvme_guest.stop(guest, DISK, "its controller was reset")
    nvme_guest.load(guest, DISK, size=4)
    guest.qmp("set-action", reboot="reset")
    guest.wait(1)
    guest.status = None
    guest.vm.tell("reboot -f")
    tenant.boot()
    guest.check("it was booted anew while it worked", nvme_guest.verify(DISK, size=4), 120)


def is_killed(report, tenant):
    """In mid-I/O: what it had is clean, and another's."""
    nvme_guest.load(tenant.guest, DISK)
    tenant.guest.wait(2)
    report.equal(tenant.device.state(), "live", "QEMU is killed while it works")
    tenant.guest.kill()
    until("it is taken back", 60, lambda: tenant.device.state() == "off")
    other = vfio.Controller(vfio.Device(tenant.device.folder)).start()
    report.equal(other.do(other.io, other.FLUSH), 0, "the next has a controller that works")
    report.equal(other.do(other.io, *other.transfer(other.LOAD, 0, other.at(other.DATA))), 0,
                 "and a disk")
    gate = tenant.device.gate()
    report.equal(gate["pages"], 1 + QUEUES, "and no page but its own")
    other.device.close()
    report.equal(tenant.device.state(), "off", "it is taken back from it as well")


def main():
    """The two."""
    report = Report()
    disk = nvme.Disk()
    try:
        functions = disk.take(2, own=OWN)
        one = Tenant(report, 1, functions[0])
        two = Tenant(report, 2, functions[1], "pci=nomsi")
        for tenant in (one, two):
            tenant.boot()
        is_served(report, (one, two))
        is_limited(report, two, one)
        is_promised(report, two, one)
        is_killed(report, two)
        is_reset(one)
        seen = one.guest.run(f"sum_of {DISK}", 60)
        report.equal(one.guest.off(), 0, "the guest powers off")
        for tenant in (one, two):
            tenant.device.remove()
        report.equal(disks.sum_of(disk.give_back(OWN)), seen,
                     "the kernel's driver finds what the guest wrote")
    except (LabError, OSError) as error:
        report.result(False, "two guests", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
