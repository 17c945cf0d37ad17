#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count every shape of ring and load, and print one table of them.

usage: shapes.py [--test] BUILD-DIRECTORY

With --test only a few requests of each cell are counted, and what is printed
is whether every cell was.
"""
import glob
import os
import subprocess
import sys
import tempfile

import callgrind
import tables

FORMATS = ("split", "packed")
SHAPES = ("1-direct", "2-direct", "3-direct", "8-direct", "3-indirect",
          "8-indirect", "32-indirect")
MEMORY = ("none", "mapped", "premapped")
ORDER = ("off", "on")
BATCHES = ("32", "4", "1", "submit")
# Series of mainline, what its program is told, and whether it knows in-order.
SERIES = {"6.12": ("no-order",), "7.3": ()}

# At most so much of what mainline's cheaper series needs.
PART = {"driver": {"32": 0.60, "4": 0.75, "1": 0.85, "submit": 0.65},
        "device": {"32": 0.60, "4": 0.75, "1": 0.85}}
# In order, one segment, batch 32: so many instructions.
IN_ORDER = {"driver": 75, "device": 70}
# Premapped: so many more than without the DMA API.
PREMAPPED = 5


def programs(build):
    """The programs to run: [(column, [command])]."""
    found = [(series, [os.path.join(build, f"shapes-{series}"), "mainline",
                       *more]) for series, more in SERIES.items()
             if os.path.exists(os.path.join(build, f"shapes-{series}"))]
    first = os.path.join(build, f"shapes-{next(iter(SERIES))}")
    return found + [("parley", [first, "parley"])]


def count(command):
    """Run one program; {(role, format, shape, memory, order, batch): n}."""
    result = {}
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(
            ["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
             "--compress-strings=no", "--compress-pos=no",
             "--callgrind-out-file=" + os.path.join(tmp, "profile"), *command],
            check=True, timeout=1800)
        for path in glob.glob(os.path.join(tmp, "profile.*")):
            label, costs = callgrind.parse(path)
            if not label:
                continue
            role, _, *cell, requests = label.split("/")
            verbs = callgrind.DRIVER if role == "driver" else callgrind.DEVICE
            total = sum(costs.get(verb, 0) for verb in verbs)
            result[(role, *cell)] = total / int(requests)
    return result


def cells():
    """All cells of the table, in its order: (role, shape, memory, order, batch)."""
    for role in ("driver", "device"):
        for shape in SHAPES:
            for memory in MEMORY if role == "driver" else MEMORY[:1]:
                for order in ORDER:
                    for batch in PART[role]:
                        yield role, shape, memory, order, batch


def yardstick(data, cell, fmt):
    """The cheaper of mainline's series: (instructions, series)."""
    role, shape, memory, order, batch = cell
    if role == "device":
        # vringh: split alone, and it completes in order as it does otherwise.
        fmt, order = "split", "off"
    if batch == "submit":
        batch = "1"
    seen = [(data[series][key], series) for series in SERIES if series in data
            for key in [(role, fmt, shape, memory, order, batch)]
            if key in data[series]]
    return min(seen, default=(None, None))


def reason(cell):
    """The letter of the first reason that fits a cell."""
    return next(letter for letter, fits, _ in WHY if fits(*cell))


def limit(data, cell, fmt):
    """What our figure may be at most, as it is printed; None: no yardstick."""
    role, shape, memory, order, batch = cell
    ours = data["parley"]
    theirs, _ = yardstick(data, cell, fmt)
    most = []
    if theirs is not None:
        most.append(PART[role][batch] * theirs)
    if order == "on":
        most.append(ours[role, fmt, shape, memory, "off", batch])
        if (shape, memory, batch) == (SHAPES[0], MEMORY[0], "32"):
            most.append(IN_ORDER[role])
    if memory == "premapped":
        most.append(ours[role, fmt, shape, "none", order, batch] + PREMAPPED)
    return min(most, default=None)


def row(data, cell):
    """One row, and the verdicts in it."""
    line = list(cell)
    verdicts = []
    for fmt in FORMATS:
        theirs, series = yardstick(data, cell, fmt)
        mine = data["parley"][(cell[0], fmt, *cell[1:])]
        most = limit(data, cell, fmt)
        line += [f"{theirs:.0f} {series}" if series else "-", f"{mine:.0f}"]
        if most is None:
            line += ["-", "-"]
            continue
        met = round(mine) <= round(most)
        verdicts.append(met)
        line += [f"{most:.0f}",
                 "met" if met else f"+{round(mine) - round(most)} {reason(cell)}"
                 + ("!" if theirs and mine > theirs else "")]
    return line, verdicts


# Why a class of cells is missed: (letter, does a cell belong to it, why). The
# figures are of the functions, as callgrind has them.
WHY = (
    ("a", lambda role, shape, memory, order, batch: batch == "submit",
     """\
A request of its own pays for a full barrier, counters, saved registers and the
event: of the 222 instructions of one segment on a split ring put, publish and kick
are 95, reap 85, the calls on the way 42, of which 27 are the bench's adapter."""),
    ("b", lambda role, shape, memory, order, batch: memory == "mapped",
     """\
What was mapped is noted, as the ring is the device's to write, and undone by that
note. Mainline, compiled with a stub that is nothing, drops both: 2-direct is 5 dearer
mapped at batch 32 on a split ring, ours 53; 8-indirect not at all, ours 102."""),
    ("c", lambda role, shape, memory, order, batch:
        role == "driver" and shape != "1-direct",
     """\
A chain is checked, summed and entered into private state: of the 181 instructions of
2-direct at batch 32 on a split ring put is 122, of which 18 a segment, and reap 55."""),
    ("d", lambda role, shape, memory, order, batch: role == "driver",
     """\
Of one segment by itself the packed ring's put and reap are 105 and 97 instructions, the
split ring's 80 and 85: there is a wrap counter, and a first slot that is held back."""),
    ("e", lambda role, shape, memory, order, batch: shape != "1-direct",
     """\
Each descriptor is fetched, bounded and translated, for 44 to 48 instructions in a chain
of 91 to 99. vringh, as it is measured, translates nothing, and has no packed ring."""),
    ("f", lambda role, shape, memory, order, batch: True,
     """\
Of one chain by itself take is 87 instructions, of which 10 translate, and complete 44;
the packed ring's are 80 and 69, for which vringh's split ring is the yardstick."""),
)

METHOD = """\
Instructions per request by callgrind, {requests}ring of 256,
event index on, no notification wanted. Driver: put, publish, decide on the kick, reap;
submit is put to kick of one request by one call, for mainline the same as batch 1.
Device: take, complete, publish, decide on the interrupt. The peer is Parley's other
role each time, and writes all segments of every request: mainline takes those of one
direction by its cheapest call, and 7.3 premapped ones by no other. Mapping hands the
address back and costs neither side anything. No allocator is counted: ready tables here,
a pool there.

Mainline is {mainline} virtio_ring.c, in order {order}.
The device's yardstick is vringh.c, without in-order and for both formats that of its
only one, the split ring. Asked, whichever is least: of mainline's at most
{parts};
in order no more than out of order, and with one segment and batch 32 {driver} (driver)
and {device} (device); premapped no more than {premapped} above none. A verdict of +N is N
instructions too many, with ! more than mainline needs; the letter is of the reason below."""


def method(data, requests):
    """The text above the table."""
    both = all(series in data for series in SERIES)
    parts = ", ".join(f"{part:.2f} at {batch}" if batch == "submit" else
                      f"{part:.2f} at batch {batch}"
                      for batch, part in PART["driver"].items())
    return METHOD.format(
        requests=f"{requests} requests or more a cell, ",
        mainline="the cheaper of 6.12's and 7.3's" if both else
                 "6.12's alone, as there is no source of 7.3 here:",
        order="7.3's alone" if both else "unknown to it",
        parts=parts, driver=IN_ORDER["driver"], device=IN_ORDER["device"],
        premapped=PREMAPPED)


def show(data, requests):
    """Print the table and how many of its cells are as asked."""
    rows, verdicts = [], []
    for cell in cells():
        line, said = row(data, cell)
        rows.append(line)
        verdicts += said
    head = ["role", "segments", "memory", "order", "batch"]
    for fmt in FORMATS:
        head += [fmt, "parley", "most", "verdict"]
    tables.show("Instructions in every shape", method(data, requests), head,
                rows)
    for letter, _, why in WHY:
        print(f"\n{letter}. " + why.replace("\n", "\n   "))
    above = sum(str(cell).endswith("!") for line in rows for cell in line)
    print(f"\nCells above mainline's: {above} of {len(verdicts)}.\n\n"
          f"{sum(verdicts)} of {len(verdicts)} targets met", flush=True)


def test(data):
    """Is every cell there, and does it cost something?"""
    for cell in cells():
        for fmt in FORMATS:
            key = (cell[0], fmt, *cell[1:])
            if not data["parley"].get(key):
                sys.exit(f"shapes: nothing was counted for {key}")
            theirs, _ = yardstick(data, cell, fmt)
            if not theirs and ("7.3" in data or cell[3] == "off"):
                sys.exit(f"shapes: nothing of mainline's for {key}")
            if theirs and theirs < 10:
                sys.exit(f"shapes: mainline cannot be that cheap: {key}")
    print(f"shapes: every cell counted, of {', '.join(data)}")


def main():
    """Count and print."""
    testing = "--test" in sys.argv[1:]
    build = sys.argv[-1]
    requests = 64 if testing else 8192
    data = {column: count(command + [str(requests)])
            for column, command in programs(build)}
    if testing:
        test(data)
    else:
        show(data, requests)


if __name__ == "__main__":
    main()
