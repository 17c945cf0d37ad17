# SPDX-License-Identifier: GPL-2.0-only
"""A guest sends datagrams to itself, from one processor to another, with an ordinary
and an effective timer for each, while its host takes the first of these processors away
again and again. The other one runs: the answer is there when the first comes back.
"""

import os
import re
import signal
import sys
import time

from labkit.inner import Inner
from labkit.report import Report

ROUNDS = 150
DROP = 15           # the server does not answer every 15th
AWAY = 0.4          # seconds, four times the time-out
THERE = 0.4
HOG, PEER = 50, 60  # real-time priorities: the processor that has neither is away
TICK = 0.01         # seconds, of /proc/stat


def hog():
    """Take the host's only processor now and then; returns the process."""
    pid = os.fork()
    if pid:
        return pid
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(HOG))
    while True:
        end = time.monotonic() + AWAY
        while time.monotonic() < end:
            pass
        time.sleep(THERE)


class Steal:
    """The guest, and what it counts."""

    def __init__(self, report):
        self.report = report
        self.guest = Inner(report, "guest", [], smp=2).boot()
        self.guest.run("ip link set lo up; mount -t debugfs debugfs /sys/kernel/debug")
        for cpu in self.guest.qmp("query-cpus-fast"):
            if cpu["cpu-index"]:
                os.sched_setscheduler(cpu["thread-id"], os.SCHED_FIFO, os.sched_param(PEER))

    def kernel_says(self):
        """Seconds that were stolen from the first processor, by the kernel's account."""
        return int(self.guest.run("grep '^cpu0 ' /proc/stat").split()[8]) * TICK

    def module_says(self):
        """The same by ours."""
        text = self.guest.run("cat /sys/kernel/debug/parley_sched/steal")
        return int(re.search(r"^ *0 +(\d+)", text, re.M)[1]) / 1e9

    def results(self):
        """{name: its number or numbers}, of the module that was loaded."""
        text = self.guest.run("cd /sys/module/parley_rexmit/parameters; "
                              "grep . answered lost rightful spurious stolen_ms; cd /")
        return {name: [int(n) for n in value.split(",")] for name, value in
                (line.split(":") for line in text.splitlines())}

    def time_outs(self, hypervisor):
        """Send all, while the processor is taken away; returns what came of it."""
        self.guest.run(f"insmod /lib/??-parley_sched.ko hypervisor={hypervisor}")
        before = self.kernel_says(), self.module_says()
        pid = hog()
        try:
            self.guest.run(f"insmod /lib/??-parley_rexmit.ko rounds={ROUNDS} drop={DROP}", 240)
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        found = self.results()
        found["kernel"] = self.kernel_says() - before[0]
        found["module"] = self.module_says() - before[1]
        self.report.note(f"{hypervisor}: {found}")
        self.guest.run("rmmod parley_rexmit parley_sched")
        return found

    def with_it(self):
        """KVM tells what it steals."""
        found = self.time_outs("kvm")
        lost = ROUNDS // DROP
        (plain, effective), (_, rightful) = found["spurious"], found["rightful"]
        self.report.equal(found["answered"], [ROUNDS], "every datagram is answered")
        self.report.equal(found["lost"], [lost], "some were dropped")
        self.report.equal(rightful, lost, "for each of these the effective timer fires")
        self.report.result(plain >= 5, "the ordinary timer fires without reason", found)
        self.report.result(4 * effective <= plain,
                           "the effective one does so not even a fourth as often", found)
        self.report.result(abs(found["kernel"] - found["module"]) <= 0.1 * found["kernel"] + 0.2,
                           "the kernel's account says the same as ours", found)

    def without(self):
        """Nobody tells: an effective timer is an ordinary one."""
        found = self.time_outs("none")
        plain, effective = found["spurious"]
        self.report.result(plain >= 5 and 2 * effective >= plain,
                           "without what KVM tells, both fire without reason", found)
        self.report.equal(found["module"], 0, "and nothing is known to be stolen")


def main():
    """With, and without."""
    report = Report()
    steal = Steal(report)
    steal.with_it()
    steal.without()
    report.equal(steal.guest.off(), 0, "it powers off")
    return report.plan()


sys.exit(main())
