#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measure network cards of a guest: an emulated one, mainline's pair, and ours.

usage: net.py BUILD-DIRECTORY

A host with KVM (emulated), stock QEMU in it, one inner guest with all the cards;
net/inside.py runs there. Four runs, because counting costs time: counts, instructions,
these of four queues, and time. The host has two processors in the last one, which the
emulator makes slow, and the plugin impossible. With BRIEF in the
environment they are short: whether all works, no figures.
"""
import collections
import os
import pathlib
import statistics
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab"), str(HERE / "net")]

# pylint: disable=wrong-import-position
import where
from labkit import scenario
from labkit.common import main_guard
from runs import collect, give_windows, number, say_lost
from tables import VERDICTS, show, summary

BRIEF = bool(os.environ.get("BRIEF"))
STAGES = ("count", "instructions", "queues", "time")
COUNTED = ("instructions", "queues")    # by the plugin
ROUNDS = dict.fromkeys(STAGES, 1) if BRIEF else {"time": 3, "count": 3, "instructions": 3,
                                                 "queues": 2}
COUNT = 256 if BRIEF else 2048
QUEUES = 4
EMULATED, MAINLINE = "e1000", "vhost"
CARDS = ("e1000", "qemu", "vhost", "split", "packed", "in order")
OURS = CARDS[3:]
WORKS = ("tcp-send", "tcp-recv", "tcp-rr", "udp-send", "udp-recv", "xdp-drop")
STREAMS = WORKS[:2]
# What is asked.
OF_INSTRUCTIONS, OF_EXITS, FLAT = 0.75, 0.05, 0.10
NEVER_MORE = ("exits", "notifications", "interrupts")
# What wanders when nothing changes.
NOISE, RACE = 0.05, 0.01
COUNTS = ("frames", "exits", "npf", "hlt", "msr", "intr", "notifications", "interrupts",
          "switches")
INSTRUCTIONS = ("host", "guest", "back end", "driver", "repeats")
TIMES = ("rate", "p50", "p99", "jitter")


def describe(build, stage, rounds):
    """The scenario; not a file of the lab, because it judges nothing."""
    single = stage != "time"
    plugin = ["-plugin", f"{build}/plugin.so,out={build}/windows-{stage},levels=2,once=on",
              "-virtfs", f"local,path={build}/out,mount_tag=bench-out,"
                         "security_model=none"]
    return scenario.Scenario(
        name=f"bench-net-{stage}", mem="3G", timeout=900, script="two-levels.sh",
        smp=1 if single else 2,
        accel="tcg,thread=single" if single else "tcg,thread=multi",
        append="nokaslr ipv6.disable=1",
        stock_modules=["kvm-amd", "tun", "vhost_net"], modules=["parley_vhost_net"],
        inner_emulator="10", inner_modules=["parley_net", "parley_pci"],
        inner_stock_modules=["e1000"], inner_files={"bin/load": build / "net-load"},
        env={"INNER": "../../bench/net/inside", "STAGE": stage, "ROUNDS": rounds,
             "COUNT": COUNT, "QUEUES": QUEUES if stage == "queues" else 1,
             "BENCH_LOAD": build / "net-load"},
        qemu=plugin if stage in COUNTED else [])


def collected(build, stage):
    """The rows of all rounds of a stage."""
    (build / "out").mkdir(parents=True, exist_ok=True)

    def after(rows, ended):
        if stage not in COUNTED:
            return
        found = where.Where(build / "out")
        give_windows(rows, where.windows(build / f"windows-{stage}"), ended,
                     lambda row, window: row.update(found.figures(window, row["packets"])))
    return collect(stage, ROUNDS[stage], lambda n: describe(build, stage, n), after)


def medians(rows, key):
    """{key(row): {what: median}}; under "rounds" what it is the median of."""
    data = collections.defaultdict(lambda: collections.defaultdict(list))
    for row in rows:
        for what in set(row) & {*COUNTS, *INSTRUCTIONS, *TIMES}:
            data[key(row)][what].append(row[what])
    return {name: {what: statistics.median(found) for what, found in values.items()}
            | {"rounds": values} for name, values in data.items()}


def told(text):
    """A paragraph of lines that are not too long."""
    return textwrap.fill(" ".join(text.split()), 92)


def judged(bad):
    """A verdict, counted."""
    VERDICTS.append(not bad)
    return "missed: " + ", ".join(bad) if bad else "met"


def both(row):
    """Instructions of host and guest."""
    return row["host"] + row["guest"]


def paired(ours, theirs, what):
    """The median of a figure's ratios, each of one round."""
    return statistics.median(a / b for a, b in
                             zip(ours["rounds"][what], theirs["rounds"][what]))


def more(ours, theirs):
    """The columns in which ours is worse: by more than noise, and than all that
    mainline's showed in any round."""
    return [f"{what} {number(ours[what])} for {number(theirs[what])}" for what in NEVER_MORE
            if ours[what] > max(theirs[what] * (1 + NOISE) + RACE,
                                max(theirs["rounds"][what]))]


def verdict(work, card, data):
    """What is asked of a row of ours."""
    if card not in OURS:
        return "-"
    row, theirs = data[work, card], data[work, MAINLINE]
    bad = more(row, theirs)
    if card != "split" and both(row) > OF_INSTRUCTIONS * both(theirs):
        bad.insert(0, f"instructions {both(row) / both(theirs):.2f}")
    if work in STREAMS and row["exits"] > OF_EXITS * data[work, EMULATED]["exits"]:
        bad.append(f"exits {row['exits'] / data[work, EMULATED]['exits']:.2f} of e1000's")
    return judged(bad)


def counts_table(data):
    """What is counted of each load and card."""
    rows = [(work, card, *(number(data[work, card][what]) for what in COUNTS))
            for work in WORKS for card in CARDS]
    show("What a packet makes a host do, by each kind of network card", told(
        f"""Per packet, one inner guest under KVM in an emulated host, QEMU 10; every card
        has a tap of its own, with one pair of queues, and whatever offloads QEMU gives it.
        e1000: emulated; qemu: mainline's driver on QEMU's own back end; vhost: on
        mainline's vhost_net; then our driver on our back end, over split rings, packed
        ones, and packed ones in order. tcp-send is a stream from the guest, tcp-recv to it:
        a packet is 1448 bytes of it, one full segment, however many of these go at once,
        and acknowledgements are none. tcp-rr is a byte each way, two packets. udp are 64
        bytes each on a wire from the guest and to it, of which one in 64 is answered;
        xdp-drop as udp-recv, with a program (in the stack for e1000, else in the driver)
        that drops the others. Frames are what crosses the tap. Exits by reason are
        kvm:kvm_exit's (npf: an access to a device or to memory), notifications
        kvm:kvm_mmio's writes, interrupts those of the card that the guest was given,
        switches /proc/stat's; a short run is subtracted from one eight times as long.
        Medians of {ROUNDS["count"]} rounds over all rows. What is asked is below."""),
         ("load", "card", *COUNTS), rows)


def instructions_table(data):
    """The instructions, the rate, and what is asked of all."""
    rows = []
    for work in WORKS:
        theirs = data[work, MAINLINE]
        for card in CARDS:
            row = data[work, card]
            pair, other = (r["back end"] + r["driver"] for r in (row, theirs))
            rows.append((work, card, *(number(row[what]) for what in INSTRUCTIONS),
                         number(both(row)), f"{both(row) / both(theirs):.2f}",
                         "-" if card in CARDS[:2] else f"{pair / other:.2f}",
                         f"{paired(row, theirs, 'rate'):.2f}", verdict(work, card, data)))
    show("Instructions for a packet, by each kind of network card", told(
        f"""The same loads, instructions per packet that the host executed and the guest (TCG
        plugin, one processor each), user space and idle, both ends of the traffic and
        their protocols included. Back end and driver are of these the code of the pair
        alone: its modules, and what the kernel has of virtio; not the tap's. A string
        instruction is one, as on a processor; how often those repeated, most of it bytes
        that were copied or cleared, is a column of its own. All is host and guest; then that
        and the pair alone as ratios to mainline's. Rate is a ratio to mainline's, too, of
        one round, on two processors without the plugin. Medians of
        {ROUNDS["instructions"]} rounds, of rates of {ROUNDS["time"]}. Asked of ours: packed
        at most {OF_INSTRUCTIONS} of mainline's instructions; no more exits, notifications or
        interrupts (by more than {NOISE:.0%} and {RACE}, and than in the worst of mainline's
        rounds); of streams {OF_EXITS} of e1000's exits."""),
         ("load", "card", *INSTRUCTIONS, "all", "of vhost", "pair", "rate", "verdict"), rows)


def latency_table(data):
    """How long a round trip takes."""
    rows = []
    theirs = data["tcp-rr", MAINLINE]
    for card in CARDS:
        row = data["tcp-rr", card]
        jitter = paired(row, theirs, "jitter")
        rows.append((card, *(f"{row[what] / 1000:.0f}" for what in TIMES[1:]),
                     *(f"{paired(row, theirs, what):.2f}" for what in TIMES[1:]),
                     judged([] if jitter < 1 else [f"jitter {jitter:.2f}"])
                     if card in OURS else "-"))
    show("How long a round trip takes", told(
        f"""tcp-rr of the run for time, microseconds of the guest's clock under two emulations;
        then as ratios to mainline's, of one round. Jitter is the mean difference between
        one and the next. Medians of {ROUNDS["time"]} rounds. Asked: less jitter than
        mainline's."""),
         ("card", "p50", "p99", "jitter", "p50", "p99", "jitter", "verdict"), rows)


def queues_table(data):
    """One queue and four."""
    rows = []
    for work, card in dict.fromkeys(key[:2] for key in data):
        one, four = (both(data[work, card, jobs]) for jobs in (1, QUEUES))
        ratio = four / one
        rows.append((work, card, number(one), number(four), f"{ratio:.2f}",
                     judged([] if ratio <= 1 + FLAT else ["grows"]) if card in OURS else "-"))
    show("How the cost of a packet grows with queues", told(
        f"""Instructions of host and guest per packet; a guest with {QUEUES} processors, cards
        with as many pairs of queues, of which one is loaded, and then all, each by a
        process on a processor of its own. The host has one processor. Medians of
        {ROUNDS["queues"]} rounds. Asked of ours: no more than {FLAT:.0%} above one queue."""),
         ("load", "card", "1 queue", f"{QUEUES} queues", "ratio", "verdict"), rows)


def main():
    """Print the tables."""
    build = pathlib.Path(sys.argv[1]).resolve()
    rows = {stage: collected(build, stage) for stage in STAGES}
    data = medians([row for stage in STAGES if stage != "queues" for row in rows[stage]],
                   lambda row: (row["work"], row["card"]))
    counts_table(data)
    instructions_table(data)
    latency_table(data)
    queues_table(medians(rows["queues"], lambda row: (row["work"], row["card"], row["jobs"])))
    say_lost()
    summary()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
