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
        self.failures = []
        self.plan = None
        self.top = 0
        self._pending = []      # (indent, failed) not yet summed up

    def feed(self, line):
        """Take one line; whatever is not TAP is ignored."""
        plan = PLAN.match(line)
        if plan:
            self.plan = int(plan.group(1))
        if line.startswith("Bail out!"):
            self.failures.append(line.strip())
        result = RESULT.match(line.rstrip())
        if result:
            self._result(len(result.group(1)), result.group(2) == "not ok",
                         result.group(3).strip(), result.group(4) or "")

    def _result(self, indent, failed, name, directive):
        below = []
        while self._pending and self._pending[-1][0] > indent:
            below.append(self._pending.pop()[1])
        if indent == 0:
            self.top += 1
        if re.match(r"# *skip", directive, re.I):
            self.skipped += 1
            failed = False
        elif failed:
            if not any(below):
                self.failures.append(name or "unnamed test")
        elif not below:
            self.passed += 1
        self._pending.append((indent, failed))

    def finish(self):
        """Call at the end of the stream: was everything announced also run?"""
        if self.plan is not None and self.plan != self.top:
            self.failures.append(f"planned {self.plan} tests, ran {self.top}")
