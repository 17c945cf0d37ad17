# SPDX-License-Identifier: GPL-2.0-only
"""What a program says to verdicts() of lib.sh, a line each: "ok<TAB>what",
"bad<TAB>what<TAB>why", "end", or a note."""
import time


def emit(verdict, what, why=""):
    print(verdict, what, " / ".join(str(why).splitlines())[:900], sep="\t", flush=True)


def check(what, good, why=""):
    emit("ok" if good else "bad", what, "" if good else why)


def same(what, got, wanted):
    check(what, got == wanted, f"got {got}, wanted {wanted}")


def until(good, seconds=10):
    """Wait for it; what it was at last."""
    end = time.monotonic() + seconds
    while not good() and time.monotonic() < end:
        time.sleep(0.01)
    return good()
