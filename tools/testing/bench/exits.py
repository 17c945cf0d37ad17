#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count the exits of the same seconds of a guest's life, with every cooperative technique
off, each alone, and all on; and of its parts alone.

usage: exits.py

A host with KVM (emulated), stock QEMU in it, and one inner guest; exits/inside.py runs in
the host.
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
from labkit import exits, scenario
from labkit.common import main_guard
from runs import collect, say_lost
from tables import VERDICTS, show, summary

ROUNDS = int(os.environ.get("ROUNDS", "1"))
MILLISECONDS = int(os.environ.get("MILLISECONDS", "10000"))
# Of the guest's clock for one of its life: the host's timers have a grain of 4, and an
# exit to QEMU takes up to 1.
SLOW = int(os.environ.get("SLOW", "10"))
# How much longer the run with nothing may last, and of how many fewer events be.
SLACK = 1.2
# What is asked: of all exits, of the timer's, of what one interrupt and one notification
# are for.
FEWER, TIMER_FEWER, IN_INTERRUPT, IN_NOTIFICATION = 95, 98, 20, 64
NAMES = {"none": "none", "clock": "clock", "timers": "shared timers",
         "reads": "reads together", "ranges": "ranges together", "locks": "our lock",
         "all": "all"}
REASONS = ("pm timer", "deadline", "eoi", "ipi", "hlt", "intr", "notify", "vmmcall")
# Whose clock is the one that costs exits, or not: what a guest leaves for with it when it
# does nothing.
IDLE = {("timer", "none"): "none", ("timer", "timers"): "none"}
PARTS = {"timer": "periods", "reads": "reads", "ranges": "ranges",
         "sections": "sections"}


def describe(rounds):
    """The scenario; not a file of the lab, because it judges nothing."""
    return scenario.Scenario(
        name="bench-exits", mem="2G", timeout=1200, script="two-levels.sh", smp=1,
        modules=["parley_vhost_blk"], stock_modules=["kvm-amd"],
        inner_modules=["parley_blk", "parley_pci", "parley_sched", "parley_timer",
                       "parley_exits_load"],
        env={"INNER": "../../bench/exits/inside", "ROUNDS": rounds, "SLOW": SLOW,
             "MILLISECONDS": MILLISECONDS})


def collected():
    """{(parts, ways): rows by round}."""
    found = collections.defaultdict(list)
    for row in sorted(collect("exits", ROUNDS, describe), key=lambda row: row["round"]):
        row["other"] = row["exits"] - sum(row[what] for what in REASONS)
        found[row["parts"], row["ways"]].append(row)
    return found


def middle(rows, what):
    """The median over rounds."""
    return statistics.median(row[what] for row in rows)


def own(found, key):
    """Exits of each round, less those that the guest has when it does nothing as long."""
    idle = found["nothing", IDLE.get(key, "clock")]
    return [max(row["exits"] - nothing["exits"] * row["did took"] / nothing["did took"], 0)
            for row, nothing in zip(found[key], idle)]


def percent(rows, before):
    """Of what there was before, what is saved: the median of rounds."""
    return statistics.median(100 * (1 - row / max(none, 1))
                             for row, none in zip(rows, before))


def fewer(found, key):
    """Percent of the exits that are saved."""
    return percent(*([row["exits"] for row in found[which]]
                     for which in (key, (key[0], "none"))))


def fewer_own(found, key):
    """The same, less what is no affair of the part's."""
    return percent(own(found, key), own(found, (key[0], "none")))


def flatters(found, part):
    """Whether the host was too slow for the run with nothing. What goes by time is in it
    more often then, and periods share events that would have one each."""
    rows, length = found[part, "none"], MILLISECONDS
    if part != "whole":
        length //= exits.PART
    return middle(rows, "did took") > SLACK * SLOW * length * 1e6 or \
        SLACK * middle(rows, "did events") < length


def judged_fewer(found, key, least, count=fewer):
    """A verdict on exits that are saved, unless it would flatter."""
    if flatters(found, key[0]):
        return "not judged: the host is too slow"
    return judged(count(found, key), least, " %")


def judged(value, least, unit=""):
    """A verdict, counted."""
    VERDICTS.append(value >= least)
    return "met" if value >= least else f"missed by {least - value:.1f}{unit}"


def told(text):
    """A paragraph of lines that are not too long."""
    return textwrap.fill(" ".join(text.split()), 92)


def cells(found, key):
    """Exits, of these what for, and what it took."""
    rows = found[key]
    return (f"{middle(rows, 'exits'):.0f}", f"{fewer(found, key):.1f} %",
            *(f"{middle(rows, what):.0f}" for what in (*REASONS, "other")),
            f"{middle(rows, 'did latest') / 1e6 / SLOW:.0f}",
            f"{middle(rows, 'did took') / 1e9 / SLOW:.1f}")


HEAD = ("exits", "fewer", *REASONS, "other", "latest/ms", "took/s")


def whole_table(found):
    """With each way of saving exits."""
    rows = []
    for ways, name in NAMES.items():
        verdict = judged_fewer(found, ("whole", ways), FEWER) if ways == "all" else "-"
        rows.append((name, *cells(found, ("whole", ways)), verdict))
    one = found["whole", "all"][0]
    did = ", ".join(f"{one[f'did {what}']} {what}" for what in PARTS.values())
    show(f"Exits of {MILLISECONDS / 1000:g} seconds of a guest's life", told(f"""Always the
        same work, all of which was done in each run: {did}. kvm:kvm_exit of its two
        processors' threads, by what they are for: reads of the PM timer, writes of the
        timer's deadline, ends of interrupts, interrupts to the other processor, halts,
        interrupts of the host, writes to devices, hypercalls. Latest: a period's call,
        behind its time. A second of its life lasts {SLOW} of its clock's, as the emulated host
        is so slow. Medians of {ROUNDS} rounds over all rows. Asked: {FEWER} % fewer with
        all."""),
        ("on", *HEAD, "verdict"), rows)


def asked(found, part, ways):
    """(what is asked, verdict) of a part alone."""
    rows = found[part, ways]
    if part == "timer" and ways == "all":
        return f"{TIMER_FEWER} % fewer of its own", judged_fewer(
            found, (part, ways), TIMER_FEWER, fewer_own)
    if part == "reads" and ways == "reads":
        many = middle(rows, "did reads") / max(middle(rows, "interrupts"), 1)
        return f"{IN_INTERRUPT} reads an interrupt", f"{many:.1f}: " + \
            judged(many, IN_INTERRUPT)
    if part == "ranges" and ways == "ranges":
        # The command that starts it answers on a console of its own.
        mine = middle(rows, "notify") - middle(found["nothing", "clock"], "notify")
        many = middle(rows, "did ranges") / max(mine, 1)
        return f"{IN_NOTIFICATION} ranges a notification", f"{many:.1f}: " + \
            judged(many, IN_NOTIFICATION)
    return "-", "-"


def parts_table(found):
    """Each part alone."""
    rows = []
    for (part, ways), runs in found.items():
        if part in ("whole", "nothing"):
            continue
        did = middle(runs, f"did {PARTS[part]}")
        mine = statistics.median(own(found, (part, ways)))
        rows.append((f"{did:.0f} {PARTS[part]}", NAMES[ways],
                     *cells(found, (part, ways)), f"{mine:.0f}",
                     f"{fewer_own(found, (part, ways)):.1f} %", f"{mine / did:.3f}",
                     f"{middle(runs, 'interrupts'):.0f}", *asked(found, part, ways)))
    for ways in ("none", "clock"):
        rows.append(("nothing", NAMES[ways], *cells(found, ("nothing", ways)), *"-" * 6))
    show("What each of its parts costs alone", told("""Half of the same, without the
        other parts: the timer as before, all else one round after another, with the clock
        that takes no exits. Its own are those exits less what the guest has when it does
        nothing for as long, which goes by its clock: ten times as much as in its life.
        Interrupts: the disk's, of /proc/interrupts."""),
        ("work", "on", *HEAD, "own", "fewer", "a piece", "interrupts", "asked", "verdict"),
        rows)


def main():
    """Print the tables."""
    found = collected()
    whole_table(found)
    parts_table(found)
    say_lost()
    summary()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
