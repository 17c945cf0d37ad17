# SPDX-License-Identifier: GPL-2.0-only
"""TAP from Python, for the programs that run in a guest: lib.sh's functions."""


class Report:
    """Counts tests and prints their results."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, good, what, why=""):
        """One test; @why is shown if it failed. Returns @good."""
        self.count += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.count} - {what}", flush=True)
        if not good:
            for line in str(why).splitlines()[-20:]:
                self.note("  " + line)
        return good

    def equal(self, got, wanted, what):
        """A test that two values are the same."""
        return self.result(got == wanted, what, f"got    {got}\nwanted {wanted}")

    def note(self, text):
        """For the log only."""
        print(f"# {text}", flush=True)

    def plan(self):
        """Call last; returns the exit code."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0
