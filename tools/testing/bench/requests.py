#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compare the two kinds of locks of our disk's queue, in guests whose four processors
share one of the host's with a loop.

usage: requests.py BUILD-DIRECTORY

As the shared part of sched.py, with sched/requests.py in the host: four threads read
from one queue, whose lock is the kernel's spinlock or the paravirtual one. The same with
mainline's null_blk, patched and built by labkit/examples.py.
"""
import collections
import os
import pathlib
import sys

# pylint: disable=wrong-import-position
from sched import (a_second, an_acquisition, middle, rate, ratios, scenario, spread,
                   told, waited, windows, worth)
from labkit import examples, kernels
from labkit.common import main_guard
from runs import collect, give_windows, say_lost
from tables import show

STAGE = "requests"
ROUNDS = int(os.environ.get("ROUNDS", "7"))
LOCKS = ("pvlock", "spinlock")
GUESTS = {"pv": "PV qspinlock", "plain": "qspinlock"}
NAMES = {"one": "ours, 1 each", "eight": "ours, 8 each", "null": "null_blk, 8 of 64K each"}
LOADS = {load: NAMES[load] for load in os.environ.get("LOADS", " ".join(NAMES)).split()}


def describe(build, rounds):
    """The scenario; not a file of the lab, because it judges nothing."""
    null = examples.build(kernels.get("stock"), "null_blk")
    return scenario.Scenario(
        name=f"bench-sched-{STAGE}", mem="2G", timeout=900, script="two-levels.sh",
        smp=1, accel="tcg,thread=single", ticks=True, stock_modules=["kvm-amd"],
        inner_modules=["parley_sched", "parley_sched_bench", "parley_pci", "parley_blk"],
        inner_files={"bin/io": str(build / "io")} | {
            f"lib/examples/{name}.ko": str(path) for name, path in null.items()},
        inner_stock_modules=["configfs"],
        env={"INNER": "../../bench/sched/requests", "ROUNDS": rounds, "INNER_SMP": 4,
             "LOADS": " ".join(LOADS)},
        qemu=["-plugin", f"{build}/spins.so,out={build}/spins"])


def collected(build):
    """{(guest, load, lock): rows by round}."""
    def count(row, window):
        row["instructions"], row["pauses"] = window

    def after(rows, ended):
        give_windows(rows, windows(build / "spins"), ended, count)

    found = collections.defaultdict(list)
    rows = collect(STAGE, ROUNDS, lambda n: describe(build, n), after)
    for row in sorted(rows, key=lambda row: row["round"]):
        found[row["guest"], row["load"], row["lock"]].append(row)
    return found


def of_ours(what):
    """What our lock counted, for each thousand requests."""
    return lambda row: row["ours"][what] * 1000 / row["sum"]


COLUMNS = (("a second", rate), ("longest/ms", waited), ("spins", an_acquisition("pauses")),
           ("instructions", an_acquisition("instructions")),
           ("contended", of_ours("contended")), ("yields", of_ours("yields")),
           ("halts", of_ours("halts")), ("hlt exits", a_second("hlt")))


def figures(found):
    """Each guest with each lock."""
    rows = []
    for guest, native in GUESTS.items():
        for load, name in LOADS.items():
            for lock in LOCKS:
                rows.append((native, name, "ours" if lock == "pvlock" else "spinlock",
                             *(middle(found[guest, load, lock], of) for _, of in COLUMNS)))
    show("Reads by four threads, in a guest whose four processors share one",
         told(f"""Four threads, each on a processor of an inner guest, read 4 KiB blocks from
         one queue of a disk of ours, behind QEMU's null-co; the guest's processors share one of
         the host's with a loop that never sleeps, and with QEMU's other threads. One read
         after another, or eight at a time. The queue's lock is our paravirtual one or the
         kernel's spinlock, which is the PV qspinlock in one guest and the plain one in the
         other. And reads of 64 KiB from a null_blk that keeps its data, which
         has one lock around the copying. Medians of {ROUNDS} rounds over all rows. Requests a
         second of the guest's clock; the longest read; spins and instructions (of the whole machine) for each
         request; waits, yields and halts of our lock for each thousand."""),
         ("spinlocks are", "disk and reads", "its lock", *(name for name, _ in COLUMNS)), rows)


def compared(found):
    """Ours by the kernel's, round by round."""
    rows = []
    for guest, native in GUESTS.items():
        for load, name in LOADS.items():
            ours, theirs = (found[guest, load, lock] for lock in LOCKS)
            rows.append((native, name, *(spread(ratios(ours, theirs, of))
                                         for of in (rate, worth)),
                         spread(ratios(ours, theirs, waited)) if load == "one" else "-"))
    show("The queue with our lock beside the same with the kernel's",
         told("The same runs, of the same round; medians, with the least and the most."),
         ("spinlocks are", "disk and reads", "a second", "an instruction", "longest read"), rows)


def main():
    """Print the tables."""
    found = collected(pathlib.Path(sys.argv[1]).resolve())
    figures(found)
    compared(found)
    say_lost()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
