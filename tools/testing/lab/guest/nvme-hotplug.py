# SPDX-License-Identifier: GPL-2.0-only
"""Two mediated disks come into a guest that runs and leave it, and the whole drive below
them does: it is asked to go, and it is pulled."""

import os
import sys
import tomllib

from labkit import disks, nvme, nvme_guest, outside
from labkit.common import LabError
from labkit.inner import Inner
from labkit.limits import until
from labkit.report import Report

# What is in the serial number differs: one guest has both.
UUIDS = ("4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01", "c1f0a3d2-27b4-4a1e-9d52-8e6f10b7d902")
# The guest's ports, by slot, and where on the disk, which both share, each one writes.
PORTS = {"port9": 9, "porta": 10}
AT = {"port9": 0, "porta": 16}
ROUNDS = 3
SETTLES = 3         # seconds
# Of <linux/pci_regs.h>, in the port's capability of PCI Express.
CAP_EXPRESS, SLOT_CONTROL = 0x10, 0x18
POWER_OFF = 0x0700      # the power controller, and its indicator
EVENTS = 0x20       # that interrupt


def slot_of(port):
    """As PCI writes it."""
    return f"{PORTS[port]:02x}.0"


class Drive:
    """In a slot of this machine's, and functions of it in the guest."""

    def __init__(self, report, guest):
        self.report, self.guest = report, guest
        self.disk, self.devices, self.names = None, {}, {}

    def take(self):
        """Functions, and a device of each."""
        self.disk = nvme.Disk()
        for port, address, uuid in zip(PORTS, self.disk.take(len(PORTS)), UUIDS):
            self.devices[port] = nvme.Mediated(address, uuid)

    def plug(self, port):
        """Its device comes into the guest, which begins to work with it."""
        self.devices[port].plug(self.guest, port)
        self.names[port] = nvme_guest.disk_at(self.guest, slot_of(port))
        nvme_guest.load(self.guest, self.names[port], AT[port])

    def left(self, port, what):
        """Tests that the guest has lost it, and heard of it."""
        name = self.names.pop(port)
        nvme_guest.ended(self.guest, name, what)
        self.guest.check(f"{what}: the guest has no such disk any more",
                         f"wait_for 60 eval '! test -b /dev/{name}'", 90)

    def unplug(self, port):
        """The guest's machine takes it out while it works."""
        what = f"{self.names[port]} is unplugged while it works"
        self.guest.qmp("device_del", id=f"in-{port}")
        self.guest.event("DEVICE_DELETED", 120)
        self.left(port, what)
        self.report.equal(self.devices[port].state(), "off", f"{what}: it is taken back")

    def is_gone(self, what):
        """With all that was made of it; the guest lives."""
        for port in PORTS:
            self.left(port, what)
        until("the devices go", 60, lambda: not any(
            os.path.exists(device.folder) for device in self.devices.values()))
        until(f"{what}: it is gone", 60, lambda: not os.path.exists(self.disk.folder))
        # The kernel switches the slot off then, whatever is in it.
        self.guest.wait(SETTLES)
        self.devices = {}
        self.guest.check(f"{what}: the guest lives", "true")


def described():
    """The drive, as the scenario has it."""
    path = os.environ["LAB_ROOT"] + "/tools/testing/lab/scenarios/include/nvme-sriov.toml"
    with open(path, "rb") as handle:
        return next(one for one in tomllib.load(handle)["device"] if one["driver"] == "nvme")


def plug_drive():
    """Into this machine's slot, while it runs."""
    outside.qmp("device_add", **described())


def pull(disk):
    """It is out, and nobody was asked. QEMU has nobody who pulls, but takes out what is in
    a slot without power; the kernel is not to see that, or it takes the slot for one that
    it has switched off itself. The interrupt comes when there is power again."""
    port = os.path.dirname(os.path.realpath(disk.folder))
    with nvme.capability(port, CAP_EXPRESS, SLOT_CONTROL) as (control, write):
        write((control | POWER_OFF) & ~EVENTS)
        write(control)


def devices_come_and_go(drive):
    """Beside one that works on."""
    drive.plug("porta")
    for _ in range(ROUNDS):
        drive.plug("port9")
        drive.guest.wait(2)
        drive.unplug("port9")
        nvme_guest.goes_on(drive.guest, drive.names["porta"], "beside it")
    drive.plug("port9")


def drive_is_asked_to_go(drive):
    """The guest is asked as well, for one device after the other."""
    drive.guest.wait(2)
    outside.qmp("device_del", id="nvme")
    outside.event("DEVICE_DELETED", device="nvme")
    drive.is_gone("the drive is unplugged while both work")


def drive_is_pulled(drive):
    """What is under way ends with errors, and then the guest is asked."""
    drive.guest.wait(2)
    pull(drive.disk)
    outside.event("DEVICE_DELETED", device="nvme")
    drive.is_gone("the drive is pulled while both work")


def main():
    """One guest sees it all."""
    report = Report()
    try:
        guest = Inner(report, "guest", [], smp=1, more=[
            word for name, slot in PORTS.items() for word in nvme.port(name, slot)])
        drive = Drive(report, guest.boot())
        guest.run("insert_stock")
        drive.take()
        devices_come_and_go(drive)
        drive_is_asked_to_go(drive)
        plug_drive()
        drive.take()
        for port in PORTS:
            drive.plug(port)
        nvme_guest.goes_on(guest, drive.names["port9"], "the drive is plugged in again")
        drive_is_pulled(drive)
        plug_drive()
        drive.take()
        drive.plug("port9")
        nvme_guest.stop(guest, drive.names["port9"], "and once more")
        report.equal(guest.off(), 0, "the guest powers off")
        for device in drive.devices.values():
            device.remove()
        report.result(bool(disks.sum_of(drive.disk.give_back())), "the kernel's driver reads it")
    except (LabError, OSError) as error:
        report.result(False, "hot-plug", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
