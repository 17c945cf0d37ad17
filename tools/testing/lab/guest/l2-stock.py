# SPDX-License-Identifier: GPL-2.0-only
"""Stock inner guests with four processors, one after the other: each boots,
starts many processes on all of them, and powers off."""

import os
import sys

from labkit.common import LabError
from labkit.inner import Inner
from labkit.report import Report

ROUNDS = int(os.environ.get("ROUNDS", "12"))
# Processes that come and go: page tables, and interrupts between processors.
WORK = ("for p in 1 2 3 4; do (n=0; while [ $n -lt 300 ]; do /bin/busybox true; "
        "n=$((n + 1)); done) & done; wait")


def main():
    """All rounds; a guest that dies does not stop the others."""
    report = Report()
    for n in range(1, ROUNDS + 1):
        guest = Inner(report, f"guest {n}", [], smp=4)
        try:
            guest.boot().run(WORK, 60)
            report.equal(guest.off(), 0, f"guest {n} boots, works and powers off")
        except LabError as error:
            guest.vm.stop()
            report.result(False, f"guest {n} boots, works and powers off", error)
    return report.plan()


sys.exit(main())
