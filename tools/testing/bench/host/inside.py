# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: the same load through every pair of front-end and
back end, all of them disks of one inner guest, and counts what the host does.

Prints one line "# row {...}" for each figure; host.py makes tables of them.
"""

import os
import sys

from counted import Count, difference, load, measure
from labkit import disks, remote
from labkit.inner import Inner, shell
from labkit.report import Report

FIRST_SLOT = 9
# What the kernel counts beside exits: system calls.
COUNT = Count({"calls": ("raw_syscalls/sys_enter", "hist:keys=id")})


def pairs():
    """(name, front-end, back end, packed), mainline's own pair first."""
    yield "a", "mainline", "qemu", False
    yield "a daemon", "mainline", "daemon", False
    yield "b split", "mainline", "bridge", False
    yield "b packed", "mainline", "bridge", True
    yield "c split", "ours", "bridge", False
    yield "c packed", "ours", "bridge", True


# The last of them once more, with its null_blk behind NVMe over TCP.
REMOTE = "remote"
# "b packed" once more, by a bridge that has all privileges and may call everything.
UNCONFINED = "unconfined"


def figures(stage, guest, load_of):
    """{what: figure} of one load."""
    _, _, count, jobs = load_of
    if stage == "count":
        return difference(COUNT, guest, *load_of)
    took, _ = load(guest, *load_of)
    # The plugin has the instructions; host.py finds them by their order.
    return {"iops": jobs * count / took} if stage == "time" else {}


def plug_in(most):
    """A null_blk for each disk; returns {(pair, queues): disk} and the servers."""
    # Debian's null_blk completes in a soft interrupt and keeps no data.
    shell("modprobe", "null_blk", f"nr_devices={most}", "queue_mode=2",
          "submit_queues=4", "hw_queue_depth=256", "bs=512", "gb=1")
    servers = {kind: disks.server(kind) for kind in ("qemu", "daemon", "bridge")}
    servers["unconfined"] = disks.Bridge("unconfined", os.environ["UNCONFINED"])
    found = {}

    def add(pair, kind, queues, packed, over=lambda path: path):
        number = len(found)
        found[pair, queues] = disks.disk_of(
            servers[kind], over(f"/dev/nullb{number}"), f"{FIRST_SLOT + number:02x}.0",
            queues, packed)
    for queues in (1, 4):
        for pair, _, kind, packed in pairs():
            add(pair, kind, queues, packed)
    add(REMOTE, "bridge", 1, True, remote.disk)
    add(UNCONFINED, "unconfined", 1, True)
    return found, [server.start() for server in servers.values() if server]


def boot(report, table):
    """The inner guest, each disk with its driver."""
    guest = Inner(report, "inner", table.values(), mem=512,
                  smp=int(os.environ["INNER_SMP"])).boot()
    guest.run("insert_ours")
    front = {name: who for name, who, _, _ in pairs()} | {REMOTE: "ours",
                                                          UNCONFINED: "mainline"}
    mine = [disk.address for (pair, _), disk in table.items()
            if front[pair] == "ours"]
    guest.run("ours " + " ".join(mine))
    guest.run("insert virtio_blk")
    return guest


def loads(guest, table, count):
    """Every row's key, and the arguments of its load."""
    for (pair, queues), disk in table.items():
        name = guest.run(f"wait_for 10 disk {disk.address}; disk {disk.address}")
        guest.run(f"echo none >/sys/block/{name}/queue/scheduler; "
                  f"echo 2 >/sys/block/{name}/queue/nomerges")
        for depth in (1, 32) if queues == 1 else (32,):
            yield ({"pair": pair, "queues": queues, "depth": depth},
                   (name, depth, count, queues))


def main():
    """One run of one stage."""
    report = Report()
    table, servers = plug_in(2 * len(list(pairs())) + 2)
    guest = boot(report, table)
    rows = list(loads(guest, table, int(os.environ["COUNT"])))
    measure(report, guest, COUNT, rows, figures)
    report.equal(guest.off(), 0, "the inner guest powers off")
    for server in servers:
        report.equal(server.stop(), 0, f"{os.path.basename(server.command()[0])} ends")
    return report.plan()


sys.exit(main())
