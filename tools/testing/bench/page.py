#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Put the tables that `bench` printed into Documentation/measures.rst.

usage: bench | page.py

Everything below the heading "Figures" is written anew.
"""
import datetime
import pathlib
import platform
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = ROOT / "Documentation/measures.rst"
HEADING = "Figures\n=======\n"
# What the lab and make say on the way.
TALK = ("lab:", "deps:", "make")


def processor():
    """What the kernel calls the processor."""
    for line in open("/proc/cpuinfo", encoding="ascii", errors="replace"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def version(*command):
    """The first line that a tool says of itself."""
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE).stdout.splitlines()[0]


def main():
    """Write the page."""
    head, heading, _ = PAGE.read_text(encoding="utf-8").partition(HEADING)
    if not heading:
        sys.exit(f"{PAGE} has no heading \"Figures\"")
    lines = [line for line in sys.stdin.read().splitlines()
             if not line.startswith(TALK)]
    if not lines:
        sys.exit("nothing to write: is this the output of bench?")
    commit = version("git", "-C", str(ROOT), "log", "-1", "--format=%h", "--",
                     "drivers", "include")
    made = (f"By ``make bench`` on {datetime.date.today()}, the modules as of "
            f"commit {commit}.\n{processor()}, {version('gcc', '--version')},\n"
            f"{version('qemu-system-x86_64', '--version')}.\n")
    text = "\n".join(f"**{line}**" if line.endswith("targets met") else line
                     for line in lines)
    PAGE.write_text(f"{head}{HEADING}\n{made}{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
