#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A mediated device whose allocations fail, each once and many together, while it is opened,
used and closed: it refuses, or answers with an error, and nothing of memory stays held."""

import contextlib
import os
import sys
import time

from labkit import nvme, vfio
from labkit.common import LabError, put
from labkit.report import Report
from labkit.vfio import PAGE

UUID = "5f3a0c1e-8b6d-4a57-9d0e-2c61f7b84a10"
MODULES = ("parley_nvme_vf", "parley_nvme_emu", "parley_nvme_mdev")
DEBUG = "/sys/kernel/debug"
KINDS = ("failslab", "fail_page_alloc")
MOST = 400          # faults of one operation
READS = 300
INTERNAL, TRANSFER = 6, 4


class Faults:
    """Allocations with a function of a module on their stack."""

    def __init__(self):
        self.file = os.open("/proc/thread-self/fail-nth", os.O_RDWR)
        for kind in KINDS:
            put(f"{DEBUG}/{kind}/ignore-gfp-wait", "N")
            put(f"{DEBUG}/{kind}/verbose", "0")
        put(f"{DEBUG}/fail_page_alloc/min-order", "0")

    def below(self, module):
        """From now on those of this one."""
        with open("/proc/kallsyms", encoding="ascii") as f:
            at = sorted(int(w[0], 16) for w in map(str.split, f)
                        if w[1] in "tT" and w[-1] == f"[{module}]")
        for kind in KINDS:
            put(f"{DEBUG}/{kind}/require-start", hex(at[0]))
            put(f"{DEBUG}/{kind}/require-end", hex(at[-1] | 0xfff))

    def nth(self, number):
        """The one with this number fails, of this thread; 0: none."""
        os.pwrite(self.file, str(number).encode(), 0)

    def left(self):
        """Whether there were not so many; and none fails any more."""
        left = int(os.pread(self.file, 16, 0).strip(b"\0\n"))
        self.nth(0)
        return left

    @contextlib.contextmanager
    def often(self, percent):
        """So many of all threads' fail meanwhile."""
        for name, value in (("task-filter", "N"), ("space", "0"), ("interval", "1"),
                            ("times", "-1"), ("probability", str(percent))):
            put(f"{DEBUG}/failslab/{name}", value)
        try:
            yield
        finally:
            put(f"{DEBUG}/failslab/probability", "0")


def pinned():
    """Pages of this process that VFIO holds for a device, in KiB."""
    with open("/proc/self/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmLck"))


class Tests:
    """Each is one operation, or several, and what is left after it."""

    def __init__(self, report, mediated):
        self.report = report
        self.mediated = mediated
        self.faults = Faults()

    def sweep(self, what, operation, undo):
        """It fails in each of its steps, and does not in the end."""
        for module in MODULES:
            self.faults.below(module)
            failed = 0
            for number in range(1, MOST):
                done = None
                self.faults.nth(number)
                try:
                    done = operation()
                except (LabError, OSError):
                    failed += 1
                left = self.faults.left()
                undo(done)
                if left:
                    break
            self.report.result(left, f"{what}: below {module}",
                               f"{number - 1} faults, {failed} of them fatal")

    def closed(self, device):
        """Of what was opened or not, nothing is left."""
        if device:
            device.close()
        if (self.mediated.state(), pinned()) != ("off", 0):
            raise LabError(f"{self.mediated.state()}, {pinned()} KiB are held")

    def opens(self):
        """The function is handed out, and all is made that a device has."""
        self.sweep("opened", lambda: vfio.Device(self.mediated.folder), self.closed)

    def closes(self):
        """Nothing that fails keeps it open."""
        def close():
            with contextlib.closing(vfio.Device(self.mediated.folder)) as device:
                guest = vfio.Controller(device).start()
                guest.do(guest.io, *guest.transfer(guest.LOAD, 0, guest.at(16)))

        self.sweep("used and closed", close, self.closed)

    def enables(self):
        """The guest does what a driver does at its beginning."""
        device = vfio.Device(self.mediated.folder)
        guest = vfio.Controller(device)

        def undo(_):
            guest.disable()
            if pinned():
                raise LabError(f"{pinned()} KiB are held")

        self.sweep("enabled", guest.enable, undo)
        guest.start()
        status = guest.do(guest.io, *guest.transfer(guest.LOAD, 0, guest.at(16)))
        self.report.equal(status, 0, "and works")
        self.closed(device)

    def reads(self):
        """Pages are pinned and mapped, by who is nobody's thread, and taken away."""
        device = vfio.Device(self.mediated.folder)
        guest = vfio.Controller(device).start()
        extra, other = vfio.Memory(READS), 1 << 35
        for module in MODULES[1:]:
            self.faults.below(module)
            seen = {}
            device.map(extra, 0, other, READS * PAGE)
            with self.faults.often(30):
                for n in range(READS):
                    words = guest.transfer(guest.LOAD, 0, other + n * PAGE)
                    status = guest.do(guest.io, *words) & 0xff
                    seen[status] = seen.get(status, 0) + 1
            self.report.result(set(seen) <= {0, INTERNAL, TRANSFER} and len(seen) > 1,
                               f"read: below {module}", seen)
            device.unmap(other, READS * PAGE)
            status = guest.do(guest.io, *guest.transfer(guest.LOAD, 0, guest.at(16)))
            self.report.equal(status, 0, "and it works on")
        guest.disable()
        self.report.equal((self.mediated.gate()["pages"], pinned()), (0, 0), "nothing is held")
        self.closed(device)


def main():
    """All of it, on one function."""
    report = Report()
    disk = nvme.Disk()
    tests = Tests(report, nvme.Mediated(disk.take()[0], UUID))
    try:
        begun = time.monotonic()
        tests.opens()
        tests.enables()
        tests.reads()
        tests.closes()
        report.note(f"{time.monotonic() - begun:.0f} s")
        tests.mediated.remove()
        report.equal(disk.give_back(), disk.name, "the kernel's driver has the disk again")
    except (LabError, OSError) as error:
        report.result(False, "all of it", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
