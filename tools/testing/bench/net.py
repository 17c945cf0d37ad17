#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measure network cards of a guest: an emulated one, mainline's pair, and ours.

usage: net.py BUILD-DIRECTORY

A host with KVM (emulated), stock QEMU in it, one inner guest with all the cards;
net/inside.py runs there. Three runs, because counting costs time and the plugin needs
one processor: time, counts, instructions. With BRIEF in the environment they are short:
whether all works, no figures.
"""
import collections
import os
import pathlib
import statistics
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab"), str(HERE / "vfio"), str(HERE / "net")]

# pylint: disable=wrong-import-position
import where
from labkit import scenario
from labkit.common import main_guard
from runs import collect, give_windows, number, say_lost
from tables import VERDICTS, show, summary

BRIEF = bool(os.environ.get("BRIEF"))
STAGES = tuple(os.environ.get("STAGES", "time count instructions").split())
ROUNDS = dict.fromkeys(STAGES, 1) if BRIEF else {"time": 5, "count": 3, "instructions": 3}
COUNT = 256 if BRIEF else 4096
CARDS = {"e1000": "emulated e1000", "qemu": "virtio, QEMU's own", "vhost": "vhost",
         "split": "ours, split", "packed": "ours, packed", "in order": "ours, in order"}


def describe(build, stage, rounds):
    """The scenario; not a file of the lab, because it judges nothing."""
    single = stage == "instructions"
    plugin = ["-plugin", f"{build}/plugin.so,out={build}/windows,levels=2",
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
             "COUNT": COUNT, "INNER_SMP": 1, "BENCH_LOAD": build / "net-load",
             "WORKS": os.environ.get("WORKS", "")},
        qemu=plugin if single else [])


def collected(build, stage):
    """The rows of all rounds of a stage."""
    (build / "out").mkdir(parents=True, exist_ok=True)

    def after(rows, ended):
        if stage != "instructions":
            return
        found = where.Where(build / "out")
        give_windows(rows, where.windows(build / "windows"), ended,
                     lambda row, window: row.update(found.figures(window, row["packets"])))
    return collect(stage, ROUNDS[stage], lambda n: describe(build, stage, n), after)


def main():
    """Print the tables."""
    build = pathlib.Path(sys.argv[1]).resolve()
    for stage in STAGES:
        for row in collected(build, stage):
            print({k: v for k, v in row.items() if k != "symbols"})
    say_lost()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
