# SPDX-License-Identifier: GPL-2.0-only
"""A hog takes the processor of two of an inner guest's four vCPUs: what its work gets done
with the steal governor and without it, and where its tasks may run before, meanwhile and
after. Counts are shown; what is tested is where tasks are, and that nothing stays changed."""

import os
import subprocess
import sys
import tarfile
import time

from labkit import disks, programs
from labkit.inner import Inner
from labkit.report import Report

ROOT = os.environ["LAB_ROOT"]
TOOLS = f"{ROOT}/tools/parley"
INNER = f"{ROOT}/tools/testing/lab/guest/governor-inner.py"
PYTHON = "/usr/bin/python3"
HOGGED = 2                      # the outer guest's processor that vCPUs 2 and 3 share with it
STOLEN = {2, 3}
NUMBERS = ("--interval 0.5 --window 2 --hold 3 --hold-max 12 --trial 4 --trust 60 --high 30 "
           "--low 10")
GOVERN = f"parley sched governor {NUMBERS}"
LEFT = "is left"

# What the command imports, by asking it: the inner guest has no more of Python.
ASK = """
import sys, encodings.ascii, os
sys.path.insert(0, sys.argv[1])
from parleylib import cli, sched
try:
    cli.main(["sched", "--help"])
except SystemExit:
    pass
print("FILES")
for m in list(sys.modules.values()):
    if getattr(m, "__file__", None):
        print(m.__file__)
        if getattr(m, "__cached__", None):
            print(m.__cached__)
"""


def make_disk(path):
    """A tape archive of Python, the command, and the program of this scenario."""
    asked = subprocess.run([PYTHON, "-c", ASK, TOOLS], check=True, text=True,
                           stdout=subprocess.PIPE).stdout
    files = {name: name for name in asked.partition("FILES\n")[2].split()
             if os.path.exists(name)}
    for library in programs.libraries(PYTHON):
        files[str(library)] = str(library)
    files |= {PYTHON: PYTHON, f"{TOOLS}/parley": f"{TOOLS}/parley", "/bin/inner": INNER}
    with tarfile.open(path, "w", dereference=True) as tape:
        for name, source in files.items():
            tape.add(source, name)
    return path


class Hog:
    """Another tenant of the host: it wants the processor all the time, and is preferred."""

    def __enter__(self):
        self.process = subprocess.Popen(["nice", "-n", "-5", "taskset", "-c", str(HOGGED),
                                         "sh", "-c", "while :; do :; done"])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def pin(guest):
    """vCPUs to processors; QEMU itself and we keep out of the hogged one."""
    for thread in os.listdir(f"/proc/{guest.vm.process.pid}/task"):
        os.sched_setaffinity(int(thread), {0, 1})
    for vcpu in guest.qmp("query-cpus-fast"):
        os.sched_setaffinity(vcpu["thread-id"], {min(vcpu["cpu-index"], HOGGED)})
    os.sched_setaffinity(0, {0, 1})


class Test:
    """The guest, and what is asked of it again and again."""

    def __init__(self, report, guest):
        self.report, self.guest = report, guest

    def places(self):
        """{(thread, start): (where, name)}"""
        table = {}
        for line in self.guest.run("inner places").splitlines():
            tid, start, where, name = line.split(" ", 3)
            table[tid, start] = where, name
        return table

    def same_places(self, before, what):
        """Of all that were there before and still are."""
        after = self.places()
        moved = [f"{name}: {where}, now {after[key][0]}"
                 for key, (where, name) in before.items()
                 if key in after and after[key][0] != where]
        self.report.result(not moved, what, "\n".join(moved))

    def measure(self, what, seconds=6):
        """What two workers counted and what was stolen; returns the ticks worked."""
        def look():
            lines = self.guest.run("cat /tmp/work.2 /tmp/work.3; inner steal").splitlines()
            works = [line.split() for line in lines[:2]]
            return works, [[int(n) for n in pair.split(":")] for pair in lines[2].split()]
        works, ticks = look()
        self.guest.wait(seconds)
        works2, ticks2 = look()
        rates = [(int(b[1]) - int(a[1])) / (float(b[0]) - float(a[0]))
                 for a, b in zip(works, works2)]
        stolen, worked = ([b[n] - a[n] for a, b in zip(ticks, ticks2)] for n in (0, 1))
        self.report.note(f"COUNT {what}: {rates[0]:.0f} + {rates[1]:.0f} = {sum(rates):.0f} "
                         f"iterations a second, on vCPUs {works2[0][2]} and {works2[1][2]}; "
                         f"ticks stolen {stolen}, worked {worked}")
        return stolen, worked, {int(w[2]) for w in works2}

    def start(self, more=""):
        """A governor; it is there when it has said so."""
        self.guest.run(f"{GOVERN} {more} >/tmp/log 2>&1 & echo $! >/tmp/pid; "
                       "wait_for 60 grep -q 'stay in use' /tmp/log")

    def said(self, words, seconds=60):
        """Wait for a line of the governor's."""
        self.guest.begin(f"wait_for {seconds} grep -q '{words}' /tmp/log")
        status, _ = self.guest.end(seconds * 3)
        self.report.result(not status, f"the governor says: {words}",
                           self.guest.run("cat /tmp/log"))

    def stop(self, how):
        """Its exit is waited for; what it said goes to the log."""
        self.guest.run(f"kill -{how} $(cat /tmp/pid); "
                       "wait_for 60 sh -c '! kill -0 $(cat /tmp/pid)'")
        for line in self.guest.run("cat /tmp/log").splitlines():
            self.report.note(line)

    def away(self):
        """By the kernel."""
        return self.guest.run("cat /sys/fs/cgroup/cpuset.cpus.isolated").strip()


def refusals(test):
    """What it cannot work with, in words and by exit code."""
    test.guest.check("without control groups it is refused",
                     "! parley sched governor >/tmp/out 2>&1 && "
                     "grep 'version 2 are not mounted' /tmp/out")
    test.guest.run("mkdir -p /sys/fs/cgroup/cpuset; mount -t tmpfs none /sys/fs/cgroup")
    test.guest.run("umount /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup")
    test.guest.check("a dry run takes nothing",
                     "parley sched governor --dry-run --once --window 1 && "
                     "! grep cpuset /sys/fs/cgroup/cgroup.subtree_control")


def prepare(test):
    """Tasks of every kind, and a group that names the vCPUs for itself, as slices do."""
    test.guest.run("""
        cd /sys/fs/cgroup; echo +cpuset >cgroup.subtree_control; mkdir slice
        echo 1-3 >slice/cpuset.cpus
        taskset -c 1,3 sleep 9999 & taskset -c 2-3 sleep 9999 & sleep 9999 &
        sh -c 'echo $$ >/sys/fs/cgroup/slice/cgroup.procs; exec sleep 9999' &
        sh -c 'echo $$ >/sys/fs/cgroup/slice/cgroup.procs; exec taskset -c 2,3 sleep 9999' &
        cd /""".replace("\n", ";").replace("&;", "& ").replace(";;", ";").strip(" ;"))
    for vcpu in STOLEN:
        test.guest.run(f"inner burn {vcpu} /tmp/work.{vcpu} & "
                       f"wait_for 60 test -e /tmp/work.{vcpu}")


def bound(test, before):
    """A vCPU to which a task is bound stays."""
    test.guest.run("taskset -c 3 sh -c 'while :; do usleep 200000; done' & echo $! >/tmp/bound")
    with_bound = test.places()
    test.start()
    test.said(f"vCPU 2 {LEFT}")
    test.said("vCPU 3 stays.*is bound to it")
    test.report.equal(test.away(), "2", "only the vCPU is away to which nobody is bound")
    test.stop("TERM")
    test.same_places(with_bound, "SIGTERM: every task may run where it might before")
    test.report.equal(test.away(), "", "nothing is away")


def moved(test):
    """Also those that are bound; meanwhile, and after the hog's end."""
    before = test.places()
    test.start("--bound move")
    for vcpu in STOLEN:
        test.said(f"vCPU {vcpu} {LEFT}")
    test.report.equal(test.away(), "2-3", "both are away")
    now = [int(where, 16) & 0xc for where, name in test.places().values()
           if "sleep" in name or "python" in name]
    test.report.equal(set(now), {0}, "no task may run on them")
    stolen, worked, where = test.measure("governor")
    test.report.result(not where & STOLEN and sum(worked[2:]) < sum(worked[:2]) / 10,
                       "work is done on the others", f"{where} {worked}")
    test.guest.check("the bound task runs elsewhere",
                     "a=$(cut -d ' ' -f 17 /proc/$(cat /tmp/bound)/stat); usleep 2000000; "
                     "[ $(cut -d ' ' -f 17 /proc/$(cat /tmp/bound)/stat) -gt $a ]")
    test.guest.check("nobody can take the controller away",
                     "! echo -cpuset >/sys/fs/cgroup/cgroup.subtree_control")
    test.guest.run("parley sched >/tmp/status; cat /tmp/status >&2")
    for line in test.guest.run("cat /tmp/status").splitlines():
        test.report.note(line)
    return before


def main():
    """The whole of it."""
    report = Report()
    guest = Inner(report, "guest", [disks.Disk(make_disk("/tmp/tape"), "09.0")], 384, 4).boot()
    pin(guest)
    guest.run(f"insert virtio_blk && tar xf /dev/vda -C / && ln -s {TOOLS}/parley /bin/parley")
    test = Test(report, guest)
    refusals(test)
    prepare(test)
    before = test.places()
    with Hog():
        test.measure("no governor")
        bound(test, before)
        before = moved(test)
    for vcpu in STOLEN:
        test.said(f"vCPU {vcpu} is back")
    guest.wait(5)
    report.equal(test.away(), "", "after the hog's end nothing is away, and stays so")
    test.same_places(before, "every task may run where it might before")
    with Hog():
        test.said(f"vCPU 3 {LEFT}")
        test.stop("KILL")
    return report.plan()


sys.exit(main())
