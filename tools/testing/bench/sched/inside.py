# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: inner guests whose threads contend for one lock of each kind,
in rounds over all of them, and what the host counts meanwhile.

Prints one line "# row {...}" for each run; sched.py makes tables of them.
"""

import json
import os
import sys

from labkit import locks
from labkit.common import LabError
from labkit.report import Report

# What costs nothing, for pairs: they are counted with the loop around them.
LOOP = ("loop", "pv", "none")
PAIRS = 1000


def rounds():
    """The numbers of the rounds of this run."""
    return range(int(os.environ["ROUNDS"]))


def tell(report, row):
    """For sched.py."""
    report.note("row " + json.dumps(row))


def contended(report, guests):
    """Each way under each load, again and again."""
    milliseconds = int(os.environ["MILLISECONDS"])
    for number in rounds():
        for load, (inside, outside) in locks.LOADS.items():
            for way, guest, kind in locks.WAYS:
                row = guests[guest].contend(kind, milliseconds, inside, outside)
                tell(report, {"way": way, "load": load, "round": number} | row)


def uncontended(report, guests):
    """Pairs that nobody waits for; the plugin counts what they execute."""
    for number in rounds():
        for way, guest, kind in (*locks.WAYS, LOOP):
            guests[guest].pairs(kind, PAIRS)
            tell(report, {"way": way, "load": "pairs", "pairs": PAIRS, "round": number})


def main():
    """One run of one stage."""
    report = Report()
    smp = int(os.environ["INNER_SMP"])
    shared = os.environ["STAGE"] == "shared"
    try:
        locks.switch_on()
        guests = {name: locks.Guest(report, name, [], mem=192, smp=smp,
                                    append=append).boot()
                  for name, append in locks.GUESTS.items()}
        for guest in guests.values():
            guest.confine([0] if shared else range(smp))
        if shared:
            uncontended(report, guests)
            with locks.hog(0):
                contended(report, guests)
        else:
            contended(report, guests)
        for guest in guests.values():
            report.equal(guest.off(), 0, f"{guest.name} powers off")
    except (LabError, OSError) as error:
        report.result(False, "measured", error)
    return report.plan()


sys.exit(main())
