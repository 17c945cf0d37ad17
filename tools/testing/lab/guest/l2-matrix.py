# SPDX-License-Identifier: GPL-2.0-only
"""Every front-end with every back end, format and number of queues: all of them
disks of one inner guest."""

import os
import sys

from labkit import disks
from labkit.common import LabError
from labkit.inner import Inner
from labkit.report import Report

# fio reads back and compares every block it wrote, and fails at the first that
# is not what it wrote last.
FIO = ("fio --name=verify --filename=/dev/{name} --rw=randwrite --bs=4k "
       "--size=2M --offset=8M --iodepth=16 --numjobs={jobs} "
       "--offset_increment=2M --ioengine=libaio --direct=1 --thread "
       "--verify=crc32c --verify_fatal=1 --group_reporting")
# Files through a file system, and the file system's own check afterwards.
EXT4 = ("mkfs.ext4 -q -F -O ^has_journal -E lazy_itable_init=1 /dev/{name} 8M && "
        "mount -t ext4 /dev/{name} /mnt && "
        "for n in 1 2 3 4; do head -c 700000 /dev/urandom >/mnt/$n; done && "
        "sha256sum /mnt/? >/tmp/sums && umount /mnt && "
        "mount -t ext4 /dev/{name} /mnt && sha256sum -s -c /tmp/sums && "
        "rm /mnt/2 && umount /mnt && e2fsck -f -n /dev/{name} >/tmp/fsck")
FIRST_SLOT = 9


def rows():
    """(front-end, back end, packed, queues): QEMU's own device is tried with our
    front-end only, for mainline's with it says nothing about us."""
    for back in os.environ["BACK_ENDS"].split():
        for front in ("ours",) if back == "qemu" else ("ours", "mainline"):
            for packed in (False, True):
                for queues in os.environ["QUEUES"].split():
                    yield front, back, packed, int(queues)


def plug_in():
    """The disks: [(front-end, back end, disk)], and their server, started."""
    found, hosts = [], {}
    for number, (front, back, packed, queues) in enumerate(rows()):
        host = hosts.setdefault(back, disks.server(back))
        image = disks.make_image(f"/tmp/image{number}", 16)
        disk = disks.disk_of(host, image, f"{FIRST_SLOT + number:02x}.0", queues,
                             packed)
        found.append((front, back, disk))
    return found, [host.start() for host in hosts.values() if host]


def try_one(guest, front, back, disk):
    """One row: the driver, verified random writes, a file system, and what the
    medium holds."""
    what = f"{front} on {back}, {disk.ring}, {disk.queues} queues"
    name = guest.run(f"wait_for 10 disk {disk.address}; disk {disk.address}")
    driver = guest.run("readlink /sys/bus/pci/devices/0000:00:"
                       f"{disk.address}/driver").split("/")[-1]
    wanted = "parley_pci" if front == "ours" else "virtio-pci"
    channels = guest.run(f"ls /sys/block/{name}/mq | wc -l")
    guest.report.equal((driver, channels), (wanted, str(disk.queues)),
                       f"{what}: the driver and its queues")
    guest.check(f"{what}: fio finds what it wrote",
                FIO.format(name=name, jobs=min(disk.queues, 2)), 60)
    guest.check(f"{what}: ext4 keeps its files", EXT4.format(name=name), 60)
    guest.report.equal(guest.run(f"sum_of {name}"), disks.sum_of(disk.image),
                       f"{what}: the image holds what the guest sees")


def main():
    """All rows."""
    report = Report()
    table, hosts = plug_in()
    guest = Inner(report, "inner", [disk for _, _, disk in table], mem=512,
                  smp=4).boot()
    guest.run("insert_ours")
    guest.run("ours " + " ".join(d.address for f, _, d in table if f == "ours"))
    guest.run("insert crc32c_generic crc16 mbcache jbd2 ext4 virtio_blk")
    for front, back, disk in table:
        try:
            try_one(guest, front, back, disk)
        except LabError as error:
            report.result(False, f"{front} on {back}, {disk.ring}", error)
    report.equal(guest.off(), 0, "the guest powers off")
    for host in hosts:
        report.equal(host.stop(), 0, "the bridge ends")
    return report.plan()


sys.exit(main())
