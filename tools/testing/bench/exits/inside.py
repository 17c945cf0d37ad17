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

def main():
    """All rounds."""
    report = Report()
    milliseconds = int(os.environ["MILLISECONDS"])
    try:
        guest = exits.Guest(report).prepare()
        for number in range(int(os.environ["ROUNDS"])):
            for (part, way), length, ways, parts in exits.lives(milliseconds):
                row = guest.live(length, ways, parts)
                report.note("row " + json.dumps({"parts": part, "ways": way,
                                                 "round": number} | row))
        report.equal(guest.finish(), [0, 0, 0], "the guest and the bridges end")
    except (LabError, OSError) as error:
        report.result(False, "measured", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
