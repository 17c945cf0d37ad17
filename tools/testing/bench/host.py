#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count what a host does for its guests' disks: mainline's pair beside ours.

usage: host.py BUILD-DIRECTORY

A host with KVM (emulated), stock QEMU in it, one inner guest with all the
disks; host/inside.py runs there. Three runs, because counting costs time and
the plugin needs one processor: time, counts, instructions.
"""
import json
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

# pylint: disable=wrong-import-position
from labkit import runner, scenario
from labkit.common import LabError, main_guard
from tables import VERDICTS, show, summary

STAGES = ("time", "count", "instructions")
COUNT = 2000
# What wanders with load and halt polling when nothing changes: less is noise.
NOISE = 0.05
# What the published vhost-blk patches and mainline's own vhost reach.
LESS_HOST_WORK = 1 / 3
MORE_IOPS = 2
FLAT = 0.10
COLUMNS = ("exits", "npf", "hlt", "msr", "intr", "interrupts", "switches",
           "calls", "instructions")


def describe(build, stage):
    """The scenario; not a file of the lab, because it judges nothing."""
    single = stage == "instructions"
    return scenario.Scenario(
        name=f"bench-host-{stage}", mem="3G", timeout=900, script="two-levels.sh",
        smp=1 if single else 2,
        accel="tcg,thread=single" if single else "tcg,thread=multi",
        stock_modules=["kvm-amd"],
        modules=["parley_vhost_blk"], inner_modules=["parley_blk", "parley_pci"],
        inner_files={"bin/io": build / "io"},
        env={"INNER": "../../bench/host/inside", "STAGE": stage,
             "COUNT": COUNT, "INNER_SMP": 4},
        qemu=["-plugin", f"{build}/plugin.so,out={build}/windows"]
        if single else [])


def windows(path):
    """Instructions of each of the plugin's windows, in order."""
    totals = []
    for line in path.read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == "window":
            totals.append(int(words[1]))
        else:
            totals[-1] += int(words[1])
    return totals


def collect(build, stage):
    """{(pair, queues, depth): {what: figure}} of one run."""
    run = runner.run_one(describe(build, stage))
    if run.failures:
        raise LabError(f"the {stage} run did not come to its end")
    log = pathlib.Path(run.log.name).read_text(encoding="utf-8")
    rows = [json.loads(line.partition("# row ")[2])
            for line in log.splitlines() if "# row {" in line]
    if stage == "instructions":
        totals = windows(build / "windows")
        if len(totals) != sum(row["windows"] for row in rows):
            raise LabError(f"{len(rows)} rows said, {len(totals)} windows counted")
        for row in rows:
            mine, totals = totals[:row["windows"]], totals[row["windows"]:]
            row["instructions"] = statistics.median(mine) / (COUNT * row["queues"])
    return {(row["pair"], row["queues"], row["depth"]): row for row in rows}


def merged(build):
    """The figures of all three runs."""
    data = {}
    for stage in STAGES:
        for key, row in collect(build, stage).items():
            data.setdefault(key, {}).update(row)
    return data


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3f}"


def judged(good, text):
    """A verdict, counted."""
    VERDICTS.append(good)
    return "met" if good else f"missed: {text}"


def worse(ours, theirs):
    """The columns in which (c) is worse than (b)."""
    return [c for c in COLUMNS
            if ours[c] > theirs[c] * (1 + NOISE) + 0.01]


def verdict(key, data):
    """What is asked of a row, if anything."""
    pair, queues, depth = key
    row, stock = data[key], data["a", queues, depth]
    if pair.startswith("b") and depth == 32:
        wanted = LESS_HOST_WORK
        work, theirs = (r["switches"] + r["calls"] for r in (row, stock))
        bad = [f"switches and calls {work / theirs:.2f} of a"] \
            if work > wanted * theirs else []
        if queues == 4 and row["iops"] < MORE_IOPS * stock["iops"]:
            bad.append(f"IOPS {row['iops'] / stock['iops']:.2f} of a")
        return judged(not bad, ", ".join(bad))
    if pair.startswith("c"):
        bad = worse(row, data["b" + pair[1:], queues, depth])
        return judged(not bad, "more " + ", ".join(bad))
    return "-"


def pairs_table(data):
    """One row for each pair, number of queues and depth."""
    rows = []
    for key in sorted(data, key=lambda k: (k[1], k[2], k[0])):
        row = data[key]
        stock = data["a", key[1], key[2]]
        rows.append((key[0], key[1], key[2], *(number(row[c]) for c in COLUMNS),
                     f"{row['iops'] / stock['iops']:.2f}", verdict(key, data)))
    show("What a 4 KiB read costs the host",
         "Per request, one inner guest under KVM in an emulated host, null_blk "
         "behind every disk.\n(a) mainline's virtio_blk on QEMU's virtio-blk, "
         "iothread and native AIO; (b) mainline's\non /dev/parley-blk through "
         "the bridge; (c) ours on it. Exits by reason are kvm:kvm_exit's\n(npf: "
         "a notification), switches /proc/stat's, calls raw_syscalls, interrupts "
         "the inner\nguest's; a run of one length is subtracted from one of "
         "three. Instructions are all\nthat host and guest execute (TCG plugin, "
         "one host processor). IOPS as a ratio to (a).\nAll are medians of three. Asked "
         f"of (b): switches and calls, added, at most a third, {MORE_IOPS} times the "
         f"IOPS\nat 4 queues; of (c): no column worse than (b) by more than "
         f"{NOISE:.0%}.",
         ("pair", "queues", "depth", *COLUMNS, "IOPS", "verdict"), rows)


def scaling_table(data):
    """Instructions a request with one queue and worker, and with four."""
    rows = []
    for pair in sorted({key[0] for key in data}):
        one, four = (data[pair, q, 32]["instructions"] for q in (1, 4))
        rows.append((pair, number(one), number(four), f"{four / one:.2f}",
                     judged(four <= one * (1 + FLAT), "grows")
                     if pair != "a" else "-"))
    show("How the cost grows with queues and workers",
         "Instructions of host and guest per request, depth 32 a queue; each "
         "queue with a\nworker and a loading process of its own. Asked: flat "
         f"within {FLAT:.0%}.",
         ("pair", "1 queue", "4 queues", "ratio", "verdict"), rows)


def main():
    """Print the tables."""
    data = merged(pathlib.Path(sys.argv[1]).resolve())
    pairs_table(data)
    scaling_table(data)
    summary()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
