# SPDX-License-Identifier: GPL-2.0-only
"""What happens to the function of a guest's disk behind the guest's back: the machine
sleeps, the function loses its power, it is reset, and so is the drive. Of all that the
guest sees nothing, or one reset of its controller."""

import sys

from labkit import nvme, nvme_guest
from labkit.common import LabError, put
from labkit.inner import Inner
from labkit.limits import until
from labkit.report import Report

UUID = "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01"
DISK = "nvme0n1"
# Milliseconds after which the guest's driver looks what became of a command, not 30 s.
PATIENT = 5000
# Of <linux/pci_regs.h>.
CAP_POWER, POWER_CONTROL, D3HOT = 0x01, 4, 3
# How deep it sleeps, and where it turns round: real sleep wants somebody to wake it.
SLEEPS = {"freeze": ("devices", "platform"), "mem": ("devices", "core")}


def sleep(state, level):
    """The whole machine, with the guest in it; as far as @level, for a second."""
    put("/sys/module/suspend/parameters/pm_test_delay", "1")
    put("/sys/power/pm_test", level)
    put("/sys/power/state", state)
    put("/sys/power/pm_test", "none")


def power(mediated, state):
    """Of the function, by hand, as setpci would."""
    with nvme.capability(mediated.parent, CAP_POWER, POWER_CONTROL) as (control, write):
        write(control & ~3 | state)


class Back:
    """A guest at work, and what is done behind its back."""

    def __init__(self, report, guest, mediated, disk):
        self.report, self.guest, self.mediated, self.disk = report, guest, mediated, disk

    def unseen(self, what):
        """A test that the guest's work goes on, and that it has seen nothing."""
        nvme_guest.goes_on(self.guest, DISK, what)
        nvme_guest.saw_nothing(self.guest, what)
        self.report.equal(self.mediated.state(), "live", f"{what}: it is handed out")

    def one_reset(self, what):
        """A test that its work goes on after it has reset its controller, once."""
        nvme_guest.goes_on(self.guest, DISK, what)
        said = nvme_guest.saw(self.guest)
        self.report.note(f"{what}: its driver says: {said.splitlines()[:4]}")
        self.report.result(said.count("will reset") + said.count("resetting controller") <= 1,
                           f"{what}: one reset at most", said)
        self.report.equal(self.mediated.state(), "live", f"{what}: it is handed out")
        nvme_guest.forget(self.guest)

    def sleeps(self):
        """The machine does, with the guest at work, and with the guest stopped."""
        for state, levels in SLEEPS.items():
            for level in levels:
                sleep(state, level)
                self.unseen(f"suspended ({state}, {level})")
        self.guest.qmp("stop")
        sleep("freeze", "platform")
        self.guest.qmp("cont")
        self.unseen("suspended with the guest stopped")

    def loses_power(self):
        """The function does, by hand; that its power is managed changes nothing."""
        put(f"{self.mediated.parent}/power/control", "auto")
        self.guest.wait(2)
        self.unseen("its power is managed")
        power(self.mediated, D3HOT)
        self.guest.wait(1)
        power(self.mediated, 0)
        self.one_reset("it had no power")
        power(self.mediated, D3HOT)
        until("it is lost", 30, lambda: self.mediated.state() != "live")
        self.mediated.reset_function()
        self.one_reset("it had no power, and was reset")

    def is_reset(self):
        """The function, then the whole drive."""
        for _ in range(3):
            self.guest.wait(0.5)
            self.mediated.reset_function()
        self.unseen("it was reset")
        for n in range(2):
            self.guest.wait(1)
            put(f"{self.disk.folder}/reset", "1")
            self.report.equal(nvme.get(f"{self.disk.folder}/parley/state"), "live",
                              f"the drive was reset ({n}): it works")
            self.one_reset(f"the drive was reset ({n})")


def main():
    """One guest, in one night."""
    report = Report()
    disk = nvme.Disk()
    try:
        mediated = nvme.Mediated(disk.take()[0], UUID)
        guest = Inner(report, "guest", [], smp=1, more=mediated.arguments("port9"))
        nvme.found_by(guest.boot(), DISK)
        guest.run(f"echo {PATIENT} >/sys/block/{DISK}/queue/io_timeout")
        nvme_guest.load(guest, DISK)
        nvme_guest.forget(guest)
        back = Back(report, guest, mediated, disk)
        back.is_reset()
        back.sleeps()
        back.loses_power()
        nvme_guest.stop(guest, DISK, "after all that")
        report.equal(guest.off(), 0, "the guest powers off")
        report.equal(mediated.state(), "off", "the function is taken back")
        mediated.remove()
    except (LabError, OSError) as error:
        report.result(False, "behind its back", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
