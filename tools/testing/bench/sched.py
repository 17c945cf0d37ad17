#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare kinds of spinlocks in guests whose processors share one of the host's, and in
guests that have a processor for each.

usage: sched.py BUILD-DIRECTORY

A host with KVM (emulated), stock QEMU in it, and two inner guests, one of which boots
with nopvspin, so that both kinds of the kernel's own lock are there; whichever is not
measured is stopped. sched/inside.py runs in the host. Two runs: shared, with one
processor of the host for four of a guest and a hog; and alone, with two for two. The
plugin needs one processor, so it is in the first of them only.
"""
import collections
import os
import pathlib
import statistics
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

# pylint: disable=wrong-import-position
from labkit import scenario
from labkit.common import main_guard
from runs import collect, give_windows, say_lost
from tables import VERDICTS, show, summary

STAGES = {"shared": {"smp": 1, "inner": 4, "accel": "tcg,thread=single"},
          "alone": {"smp": 2, "inner": 2, "accel": "tcg,thread=multi"}}
ROUNDS = int(os.environ.get("ROUNDS", "7"))
MILLISECONDS = int(os.environ.get("MILLISECONDS", "2000"))
OURS, PV, PLAIN, TICKET = "parley", "PV qspinlock", "qspinlock", "ticket"
CONTROL = "parley beside"       # ours in the guest that has the plain one
WAYS = (OURS, PV, PLAIN, TICKET, CONTROL)
LOADS = {"short": "a tenth of the time", "long": "half of it"}
# What is asked.
OF_PLAIN, OF_PV, LONGEST_OF_PV, PAIR_OF_NATIVE = 2, 1, 0.5, 1.1


def describe(build, stage, rounds):
    """The scenario; not a file of the lab, because it judges nothing."""
    how = STAGES[stage]
    plugin = ["-plugin", f"{build}/spins.so,out={build}/spins"]
    return scenario.Scenario(
        name=f"bench-sched-{stage}", mem="2G", timeout=600, script="two-levels.sh",
        smp=how["smp"], accel=how["accel"], ticks=True, stock_modules=["kvm-amd"],
        inner_modules=["parley_sched", "parley_sched_bench"],
        env={"INNER": "../../bench/sched/inside", "STAGE": stage, "ROUNDS": rounds,
             "INNER_SMP": how["inner"], "MILLISECONDS": MILLISECONDS},
        qemu=plugin if stage == "shared" else [])


def windows(path):
    """(instructions, PAUSEs) of each of the plugin's windows."""
    return [tuple(map(int, line.split()))
            for line in path.read_text(encoding="ascii").splitlines()]


def collected(build, stage):
    """The rows of all rounds of a stage."""
    def count(row, window):
        row["instructions"], row["pauses"] = window

    def after(rows, ended):
        if stage == "shared":
            give_windows(rows, windows(build / "spins"), ended, count)
    return collect(stage, ROUNDS, lambda n: describe(build, stage, n), after)


def grouped(rows):
    """{(load, way): rows by round}."""
    found = collections.defaultdict(list)
    for row in sorted(rows, key=lambda row: row["round"]):
        found[row["load"], row["way"]].append(row)
    return found


def rate(row):
    """Acquisitions in a second of the guest's."""
    return row["sum"] / row["took"] * 1e9


def worth(row):
    """Acquisitions for each instruction that the machine executed, whoever did so."""
    return row["sum"] / row["instructions"]


def waited(row):
    """The longest wait, in milliseconds."""
    return row["longest"] / 1e6


def an_acquisition(what):
    """So many for each time that somebody had the lock."""
    return lambda row: row[what] / max(row["sum"], 1)


def a_second(what):
    """So many in a second of the guest's."""
    return lambda row: row[what] / row["took"] * 1e9


def figure(value):
    """As the tables show it."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def middle(rows, of):
    """The median of a figure over rounds."""
    return figure(statistics.median(map(of, rows)))


def ratios(ours, theirs, of):
    """A figure of ours by theirs, of each round."""
    return [of(a) / max(of(b), 1e-12) for a, b in zip(ours, theirs)]


def spread(values):
    """The median, and what it is the median of."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def judged(bad):
    """A verdict, counted."""
    VERDICTS.append(not bad)
    return "missed: " + ", ".join(bad) if bad else "met"


def told(text):
    """A paragraph of lines that are not too long."""
    return textwrap.fill(" ".join(text.split()), 92)


# Of the table of all kinds: what a column is called, and its figure. The second part
# takes the plugin.
COLUMNS = (("a second", rate),
           ("a CPU second", lambda row: row["sum"] / row["ran"] * 1e9),
           ("longest/ms", waited))
COUNTED = (("spins", an_acquisition("pauses")),
           ("instructions", an_acquisition("instructions")))
CALLS = (("yields", a_second("yields")), ("kicks", a_second("kicks")),
         ("exits", a_second("exits")),
         *((f"{what} exits", a_second(what)) for what in ("hlt", "intr", "msr")))


def ways_table(title, method, found, counted):
    """Each kind under each load."""
    columns = COLUMNS + (COUNTED if counted else ()) + CALLS
    rows = [(load, way, *(middle(found[load, way], of) for _, of in columns),
             f"{statistics.median(row['jain'] for row in found[load, way]):.2f}")
            for load in LOADS for way in WAYS]
    show(title, told(method), ("load", "lock", *(name for name, _ in columns), "Jain"), rows)


def wanted(way, more, wait):
    """What is asked of ours beside another kind, and is not so."""
    least = {PLAIN: OF_PLAIN, PV: OF_PV}[way]
    bad = [what for what, values in more.items() if statistics.median(values) < least]
    if way == PV and statistics.median(wait) > LONGEST_OF_PV:
        bad.append("longest wait")
    return bad


def compared_table(found):
    """Ours beside each other kind, round by round."""
    rows = []
    for load in LOADS:
        ours = found[load, OURS]
        for way in WAYS[1:]:
            theirs = found[load, way]
            more = {what: ratios(ours, theirs, of)
                    for what, of in (("a second", rate), ("an instruction", worth))}
            wait = ratios(ours, theirs, waited)
            rows.append((load, way, *map(spread, more.values()), spread(wait),
                         judged(wanted(way, more, wait)) if way in (PV, PLAIN) else "-"))
    show("Ours beside each of the others", told(f"""The same runs: ours by theirs, of the
         same round; medians, with the least and the most of {ROUNDS} rounds. Acquisitions
         a second of the guest's clock, which is as steady as the machine below, and an
         instruction that the emulated machine executed, which counts. Asked, of both:
         {OF_PLAIN} times those of the plain qspinlock, and no fewer than of the PV one;
         and at most {LONGEST_OF_PV} of the PV one's longest wait. The last row is ours in
         the guest that has the plain one, and says how alike the two guests are."""),
         ("load", "ours by", "a second", "an instruction", "longest wait", "verdict"),
         rows)


def pairs_table(found):
    """What nobody waits for."""
    least = {way: min(row["instructions"] for row in found["pairs", way]) /
             found["pairs", way][0]["pairs"] for way in (*WAYS, "loop")}
    cost = {way: n - least["loop"] for way, n in least.items()}
    rows = [(way, f"{cost[way]:.1f}",
             *(f"{cost[OURS] / cost[way]:.2f}" if way in (PV, PLAIN) else "-",
               judged(["more"] if cost[OURS] > PAIR_OF_NATIVE * cost[way] else [])
               if way in (PV, PLAIN) else "-"))
            for way in WAYS[:-1]]
    show("Without contention",
         told(f"""Instructions of a lock and an unlock, in the same guests, with the calls
         and without the loop around them (TCG plugin, the least of {ROUNDS} rounds).
         Asked: at most {PAIR_OF_NATIVE} times those of the kernel's lock."""),
         ("lock", "instructions", "ours to it", "verdict"), rows)


def main():
    """Print the tables."""
    build = pathlib.Path(sys.argv[1]).resolve()
    shared = grouped(collected(build, "shared"))
    ways_table("Locks in a guest whose four processors share one", f"""Four threads for one
        lock, each on a processor of an inner guest; these share one processor of the
        host's with a loop that never sleeps. Under the load that is called short they are
        inside for {LOADS["short"]}, under the long one for {LOADS["long"]}. Runs of
        {MILLISECONDS / 1000:g} s, medians of {ROUNDS} rounds over all rows. Acquisitions a
        second of the guest's clock, and a second that its processors ran; the longest
        that anybody waited. For each acquisition: spins (PAUSEs, by any kernel), and
        instructions (of the whole machine, hog and host and all). Then what the host saw,
        a second: hypercalls, and exits by reason; a halt is an hlt exit. Jain's index is
        1 if all threads had the lock equally often.""", shared, True)
    compared_table(shared)
    pairs_table(shared)
    ways_table("Locks in a guest with a processor for each of its own", """Two threads on
        two processors of an inner guest, each of which has one of the host's, and no hog;
        otherwise the same, without the plugin. Nothing is asked: what is emulated by two
        processors of a machine that does other work is preempted there.""",
        grouped(collected(build, "alone")), False)
    say_lost()
    summary()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
