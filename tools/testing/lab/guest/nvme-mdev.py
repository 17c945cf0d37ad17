# SPDX-License-Identifier: GPL-2.0-only
"""A virtual function of an NVMe disk under the stock driver of an inner guest: what can
happen to it in years."""

import os
import subprocess
import sys

from labkit import disks, nvme, nvme_guest
from labkit.common import LabError, put
from labkit.inner import Inner
from labkit.limits import until
from labkit.report import Report

UUID = "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01"
OTHER = "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e02"
DISK = "nvme0n1"
FIO = nvme_guest.verify(DISK)


def boot(report, name, mediated):
    """A guest that has found its disk."""
    guest = Inner(report, name, [], more=mediated.arguments("port9")).boot()
    return nvme.found_by(guest, DISK)


def what_it_is(report, mediated):
    """As mdevctl and libvirt read it."""
    report.equal(mediated.type("device_api"), "vfio-pci", "it is for vfio-pci")
    report.equal(mediated.type("available_instances"), "0", "there is no second one")
    try:
        put(f"{mediated.types}/create", OTHER)
        report.result(False, "a second one is refused")
    except OSError:
        report.result(True, "a second one is refused")
    report.equal(mediated.state(), "off", "it is handed out when it is opened")


def works(report, guest, mediated):
    """Written and read, and what the guest sees of it."""
    report.equal(mediated.state(), "live", "it is handed out")
    report.equal(guest.run(f"cat /sys/block/{DISK}/size"), "65536", "its size")
    report.equal(guest.run(f"cat /sys/block/{DISK}/device/serial").strip(),
                 UUID.replace("-", "")[:20], "its serial number")
    guest.check("written and verified", FIO, 120)
    guest.check("a file system", f"mkfs.ext4 -q -F /dev/{DISK} && "
                f"mount -t ext4 /dev/{DISK} /mnt && head -c 2000000 /dev/urandom >/mnt/f && "
                f"sync && umount /mnt && e2fsck -f -n /dev/{DISK}", 120)
    done = subprocess.run(["rmmod", "parley_nvme_mdev"], check=False, capture_output=True)
    report.result(done.returncode != 0, "the module cannot be removed while it is used")


def resets(report, guest):
    """By the guest's driver, by its PCI, and of all of it, while it works."""
    guest.check("its controller is reset", f"echo 1 >/sys/block/{DISK}/device/reset_controller "
                f"&& wait_for 30 grep -q live /sys/block/{DISK}/device/state && {FIO}", 180)
    guest.check("its function is reset",
                f"echo 1 >/sys/block/{DISK}/device/device/reset && wait_for 30 "
                f"grep -q live /sys/block/{DISK}/device/state && {FIO}", 180)
    guest.qmp("set-action", reboot="reset")
    guest.run(f"keep load {FIO}")
    guest.wait(2)
    guest.status = None
    guest.qmp("system_reset")
    nvme.found_by(guest.boot(), DISK)
    guest.check("after a reset of the machine while it worked", FIO, 120)
    report.equal(guest.off(), 0, "the guest powers off")


def is_reset_behind_its_back(report, guest, mediated):
    """Its function is, while the guest works: it sees nothing of that."""
    guest.run(f"keep load {FIO}")
    for _ in range(3):
        guest.wait(1)
        mediated.reset_function()
    guest.check("its function is reset while it works", "kept load 200", 240)
    guest.check("and its driver has seen nothing of that",
                "! dmesg | grep -iE 'nvme.*(timeout|resett|abort|I/O error)'", 60)
    report.equal(mediated.state(), "live", "it was handed out anew")


def is_killed(report, guest, mediated):
    """QEMU is, in mid-I/O."""
    guest.run(f"keep load {FIO}")
    guest.wait(3)
    guest.kill()
    until("it is taken back", 60, lambda: mediated.state() == "off")
    report.result(True, "QEMU was killed: the function is taken back")


def is_taken_away(report, guest, what, argv):
    """While the guest works: it is asked to leave it, does, and lives on."""
    guest.run(f"keep load {FIO}")
    guest.wait(2)
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as taking:
        guest.event("DEVICE_DELETED", 120)
        report.equal(taking.wait(120), 0, what)
    guest.check(f"{what}: the guest lives", f"! test -b /dev/{DISK}", 60)
    report.equal(guest.off(), 0, f"{what}: it powers off")


def main():
    """One function, one guest after the other."""
    report = Report()
    disk = nvme.Disk()
    try:
        address = disk.take()[0]
        mediated = nvme.Mediated(address, UUID)
        what_it_is(report, mediated)
        guest = boot(report, "first", mediated)
        works(report, guest, mediated)
        is_reset_behind_its_back(report, guest, mediated)
        resets(report, guest)
        report.equal(mediated.state(), "off", "the function is taken back")
        is_killed(report, boot(report, "second", mediated), mediated)
        guest = boot(report, "third", mediated)
        guest.check("after that it works again", FIO, 120)
        seen = guest.run(f"sum_of {DISK}", 60)
        report.equal(guest.off(), 0, "the third guest powers off")
        guest = boot(report, "fourth", mediated)
        report.equal(guest.run(f"sum_of {DISK}", 60), seen, "the next guest finds it as it was")
        is_taken_away(report, guest, "the device is removed", mediated.removing())
        mediated = nvme.Mediated(address, UUID)
        guest = boot(report, "fifth", mediated)
        is_taken_away(report, guest, "its function is unbound", mediated.unbinding())
        report.result(not os.path.exists(mediated.folder), "the device is gone with it")
        guest = None
        report.result(bool(disks.sum_of(disk.give_back())), "the kernel's driver reads it")
    except (LabError, OSError) as error:
        report.result(False, "life", error)
    return report.plan()


sys.exit(main())
