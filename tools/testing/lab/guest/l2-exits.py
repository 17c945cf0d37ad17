# SPDX-License-Identifier: GPL-2.0-only
"""A guest leads the same two seconds of its life with no way of saving exits, with all of
them, with each of them, and then its parts alone. All of it is done each time, and the host
counts fewer exits. How many fewer is what tools/testing/bench measures, with ten seconds;
here they are few, on a machine that does other things, and less is asked."""

import json
import os
import sys

from labkit import exits
from labkit.common import LabError
from labkit.report import Report

MILLISECONDS = int(os.environ.get("MILLISECONDS", "2000"))
FEWER = 4       # times, with all of them


def done(report, what, row, length, parts):
    """Everything was done, and nothing went wrong."""
    rounds = length // exits.PERIODS
    all_of = {"timer": ("periods", length), "reads": ("reads", rounds * exits.READS),
              "ranges": ("ranges", rounds * exits.RANGES),
              "sections": ("sections", 2 * rounds * exits.SECTIONS)}
    wanted = {f"did {all_of[part][0]}": all_of[part][1] for part in parts} | {"did err": 0}
    report.equal({key: row[key] for key in wanted}, wanted, f"{what}: all is done")


def judge(report, rows):
    """What each way has to save at the least."""
    off, everything = rows["whole", "none"], rows["whole", "all"]
    report.result(off["pm timer"] and not everything["pm timer"],
                  "the paravirtual clock is read without exits", (off, everything))
    for what, key in (("periods of a timer share events", "did events"),
                      ("the disk interrupts less often", "interrupts"),
                      ("it is notified less often", "notify"), ("fewer exits", "exits")):
        report.result(FEWER * everything[key] < off[key], what, (off, everything))
    for part in ("timer", "reads", "ranges"):
        way = "all" if part == "timer" else part
        report.result(FEWER * rows[part, way]["exits"] < rows[part, "none"]["exits"],
                      f"{part}: fewer exits alone", (rows[part, "none"], rows[part, way]))


def main():
    """One guest."""
    report = Report()
    image = f"/tmp/exits-{exits.OURS}"
    try:
        guest = exits.Guest(report)
        full = exits.blocks(image)
        guest.prepare()
        rows = {}
        for (part, way), length, ways, parts in exits.lives(MILLISECONDS):
            row = rows[part, way] = guest.live(length, ways, parts)
            report.note("row " + json.dumps({"parts": part, "ways": way, "round": 0} | row))
            done(report, f"{part}, {way}", row, length, parts)
        judge(report, rows)
        report.result(exits.blocks(image) < full, "what was given back is the host's", full)
        report.equal(guest.finish(), [0, 0, 0], "the guest powers off, and the bridges end")
    except (LabError, OSError) as error:
        report.result(False, "counted", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
