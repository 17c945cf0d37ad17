# SPDX-License-Identifier: GPL-2.0-only
"""Finds in a kernel log what a kernel only says when something is wrong."""

import re

# The titles of reports; the traces below them say nothing by themselves.
# Fault injection also prints traces, and is no report.
TITLES = re.compile("|".join((
    r"Kernel panic",
    r"\bBUG:",
    r"kernel BUG at",
    r"\bWARNING:",
    r"\bOops\b",
    r"general protection fault",
    r"Unable to handle kernel",
    r"\bUBSAN:",
    r"\bODEBUG:",
    r"\bDMA-API:(?! (preallocated|debugging|Mapped at))",
    r"refcount_t:",
    r"(list_add|list_del|slab) corruption",
    r"INFO: possible recursive locking",
    r"INFO: trying to register non-static key",
    r"inconsistent lock state",
    r"possible irq lock inversion",
    r"DEBUG_LOCKS_WARN_ON",
    r"turning off the locking correctness validator",
    r"bad unlock balance",
    r"suspicious RCU usage",
    r"self-detected stall|detected stalls on",
    r"INFO: task .* blocked for more than",
    r"nobody cared",
    r"cannot create duplicate filename",
    r"kmemleak: \d+ new suspected memory leaks",
    r"\bunreferenced object 0x",
    r"DMAR: \[.*fault",
    r"AMD-Vi: Event logged \[\w*FAULT",
    r"lab init:",
)))

# Reports after which the guest is of no more use.
FATAL = re.compile(r"Kernel panic|lab init:")


class Watch:
    """One log; @allow are regular expressions of reports to let pass."""

    def __init__(self, allow=(), expect=()):
        self.allow = [re.compile(text) for text in allow]
        self.missing = {text: re.compile(text) for text in expect}
        self.reports = []

    def feed(self, line):
        """Take one line; returns whether it is a report that counts."""
        for text in [t for t, p in self.missing.items() if p.search(line)]:
            del self.missing[text]
        if not TITLES.search(line) or any(p.search(line) for p in self.allow):
            return False
        self.reports.append(line.strip())
        return True
