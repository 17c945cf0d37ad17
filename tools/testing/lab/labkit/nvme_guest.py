# SPDX-License-Identifier: GPL-2.0-only
"""What an inner guest does with its mediated NVMe disks, and what it sees of them."""

import time

from .common import LabError

PAGE = 4096
# A disk that has gone is not to become a file of its name.
FIO = ("fio --filename=/dev/{disk} --allow_file_create=0 --ioengine=libaio --direct=1 "
       "--thread --randrepeat=0 ")
# Every block that is read back must be the one written last; @at and @size are MiB.
VERIFY = FIO + ("--name=verify --rw=randwrite --bsrange=4k-64k --offset={at}M "
                "--size={size}M --iodepth=16 --verify=crc32c --verify_fatal=1")
# More than it is given, whatever that is, until it is stopped.
HUNGRY = FIO + ("--name=hungry --rw=randwrite --bs=16k --size=8M --iodepth=32 "
                "--norandommap --time_based --runtime=3600")
# What Linux says if it has met anything with a disk.
MET = "nvme.*(timeout|reset|abort|I/O error|not ready)"


def disk_at(guest, slot):
    """The name of the disk in a slot, or behind its port."""
    return guest.run(f"wait_for 30 disk {slot}; disk {slot} || "
                     "{ dmesg | grep -E 'pci|nvme|ACPI' | tail -n 15; false; }", 180)


def verify(disk, at=0, size=8):
    """The command that does it once."""
    return VERIFY.format(disk=disk, at=at, size=size)


def load(guest, disk, at=0, size=8):
    """Verified writes, again and again."""
    guest.run(f"keep {disk} {verify(disk, at, size)}")


def goes_on(guest, disk, what):
    """A test that the load makes two whole rounds after what happened, of which the
    first may have begun before it."""
    rounds = int(guest.run(f"cat /tmp/{disk}.rounds 2>/dev/null || echo 0"))
    guest.check(f"{what}: it goes on", f"wait_for 90 eval '"
                f"[ $(cat /tmp/{disk}.rounds || echo 0) -ge {rounds + 2} ] || "
                f"test -e /tmp/{disk}.status' && ! test -e /tmp/{disk}.status || "
                f"! {{ tail -n 5 /tmp/{disk}.out; dmesg | grep nvme | head -n 15; }}", 180)


def ended(guest, disk, what):
    """A test that the load has ended by itself, with an error."""
    guest.check(f"{what}: its load ends, with an error",
                f"wait_for 90 test -e /tmp/{disk}.status && "
                f"test $(cat /tmp/{disk}.status) != 0", 120)


def stop(guest, disk, what):
    """A test that the load ends, and that every block was the one written last."""
    guest.check(f"{what}: every block read was the one written last", f"kept {disk} 120", 150)


def forget(guest):
    """What its kernel has said until now is known."""
    guest.run("dmesg -c >/dev/null")


def saw(guest):
    """What its kernel says of its disks since then."""
    return guest.run(f"dmesg | grep -iE '{MET}' || true")


def saw_nothing(guest, what):
    """A test of that."""
    guest.report.equal(saw(guest), "", f"{what}: its driver has seen nothing of it")


def count(mediated):
    """(when, bytes so far): what its guest's commands moved, by the pages that went
    through the gate, on the clock of the machine that counts them."""
    for _ in range(50):
        before = time.monotonic()
        gate = mediated.gate()
        after = time.monotonic()
        if after - before < 0.005:
            return (before + after) / 2, (gate["hits"] + gate["misses"]) * PAGE
    raise LabError("the machine is too slow to look at a clock")


def rate(since, now):
    """Bytes a second between two of these."""
    return (now[1] - since[1]) / (now[0] - since[0])
