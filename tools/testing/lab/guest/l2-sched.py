# SPDX-License-Identifier: GPL-2.0-only
"""The scheduling device of a guest of stock QEMU: the bridge serves it over shared memory,
`parley sched register` learns from QEMU which threads the vCPUs are, and the guest sees what
the host does to them, and asks for more.

There is one processor. A guest that reads a record runs on it, so its own says that it runs
and all others say that they do not; and when we read, no vCPU runs."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

from labkit import disks, locks
from labkit.common import ROOT, LabError, children, put
from labkit.inner import Inner, shell
from labkit.limits import PATIENCE
from labkit.report import Report

SLOT = "09.0"
VCPUS, PLUGGED = 3, 2           # at most, and at first
BUDGET = (50000, 500000)        # microseconds, of microseconds
MONITOR = "/tmp/l2-sched.qmp"
VIEW = "/sys/kernel/debug/parley_sched_device/vcpus"
VMS = "/sys/kernel/debug/parley_vhost_sched/vms"
RUNNING, PREEMPTED, ASLEEP = 1, 2, 3
STOLEN = 500_000_000            # nanoseconds to wait for
SLACK = 300_000_000             # of what is stolen, what may not be told yet
LOOKS = 10
GROUPS = "/sys/fs/cgroup"
EACH = 70                       # of a group's weight, for each thread


class Device(disks.Disk):
    """The function behind which the bridge serves it."""

    def arguments(self):
        return ["-chardev", f"socket,id=sched,path={self.server.socket(self)}",
                "-device", f"ivshmem-doorbell,chardev=sched,vectors=3,addr=0x{SLOT[:2]}"]


class Bridge(disks.Bridge):
    """The bridge, with this device only."""

    def __init__(self):
        super().__init__("sched")
        self.disks.append(Device("", SLOT, server=self))

    def command(self):
        return [self.program, "--sched",
                f"socket={self.socket(self.disks[0])},vcpus={VCPUS},"
                f"budget={BUDGET[0]},period={BUDGET[1]}"]


class Command:
    """`parley sched` with some words, for as long as it is wanted."""

    def __init__(self, *words):
        self.log = f"/tmp/l2-sched.{words[0]}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, f"{ROOT}/tools/parley/parley", "sched", *words, "--json"],
                stdout=log, stderr=log)

    def said(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read()

    def lines(self):
        """Of what it said, what is for programs."""
        return [json.loads(line) for line in self.said().splitlines() if line.startswith("{")]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20 * PATIENCE)


def vms():
    """Of the host's view: the words of the device, and {vCPU: (thread, state)}."""
    with open(VMS, encoding="ascii") as view:
        text = view.read()
    head = {name: int(value) for name, value in re.findall(r"(\w+) (\d+)", text.split("\n")[0])}
    return head, {int(v): (int(tid), state) for v, tid, state in
                  re.findall(r"vcpu (\d+) tid (\d+) (\w+)", text)}


def delays(threads):
    """Nanoseconds that these have waited for the processor."""
    found = []
    for pid, tid in threads:
        with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as stat:
            found.append(int(stat.read().split()[1]))
    return found


class Test:
    """One guest, and what is around it."""

    def __init__(self, report):
        self.report = report
        self.bridge = Bridge()
        self.register = Command("register", "--qmp", MONITOR, "--interval", "0.5")
        self.guest = None

    def until(self, good, what, seconds=20):
        """Wait, with the guest served; a test."""
        end = time.monotonic() + seconds * PATIENCE
        while not (found := good()) and time.monotonic() < end:
            if self.guest:
                self.guest.wait(0.2)
            else:
                time.sleep(0.2)
        return self.report.result(found, what, f"{vms()}\n{self.register.said()}\n"
                                  f"{self.bridge.said()}")

    def shown(self):
        """{processor: numbers} of the guest's view, read by its processor 0."""
        text = self.guest.run(f"taskset 1 cat {VIEW}")
        return {int(row.split()[0]): [int(n, 0) for n in row.split()[1:]]
                for row in text.splitlines()[1:]}

    def threads(self):
        """As QEMU says to us, on a monitor of our own."""
        return {cpu["cpu-index"]: cpu["thread-id"]
                for cpu in self.guest.qmp("query-cpus-fast")}

    def registered(self):
        return {v: tid for v, (tid, _) in vms()[1].items()} == self.threads()

    def begin(self):
        """The command is there before QEMU, and QEMU before the guest."""
        self.bridge.start()
        self.until(lambda: "No such file" in self.register.said(), "register waits for QEMU")
        self.guest = Inner(self.report, "guest", self.bridge.disks, 192,
                           smp=f"{PLUGGED},maxcpus={VCPUS}",
                           more=["-qmp", f"unix:{MONITOR},server=on,wait=off"]).boot()
        self.until(self.registered, "the host knows QEMU's threads as the vCPUs")
        # With a hypervisor that helps, locks would ask that one.
        self.guest.run(
            "mount -t debugfs none /sys/kernel/debug; "
            "insmod /lib/??-parley_sched.ko hypervisor=none && "
            "for file in /lib/??-parley*.ko; do insert_file $file || break; done; "
            f"echo parley_shm >/sys/bus/pci/devices/0000:00:{SLOT}/driver_override; "
            f"echo 0000:00:{SLOT} >/sys/bus/pci/drivers_probe; "
            f"wait_for 20 eval '[ $(wc -l <{VIEW}) -gt {VCPUS} ]'", 60)

    def helped(self):
        text = self.guest.run(f"head -n 1 {locks.COUNTS}")
        self.report.result("parley" in text, "locks of the guest have the device's help", text)

    def truth(self):
        """Who reads runs, on the only processor."""
        states = {cpu: set() for cpu in range(PLUGGED)}
        with self.busy(), locks.hog(0):
            for _ in range(LOOKS):
                for cpu, row in self.shown().items():
                    states.setdefault(cpu, set()).add(row[0])
                seen = {state for _, state in vms()[1].values()}
                if "running" in seen:
                    break
        self.report.equal(states[0], {RUNNING}, "the vCPU that reads is running")
        self.report.result(PREEMPTED in states[1] and RUNNING not in states[1],
                           "the other one is preempted, and never running", states)
        self.report.result("running" not in seen, "and none while the host looks", vms())

    @contextlib.contextmanager
    def busy(self, threads=1):
        """Each processor of the guest computes."""
        for n in range(PLUGGED * threads):
            self.guest.run(f"taskset {1 << n % PLUGGED} sh -c 'while :; do :; done' & "
                           f"echo $! >/tmp/busy{n}")
        try:
            yield
        finally:
            self.guest.run("kill $(cat /tmp/busy*); rm /tmp/busy*")

    def stolen(self):
        """What the guest sees is what the host's scheduler counted."""
        pid = self.guest.vm.process.pid
        threads = [(pid, self.threads()[cpu]) for cpu in range(PLUGGED)]
        with self.busy(), locks.hog(0):
            outer = delays(threads)
            before = self.shown()
            inner, begun = delays(threads), time.monotonic()
            while (now := self.shown())[1][3] - before[1][3] < STOLEN and \
                    time.monotonic() < begun + 60 * PATIENCE:
                self.guest.wait(0.5)
            self.guest.wait(1)
            within = delays(threads)
            now = self.shown()
            without = delays(threads)
        for cpu in range(PLUGGED):
            got = now[cpu][3] - before[cpu][3]
            least, most = within[cpu] - inner[cpu], without[cpu] - outer[cpu]
            self.report.note(f"vCPU {cpu}: {got / 1e9:.2f} s stolen in "
                             f"{time.monotonic() - begun:.1f} s; the host: {least / 1e9:.2f} to "
                             f"{most / 1e9:.2f} s")
            self.report.result(got >= STOLEN / 2, f"vCPU {cpu}: a hog steals from it", got)
            self.report.result(least - SLACK <= got <= most + SLACK,
                               f"vCPU {cpu}: as much as the host's scheduler says",
                               f"{least} {got} {most}")

    def shared(self):
        """The weight of a guest's control group follows its threads."""
        group = f"{GROUPS}/l2-sched"
        if not os.path.exists(f"{GROUPS}/cgroup.controllers"):
            shell("mount", "-t", "cgroup2", "none", GROUPS)
        os.makedirs(group)
        pid = str(self.guest.vm.process.pid)
        put(f"{GROUPS}/cgroup.subtree_control", "+cpu")
        put(f"{group}/cgroup.procs", pid)
        share = Command("share", "--vm", pid, "--per-thread", str(EACH), "--max", "1000")

        def weighs():
            with open(f"{group}/cpu.weight", encoding="ascii") as file:
                return int(file.read())

        def last(least, most):
            found = [line for line in share.lines() if line.get("threads") is not None]
            return found and least <= found[-1]["threads"] <= most

        for threads in (1, 2):
            with self.busy(threads):
                wanted = threads * PLUGGED
                self.until(lambda n=wanted: last(n - 0.7, n + 0.7),
                           f"a guest with {wanted} threads says so")
                self.report.note(f"weight {weighs()} of {wanted} threads, {EACH} each")
                self.until(lambda n=wanted: abs(weighs() - n * EACH) < EACH,
                           "and has their weight")
        self.report.equal(share.end(), 0, "who shares ends when it is told to")
        self.report.equal(weighs(), 100, "and the weight is what it was")

    def asked(self):
        """Waiters for a lock see that its holder does not run, and have the host run him."""
        with locks.hog(0):
            for _ in range(10):
                self.guest.run(f"echo parley {PLUGGED} 1000 3000 3000 >{locks.RUN}", 60)
                if vms()[0]["boosts"]:
                    break

        def asked():
            rows = self.shown().values()
            return [sum(row[n] for row in rows) for n in (6, 8)]

        self.report.result(asked()[0], "the guest asks", self.shown())
        self.until(lambda: asked() == [vms()[0]["requests"], vms()[0]["boosts"]],
                   "the host serves each request, and says what came of it")
        self.until(lambda: vms()[0]["boosted"], "time is charged for what it executes")
        self.report.equal(vms()[0]["bad"], 0, "none makes no sense")
        self.report.note(f"host: {vms()[0]}")

    def plugged(self):
        """A vCPU comes while the guest runs."""
        free = [cpu for cpu in self.guest.qmp("query-hotpluggable-cpus")
                if "qom-path" not in cpu][0]
        self.guest.qmp("device_add", driver=free["type"], id="third",
                       **{name.replace("-", "_"): value
                          for name, value in free["props"].items()})
        self.until(self.registered, "a vCPU that is plugged in is known")
        self.report.equal(len(vms()[1]), VCPUS, "and is one more")
        self.until(lambda: self.shown()[PLUGGED][0] in (RUNNING, PREEMPTED, ASLEEP),
                   "the guest sees it")

    def bridge_killed(self):
        """Another process has another device, which is told anew."""
        before = children(self.bridge.process.pid)
        for pid in before:
            os.kill(pid, signal.SIGKILL)

        def again():
            now = children(self.bridge.process.pid)
            return now and now != before and self.registered()

        self.until(again, "the device of the next process knows the vCPUs")

        def sees():
            shown = self.shown()
            return len(shown) == VCPUS and shown[0][0] == RUNNING
        self.until(sees, "and the guest sees them again")

    def qemu_killed(self):
        """Nothing is left: of the device, of its process, of the threads."""
        self.guest.kill()
        self.guest = None
        self.until(lambda: not vms()[0] and not children(self.bridge.process.pid),
                   "a QEMU that is killed leaves no device and no process")
        self.report.result(self.register.process.poll() is None, "register waits for another",
                           self.register.said())
        self.report.equal(self.register.end(), 0, "and ends when it is told to")
        self.report.equal(self.bridge.stop(), 0, "so does the bridge")
        shell("rmmod", "parley_vhost_sched")
        self.report.result(True, "the module of the device can be removed")
        lines = self.register.lines()
        self.report.result(all({"device", "vcpu", "thread", "process"} <= set(line)
                               for line in lines if "vcpu" in line) and lines,
                           "what was done is told to programs", lines)


def main():
    """All of it."""
    report = Report()
    if not os.path.ismount("/sys/kernel/debug"):
        shell("mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug")
    test = Test(report)
    try:
        test.begin()
        test.helped()
        test.truth()
        test.stolen()
        test.shared()
        test.asked()
        test.plugged()
        test.bridge_killed()
        test.qemu_killed()
    except (LabError, OSError, KeyError) as error:
        report.result(False, "a guest and its scheduling device",
                      f"{type(error).__name__}: {error}\n{test.register.said()}\n{test.bridge.said()}")
    return report.plan()


sys.exit(main())
