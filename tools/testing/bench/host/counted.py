# SPDX-License-Identifier: GPL-2.0-only
"""What a host counts per request of its guest's, by the kernel's own tracing, while
the guest runs a load on one of its disks."""

import json
import os
import pathlib
import re

from labkit import counters

EVENTS = pathlib.Path("/sys/kernel/tracing/events")
# From the AMD manual: what a VM exit is for.
REASONS = {0x400: "npf", 0x78: "hlt", 0x7c: "msr", 0x60: "intr", 0x64: "vintr"}
# What drivers call the interrupts of queues of requests.
IRQS = r"# irq (?:\S*-req\S*|nvme\d+q[1-9]\d*) (\d+)"


class Count:
    """What the host did since counting was begun: exits by reason, switches, and
    @more, {what: (event, histogram)}."""

    def __init__(self, more):
        self.events = {"exits": ("kvm/kvm_exit", "hist:keys=exit_reason")} | more

    def _trigger(self, sign):
        for event, histogram in self.events.values():
            (EVENTS / event / "trigger").write_text(sign + histogram, "ascii")

    def start(self):
        """Let the kernel count; costs time, so not while time is measured."""
        self._trigger("")

    def stop(self):
        """Count no more."""
        self._trigger("!")

    def _hist(self, what):
        return (EVENTS / self.events[what][0] / "hist").read_text("ascii")

    def now(self):
        """{what: how often}."""
        found = dict.fromkeys(REASONS.values(), 0) | {"other": 0, "exits": 0}
        for reason, hits in re.findall(r"exit_reason:\s*(\d+).*hitcount:\s*(\d+)",
                                       self._hist("exits")):
            found[REASONS.get(int(reason), "other")] += int(hits)
            found["exits"] += int(hits)
        for what in self.events.keys() - {"exits"}:
            found[what] = int(re.search(r"Hits: (\d+)", self._hist(what)).group(1))
        found["switches"] = counters.all_switches()
        return found


def aimed(name):
    """What starts a load on the processor that a disk's first queue interrupts.

    With several queues io itself puts each process where its queue interrupts. One
    process would run where the scheduler likes, and whenever that is not there,
    each completion costs an interrupt between processors and a second halt,
    whosever the driver is.
    """
    first = "q1" if name.startswith("nvme") else "-req.0"
    return (f"bus=$(readlink -f /sys/block/{name}/device); "
            f"taskset $(cat /proc/irq/*/${{bus##*/}}{first}/../effective_affinity)")


def load(guest, name, depth, count, jobs):
    """Run the load once; returns (seconds, interrupts)."""
    start, many = (aimed(name), "") if jobs == 1 else ("", jobs)
    said = guest.run(f"{start} /bin/io /dev/{name} read {depth} {count} {many}", 240)
    took = int(re.search(r"# took (\d+)", said).group(1)) / 1e9
    return took, sum(int(n) for n in re.findall(IRQS, said))


def difference(counts, guest, name, depth, count, jobs):
    """{what: per request}, as the Count @counts. A short run is subtracted from a long one, so that
    starting and ending the load costs nothing."""
    marks, irqs = [counts.now()], []
    short, long = count // 10, 3 * count
    for length in (short, long):
        irqs.append(load(guest, name, depth, length, jobs)[1])
        marks.append(counts.now())
    extra = (long - short) * jobs
    row = {what: (marks[2][what] - 2 * marks[1][what] + marks[0][what]) / extra
           for what in marks[0]}
    row["interrupts"] = (irqs[1] - irqs[0]) / extra
    return row


def measure(report, guest, counts, rows, figures):
    """Every row of this run: its key, and the arguments of its load. The rounds go over
    all disks, one after another, so that what changes with time, as halt polling does,
    comes to all of them."""
    stage = os.environ["STAGE"]
    if stage == "count":
        counts.start()
    for number in range(int(os.environ["ROUNDS"])):
        for key, load_of in rows:
            found = figures(stage, guest, load_of)
            report.note("row " + json.dumps(key | {"round": number} | found))
    if stage == "count":
        counts.stop()
