# SPDX-License-Identifier: GPL-2.0-only
"""An inner guest moves, while it works, from one virtual function of an NVMe disk to
another that has the same namespace, and back; then, while it is stopped, to another disk
that has a copy. In between it stays where it is: the move is called off, or refused."""

import os
import re
import sys

from labkit import disks, moves, nvme, nvme_guest
from labkit.common import LabError
from labkit.inner import Inner, shell
from labkit.limits import until
from labkit.report import Report

UUIDS = [f"7a3e5b10-41d2-4c8f-9d64-0e2b7c9f1a0{n}" for n in range(6)]
DISK = "nvme0n1"
MEMORY = 192        # MiB of the guest
SERIAL = UUIDS[0].replace("-", "")[:20]
STATE = "/tmp/state"
# The first part of the disk has a file system, the rest is written and verified.
FIO = nvme_guest.verify(DISK, at=16)
FILES = (f"mkfs.ext4 -q -F /dev/{DISK} 15M && mount -t ext4 /dev/{DISK} /mnt && "
         "head -c 3000000 /dev/urandom >/mnt/f && sync && sha256sum </mnt/f")
AGAIN = "echo 3 >/proc/sys/vm/drop_caches && sha256sum </mnt/f"
GRUMBLES = "dmesg | grep -i nvme | grep -iE 'error|fail|timeout|timed|reset|abort|fatal'"
# How the state of our device begins, and what QEMU puts before what it read of it.
MAGIC = b"ParlNVMe"
DATA = 0xffffffffef100004


def works(report, guest, name, seen):
    """What it wrote before is there, and it is content."""
    report.equal(guest.run(AGAIN, 60), seen, f"{name}: the file has its contents")
    report.equal(guest.run(f"cat /sys/block/{DISK}/device/serial").strip(), SERIAL,
                 f"{name}: its serial number is that of before")
    guest.check(f"{name}: the kernel has nothing to say of its disk", f"! {GRUMBLES}", 60)
    guest.check(f"{name}: it writes and verifies all the time", "test ! -e /tmp/load.status")


def moved(report, guest, name, here, there):
    """The guest, which goes on with another function; the first is nobody's then."""
    guest, _ = moves.Move(guest, name, there).begin().finish(compare=True)
    until("the source's function is taken back", 60, lambda: here.state() == "off")
    report.equal(there.migration()[0], "running", f"{name}: the device runs")
    here.remove()
    return guest


# What does not come about

def called_off(report, guest, there):
    """The administrator thinks better of it."""
    move = moves.Move(guest, "nowhere", there).begin(mib=1)
    guest.wait(2)
    guest.qmp("migrate_cancel")
    report.equal(move.end()["status"], "cancelled", "a migration is called off")
    report.note(f"states {' '.join(moves.states(guest))}")
    report.equal(guest.qmp("query-status")["status"], "running", "the guest stays")
    if not move.target.vm.ended():
        move.target.kill()
    until("that function is taken back", 60, lambda: there.state() == "off")


def grave(target):
    """What QEMU says that is no warning."""
    return [line for line in target.vm.said if "warning:" not in line]


def said_of_it(report, target, device, what, why):
    """QEMU ends, and says of which device; the device says why."""
    until("QEMU ends", 60, lambda: target.wait(0.2) or target.vm.ended())
    target.vm.stop()
    said = "\n".join(grave(target))
    report.note(f"{what}: QEMU: " + "; ".join(grave(target)))
    report.result(re.search(r"error while loading state .*/vfio\b", said),
                  f"{what}: QEMU says which device", said)
    report.equal(device.migration()[1], why, f"{what}: the device says why")


def foreign(report, guest, device, what, why):
    """A device that is not alike: the source stays where it is, and works."""
    move = moves.Move(guest, "foreign", device).begin()
    report.equal(move.end()["status"], "failed", f"{what}: refused")
    report.equal(guest.qmp("query-status")["status"], "running", f"{what}: the guest stays")
    said_of_it(report, move.target, device, what, why)
    device.remove()


def arriving(report, name, device, path):
    """A QEMU that reads a migration from a file."""
    target = Inner(report, name, [], MEMORY, incoming="defer", more=moves.arguments(device))
    target.qmp("migrate-incoming", uri=f"file:{path}")
    return target


def pieces():
    """The migration in STATE as (what is before our device's last piece, that, the rest)."""
    with open(STATE, "rb") as handle:
        whole = handle.read()
    at = whole.rindex(DATA.to_bytes(8, "big"))
    begin = at + 16
    end = begin + int.from_bytes(whole[at + 8:begin], "big")
    return whole[:at], whole[begin:end], whole[end:]


def spoilt(report, device):
    """What was altered on its way, or cut off."""
    before, data, after = pieces()
    report.result(MAGIC in before + data, "the device's state is in the file")

    def write(data, after):
        with open(f"{STATE}-spoilt", "wb") as handle:
            for part in (before, DATA.to_bytes(8, "big"), len(data).to_bytes(8, "big"),
                         data, after):
                handle.write(part)

    altered = bytearray(data)
    altered[len(data) // 2] ^= 1
    write(bytes(altered), after)
    target = arriving(report, "altered", device, f"{STATE}-spoilt")
    said_of_it(report, target, device, "altered", "was altered on its way")
    # QEMU takes what it gets for all there is, and the device shows only when it is to run.
    write(data[:-20], after)
    target = arriving(report, "short", device, f"{STATE}-spoilt")
    arrived(target)
    target.qmp("cont")
    report.note("short: QEMU: " + "; ".join(grave(target)))
    report.note(f"short: states {' '.join(moves.states(target))}")
    report.equal(device.migration()[1], "has not come as a whole", "short: the device says why")
    report.result(any(f"{device.uuid}: Failed setting" in line for line in target.vm.said),
                  "short: QEMU says which device failed", target.vm.said)
    target.kill()
    until("that function is taken back", 60, lambda: device.state() == "off")


# From disk to disk

def arrived(target):
    """All of it has been read."""
    until("the guest arrives", 120, lambda: target.wait(0.2) or target.vm.ended() or
          target.qmp("query-status")["status"] != "inmigrate")
    if target.vm.ended():
        raise LabError(target.last_words())


def copied(one, other):
    """All blocks of a function's namespace go to another's, by the kernel's own driver."""
    found = []
    for address in (one, other):
        nvme.bind("nvme", address)
        until("its disk", 60, lambda: nvme.block_device(address))
        found.append(nvme.block_device(address))
    until("both disks", 60, lambda: all(map(os.path.exists, found)))
    shell("dd", f"if={found[0]}", f"of={found[1]}", "bs=1M", "iflag=direct", "oflag=direct")
    for address in (one, other):
        nvme.bind("parley_nvme_vf", address)


def to_another_disk(report, guest, here, there_at):
    """It is stopped, its blocks are copied, and it goes on; (guest, its device)."""
    guest.qmp("stop")
    guest.qmp("migrate-set-capabilities",
              capabilities=[able | {"state": False} for able in moves.ABLE])
    guest.qmp("migrate", uri=f"file:{STATE}")
    got = moves.ended(guest)
    report.equal(got["status"], "completed", "the guest is stopped and saved")
    guest.kill()
    until("its function is taken back", 60, lambda: here.state() == "off")
    here.remove()
    copied(here.address, there_at)
    there = nvme.Mediated(there_at, UUIDS[4], tenant=True)
    there.belongs_to(UUIDS[4])
    target = arriving(report, "unsaid", there, STATE)
    said_of_it(report, target, there, "another disk", "is of another namespace or slice")
    there.is_copy_of(1, "data")
    target = arriving(report, "copy", there, STATE)
    arrived(target)
    target.adopt(guest)
    target.qmp("cont")
    report.note(f"copy: states {' '.join(moves.states(target))}")
    return target, there


def main():
    """One guest, functions of two disks."""
    report = Report()
    try:
        disk, other = nvme.Disk(), nvme.Disk("copy")
        first, second, small = disk.take(3, own=(1, 1, 2))
        third, = other.take(1, own=(1,))
        here = nvme.Mediated(first, UUIDS[0], tenant=True)
        there = nvme.Mediated(second, UUIDS[1])
        here.belongs_to(UUIDS[0])
        guest = Inner(report, "here", [], MEMORY, more=moves.arguments(here)).boot()
        nvme.found_by(guest, DISK)
        seen = guest.run(FILES, 120)
        guest.run(f"keep load {FIO}")
        guest.wait(3)
        called_off(report, guest, there)
        works(report, guest, "called off", seen)
        guest = moved(report, guest, "there", here, there)
        guest.wait(3)
        works(report, guest, "there", seen)
        report.equal(there.owner(), UUIDS[0], "the data stay the first device's")
        foreign(report, guest, nvme.Mediated(first, UUIDS[2], "q1"), "fewer queues",
                "is of a device with another number of queues")
        foreign(report, guest, nvme.Mediated(small, UUIDS[3]), "a smaller disk",
                "is of a disk of another size, or with other blocks")
        works(report, guest, "refused", seen)
        here = nvme.Mediated(first, UUIDS[0], tenant=True)
        guest = moved(report, guest, "back", there, here)
        guest.wait(3)
        works(report, guest, "back", seen)
        guest, there = to_another_disk(report, guest, here, third)
        guest.wait(3)
        works(report, guest, "copy", seen)
        here = nvme.Mediated(first, UUIDS[5])
        spoilt(report, here)
        rounds = guest.check("every block read was the one written last, all the time",
                             "kept load 90", 120)
        report.note(f"{rounds} rounds")
        guest.run("umount /mnt")
        whole = guest.run(f"sum_of {DISK}", 60)
        report.equal(guest.off(), 0, "the guest powers off")
        report.equal(disks.sum_of(other.give_back(own=(1,))), whole,
                     "the other disk holds what the guest saw")
        report.equal(shell("sh", "-c", "dmesg | grep -ciE 'DMAR:.*fault' || :").strip(), "0",
                     "no function reached for memory that it does not have")
    except (LabError, OSError, ValueError) as error:
        report.result(False, "migration", error)
    return report.plan()


sys.exit(main())
