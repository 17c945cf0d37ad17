# SPDX-License-Identifier: GPL-2.0-only
"""An inner guest moves, while it works, from one virtual function of an NVMe disk to
another that has the same namespace, and back; and is refused where it does not fit."""

import sys

from labkit import disks, memory, nvme
from labkit.common import LabError
from labkit.inner import Inner, dump
from labkit.limits import until
from labkit.report import Report

UUIDS = [f"7a3e5b10-41d2-4c8f-9d64-0e2b7c9f1a0{n}" for n in range(3)]
DISK = "nvme0n1"
MEMORY = 192        # MiB of the guest
SERIAL = UUIDS[0].replace("-", "")[:20]
# The first part of the disk has a file system, the rest is written and verified.
FIO = (f"fio --name=verify --filename=/dev/{DISK} --rw=randwrite --bsrange=4k-64k "
       "--offset=16M --size=8M --iodepth=16 --ioengine=libaio --direct=1 --thread "
       "--verify=crc32c --verify_fatal=1 --randrepeat=0")
FILES = (f"mkfs.ext4 -q -F /dev/{DISK} 15M && mount -t ext4 /dev/{DISK} /mnt && "
         "head -c 3000000 /dev/urandom >/mnt/f && sync && sha256sum </mnt/f")
AGAIN = "echo 3 >/proc/sys/vm/drop_caches && sha256sum </mnt/f"
GRUMBLES = "dmesg | grep -i nvme | grep -iE 'error|fail|timeout|timed|reset|abort|fatal'"


def arguments(mediated):
    """QEMU's, with what makes it migrate although no IOMMU says what was written."""
    return mediated.arguments("port9", ",enable-migration=on")


def started(report, source, name, mediated):
    """A QEMU on the other function, to which the migration of @source has begun."""
    uri = f"unix:/tmp/migrate-{name}"
    target = Inner(report, name, [], MEMORY, incoming=uri, more=arguments(mediated))
    target.qmp("query-status")
    source.qmp("migrate-set-parameters", downtime_limit=20000, max_bandwidth=1 << 30)
    source.qmp("migrate", uri=uri)
    return target


def ended(source):
    """How the migration ended."""
    status = ""
    while status not in ("completed", "failed"):
        source.wait(0.2)
        got = source.qmp("query-migrate")
        status = got.get("status")
    return got


def move(report, source, name, mediated):
    """The guest of @source goes on with the function of @mediated."""
    target = started(report, source, name, mediated)
    got = ended(source)
    if got["status"] != "completed":
        raise LabError(f"{name}: {dump(got)}\n{source.last_words()}\n{target.last_words()}")
    report.note(f"{name}: {got['total-time']} ms, of these {got['downtime']} ms without a "
                f"guest; {got['ram']['dirty-sync-count']} rounds, state of the device "
                f"{got.get('vfio', {}).get('transferred', 0)} bytes")
    here, there = memory.Memory(source.memory_path()), memory.Memory(target.memory_path())
    missed = [page for page in memory.differing(here.map, there.map)
              if not memory.is_wall_clock(here.map, there.map, page)]
    report.result(not missed, f"{name}: no byte of memory differs when it arrives",
                  memory.explain(here.map, there.map, missed))
    here.close()
    there.close()
    target.adopt(source)
    target.qmp("cont")
    source.kill()
    return target


def works(report, guest, name, seen):
    """What it wrote before is there, and it is content."""
    report.equal(guest.run(AGAIN, 60), seen, f"{name}: the file has its contents")
    report.equal(guest.run(f"cat /sys/block/{DISK}/device/serial").strip(), SERIAL,
                 f"{name}: its serial number is that of before")
    guest.check(f"{name}: the kernel has nothing to say of its disk", f"! {GRUMBLES}", 60)


def refused(report, source, mediated):
    """A device with fewer queues: the source stays where it is, and works."""
    target = started(report, source, "foreign", mediated)
    got = ended(source)
    report.equal(got["status"], "failed", "a device with fewer queues is refused")
    if not target.vm.ended():
        target.kill()
    report.equal(source.qmp("query-status")["status"], "running", "the source goes on")


def main():
    """One guest, two functions."""
    report = Report()
    disk = nvme.Disk()
    try:
        first, second = disk.take(2)
        here, there = nvme.Mediated(first, UUIDS[0]), nvme.Mediated(second, UUIDS[1])
        guest = Inner(report, "here", [], MEMORY, more=arguments(here)).boot()
        guest.run(f"insert_stock && wait_for 60 test -b /dev/{DISK}", 120)
        seen = guest.run(FILES, 120)
        guest.run(f"keep load {FIO}")
        guest.wait(3)
        guest = move(report, guest, "there", there)
        until("the source's function is taken back", 60, lambda: here.state() == "off")
        guest.wait(3)
        works(report, guest, "there", seen)
        here.remove()
        here = nvme.Mediated(first, UUIDS[2], "q1")
        refused(report, guest, here)
        here.remove()
        here = nvme.Mediated(first, UUIDS[0])
        guest = move(report, guest, "back", here)
        guest.wait(3)
        rounds = guest.check("every block read was the one written last, all the time",
                             "kept load 90", 120)
        report.note(f"{rounds} rounds")
        works(report, guest, "back", seen)
        guest.run("umount /mnt")
        whole = guest.run(f"sum_of {DISK}", 60)
        report.equal(guest.off(), 0, "the guest powers off")
        report.equal(disks.sum_of(disk.give_back()), whole,
                     "the disk holds what the guest saw")
    except (LabError, OSError) as error:
        report.result(False, "migration", error)
    return report.plan()


sys.exit(main())
