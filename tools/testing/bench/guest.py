#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count what mainline's virtio_blk and parley_blk cost a guest.

usage: guest.py BUILD-DIRECTORY

One boot of the stock kernel; one virtio-blk device that moves between the two
drivers; the plugin counts instructions by address and kicks, the guest's
/proc/interrupts the interrupts.
"""
import collections
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

# pylint: disable=wrong-import-position
import layers
from labkit import runner, scenario
from labkit.common import LabError, main_guard
from tables import (FORMATS, VERDICTS, WHO, ratio, show, summary,
                    verdict)

DEPTHS = (1, 8, 32, 128)
COUNT = 2048
ROUNDS = 3
# Null latency makes the cost depend on whether the completion beats the
# sleep; with some, the guest always sleeps.
LATENCY_NS = 200000
# Instructions a request by which a symbol must differ to be called a helper.
NOISE = 5
TARGET = 0.80
# Which completions the interrupt still finds together is a race with the
# device's timer: a difference of this many a request is none.
RACE = 0.01


def describe(build, fmt):
    """The scenario; not a file of the lab, because it judges nothing."""
    return scenario.Scenario(
        name=f"bench-blk-{fmt}", smp=1, accel="tcg,thread=single", timeout=400,
        script=str(HERE / "guest/run.sh"), stock_modules=["virtio_blk"],
        modules=["parley_pci", "parley_blk"],
        env={"DEPTHS": " ".join(map(str, DEPTHS)), "COUNT": COUNT,
             "ROUNDS": ROUNDS, "BENCH_IO": build / "io"},
        drive=[{"id": "data", "blockdev": "driver=null-co,node-name=data,"
                f"read-zeroes=on,size={64 << 20},latency-ns={LATENCY_NS}"}],
        device=[{"driver": "virtio-blk-pci", "drive": "data",
                 "serial": "data", "addr": "0x10",
                 "packed": fmt == "packed"}],
        qemu=["-plugin", f"{build}/plugin.so,out={build}/windows",
              "-virtfs", f"local,path={build}/out,mount_tag=bench-out,"
                         "security_model=none"])


def said(log):
    """What the guest said of each window: (who, op, depth) and interrupts."""
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        words = line.partition("> ")[2].split()
        if words[:2] == ["#", "window"]:
            found.append(((words[2], words[3], int(words[4])), 0))
        elif words[:2] == ["#", "irq"] and "-req." in words[2]:
            # Both drivers call the vector of a request queue so.
            key, irqs = found[-1]
            found[-1] = (key, irqs + int(words[3]))
    return found


def windows(path):
    """The plugin's windows, in order: (user, kicks, {address: count})."""
    found = []
    for line in path.read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == "window":
            found.append((int(words[1]), int(words[2]), {}))
        else:
            found[-1][2][int(words[0], 16)] = int(words[1])
    return found


def collect(build, fmt):
    """Boot and measure; {(who, op, depth): [round, ...]}.

    A round is {(layer, symbol): instructions a request}; kicks, interrupts and
    user space are symbols of the layers so called.
    """
    (build / "out").mkdir(parents=True, exist_ok=True)
    run = runner.run_one(describe(build, fmt))
    if run.failures:
        raise LabError("the guest did not run to its end")
    symbols = layers.Symbols(build / "out/symbols")
    heard = said(pathlib.Path(run.log.name))
    counted = windows(build / "windows")
    if len(heard) != len(counted):
        raise LabError(f"{len(heard)} windows announced, {len(counted)} counted")
    result = collections.defaultdict(list)
    for (key, irqs), (user, kicks, code) in zip(heard, counted):
        row = symbols.by_symbol(code)
        row["user", ""] = user
        row["kicks", ""] = kicks
        row["interrupts", ""] = irqs
        result[key].append({k: v / COUNT for k, v in row.items()})
    return result


def medians(rounds):
    """The median of each symbol over the rounds."""
    keys = set().union(*rounds)
    return collections.Counter(
        {key: statistics.median(row.get(key, 0) for row in rounds)
         for key in keys})


def layer(row, name):
    """Sum over the symbols of one layer."""
    return sum(v for (where, _), v in row.items() if where == name)


def helpers(row, other):
    """What the rest of the kernel executes more with this driver."""
    more = (row[key] - other[key] for key in row if key[0] == "rest")
    return sum(m for m in more if m >= NOISE)


def costs(data, op, depth):
    """The columns of one line, for mainline and for ours."""
    rows = [medians(data[who, op, depth]) for who in WHO]
    for row, other in (rows, rows[::-1]):
        own = layer(row, "driver")
        yield {"total": sum(layer(row, name) for name in
                            ("user", "rest", "block", "driver")),
               "block": layer(row, "block"), "own": own,
               "driver": own + helpers(row, other),
               "kicks": layer(row, "kicks"), "irqs": layer(row, "interrupts")}


def instructions(lines, fmt):
    """The table of instructions."""
    rows = []
    for op, depth, theirs, ours in lines:
        rows.append((op, depth,
                     *(f"{c[k]:.0f}" for k in ("total", "block", "own", "driver")
                       for c in (theirs, ours)),
                     ratio(ours["driver"], theirs["driver"]),
                     *verdict(ours["driver"], TARGET * theirs["driver"])))
    show(f"Guest instructions per 4 KiB request, {fmt} ring",
         f"Stock kernel, one processor; medians of {ROUNDS} rounds "
         f"of {COUNT} direct requests\nby AIO, counted by address in QEMU "
         "(TCG plugin); null-co that takes 0.2 ms. Total is all\nthat ran, "
         "user space and idle included; block is block/ and its tags; own is "
         "the code of\nthe driver, its ring and its transport. Driver adds to "
         "own what the rest of the kernel\n(allocator, scatterlists, locks) "
         "executes more with this driver than with the other.\nEach pair is "
         "mainline, parley.",
         ("4 KiB", "depth", "total", "", "block", "", "own", "", "driver", "",
          "ratio", "target", "verdict"), rows)


def notifications(lines, fmt):
    """The table of kicks and interrupts."""
    rows = []
    for op, depth, theirs, ours in lines:
        worse = [what for what in ("kicks", "irqs")
                 if ours[what] > theirs[what] + RACE]
        rows.append((op, depth,
                     *(f"{c[k]:.3f}" for k in ("kicks", "irqs")
                       for c in (theirs, ours)),
                     "missed: more " + " and ".join(worse) if worse else "met"))
        VERDICTS.append(not worse)
    show(f"Kicks and interrupts per 4 KiB request, {fmt} ring",
         "The same runs. Kicks are stores to the device's notification area, "
         "interrupts those of\nthe queue's vector in /proc/interrupts. Target: "
         "never more than mainline; how\nmany completions share an interrupt is a "
         f"race, so {RACE} a request is no difference.\nEach pair is mainline, "
         "parley.",
         ("4 KiB", "depth", "kicks", "", "interrupts", "", "verdict"), rows)


def main():
    """Print the tables of both formats."""
    build = pathlib.Path(sys.argv[1]).resolve()
    for fmt in FORMATS:
        data = collect(build, fmt)
        lines = [(op, depth, *costs(data, op, depth))
                 for op in ("read", "write") for depth in DEPTHS]
        instructions(lines, fmt)
        notifications(lines, fmt)
    summary()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
