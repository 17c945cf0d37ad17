# SPDX-License-Identifier: GPL-2.0-only
"""A hog takes the processor of two of an inner guest's four vCPUs: what its work gets done
with the steal governor and without it, and where its tasks may run before, meanwhile and
after. Counts are shown; what is tested is where tasks are, and that nothing stays changed."""

import fcntl
import os
import subprocess
import sys
import tarfile

from labkit import disks, programs
from labkit.inner import Inner
from labkit.report import Report

ROOT = os.environ["LAB_ROOT"]
TOOLS = f"{ROOT}/tools/parley"
INNER = f"{ROOT}/tools/testing/lab/guest/governor-inner.py"
PYTHON = "/usr/bin/python3"
HOGGED = 2                      # the outer guest's processor that vCPUs 2 and 3 share with it
STOLEN = {2, 3}
GOVERN = "parley sched governor --interval 0.5 --window 2 --trial 4 --high 30 --low 10"
FOR_LONG = "--hold 3600 --hold-max 3600"    # none comes back, however slow the machine is
LEFT = "is left"
SLOW = 250                      # seconds for Python to begin, on a machine with much to do

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
            tape.add(source, name, filter=runnable)
    os.truncate(path, -(-os.path.getsize(path) // disks.MIB) * disks.MIB)
    return path


def runnable(entry):
    """As all that the inner guest has."""
    entry.mode = 0o755
    return entry


CREATE_VM, CREATE_IRQCHIP, CREATE_VCPU = 0xae01, 0xae60, 0xae41    # KVM's ioctls
CPUS = "for cpu in /sys/devices/system/cpu/cpu[1-9]; do echo 1 >$cpu/online || exit; done"


def processors():
    """The outer guest's others, now that KVM has switched its branches: as long as we have a
    VM whose only vCPU never runs, it switches none when guests come and go. Returns what
    is to be kept."""
    kvm = os.open("/dev/kvm", os.O_RDWR)
    vm = fcntl.ioctl(kvm, CREATE_VM, 0)
    fcntl.ioctl(vm, CREATE_IRQCHIP, 0)
    vcpu = fcntl.ioctl(vm, CREATE_VCPU, 0)
    subprocess.run(CPUS, shell=True, check=True)
    return kvm, vm, vcpu


class Hog:
    """Another tenant of the host: it wants the processor all the time, and is preferred."""

    def __enter__(self):
        self.process = subprocess.Popen(["nice", "-n", "-3", "taskset", "-c", str(HOGGED),
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
        for line in self.guest.run("inner places", SLOW).splitlines():
            tid, start, where, name = line.split(" ", 3)
            table[tid, start] = where, name
        return table

    def same_places(self, before, what):
        """Of all that were there before and still are."""
        after = self.places()
        others = [f"{name}: {where}, now {after[key][0]}"
                  for key, (where, name) in before.items()
                  if key in after and after[key][0] != where]
        self.report.result(not others, what, "\n".join(others))

    def measure(self, what, seconds=6):
        """What two workers counted and what was stolen; returns the ticks that each vCPU
        worked, and where they are."""
        def look():
            lines = self.guest.run("cat /tmp/work.2 /tmp/work.3; inner steal", SLOW).splitlines()
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
        return worked, {int(w[2]) for w in works2}

    def start(self, more=""):
        """A governor; it is there when it has said so."""
        self.guest.run(f": >/tmp/log; {GOVERN} {more} >>/tmp/log 2>&1 & echo $! >/tmp/pid; "
                       "wait_for 200 grep -q 'stay in use; left' /tmp/log", SLOW)

    def forget(self):
        """What it said up to now, which goes to our own log."""
        for line in self.guest.run("cat /tmp/log; : >/tmp/log").splitlines():
            self.report.note(line)

    def said(self, words, seconds=60):
        """Wait for a line of the governor's."""
        self.guest.begin(f"wait_for {seconds} grep -q '{words}' /tmp/log")
        status, _ = self.guest.end(SLOW)
        self.report.result(not status, f"the governor says: {words}",
                           self.guest.run("cat /tmp/log"))

    def stop(self, how, status):
        """Its end is waited for."""
        ended = self.guest.run(f"kill -{how} $(cat /tmp/pid); wait $(cat /tmp/pid); echo $?")
        # The shell may say "Killed" before that.
        self.report.equal(ended.split()[-1], str(status), f"SIG{how} ends it with status {status}")
        self.forget()

    def away(self):
        """By the kernel."""
        return self.guest.run("cat /sys/fs/cgroup/cpuset.cpus.isolated").strip()


def refusals(test):
    """What it cannot work with, in words and by exit code."""
    test.guest.check("without control groups it is refused",
                     "parley sched governor >/tmp/out 2>&1; [ $? = 3 ] && "
                     "grep 'version 2 are not mounted' /tmp/out", SLOW)
    test.guest.run("mount -t cgroup2 none /sys/fs/cgroup")
    test.guest.check("a dry run takes nothing",
                     "parley sched governor --dry-run --once --window 1 && "
                     "! grep cpuset /sys/fs/cgroup/cgroup.subtree_control", SLOW)


def prepare(test):
    """The other vCPUs, tasks of every kind, and a group that names vCPUs for itself, as
    slices do."""
    group = "/sys/fs/cgroup/slice"
    for command in ("echo +cpuset >/sys/fs/cgroup/cgroup.subtree_control",
                    f"mkdir {group}", f"( {CPUS} )", f"echo 1-3 >{group}/cpuset.cpus"):
        test.guest.run(command)
    for task in ("sleep 9999", "taskset -c 1,3 sleep 9999", "taskset -c 2-3 sleep 9999"):
        test.guest.run(f"{task} & sh -c 'echo $$ >{group}/cgroup.procs; exec {task}' &")
    work(test, sorted(STOLEN))


def bound(test):
    """A vCPU to which a task is bound stays."""
    test.guest.run("taskset -c 3 sh -c 'while n=$((n + 1)); do echo $n >/tmp/turns; "
                   "usleep 200000; done' & wait_for 60 test -s /tmp/turns")
    with_bound = test.places()
    test.start(FOR_LONG)
    test.said(f"vCPU 2 {LEFT}")
    test.said("vCPU 3 stays.*is bound to it")
    test.report.equal(test.away(), "2", "only the vCPU is away to which nobody is bound")
    test.stop("TERM", 0)
    test.same_places(with_bound, "SIGTERM: every task may run where it might before")
    test.report.equal(test.away(), "", "nothing is away")


def moved(test):
    """Also those that are bound."""
    test.start(f"--bound move {FOR_LONG}")
    for vcpu in STOLEN:
        test.said(f"vCPU {vcpu} {LEFT}")
    test.report.equal(test.away(), "2-3", "both are away")
    there = [f"{name} {where}" for where, name in test.places().values()
             if int(where, 16) & 0xc]
    test.report.result(not there, "no task may run on them", "\n".join(there))
    worked, where = test.measure("governor")
    test.report.result(not where & STOLEN and sum(worked[2:]) < sum(worked[:2]) / 10,
                       "work is done on the others", f"{where} {worked}")
    test.guest.check("the bound task runs elsewhere",
                     "n=$(cat /tmp/turns); usleep 2000000; [ $(cat /tmp/turns) -gt $n ]")
    test.guest.check("nobody can take the controller away",
                     "! echo -cpuset >/sys/fs/cgroup/cgroup.subtree_control")
    for line in test.guest.run("parley sched", SLOW).splitlines():
        test.report.note(line)


def killed(test, before):
    """By kill -9, twice: nothing is lost, and it is undone in one way and the other."""
    test.stop("KILL", 128 + 9)
    test.report.equal(test.away(), "2-3", "after kill -9 both are still away")
    test.guest.check("that is told", "parley sched 2>&1 | grep 'no governor runs'", SLOW)
    test.guest.check("--restore undoes it", "parley sched governor --restore", SLOW)
    test.report.equal(test.away(), "", "nothing is away")
    test.same_places(before, "every task may run where it might before")
    test.guest.check("again, it has nothing to do",
                     "parley sched governor --restore | grep 'nothing to undo'", SLOW)
    test.start(f"--bound move {FOR_LONG}")
    test.said(LEFT)
    test.stop("KILL", 128 + 9)
    test.report.result(test.away(), "after kill -9 what was left is still away")
    test.start("--bound move --hold 20")
    test.guest.check("the next start undoes it", "grep 'undone what another' /tmp/log")


def back(test, before):
    """After the hog's end, and for good; then work is done there as elsewhere. By one worker
    there and one elsewhere: more of them would meet on the processor of vCPUs 2 and 3, which
    takes time from both, and one of these would be left for that."""
    test.said("is back.*0-3 in use", 100)
    test.guest.run("kill $(cat /tmp/works); rm /tmp/work*")
    work(test, (1, 3))
    test.guest.wait(4)
    worked, _ = test.measure("hog gone, a worker on vCPU 3")
    test.report.result(sum(worked[2:]) > sum(worked) / 8, "work is done on them again", worked)
    test.report.equal(test.away(), "", "nothing is away, and stays so")
    test.same_places(before, "every task may run where it might before")
    test.stop("TERM", 0)
    test.same_places(before, "and after the governor's end as well")
    test.guest.check("nothing is left of it", "[ ! -e /sys/fs/cgroup/parley-governor ] && "
                     "[ ! -e /run/parley/governor.json ]")


def work(test, vcpus):
    """Two workers, which begin on these vCPUs; nothing keeps them there."""
    for name, vcpu in zip((2, 3), vcpus):
        test.guest.run(f"inner burn {vcpu} /tmp/work.{name} & echo $! >>/tmp/works; "
                       f"wait_for 200 test -e /tmp/work.{name}", SLOW)


def main():
    """The whole of it."""
    report = Report()
    processors()
    guest = Inner(report, "guest", [disks.Disk(make_disk("/tmp/tape"), "09.0")], 384, 4,
                  append="maxcpus=1").boot()
    pin(guest)
    guest.run(f"insert virtio_blk && tar xf /dev/vda -C / && ln -s {TOOLS}/parley /bin/parley")
    test = Test(report, guest)
    refusals(test)
    prepare(test)
    with Hog():
        test.measure("no governor")
        bound(test)
        before = test.places()
        moved(test)
        killed(test, before)
        test.said(LEFT)
    back(test, before)
    report.equal(guest.off(), 0, "the guest powers off")
    return report.plan()


sys.exit(main())
