# SPDX-License-Identifier: GPL-2.0-only
"""vCPUs without tasks: a partition of the kernel's cpusets, in control groups of version 2.

The kernel keeps whatever affinity a task asked for beside the one that it can have. So
when a partition takes vCPUs out of everybody's reach, each task runs on what is left of
its own, and when it gives them back, each has exactly what it had.

The partition is a remote one, /sys/fs/cgroup/parley-governor/away: a local one, directly
below the root, would be refused on 6.12 as soon as any control group beside it names one
of these vCPUs. And as the outer group has the controller on for its child, nobody (systemd
does, with what its units do not need) can turn it off in the root."""
import os

from .common import Absent, Failure, read
from .vcpus import online, parse, show

MOUNTS = "/proc/self/mountinfo"
NAME, INNER = "parley-governor", "away"


def find_top():
    """Where the root of the control groups is, of version 2 and with cpusets."""
    mounted = None
    for line in read(MOUNTS, "").splitlines():
        words, _, tail = line.partition(" - ")
        if tail.split(" ")[0] == "cgroup2":
            mounted = words.split(" ")[4]
            break
    if mounted is None:
        raise Absent("control groups of version 2 are not mounted: mount -t cgroup2 none "
                     "/sys/fs/cgroup, or boot without systemd.unified_cgroup_hierarchy=0")
    if os.path.exists(f"{mounted}/cgroup.type"):
        raise Absent(f"{mounted} is not the root of the control groups: the governor has to "
                     "run outside of containers")
    if "cpuset" not in read(f"{mounted}/cgroup.controllers", "").split():
        raise Absent(f"{mounted} has no controller cpuset: version 1 has it (boot with "
                     "systemd.unified_cgroup_hierarchy=1), or the kernel lacks CONFIG_CPUSETS")
    return mounted


class Partition:
    """What it takes is away from all other tasks, whichever group they are in."""

    def __init__(self):
        self.top = find_top()
        self.outer = f"{self.top}/{NAME}"
        self.inner = f"{self.outer}/{INNER}"

    # Looking

    def state(self):
        """As the kernel says: member, isolated, or why it is neither."""
        return read(f"{self.inner}/cpuset.cpus.partition", "member")

    def away(self):
        """Those that it has now."""
        if self.state() != "isolated":
            return set()
        return parse(read(f"{self.inner}/cpuset.cpus.exclusive.effective", "")) & online()

    def usable(self):
        """What there is for tasks, with those that are away; not what other partitions have."""
        return parse(read(f"{self.top}/cpuset.cpus.effective", "")) & online() | self.away()

    def switched_on(self):
        """Whether children of the root have cpusets."""
        return "cpuset" in read(f"{self.top}/cgroup.subtree_control", "").split()

    # Changing

    def _write(self, path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(f"{text}\n")

    def make(self):
        """The groups, with nothing away."""
        for folder in (self.top, self.outer):
            self._write(f"{folder}/cgroup.subtree_control", "+cpuset")
            child = self.outer if folder is self.top else self.inner
            os.makedirs(child, exist_ok=True)
        if not os.path.exists(f"{self.inner}/cpuset.cpus.exclusive"):
            raise Absent("this kernel's cpusets have no cpuset.cpus.exclusive: 6.7 is the "
                         "first that does")

    def _take(self, cpus):
        """Never less in the outer group than in the inner one."""
        outer, inner = (f"{g}/cpuset.cpus.exclusive" for g in (self.outer, self.inner))
        kind = f"{self.inner}/cpuset.cpus.partition"
        if self.state() != "isolated" or not cpus:
            self._write(kind, "member")
            self._write(inner, "")
            self._write(outer, "")
        if cpus:
            self._write(outer, show(cpus | parse(read(inner, ""))))
            self._write(inner, show(cpus))
            self._write(kind, "isolated")
            self._write(outer, show(cpus))

    def take(self, cpus):
        """Exactly these are away afterwards, or those that were, and Failure says why."""
        before, why = self.away(), None
        try:
            self._take(cpus)
        except OSError as e:
            why = f"{os.path.basename(e.filename or '')}: {e.strerror}".removeprefix(": ")
        if why is None and self.away() == cpus & online():
            return
        state = self.state()
        try:
            self._take(set())
            self._take(before)
        except OSError as e:
            raise Failure(f"the partition is lost ({e.strerror}): nothing is away now") from e
        raise Failure(f"vCPUs {show(cpus)} cannot be had: "
                      f"{why or state}; another control group may have one for itself")

    def others_use_it(self):
        """Whether some group beside ours has said something to its cpuset."""
        for entry in os.scandir(self.top):
            if entry.is_dir() and entry.name != NAME:
                for name in ("cpus", "cpus.exclusive", "mems"):
                    if read(f"{entry.path}/cpuset.{name}", ""):
                        return True
                if read(f"{entry.path}/cpuset.cpus.partition", "member") != "member":
                    return True
        return False

    def remove(self, switch_off):
        """All back, at once: the kernel dissolves a partition with its group. `switch_off`:
        the controller too, if nobody else uses it."""
        try:
            for folder in (self.inner, self.outer):
                if os.path.isdir(folder):
                    os.rmdir(folder)
        except OSError as e:
            if os.path.isdir(self.inner):
                self._take(set())       # no task waits for the end of whoever is in there
            raise Failure(f"{e.filename} stays: {e.strerror}; somebody's task is in it, or it "
                          "is not ours. Its vCPUs are given back") from e
        if switch_off and self.switched_on() and not self.others_use_it():
            try:
                self._write(f"{self.top}/cgroup.subtree_control", "-cpuset")
            except OSError:
                pass                    # a group further below has it on
