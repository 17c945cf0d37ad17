# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: one inner guest, which leads the same seconds of its life with
no way of saving exits, with each, and with all of them; and its parts alone.

Prints one line "# row {...}" for each; exits.py makes tables of them.
"""

import json
import os
import sys

from labkit import exits
from labkit.common import LabError
from labkit.report import Report

# A part, and what saves exits of it.
ALONE = (("timer", ("clock", "timers")), ("reads", ("reads",)), ("ranges", ("ranges",)),
         ("sections", ("locks",)))


def lives():
    """(key, ways, parts) of each run. Alone, everything but the timer has the clock that
    costs nothing: what the kernel does for it reads one, too."""
    whole = [("none", ())] + [(way, (way,)) for way in exits.WAYS] + [("all", exits.WAYS)]
    for name, ways in whole:
        yield {"parts": "whole", "ways": name}, ways, exits.PARTS
    for part, saves in ALONE:
        clock = () if part == "timer" else ("clock",)
        for name, ways in [("none", ()), *((way, (way,)) for way in saves), ("all", saves)]:
            if name != "all" or len(saves) > 1:
                yield {"parts": part, "ways": name}, (*clock, *ways), (part,)


def main():
    """All rounds."""
    report = Report()
    milliseconds = int(os.environ["MILLISECONDS"])
    try:
        guest = exits.Guest(report).prepare()
        for ways in (exits.WAYS, ()):       # pages that it never had are exits as well
            guest.live(2 * exits.PERIODS, ways)
        for number in range(int(os.environ["ROUNDS"])):
            for key, ways, parts in lives():
                row = guest.live(milliseconds, ways, parts)
                report.note("row " + json.dumps(key | {"round": number} | row))
        report.equal(guest.finish(), [0, 0, 0], "the guest and the bridges end")
    except (LabError, OSError) as error:
        report.result(False, "measured", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
