# SPDX-License-Identifier: GPL-2.0-only
"""Errors, exit codes and output."""
import contextlib
import json
import sys

DONE, FAILED, USAGE, ABSENT = 0, 1, 2, 3


class Failure(Exception):
    """Something that the user is told in one line, with the next step."""

    def __init__(self, text, code=FAILED):
        super().__init__(text)
        self.code = code


class Usage(Failure):
    """The command line makes no sense."""

    def __init__(self, text):
        super().__init__(text, USAGE)


class Absent(Failure):
    """A module, a library or a kernel interface is not there."""

    def __init__(self, text):
        super().__init__(text, ABSENT)


def say(text):
    print(f"parley: {text}", flush=True)


def complain(text):
    print(f"parley: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def undoing(undo, *args):
    """What is inside is done, or undone: also if it is interrupted. What of that fails is
    said, and is not what ended it."""
    try:
        yield
    except (Exception, KeyboardInterrupt):
        try:
            undo(*args)
        except (Failure, OSError) as e:
            complain(f"what was done before is not undone: {e}")
        raise


def read(path, default=None):
    """The text of a small file of sysfs or /proc."""
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return default


def print_json(what, one_line=False):
    json.dump(what, sys.stdout, indent=None if one_line else 2)
    print(flush=True)


def table(head, rows, right=()):
    """Lines of columns; those whose head is in `right` hold numbers."""
    rows = [[str(c) for c in row] for row in rows]
    widths = [max(len(r[n]) for r in [head, *rows]) for n in range(len(head))]
    for row in [head, *rows]:
        yield "  ".join(c.rjust(w) if h in right else c.ljust(w)
                        for h, c, w in zip(head, row, widths)).rstrip()
