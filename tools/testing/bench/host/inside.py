# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: the same load through every pair of front-end and
back end, all of them disks of one inner guest, and counts what the host does.

Prints one line "# row {...}" for each figure; host.py makes tables of them.
"""

import json
import os
import pathlib
import re
import sys

from labkit import counters, disks, remote
from labkit.inner import Inner, shell
from labkit.report import Report

TRACING = pathlib.Path("/sys/kernel/tracing")
EXITS = TRACING / "events/kvm/kvm_exit"
CALLS = TRACING / "events/raw_syscalls/sys_enter"
# From the AMD manual: what a VM exit is for.
REASONS = {0x400: "npf", 0x78: "hlt", 0x7c: "msr", 0x60: "intr", 0x64: "vintr"}
FIRST_SLOT = 9


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


class Count:
    """What the host did since it booted: exits by reason, switches, calls."""

    @staticmethod
    def start():
        """Let the kernel count; costs time, so not while time is measured."""
        (EXITS / "trigger").write_text("hist:keys=exit_reason", "ascii")
        (CALLS / "trigger").write_text("hist:keys=id", "ascii")

    @staticmethod
    def stop():
        """Count no more."""
        (EXITS / "trigger").write_text("!hist:keys=exit_reason", "ascii")
        (CALLS / "trigger").write_text("!hist:keys=id", "ascii")

    @staticmethod
    def now():
        """{what: how often}."""
        found = dict.fromkeys(REASONS.values(), 0) | {"other": 0, "exits": 0}
        text = (EXITS / "hist").read_text("ascii")
        for reason, hits in re.findall(r"exit_reason:\s*(\d+).*hitcount:\s*(\d+)",
                                       text):
            found[REASONS.get(int(reason), "other")] += int(hits)
            found["exits"] += int(hits)
        hits = re.findall(r"Hits: (\d+)", (CALLS / "hist").read_text("ascii"))
        found["calls"] = int(hits[0])
        found["switches"] = counters.all_switches()
        return found


def aimed(name):
    """What starts a load on the processor that a disk's first queue interrupts.

    With several queues io itself puts each process where its queue interrupts. One
    process would run where the scheduler likes, and whenever that is not there,
    each completion costs an interrupt between processors and a second halt,
    whosever the driver is.
    """
    return (f"bus=$(readlink -f /sys/block/{name}/device); "
            "taskset $(cat /proc/irq/*/${bus##*/}-req.0/../effective_affinity)")


def load(guest, name, depth, count, jobs):
    """Run the load once; returns (seconds, interrupts)."""
    start, many = (aimed(name), "") if jobs == 1 else ("", jobs)
    said = guest.run(f"{start} /bin/io /dev/{name} read {depth} {count} {many}", 240)
    took = int(re.search(r"# took (\d+)", said).group(1)) / 1e9
    return took, sum(int(n) for n in re.findall(r"# irq \S*-req\S* (\d+)", said))


def difference(guest, name, depth, count, jobs):
    """{what: per request}. A short run is subtracted from a long one, so that
    starting and ending the load costs nothing."""
    marks, irqs = [Count.now()], []
    short, long = count // 10, 3 * count
    for length in (short, long):
        irqs.append(load(guest, name, depth, length, jobs)[1])
        marks.append(Count.now())
    extra = (long - short) * jobs
    row = {what: (marks[2][what] - 2 * marks[1][what] + marks[0][what]) / extra
           for what in marks[0]}
    row["interrupts"] = (irqs[1] - irqs[0]) / extra
    return row


def figures(stage, guest, load_of):
    """{what: figure} of one load."""
    _, _, count, jobs = load_of
    if stage == "count":
        return difference(guest, *load_of)
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


def measure(report, guest, table):
    """Every row of this run. The rounds go over all disks, one after another, so
    that what changes with time, as halt polling does, comes to all of them."""
    stage = os.environ["STAGE"]
    rows = list(loads(guest, table, int(os.environ["COUNT"])))
    if stage == "count":
        Count.start()
    for number in range(int(os.environ["ROUNDS"])):
        for key, load_of in rows:
            found = figures(stage, guest, load_of)
            report.note("row " + json.dumps(key | {"round": number} | found))
    if stage == "count":
        Count.stop()


def main():
    """One run of one stage."""
    report = Report()
    table, servers = plug_in(2 * len(list(pairs())) + 2)
    guest = boot(report, table)
    measure(report, guest, table)
    report.equal(guest.off(), 0, "the inner guest powers off")
    for server in servers:
        report.equal(server.stop(), 0, f"{os.path.basename(server.command()[0])} ends")
    return report.plan()


sys.exit(main())
