# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: two inner guests on one disk, one that waits for each read
and one that has many in flight: each alone, and both, served by workers of their own
and by a pool that has a class for each, of one thread and of two. First on a disk so fast that the
host's processors are what both want, then on one that is what both want itself.

Prints one line "# row {...}" for each figure; host.py makes a table of them.
"""

import ctypes
import fcntl
import json
import os
import pathlib
import re
import struct
import sys

from labkit import counters
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
CLASSES = ("latency", "bulk")
# (what people call it, who is there, threads of the pool, if they are in it)
MODES = (
    ("alone, own workers", (WAITS,), 0),
    ("alone, own workers", (BULK,), 0),
    ("both, own workers", (WAITS, BULK), 0),
    ("both, one thread, two classes", (WAITS, BULK), 1),
    ("both, two threads, two classes", (WAITS, BULK), 2),
)


def split(path, parts):
    """Divide a disk that keeps no data, and so no table of partitions."""
    size = int(pathlib.Path(f"/sys/block/{os.path.basename(path)}/size").read_text("ascii"))
    share = size // parts * 512
    with open(path, "rb") as disk:
        for n in range(parts):
            what = struct.pack("qqi64s64s4x", n * share, share, n + 1, b"", b"")
            held = ctypes.create_string_buffer(what, len(what))
            fcntl.ioctl(disk, BLKPG, struct.pack("iiiP", ADD_PARTITION, 0, len(what),
                                                 ctypes.addressof(held)))


def exits(pids):
    """VM exits of all threads of some processes."""
    threads = {name for pid in pids for name in os.listdir(f"/proc/{pid}/task")}
    found = re.findall(r"common_pid:\s*(\d+)\s*}.*hitcount:\s*(\d+)",
                       (EXITS / "hist").read_text("ascii"))
    return sum(int(hits) for pid, hits in found if pid in threads)


def mark(tenant, family):
    """What was counted for a guest so far: exits, switches of its threads, requests."""
    pids = [tenant.guest.vm.process.pid, *tenant.server.pids()]
    return tenant.count(family) | {"exits": exits(pids),
                                   "switches": sum(map(counters.switches, pids))}


def since(before, after):
    """{what: how much more}."""
    return {what: after[what] - before[what] for what in before}


def a_request(grown):
    """Exits and switches of a guest for each request, and requests a second."""
    return {what: grown[what] / grown["ops"] for what in ("exits", "switches")} | {
        "rate": grown["ops"] / grown["at"]}


def during(tenants, family, work):
    """What @work returns; what was counted for each guest meanwhile, and all switches
    of the machine."""
    before, switches = [mark(t, family) for t in tenants], counters.all_switches()
    result = work()
    grown = [since(old, mark(t, family)) for old, t in zip(before, tenants)]
    return result, grown, counters.all_switches() - switches


def reads(tenant, count):
    """So many reads, one after another; what io says of them."""
    said = tenant.guest.run(f"/bin/io /dev/{tenant.name} read waits {count}", 240)
    times = re.search(r"# p50 (\d+) p99 (\d+)", said)
    return {"interrupts": sum(int(n) for n in re.findall(r"# irq \S*-req\S* (\d+)", said)),
            "p50": int(times.group(1)), "p99": int(times.group(2))}


def waiting(tenants, family):
    """Figures of the one that waits, of the other meanwhile, and switches a request of
    both. To start and end costs the same in a short run as in a long one."""
    few, short, _ = during(tenants, family, lambda: reads(tenants[WAITS], SHORT))
    many, long, switches = during(tenants, family, lambda: reads(tenants[WAITS], LONG))
    extra = since(short[WAITS] | few, long[WAITS] | many)
    row = {what: extra[what] / (LONG - SHORT) for what in ("exits", "switches", "interrupts")}
    row |= {what: many[what] for what in ("p50", "p99")}
    found = {"waits": row, "switches": switches / sum(one["ops"] for one in long)}
    return found | ({"bulk": a_request(long[BULK])} if long[BULK]["ops"] else {})


def bulk_alone(tenants, family):
    """Figures of the other alone."""
    bulk = tenants[BULK]
    _, (grown,), switches = during([bulk], family, lambda: bulk.guest.wait(ALONE))
    return {"bulk": a_request(grown), "switches": switches / grown["ops"]}


def measure(report, tenants, family, key):
    """A row for each mode."""
    bulk = tenants[BULK]
    for name, there, threads in MODES:
        if threads:
            parley("pool", "set", POOL, "--threads", threads)
            for tenant, lane in zip(tenants, CLASSES):
                parley("pool", "attach", tenant.device, POOL, "--class", lane)
        if BULK in there:
            bulk.load(DEPTH)
        bulk.guest.wait(SETTLE)
        row = (waiting if WAITS in there else bulk_alone)(tenants, family)
        report.note("row " + json.dumps(key | {"mode": name} | row))
        if BULK in there:
            bulk.loaded()
            bulk.unload()
        if threads:
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
    parley("pool", "add", POOL)
    for took in DISKS_MS:
        on_disk(report, family, took)
    parley("pool", "remove", POOL)
    (EXITS / "trigger").write_text("!hist:keys=common_pid", "ascii")
    return report.plan()


if __name__ == "__main__":
    sys.exit(main())
