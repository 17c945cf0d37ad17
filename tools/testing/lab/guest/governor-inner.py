#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""In the inner guest of the scenario "governor":

  burn CPU FILE     count, on that vCPU first and then wherever the scheduler likes; FILE
                    has the time, the count and the vCPU, again and again
  places            where each task may run, one a line, with what names it for good
  steal             ticks that were stolen and worked, of each vCPU
"""
import contextlib
import os
import sys
import time


def place_of(tid):
    """The mask as the kernel gives it to sched_getaffinity(), byte by byte."""
    return f"{sum(1 << c for c in os.sched_getaffinity(tid)):016x}"


def burn(first, path):
    """For ever."""
    os.nice(10)             # who measures is not to wait for who works
    with contextlib.suppress(OSError):      # it may be away at this moment
        os.sched_setaffinity(0, {int(first)})
    os.sched_setaffinity(0, set(range(os.cpu_count())))
    count = 0
    while True:
        for _ in range(20000):
            count += 1
        with open("/proc/self/stat", encoding="ascii") as stat:
            vcpu = stat.read().rpartition(")")[2].split()[36]
        with open(f"{path}.new", "w", encoding="ascii") as out:
            out.write(f"{time.monotonic():.3f} {count} {vcpu}\n")
        os.rename(f"{path}.new", path)


def threads():
    """All that there are; some end while one looks."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield from os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue


def places():
    """Not of those that may not be moved at all: workers of the kernel come and go."""
    for tid in threads():
        try:
            with open(f"/proc/{tid}/stat", encoding="ascii") as stat:
                text = stat.read()
            words = text.rpartition(")")[2].split()
            if not int(words[6]) & 0x04000000 and int(tid) != os.getpid():
                print(tid, words[19], place_of(int(tid)), text[:text.rindex(")") + 1])
        except OSError:
            continue


def steal():
    """Of the vCPUs in order: stolen:user+nice+system."""
    with open("/proc/stat", encoding="ascii") as stat:
        lines = [line.split() for line in stat if line[:3] == "cpu" and line[3] != " "]
    print(*(f"{w[8]}:{sum(map(int, w[1:4]))}" for w in lines))


if __name__ == "__main__":
    {"burn": burn, "places": places, "steal": steal}[sys.argv[1]](*sys.argv[2:])
