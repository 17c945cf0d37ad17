#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run the user-space measurements and print them as tables with targets.

usage: tables.py BUILD-DIRECTORY

The tables are reST, so that they can go into Documentation/measures.rst as
they are. A missed target is said in its row and does not fail the run.
"""
import collections
import os
import subprocess
import sys

import callgrind

FORMATS = ("split", "packed")
VERDICTS = []       # of every row that has a target: was it met?
WHO = ("mainline", "parley")

# Targets in instructions per request, from what mainline needed on the machine
# where they were set: (table, role) -> one for each format.
INSTRUCTIONS = {
    ("one", "driver"): (100, 100),
    ("one", "device"): (90, 90),
    ("three", "driver"): (0.45 * 405, 0.45 * 370),
    ("kick", "driver"): (0.60 * 305, 0.60 * 327),
}
# Targets as parts of mainline's cycles in the same run.
SINGLE = {"driver": 0.55, "device": 0.40}
DUEL = {
    "poll": {"split": 1 / 5, "packed": 1 / 2},
    "pause": {"split": 1 / 5, "packed": 1 / 2},
    "pingpong": {"split": 1.03, "packed": 1.03},
}
LOADS = {
    "one": "one segment, batch 32",
    "three": "three segments, indirect, batch 32",
    "kick": "one segment, batch 1, kick",
    "notify": "one segment, batch 1, kick and interrupt",
    "poll": "batch 32, 256 in flight",
    "pause": "the same, 64 PAUSEs after an empty poll",
    "pingpong": "one in flight",
}


def number(value):
    return "-" if value is None else f"{value:.1f}"


def verdict(value, target):
    """Say whether a figure, of which less is better, reaches its target."""
    said = judge(value, target)
    if said[1] != "-":
        VERDICTS.append(said[1] == "met")
    return said


def judge(value, target):
    """The target and the verdict, as they are printed."""
    if target is None:
        return "-", "-"
    if value is None:
        return number(target), "not measured"
    # Compare what is printed: a figure is what the reader sees.
    if round(value, 1) <= round(target, 1):
        return number(target), "met"
    return number(target), f"missed by {100 * (value / target - 1):.0f} %"


def ratio(ours, theirs):
    return f"{ours / theirs:.2f}" if ours and theirs else "-"


def show(title, method, head, rows):
    """Print one reST table under its title and its method."""
    # An empty cell would end a column of a simple table, and a bare dash begin a list.
    head = [cell or "\\" for cell in head]
    rows = [["\\-" if cell == "-" else str(cell) for cell in row] for row in rows]
    width = [max(len(row[i]) for row in [head] + rows)
             for i in range(len(head))]
    rule = "  ".join("=" * w for w in width)

    def line(row):
        return "  ".join(c.ljust(w) for c, w in zip(row, width)).rstrip()

    print(f"\n{title}\n{'-' * len(title)}\n\n{method}\n\n{rule}\n{line(head)}")
    print("\n".join([rule] + [line(row) for row in rows] + [rule]), flush=True)


def timed(program):
    """Run cycles or threads; {(table, format, value): {(who, role): n}}."""
    out = subprocess.run([program], check=True, timeout=600, text=True,
                         stdout=subprocess.PIPE).stdout
    result = collections.defaultdict(dict)
    for line in out.splitlines():
        table, fmt, value, who, role, median, _spread = line.split()
        result[table, fmt, int(value)][who, role] = float(median)
    return result


def pick(data, table, fmt):
    """The only row of a table in this format."""
    return next((row for key, row in data.items() if key[:2] == (table, fmt)),
                {})


def pair(data, table, fmt, role):
    """Mainline's figure and ours; the device's yardstick is always vringh."""
    yardstick = "split" if role == "device" else fmt
    return (pick(data, table, yardstick).get(("mainline", role)),
            pick(data, table, fmt).get(("parley", role)))


def instructions(data):
    rows = []
    for table in ("one", "three", "kick", "notify"):
        for role in ("driver", "device"):
            for i, fmt in enumerate(FORMATS):
                theirs, ours = pair(data, table, fmt, role)
                goal = INSTRUCTIONS.get((table, role), (None, None))[i]
                rows.append((LOADS[table], role, fmt, number(theirs),
                             number(ours), ratio(ours, theirs),
                             *verdict(ours, goal)))
    show("Instructions per request, one thread",
         "Exact counts by callgrind over 8192 requests, ring of 256, event "
         "index on. Driver:\nput, publish, decide on the kick, reap. Device: "
         "take, complete, publish, decide on\nthe interrupt. Buffers are "
         "prepared beforehand and mainline's indirect tables come\nfrom a "
         "pool, so no allocator is counted. Mainline is virtio_ring.c and, as "
         "the device's\nyardstick for both formats, vringh.c, which has no "
         "packed ring.",
         ("load", "role", "format", "mainline", "parley", "ratio", "target",
          "verdict"), rows)


def single(data):
    rows = []
    for table in ("one", "three"):
        for role in ("driver", "device"):
            for fmt in FORMATS:
                theirs, ours = pair(data, table, fmt, role)
                goal = SINGLE[role] * theirs if table == "one" else None
                rows.append((LOADS[table], role, fmt, number(theirs),
                             number(ours), ratio(ours, theirs),
                             *verdict(ours, goal)))
    show("Cycles per request, one thread",
         "Time-stamp counter, pinned thread, both ends in turn; medians of 15 "
         "runs of at least\n8192 requests, competitors interleaved, preempted "
         "runs dropped. The device's yardstick\nis vringh for both formats, "
         "as mainline has no packed device.",
         ("load", "role", "format", "mainline", "parley", "ratio", "target",
          "verdict"), rows)


def duel(data):
    trips = pick(data, "trip", "-")
    for place, what in (("far", "no common cache"), ("near", "a common cache")):
        trip = trips.get(("line", place))
        if not trip:
            continue
        rows = []
        for table, parts in DUEL.items():
            for fmt in FORMATS:
                row = pick(data, table, fmt)
                theirs, ours = (row.get((w, place)) for w in WHO)
                goal = None
                if place == "far" and theirs:
                    goal = parts[fmt] * theirs
                rows.append((LOADS[table], fmt, number(theirs), number(ours),
                             ratio(ours, theirs), *verdict(ours, goal)))
        show(f"Cycles per request, two threads, {what}",
             "Both ends poll; ring of 256, one segment, event index on; wall "
             "time of the driver's\nthread in cycles of the time-stamp "
             "counter, medians of interleaved runs, preempted\nruns dropped. "
             "Each end publishes once a burst where its API allows it. A cache"
             f"\nline took {trip:.0f} cycles to and fro.",
             ("load", "format", "mainline", "parley", "ratio", "target",
              "verdict"), rows)
    if ("line", "far") not in trips:
        print("\nTwo threads, no common cache: not measured, because the two "
              "processors of this\nmachine shared one all the time; the "
              "targets were set without one.")


def summary():
    """The last line: how many targets were met."""
    print(f"\n{sum(VERDICTS)} of {len(VERDICTS)} targets met", flush=True)


def growth(counted, cycles, table, what, unit):
    rows = []
    for fmt in FORMATS:
        values = sorted(k[2] for k in counted if k[:2] == (table, fmt))
        for value in values:
            row = [fmt, value]
            for role in ("driver", "device"):
                for who in WHO:
                    key = (table, fmt, value)
                    if (who, role, fmt) == ("mainline", "device", "packed"):
                        row += ["-", "-"]
                        continue
                    row += [number(counted[key].get((who, role))),
                            number(cycles[key].get((who, role)))]
            rows.append(row)
    head = ["format", unit]
    for role in ("driver", "device"):
        for who in WHO:
            head += [f"{who} {role}", "cycles"]
    show(f"How the cost grows with {what}",
         "Instructions and cycles per request, one thread, one segment; "
         "counted and timed as above.", head, rows)


def main():
    build = sys.argv[1]
    counted = callgrind.run(os.path.join(build, "count"))
    instructions(counted)
    cycles = timed(os.path.join(build, "cycles"))
    single(cycles)
    duel(timed(os.path.join(build, "threads")))
    growth(counted, cycles, "batch", "the batch", "batch")
    growth(counted, cycles, "size", "the ring", "size")
    growth(counted, cycles, "queues", "the number of queues", "queues")
    summary()


if __name__ == "__main__":
    main()
