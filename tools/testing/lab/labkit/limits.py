# SPDX-License-Identifier: GPL-2.0-only
"""When to give up on something, for the lab and for tools/testing/run-tests.

What makes progress goes on, however slow the machine is: it is stopped when it
has said nothing for a long time. Something can also talk without an end, so there
is an end for all, which is far beyond what it needs.
"""

import os
import time

from .common import LabError

SILENCE = 300       # seconds without a line after which a guest is taken for hung
STEP_SILENCE = 600  # the same for a step of the tests: compilers are quiet for long
ENOUGH = 5          # a guest's end: so many times what its scenario says it needs
# On a slow machine, what every limit is multiplied by.
PATIENCE = float(os.environ.get("LAB_PATIENCE", "1"))
# When all tests have to be over, on the clock of time.monotonic(): run-tests tells.
OVER = float(os.environ.get("LAB_OVER", "inf"))
ALL_OVER = "the time for all tests was over"


def until(what, seconds, there):
    """Wait until @there() is true."""
    end = time.monotonic() + seconds * PATIENCE
    while not there():
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


class Clock:
    """Until when something may go on that began now."""

    def __init__(self, silence, most, over=OVER):
        self.silence = silence * PATIENCE
        self.most = most * PATIENCE
        self.over = over
        self.began = self.heard = time.monotonic()

    def spent(self):
        """Seconds since it began."""
        return time.monotonic() - self.began

    def progress(self):
        """It has said something."""
        self.heard = time.monotonic()

    def until(self):
        """When to look again, and to stop it if nothing has come."""
        return min(self.heard + self.silence, self.began + self.most, self.over)

    def why(self):
        """Why it has to stop by now; None if it may go on."""
        now = time.monotonic()
        if now >= self.over:
            return ALL_OVER
        if now >= self.began + self.most:
            return f"no end after {self.most:g} s"
        if now >= self.heard + self.silence:
            return f"not a word for {self.silence:g} s"
        return None
