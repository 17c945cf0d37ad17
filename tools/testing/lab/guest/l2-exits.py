# SPDX-License-Identifier: GPL-2.0-only
"""A guest leads the same two seconds of its life with every way of saving exits off, with
each of them, and with all. All of it is done each time, and the host counts fewer exits.
How many fewer is what tools/testing/bench measures, with ten seconds; here they are few,
on a machine that does other things, and less is asked."""

import os
import sys

from labkit import exits
from labkit.common import LabError
from labkit.report import Report

MILLISECONDS = int(os.environ.get("MILLISECONDS", "2000"))
FEWER = 4       # times, with all of them


def done(report, what, row):
    """Everything was done, and nothing went wrong."""
    rounds = MILLISECONDS // exits.PERIODS
    wanted = {"did periods": MILLISECONDS, "did reads": rounds * exits.READS,
              "did ranges": rounds * exits.RANGES,
              "did sections": 2 * rounds * exits.SECTIONS, "did err": 0}
    report.equal({key: row[key] for key in wanted}, wanted, f"{what}: all is done")


def main():
    """One guest."""
    report = Report()
    try:
        guest = exits.Guest(report).prepare()
        full = exits.blocks(f"/tmp/exits-{exits.OURS}")
        rows = {}
        for what, ways in (("warm", exits.WAYS), ("off", ()),
                           *((way, (way,)) for way in exits.WAYS), ("all", exits.WAYS)):
            rows[what] = guest.live(MILLISECONDS, ways)
            report.note(f"{what}: {rows[what]}")
            done(report, what, rows[what])
        off, everything = rows["off"], rows["all"]
        report.result(off["pm timer"] and not everything["pm timer"],
                      "the paravirtual clock is read without exits", rows)
        report.result(4 * rows["timers"]["did events"] < off["did events"],
                      "timers share events", rows)
        report.result(4 * everything["interrupts"] < off["interrupts"],
                      "the disk interrupts less often", rows)
        report.result(FEWER * everything["exits"] < off["exits"], "fewer exits",
                      (off["exits"], everything["exits"]))
        report.result(exits.blocks(f"/tmp/exits-{exits.OURS}") < full,
                      "what was given back is the host's", full)
        report.equal(guest.finish(), [0, 0, 0], "the guest powers off, and the bridges end")
    except (LabError, OSError) as error:
        report.result(False, "counted", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
