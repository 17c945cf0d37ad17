# SPDX-License-Identifier: GPL-2.0-only
"""The second part of the main job: disks of the accelerator beside QEMU's own in
one inner guest, counted; then that guest moves to another QEMU under load. Lines
"ROW ..." and "MOVED ..." are for tools/testing/run-main."""

import os
import sys

from labkit import counters, disks, migration
from labkit.common import LabError
from labkit.inner import Inner
from labkit.report import Report

# serial of the outer guest's disk: (slot, front-end, back end, packed)
DISKS = {
    "qemu-split": ("09.0", "mainline", "qemu", False),
    "qemu-packed": ("0a.0", "mainline", "qemu", True),
    "mixed-packed": ("0b.0", "mainline", "bridge", True),
    "parley-split": ("0c.0", "ours", "bridge", False),
    "parley-packed": ("0d.0", "ours", "bridge", True),
}
OURS = [serial for serial, (_, front, _, _) in DISKS.items() if front == "ours"]
FIO = ("fio --name=verify --filename=/dev/{disk} --rw=randwrite --bs=4k "
       "--size=8M --iodepth=16 --iodepth_batch=8 --iodepth_batch_complete_max=8 "
       "--ioengine=libaio --direct=1 --thread --verify=crc32c --verify_fatal=1")


def outer_disk(serial):
    """The outer guest's disk of that serial."""
    for name in os.listdir("/sys/block"):
        path = f"/sys/block/{name}/serial"
        if os.path.exists(path):
            with open(path, encoding="ascii") as handle:
                if handle.read().strip() == serial:
                    return f"/dev/{name}"
    raise LabError(f"no disk with serial {serial}")


def plug_in(name):
    """(server, {serial: disk}) for one QEMU."""
    host = disks.server("bridge", name)
    return host, {serial: disks.disk_of(host if back == "bridge" else None,
                                        outer_disk(serial), slot, 2, packed)
                  for serial, (slot, _, back, packed) in DISKS.items()}


def requests(guest, name):
    """How many a disk has had."""
    words = guest.run(f"cat /sys/block/{name}/stat").split()
    return sum(int(words[n]) for n in (0, 4, 15))


def measure(guest, host, serial, name):
    """One row of the table: verified writes, and what they made the host do."""
    _, front, back, packed = DISKS[serial]
    pids = [guest.vm.process.pid, *host.pids()]
    before, first = counters.snapshot(pids), requests(guest, name)
    guest.check(f"{serial}: fio finds what it wrote", FIO.format(disk=name), 90)
    found = counters.snapshot(pids) - before
    done = requests(guest, name) - first
    print("# ROW", front, back, "packed" if packed else "split", done,
          *(found[key] for key in ("kicks", "interrupts", "exits", "switches")),
          flush=True)


def main():
    """The whole of it."""
    report = Report()
    host, table = plug_in("here")
    ours = [table[serial] for serial in OURS]
    migration.fill(ours)
    host.start()
    guest = Inner(report, "here", table.values(), 160).boot()
    guest.run("insert_ours && ours " + " ".join(d.address for d in ours))
    guest.run("insert virtio_blk")
    names = {serial: guest.run(f"wait_for 20 disk {d.address}; disk {d.address}", 60)
             for serial, d in table.items()}
    guest.run("for q in /sys/block/*/queue/scheduler; do echo none >$q; done")
    counters.switch_on()
    for serial, name in names.items():
        measure(guest, host, serial, name)
    migration.fill(ours)
    loaded = [names[serial] for serial in OURS]
    for name in loaded:
        migration.start_load(guest, name)
    guest.wait(2)
    other, table = plug_in("there")
    other.start()
    move = migration.Move(guest, "there", table.values(),
                          [table[serial] for serial in OURS])
    guest = move.go()
    guest.wait(2)
    migration.finish_load(guest, loaded)
    for serial in OURS:
        print("# MOVED", serial, guest.run(f"sum_of {names[serial]}", 60),
              move.downtime, flush=True)
    report.equal(guest.off(), 0, "the guest powers off")
    report.equal([host.stop(), other.stop()], [0, 0], "both bridges end")
    return report.plan()


sys.exit(main())
