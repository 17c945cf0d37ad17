# SPDX-License-Identifier: GPL-2.0-only
"""What /proc tells of this machine's processors, and of the tasks that may run on each."""
import os

from .common import read

PROC = "/proc"
ONLINE = "/sys/devices/system/cpu/online"
TICK = os.sysconf("SC_CLK_TCK")
STEAL = 8                       # the word of a line of /proc/stat
# Of a task's flags, in <linux/sched.h>; the first has had its place since 2.6.
PF_KTHREAD, PF_NO_SETAFFINITY = 0x00200000, 0x04000000


def parse(text):
    """A list as the kernel writes it: 0-3,7."""
    cpus = set()
    for part in text.strip().split(","):
        if part:
            first, _, last = part.partition("-")
            cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def show(cpus):
    """The same the other way; "none" is for people."""
    runs = []
    for c in sorted(cpus):
        if runs and runs[-1][1] == c - 1:
            runs[-1][1] = c
        else:
            runs.append([c, c])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def online():
    return parse(read(ONLINE, ""))


def stolen():
    """{vCPU: seconds}, since the machine began."""
    found = {}
    for line in read(f"{PROC}/stat", "").splitlines():
        words = line.split()
        if words[0][:3] == "cpu" and words[0] != "cpu":
            found[int(words[0][3:])] = int(words[STEAL]) / TICK
    return found


def numbers(folder):
    """Names that are numbers; none if the folder is not there."""
    try:
        return [int(n) for n in os.listdir(folder) if n.isdigit()]
    except OSError:
        return []


def interrupts():
    """{vCPU: how many interrupts are sent to it}, of those that have a handler."""
    counts = {}
    for number in numbers(f"{PROC}/irq"):
        folder = f"{PROC}/irq/{number}"
        if any(entry.is_dir() for entry in os.scandir(folder)):
            for c in parse(read(f"{folder}/effective_affinity_list", "")):
                counts[c] = counts.get(c, 0) + 1
    return counts


# Tasks

class Task:
    """A thread, at a moment. Its number may be another's later, so what it was is told by
    when it started."""

    def __init__(self, tid):
        # The name stands in brackets, and may have any.
        text = read(f"{PROC}/{tid}/stat")
        if not text:
            raise ProcessLookupError(tid)
        words = text.rpartition(")")[2].split()
        self.tid = tid
        self.name = text[text.index("(") + 1:text.rindex(")")]
        self.dead = words[0] in "ZX"
        self.flags, self.start = int(words[6]), int(words[19])

    @property
    def of_kernel(self):
        return bool(self.flags & PF_KTHREAD)


def may_run_on(tid):
    """Where the scheduler may put it; None if it is gone."""
    try:
        return os.sched_getaffinity(tid)
    except OSError:
        return None


def bound_within(cpus):
    """A task of user space, if there is one, that would have nowhere to run without these."""
    for pid in numbers(PROC):
        for tid in numbers(f"{PROC}/{pid}/task"):
            may = may_run_on(tid)
            if may and may <= cpus:
                try:
                    task = Task(tid)
                except OSError:
                    continue
                if not task.of_kernel and not task.dead:
                    return task
    return None


class KernelThreads:
    """Threads of the kernel's that have their place: 6.12 forgets it when a partition begins
    or ends, and lets a threaded interrupt or kswapd run anywhere. Remembered before, and
    put back after. What has a place that nobody may change is left alone by the kernel."""

    def __init__(self, known=()):
        self.known = [tuple(k) for k in known]      # (thread, its start, where)

    def remember(self, usable):
        """Those that may not run anywhere."""
        self.known = []
        for tid in numbers(PROC):
            may = may_run_on(tid)
            try:
                task = Task(tid)
            except OSError:
                continue
            if task.of_kernel and not task.flags & PF_NO_SETAFFINITY and may and may < usable:
                self.known.append((tid, task.start, show(may)))

    def put_back(self, in_use):
        """Those that may run anywhere now, as far as there is something of their place;
        returns how many."""
        moved = 0
        for tid, start, place in self.known:
            place = parse(place)
            if may_run_on(tid) != in_use or not place & in_use or place >= in_use:
                continue
            try:
                if Task(tid).start == start:
                    os.sched_setaffinity(tid, place)
                    moved += 1
            except OSError:
                continue        # it ended, or is not to be moved any more
        return moved
