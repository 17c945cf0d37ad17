# SPDX-License-Identifier: GPL-2.0-only
"""What happens to a host in years, in two minutes: everything but the guest's
disks comes and goes while they work."""

import fcntl
import struct
import subprocess
import sys

from labkit import disks, remote
from labkit.common import LabError
from labkit.inner import Inner, shell
from labkit.report import Report

MEMORY = 192        # MiB of the guest at its start
FIO = ("fio --name=verify --filename=/dev/{disk} --rw=randwrite --bs=4k "
       "--size=4M --iodepth=16 --ioengine=libaio --direct=1 --thread "
       "--verify=crc32c --verify_fatal=1 --randrepeat=0")
# name: (slot, front-end, packed)
DISKS = {"ram": ("09.0", "ours", True), "file": ("0a.0", "mainline", False),
         "remote": ("0b.0", "ours", False)}
# Of <linux/vhost.h> and <linux/parley_vhost.h>.
VHOST_SET_OWNER = 0xaf01
SET_BACKEND = (1 << 30) | (32 << 16) | 0xafb0
READ_ONLY = 1


class Life:
    """A bridge, its disks, and one inner guest after the other."""

    def __init__(self, report):
        self.report = report
        self.host = disks.server("bridge", "life")
        images = {"ram": "/dev/ram0",
                  "file": disks.make_image("/tmp/file", 16)}
        images["remote"] = remote.disk(disks.make_image("/tmp/remote", 16))
        self.disks = {name: self.host.disk(images[name], slot, 2, packed)
                      for name, (slot, _, packed) in DISKS.items()}
        self.host.start()
        self.names = {}

    def boot(self, name):
        """A guest that has found its disks."""
        guest = Inner(self.report, name, self.disks.values(), MEMORY,
                      room=",slots=2,maxmem=1G").boot()
        guest.run("insert_ours && ours " + " ".join(
            slot for slot, front, _ in DISKS.values() if front == "ours"))
        guest.run("insert crc32c_generic crc16 mbcache jbd2 ext4 virtio_blk")
        for disk, (slot, _, _) in DISKS.items():
            self.names[disk] = guest.run(f"wait_for 20 disk {slot}; disk {slot}", 60)
        return guest

    def load(self, guest):
        """Verified writes on all disks, again and again."""
        for disk, name in self.names.items():
            guest.run(f"keep {disk} {FIO.format(disk=name)}")

    def goes_on(self, guest, why):
        """A test that every load makes a whole round after what happened."""
        rounds = guest.run("for n in ram file remote; do cat /tmp/$n.rounds "
                           "2>/dev/null || echo 0; done").split()
        wait = " && ".join(f"[ $(cat /tmp/{disk}.rounds || echo 0) -gt {n} ]"
                           for disk, n in zip(DISKS, rounds))
        guest.check(f"{why}: all disks go on", f"wait_for 90 eval '{wait}' && "
                    "! ls /tmp/*.status", 120)

    def finish_load(self, guest):
        """The loads end without a fault, and the media hold what they wrote."""
        for disk, name in self.names.items():
            guest.check(f"{disk}: every block read was the one written last",
                        f"kept {disk} 90", 120)
            self.report.equal(guest.run(f"sum_of {name}", 60),
                              disks.sum_of(self.disks[disk].image),
                              f"{disk}: the medium holds what the guest sees")

    # What happens

    def removal(self):
        """The module is in use."""
        done = subprocess.run(["rmmod", "parley_vhost_blk"], check=False,
                              capture_output=True)
        self.report.result(done.returncode != 0,
                           "the module cannot be removed while it is used")

    def opens(self):
        """Devices that nobody needs come and go beside those that work."""
        with open("/tmp/other", "wb") as image:
            image.truncate(1 << 20)
        for _ in range(100):
            with open("/dev/parley-blk", "rb") as device, \
                    open("/tmp/other", "rb") as image:
                fcntl.ioctl(device, VHOST_SET_OWNER)
                fcntl.ioctl(device, SET_BACKEND, struct.pack(
                    "<iI20sI", image.fileno(), READ_ONLY, b"other", 0))
        self.report.result(True, "a hundred devices were opened and closed")

    def kill_bridge(self, guest):
        """The guest only waits a little."""
        self.host.kill()
        guest.wait(0.5)
        self.host.start()
        self.goes_on(guest, "the bridge was killed and started again")

    def hotplug(self, guest):
        """Memory that no ring knew when it was started."""
        guest.qmp("object-add", qom_type="memory-backend-memfd", id="more",
                  size=256 << 20, share=True)
        guest.qmp("device_add", driver="pc-dimm", id="dimm", memdev="more")
        guest.check("memory was added", "wait_for 20 eval '"
                    "for m in /sys/devices/system/memory/memory*/state; do "
                    "grep -q online $m || echo online >$m; done; "
                    "[ $(awk \"/MemTotal/ {print \\$2}\" /proc/meminfo) -gt "
                    f"{(MEMORY + 128) << 10} ]'", 60)
        # A buffer larger than all that was there before.
        size = MEMORY + 8
        for disk, name in self.names.items():
            guest.check(f"{disk}: reads into it", "fio --name=big "
                        f"--filename=/dev/{name} --rw=read --bs=8M --size=8M "
                        f"--iodepth={size // 8} --ioengine=libaio --direct=1 "
                        "--thread --loops=2 --iomem_align=4096", 90)
        self.goes_on(guest, "memory was added")

    def kill_qemu(self, guest):
        """In the middle of writing files."""
        guest.run(f"kept file 90 && mkfs.ext4 -q -F /dev/{self.names['file']} && "
                  f"mount -t ext4 /dev/{self.names['file']} /mnt", 120)
        guest.run("keep files sh -c 'for n in 1 2 3 4 5 6; do "
                  "head -c 200000 /dev/urandom >/mnt/$n; sync; done'")
        guest.wait(3)
        guest.kill()
        # The bridge has noticed when the next guest can connect; the medium:
        image = self.disks["file"].image
        done = subprocess.run(["e2fsck", "-p", image], check=False,
                              capture_output=True, text=True)
        self.report.result(done.returncode in (0, 1),
                           "QEMU was killed: its file system recovers",
                           done.stdout + done.stderr)
        shell("e2fsck", "-f", "-n", image)


def main():
    """One life."""
    report = Report()
    shell("modprobe", "-r", "brd")
    shell("modprobe", "brd", "rd_nr=1", "rd_size=16384")
    life = Life(report)
    try:
        guest = life.boot("first")
        life.load(guest)
        life.goes_on(guest, "nothing happened")
        life.removal()
        life.opens()
        for _ in range(2):
            life.kill_bridge(guest)
        life.hotplug(guest)
        life.kill_qemu(guest)
        guest = life.boot("second")
        life.load(guest)
        life.goes_on(guest, "QEMU was killed and started again")
        life.finish_load(guest)
        report.equal(guest.off(), 0, "the guest powers off")
    except LabError as error:
        report.result(False, "life", f"{error}\n{life.host.said()}")
    report.equal(life.host.stop(), 0, "the bridge ends")
    shell("rmmod", "parley_vhost_blk")
    report.result(True, "the module can be removed")
    return report.plan()


sys.exit(main())
