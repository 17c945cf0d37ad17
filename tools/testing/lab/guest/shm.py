# SPDX-License-Identifier: GPL-2.0-only
"""Disks over the shared-memory transport: a stock QEMU has an ivshmem-doorbell for each,
whose server is the bridge, and the inner guest drives them with parley_shm and
parley_blk. One disk has packed rings, the other split ones."""

import os
import signal
import sys
import time

from labkit import disks
from labkit.common import LabError, children
from labkit.inner import Inner
from labkit.report import Report

QUEUES = 2
MEMORY = 16         # MiB that a guest shares with each device
DISKS = {"packed": "09.0", "split": "0a.0"}
FIO = ("fio --name=verify --filename=/dev/{disk} --rw=randwrite --bs=4k "
       "--size=1M --iodepth=16 --ioengine=libaio --direct=1 --thread "
       "--verify=crc32c --verify_fatal=1 --randrepeat=0")


class SharedDisk(disks.Disk):
    """A disk behind ivshmem-doorbell."""

    def arguments(self):
        name = f"disk{self.address[:2]}"
        return ["-chardev", f"socket,id={name},path={self.server.socket(self)}",
                "-device", f"ivshmem-doorbell,chardev={name},vectors={QUEUES + 1},"
                           f"addr=0x{self.address[:2]}"]


class SharingBridge(disks.Bridge):
    """The bridge as a server of ivshmem."""

    def disk(self, image, address, queues=QUEUES, packed=False):
        found = SharedDisk(image, address, queues, packed, self)
        self.disks.append(found)
        return found

    def command(self):
        return [f"{word},ivshmem={MEMORY}" if word.startswith("socket=") else word
                for word in super().command()]


def switches(pids):
    """How often these processes were given a processor."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as handle:
            total += sum(int(line.split()[1]) for line in handle if "ctxt_switches" in line)
    return total


class Shared:
    """The bridge, its disks, and one inner guest after the other."""

    def __init__(self, report):
        self.report = report
        self.host = SharingBridge("shm")
        self.disks = {name: self.host.disk(disks.make_image(f"/tmp/{name}", 8), slot)
                      for name, slot in DISKS.items()}
        self.host.start()
        self.names = {}

    def workers(self):
        """The processes that serve the guest."""
        return children(self.host.process.pid)

    def bind(self, guest, name):
        """Hand a function to our driver; its rings are of the format of its name."""
        slot = DISKS[name]
        guest.run(f"echo {'packed' if name == 'split' else ''} "
                  ">/sys/module/parley_guest/parameters/ring_off; "
                  f"echo parley_shm >/sys/bus/pci/devices/0000:00:{slot}/driver_override; "
                  f"echo 0000:00:{slot} >/sys/bus/pci/drivers_probe; "
                  f"wait_for 20 disk {slot}", 60)
        self.names[name] = guest.run(f"disk {slot}")

    def boot(self, name):
        """A guest that has its disks."""
        guest = Inner(self.report, name, self.disks.values(), 192).boot()
        guest.run("insert_ours")
        for disk in DISKS:
            self.bind(guest, disk)
        return guest

    def formats(self, guest):
        """Bit 34 of the features says which rings they are, and mainline has neither."""
        for disk, name in self.names.items():
            bit = guest.run(f"cut -c 35 /sys/block/{name}/device/features")
            self.report.equal(bit, str(int(disk == "packed")), f"{disk}: its rings are")
        lines = guest.run(f"ls /sys/block/{self.names['packed']}/mq | wc -l")
        self.report.equal(lines, str(QUEUES), "each disk has its queues")

    def moves(self, guest):
        """Verified writes, of which no byte passes through the bridge."""
        before, begun = switches(self.workers()), time.monotonic()
        for disk, name in self.names.items():
            guest.check(f"{disk}: every block read is the one written last",
                        FIO.format(disk=name), 90)
        found = switches(self.workers()) - before
        self.report.note(f"{time.monotonic() - begun:.0f} s; the bridge ran {found} times")
        self.report.result(found < 20, "and the bridge sleeps", found)

    def kill_workers(self, guest):
        """Under load: the guest starts its devices anew, and repeats what was lost."""
        for disk, name in self.names.items():
            guest.run(f"keep {disk} {FIO.format(disk=name)}")
        for _ in range(2):
            guest.wait(2)
            for pid in self.workers():
                os.kill(pid, signal.SIGKILL)
        guest.wait(1)
        for disk in DISKS:
            guest.check(f"{disk}: goes on when its process was killed, twice",
                        f"wait_for 60 test -e /tmp/{disk}.rounds; "
                        f"n=$(cat /tmp/{disk}.rounds); "
                        f"wait_for 60 eval '[ $(cat /tmp/{disk}.rounds) -gt '$n' ]' && "
                        f"kept {disk} 60", 180)
        self.report.equal(len(self.workers()), len(DISKS), "each has a process again")

    def agree(self, guest, why):
        """The media hold what the guest sees."""
        for disk, name in self.names.items():
            self.report.equal(guest.run(f"sum_of {name}", 60),
                              disks.sum_of(self.disks[disk].image),
                              f"{disk}: the medium holds what the guest sees, {why}")

    def rebind(self, guest):
        """A driver that goes and comes back finds its device."""
        slot = DISKS["packed"]
        guest.run(f"echo 0000:00:{slot} >/sys/bus/pci/drivers/parley_shm/unbind")
        self.bind(guest, "packed")
        guest.check("packed: unbound and bound", FIO.format(
            disk=self.names["packed"]), 90)

    def leave(self, guest):
        """The bridge ends before the guest: it is told, and nothing waits."""
        name = self.names["split"]
        self.report.equal(self.host.stop(), 0, "the bridge ends")
        guest.check("a disk whose device left fails at once, or is gone",
                    f"! timeout 20 dd if=/dev/{name} of=/dev/null bs=4k count=1 "
                    "iflag=direct", 60)
        guest.check("and its driver can be removed",
                    "rmmod parley_blk && rmmod parley_shm", 90)


def main():
    """Two guests."""
    report = Report()
    shared = Shared(report)
    try:
        guest = shared.boot("first")
        shared.formats(guest)
        shared.moves(guest)
        shared.kill_workers(guest)
        shared.agree(guest, "after two kills")
        shared.rebind(guest)
        guest.kill()
        guest = shared.boot("second")
        shared.agree(guest, "in another guest")
        shared.moves(guest)
        shared.leave(guest)
        report.equal(guest.off(), 0, "the guest powers off")
    except LabError as error:
        report.result(False, "shared memory", f"{error}\n{shared.host.said()}")
    return report.plan()


sys.exit(main())
