# SPDX-License-Identifier: GPL-2.0-only
"""Counts the results in a stream of TAP or KTAP lines.

KTAP nests: a result line that follows more deeply indented ones is only their
summary. What is counted are the innermost results, and a summary that fails
although everything below it passed.
"""

import re

RESULT = re.compile(r"^( *)(not ok|ok)\b *\d* *-? *([^#]*)(#.*)?$")
PLAN = re.compile(r"^1\.\.(\d+)")


class Tap:
    """One stream; feed() it lines, then read the counters."""

    def __init__(self):
        self.passed = 0
        self.skipped = 0
        self.plan = None
        self.top = 0
        self._settled = []      # names of failures, for good
        self._open = []         # (indent, names of failures) not yet summed up

    @property
    def failures(self):
        """The name of each failed test, with those of the tests above it."""
        return self._settled + [n for _, names in self._open for n in names]

    def feed(self, line):
        """Take one line; whatever is not TAP is ignored."""
        plan = PLAN.match(line)
        if plan:
            self.plan = int(plan.group(1))
        if line.startswith("Bail out!"):
            self._settled.append(line.strip())
        result = RESULT.match(line.rstrip())
        if result:
            self._result(len(result.group(1)), result.group(2) == "not ok",
                         result.group(3).strip() or "unnamed test",
                         result.group(4) or "")

    def _result(self, indent, failed, name, directive):
        below = []
        while self._open and self._open[-1][0] > indent:
            below.append(self._open.pop()[1])
        names = [f"{name}: {inner}" for inners in reversed(below)
                 for inner in inners]
        if re.match(r"# *skip", directive, re.I):
            self.skipped += 1
        elif failed and not names:
            names = [name]
        elif not failed and not below:
            self.passed += 1
        if indent == 0:
            self.top += 1
            self._settled += names
        else:
            self._open.append((indent, names))

    def finish(self):
        """Call at the end of the stream: was everything announced also run?"""
        if self.plan is not None and self.plan != self.top:
            self._settled.append(f"planned {self.plan} tests, ran {self.top}")

    def forgive(self):
        """Forget the failures: the caller wanted them."""
        self._settled = []
        self._open = []
