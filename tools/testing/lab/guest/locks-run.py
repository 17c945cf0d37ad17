# SPDX-License-Identifier: GPL-2.0-only
"""The fourth part of the main job: four threads of a guest contend for one lock, on four
processors that share one of the host's with a hog; ours, the kernel's paravirtual one,
the kernel's plain one (in a guest that boots with nopvspin) and a ticket lock, one after
another and again. Lines "ROW ..." are for tools/testing/run-main."""

import collections
import statistics
import sys

from labkit import locks
from labkit.common import LabError
from labkit.report import Report

MILLISECONDS = 1000
ROUNDS = 3
SHOWN = ("longest", "yields", "hlt", "kicks")


def row(report, way, runs):
    """What there is to tell of one kind: medians, and whether all had the lock."""
    each = [sum(run["each"][n] for run in runs) for n in range(len(runs[0]["each"]))]
    report.result(all(each), f"{way}: every thread has it", each)
    second = statistics.median(run["sum"] / run["took"] * 1e9 for run in runs)
    print("# ROW", way.replace(" ", "_"), f"{second:.0f}",
          f"{statistics.median(run['jain'] for run in runs):.2f}",
          *(statistics.median(run[what] for run in runs) for what in SHOWN), flush=True)


def main():
    """The whole of it."""
    report = Report()
    runs = collections.defaultdict(list)
    try:
        locks.switch_on()
        guests = {name: locks.Guest(report, name, [], mem=192, smp=4,
                                    append=append).boot()
                  for name, append in locks.GUESTS.items()}
        for guest in guests.values():
            guest.confine([0])
        with locks.hog(0):
            for _ in range(ROUNDS):
                for way, guest, kind in locks.WAYS[:4]:
                    runs[way].append(guests[guest].contend(kind, MILLISECONDS,
                                                           *locks.LOADS["long"]))
        for way, found in runs.items():
            row(report, way, found)
        for guest in guests.values():
            report.equal(guest.off(), 0, f"{guest.name} powers off")
    except (LabError, OSError) as error:
        report.result(False, "contended", error)
    return report.plan()


sys.exit(main())
