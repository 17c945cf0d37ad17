# SPDX-License-Identifier: GPL-2.0-only
"""What the stock driver of an inner guest makes of its mediated NVMe disk, and what
nvme-cli does: discard, zeroes, a name, and how often it leaves the guest for a doorbell."""

import re
import sys

from labkit import disks, nvme, nvme_guest
from labkit.common import LabError
from labkit.inner import Inner
from labkit.report import Report

UUID = "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01"
SERIAL = UUID.replace("-", "")[:20]
# Linux does not believe QEMU's functions what they are called (NVME_QUIRK_BOGUS_NID), and
# our disk has their numbers: so here it goes by its serial number.
NAME = f"-{SERIAL.encode().hex()}-"
DISK = "nvme0n1"
QUEUE = f"/sys/block/{DISK}/queue"
FIO = nvme_guest.FIO.format(disk=DISK)
VERIFY = nvme_guest.verify(DISK)
# What nvme-cli says of it, and does with it.
ASKED = {
    "id-ctrl /dev/nvme0": rf"^sn +: {SERIAL}\b.*^mn +: Parley\b",
    f"id-ns /dev/{DISK}": r"^nsze +: 0x10000$",
    "list-ns /dev/nvme0": r"^\[ *0\]:0x1$",
    "smart-log /dev/nvme0": r"^critical_warning\s+: 0$.*^available_spare\s+: 100%$",
    "error-log /dev/nvme0": r"^error_count\s+: 0$",
    "fw-log /dev/nvme0": r"frs1",
    "effects-log /dev/nvme0 -c 0": r"Write",
    "get-feature /dev/nvme0 -f 7": r"value:",
    f"flush /dev/{DISK} -n 1": r"success",
    f"dsm /dev/{DISK} -n 1 -d -s 2048 -b 64": r"success",
    f"write-zeroes /dev/{DISK} -n 1 -s 4096 -c 63": r"[Ss]uccess",
    f"compare /dev/{DISK} -n 1 -s 4096 -c 0 -z 512 -d /dev/zero": r"[Ss]uccess",
    "reset /dev/nvme0": "",
}
# What it is told that there is not; the last is what this function lacks.
DENIED = (f"format /dev/{DISK} -n 1 --force", "sanitize /dev/nvme0 -a 2",
          "create-ns /dev/nvme0 -s 64 -c 64 -f 0", "delete-ns /dev/nvme0 -n 1",
          "fw-commit /dev/nvme0 -s 1 -a 1", "security-recv /dev/nvme0 -x 64 -t 64",
          f"dir-receive /dev/{DISK} -n 1 -D 0 -O 1",
          f"verify /dev/{DISK} -n 1 -s 0 -c 63")
REFUSED = r"INVALID_OPCODE|Invalid Command Opcode"
READS = 512
# Each of them leaves the guest at most so often: with one processor for it and its host,
# what is armed when the guest's turn comes is rung.
FEW, FEW_POLLED = 0.05, 0.05


def exits():
    """How often a guest left to its VMM for a register, so far."""
    return int(nvme.get("/sys/kernel/debug/kvm/mmio_exits"))


def boot(report, name, mediated):
    """A guest that has found its disk."""
    guest = Inner(report, name, [], more=mediated.arguments("port9")).boot()
    return nvme.found_by(guest, DISK)


def reads(depth):
    """A job of READS reads."""
    return FIO + (f"--name=reads --rw=randread --bs=4k --size=8M --iodepth={depth} "
                  f"--number_ios={READS}")


def rings(report, guest, what, depth, few):
    """How often it leaves for a read, with so many at a time."""
    guest.run(reads(depth), 240)
    before = exits()
    guest.check(f"{what}: it reads, {depth} at a time", reads(depth), 240)
    each = (exits() - before) / READS
    print(f"# {what}: {each:.3f} exits for a register for each read, {depth} at a time")
    if few is not None:
        report.result(each <= few, f"{what}: at most {few} exits a read", each)


def commands(guest):
    """Of which the function has some."""
    guest.check("it has a name that goes with it",
                f"grep -e {NAME} /sys/block/{DISK}/wwid")
    guest.check("it discards",
                f"test $(cat {QUEUE}/discard_max_bytes) -gt 0 && "
                f"blkdiscard -o 4096 -l 8388608 /dev/{DISK}", 60)
    guest.check("it writes zeroes",
                f"test $(cat {QUEUE}/write_zeroes_max_bytes) -gt 0 && "
                f"dd if=/dev/urandom of=/dev/{DISK} bs=1M count=4 conv=fsync && "
                f"/bin/blkdiscard -z -o 1048576 -l 2097152 /dev/{DISK} && "
                f"echo 3 >/proc/sys/vm/drop_caches && "
                f"test $(dd if=/dev/{DISK} bs=1M skip=1 count=2 | tr -d '\\000' | wc -c) = 0 && "
                f"test $(dd if=/dev/{DISK} bs=1M skip=3 count=1 | tr -d '\\000' | wc -c) -gt 0",
                120)
    guest.check("a file system, trimmed", f"mkfs.ext4 -q -F /dev/{DISK} && "
                f"mount -t ext4 /dev/{DISK} /mnt && head -c 2000000 /dev/urandom >/mnt/f && "
                f"sync && rm /mnt/f && sync && fstrim -v /mnt && umount /mnt && "
                f"e2fsck -f -n /dev/{DISK}", 120)


def asked(report, guest):
    """By who administers it there, with the tool that he has for that."""
    for line, answer in ASKED.items():
        guest.begin(f"nvme {line}")
        status, text = guest.end()
        report.result(not status and re.search(answer, text, re.M | re.S), f"nvme {line}",
                      f"status {status}\n{text}")
    for line in DENIED:
        guest.begin(f"nvme {line}")
        status, text = guest.end()
        report.result(status and re.search(REFUSED, text), f"nvme {line}: denied",
                      f"status {status}\n{text}")


def main():
    """One function, in a guest that is interrupted, and in one that is polled."""
    report = Report()
    disk = nvme.Disk()
    nvme.patience()
    try:
        address = disk.take()[0]
        mediated = nvme.Mediated(address, UUID)
        guest = boot(report, "first", mediated)
        commands(guest)
        asked(report, guest)
        guest.check("written and verified", VERIFY, 120)
        rings(report, guest, "interrupted", 1, None)
        rings(report, guest, "interrupted", 8, None)
        rings(report, guest, "interrupted", 32, FEW)
        report.equal(guest.off(), 0, "the first guest powers off")
        mediated.remove()
        mediated = nvme.Mediated(address, UUID, "p")
        guest = boot(report, "second", mediated)
        guest.check("polled: written and verified", VERIFY, 120)
        for depth in (1, 8, 32):
            rings(report, guest, "polled", depth, FEW_POLLED if depth == 32 else None)
        report.equal(guest.off(), 0, "the second guest powers off")
        mediated.remove()
        report.result(bool(disks.sum_of(disk.give_back())), "the kernel's driver reads it")
    except (LabError, OSError) as error:
        report.result(False, "life", error)
    return report.plan()


sys.exit(main())
