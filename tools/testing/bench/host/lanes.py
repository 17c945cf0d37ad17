# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: two inner guests on one disk, one that waits for each read
and one that has many in flight: each alone, and both, served by workers of their own
and by a pool of one thread that has a class for each. First on a disk so fast that the
host's processors are what both want, then on one that is what both want itself.

Prints one line "# row {...}" for each figure; host.py makes a table of them.
"""

import fcntl
import json
import os
import pathlib
import re
import struct
import sys

from labkit.inner import shell
from labkit.report import Report
from tenant import Tenant, parley

# After tenant, which says where it is.
from parleylib import netlink

EXITS = pathlib.Path("/sys/kernel/tracing/events/kvm/kvm_exit")
POOL = "lanes"
WAITS, BULK = 0, 1
DEPTH = 64
DISKS_MS = (1, 20)      # what a read takes
SHORT, LONG = 50, 550   # reads of the one that waits; the first are subtracted
ALONE = 6               # seconds that the other has alone
SETTLE = 1              # seconds after a change
BLKPG, ADD_PARTITION = 0x1269, 1
# (what people call it, who is there, their classes in the pool or none)
MODES = (
    ("alone, own workers", (WAITS,), None),
    ("alone, own workers", (BULK,), None),
    ("both, own workers", (WAITS, BULK), None),
    ("both, a pool, two classes", (WAITS, BULK), ("latency", "bulk")),
)


def split(path, parts):
    """Divide a disk that keeps no data, and so no table of partitions."""
    size = int(pathlib.Path(f"/sys/block/{os.path.basename(path)}/size").read_text("ascii"))
    share = size // parts * 512
    with open(path, "rb") as disk:
        for n in range(parts):
            what = bytearray(struct.pack("qqi64s64s4x", n * share, share, n + 1, b"", b""))
            at, _ = memory(what)
            fcntl.ioctl(disk, BLKPG, struct.pack("iiiP", ADD_PARTITION, 0, len(what), at))


def memory(buffer):
    """The address of a buffer, and what keeps it there."""
    import ctypes       # pylint: disable=import-outside-toplevel
    held = (ctypes.c_char * len(buffer)).from_buffer(buffer)
    return ctypes.addressof(held), held


def tasks(pids):
    """Folders of all threads of some processes."""
    return [task for pid in pids for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]


def mark(tenant, family):
    """What was counted for a guest so far: exits, switches of its threads, requests."""
    threads = tasks([tenant.guest.vm.process.pid, *tenant.server.pids()])
    mine = {int(task.name) for task in threads}
    found = re.findall(r"common_pid:\s*(\d+)\s*}.*hitcount:\s*(\d+)",
                       (EXITS / "hist").read_text("ascii"))
    status = "\n".join((task / "status").read_text("ascii") for task in threads)
    return {"exits": sum(int(hits) for pid, hits in found if int(pid) in mine),
            "switches": sum(map(int, re.findall(r"ctxt_switches:\s*(\d+)", status))),
            } | tenant.count(family)


def machine():
    """Switches of the whole machine."""
    stat = pathlib.Path("/proc/stat").read_text("ascii")
    return int(re.search(r"ctxt (\d+)", stat).group(1))


def per_request(before, after, fewer=0):
    """{what: a request} of a guest between two marks."""
    nr = after["ops"] - before["ops"] - fewer
    return {what: (after[what] - before[what]) / nr for what in ("exits", "switches")} | {
        "rate": nr / (after["at"] - before["at"])}


def reads(tenant, count):
    """So many reads, one after another; what io says of them."""
    said = tenant.guest.run(f"/bin/io /dev/{tenant.name} read waits {count}", 240)
    times = re.search(r"# p50 (\d+) p99 (\d+)", said)
    return {"interrupts": sum(int(n) for n in re.findall(r"# irq \S*-req\S* (\d+)", said)),
            "p50": int(times.group(1)), "p99": int(times.group(2))}


def waiting(tenant, other, family):
    """Figures of the one that waits, of the other meanwhile, and switches a request of
    both. To start and end costs the same in a short run as in a long one."""
    def run(count):
        before, theirs, all_ = mark(tenant, family), mark(other, family), machine()
        said = reads(tenant, count)
        return said, before, mark(tenant, family), theirs, mark(other, family), \
            machine() - all_
    short, long = run(SHORT), run(LONG)
    nr = LONG - SHORT
    row = {what: (long[2][what] - long[1][what] - short[2][what] + short[1][what]) / nr
           for what in ("exits", "switches")}
    row["interrupts"] = (long[0]["interrupts"] - short[0]["interrupts"]) / nr
    row |= {what: long[0][what] for what in ("p50", "p99")}
    bulk = long[4]["ops"] - long[3]["ops"]
    mine = long[2]["ops"] - long[1]["ops"]
    return {"waits": row, "switches": long[5] / (bulk + mine)} | (
        {"bulk": per_request(long[3], long[4])} if bulk else {})


def bulk_alone(tenant, family):
    """Figures of the other alone."""
    before, all_ = mark(tenant, family), machine()
    tenant.guest.wait(ALONE)
    after, all_ = mark(tenant, family), machine() - all_
    return {"bulk": per_request(before, after),
            "switches": all_ / (after["ops"] - before["ops"])}


def measure(report, tenants, family, key):
    """A row for each mode."""
    for name, there, classes in MODES:
        if classes:
            for tenant, lane in zip(tenants, classes):
                parley("pool", "attach", tenant.device, POOL, "--class", lane)
        if BULK in there:
            tenants[BULK].load(DEPTH)
        tenants[BULK].guest.wait(SETTLE)
        row = waiting(*tenants, family) if WAITS in there else \
            bulk_alone(tenants[BULK], family)
        report.note("row " + json.dumps(key | {"mode": name} | row))
        if BULK in there:
            tenants[BULK].loaded()
            tenants[BULK].unload()
        if classes:
            for tenant in tenants:
                parley("pool", "detach", tenant.device)


def on_disk(report, family, took):
    """All modes, round after round, on a disk that takes so many milliseconds."""
    # Debian's null_blk keeps no data.
    shell("modprobe", "null_blk", "nr_devices=1", "queue_mode=2", "irqmode=2",
          f"completion_nsec={took * 1000000}", "hw_queue_depth=256", "bs=512", "gb=1")
    split("/dev/nullb0", 2)
    tenants = [Tenant(report, n, f"/dev/nullb0p{n + 1}") for n in (WAITS, BULK)]
    for tenant in tenants:
        tenant.find(family)
    for number in range(int(os.environ["ROUNDS"])):
        measure(report, tenants, family, {"disk": f"{took} ms", "round": number})
    for tenant in tenants:
        tenant.off(report)
    shell("modprobe", "-r", "null_blk")


def main():
    """Two guests, all modes, on each disk."""
    report = Report()
    family = netlink.Family()
    (EXITS / "trigger").write_text("hist:keys=common_pid", "ascii")
    parley("pool", "add", POOL, "--threads", 1)
    for took in DISKS_MS:
        on_disk(report, family, took)
    parley("pool", "remove", POOL)
    (EXITS / "trigger").write_text("!hist:keys=common_pid", "ascii")
    return report.plan()


if __name__ == "__main__":
    sys.exit(main())
