# SPDX-License-Identifier: GPL-2.0-only
"""A guest of stock QEMU that is fed a clock is migrated to another QEMU, whose
tsc-frequency is another one, and samples that clock and kvm-clock all the time.

QEMU does not migrate a guest with an ivshmem function, so that is unplugged before and
plugged in behind the other QEMU, by a bridge of its own: another device with a clock of its
own, to which the clock is handed over by `parley sched clock`.

KVM without scaling of the counter, as it is here, takes a rate above the host's alone: it
sets the counter forward at each entry, if the host's own clock is not made of it. QEMU is
told that there is scaling, or it would not ask (tools/preload/tsc-control.c)."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

from labkit import disks
from labkit.common import ROOT, LabError, put
from labkit.inner import CPU, Inner, dump, shell
from labkit.limits import PATIENCE
from labkit.report import Report

PORT, SLOT = "port9", 9
# The last machine that does not send its counter's rate along: newer ones refuse another.
# It starts kernels as they are shipped only, which takes them longer.
MACHINE = "pc-q35-2.5"
FASTER = 1.1            # the counter there, by the one here
PHASE = 8               # seconds to sample, of each phase
MOST = 240000           # milliseconds to sample, if nobody ends it
LOOKS = 8               # at both clocks, of which the quickest counts
EXACT = 100             # ppm, and what the look takes
NEAR = 1000             # ppm: with the counter's rate of the other host it is 100000
KEPT = 0.5              # seconds that a clock that is handed over may be off
CLOCK = "/sys/kernel/debug/parley_clock"
AT = "/sys/bus/pci/devices/0000:01:00.0"     # what is behind that port
SHIM = "/tmp/tsc-control.so"
SOURCES = "/sys/devices/system/clocksource/clocksource0"


class Server(disks.Bridge):
    """A bridge with one scheduling device, and what QEMU calls it."""

    def __init__(self, name):
        super().__init__(name)
        self.disk("", SLOT)

    def command(self):
        return [self.program, "--sched", f"socket={self.socket(self.disks[0])},vcpus=1"]

    def connect(self, guest):
        guest.qmp("chardev-add", id=f"char-{self.name}", backend={
            "type": "socket", "data": {"server": False, "addr": {
                "type": "unix", "data": {"path": self.socket(self.disks[0])}}}})

    def plug(self, guest):
        """Into the guest, whose driver takes it."""
        guest.qmp("device_add", driver="ivshmem-doorbell", id=self.name, bus=PORT,
                  chardev=f"char-{self.name}", vectors=3)
        # An event of the slot that nobody told the guest of: it turns the slot on itself.
        guest.check(f"{self.name}: the guest finds the function",
                    f"wait_for 10 test -e {AT} || {{ echo by hand; "
                    "echo 1 >/sys/bus/pci/slots/0/power; "
                    f"wait_for 30 test -e {AT}; }} || {{ dmesg | tail; ls {AT}/..; false; }}",
                    300)
        guest.check(f"{self.name}: its clock is fed",
                    f"echo parley_shm >{AT}/driver_override && "
                    f"echo {AT.rpartition('/')[2]} >/sys/bus/pci/drivers_probe && "
                    f"wait_for 60 grep -q 'fed 1' {CLOCK}/state || "
                    f"{{ dmesg | tail; cat {CLOCK}/state; false; }}", 300)

    def unplug(self, guest):
        guest.qmp("device_del", id=self.name)
        guest.event("DEVICE_DELETED", 120)


def shipped(kernel):
    """The file that Debian has made of it."""
    return str(next((pathlib.Path(kernel).parent / "boot").glob("vmlinuz-*")))


def monitor(name):
    return f"/tmp/l2-clock-{name}.qmp"


def start(report, name, more=(), incoming=None):
    """A QEMU with a free slot, and a monitor for the command."""
    return Inner(report, name, [], 192, smp=1, incoming=incoming, more=[
        "-machine", MACHINE, "-device",
        f"pcie-root-port,id={PORT},chassis={SLOT},addr={SLOT:#x},pref64-reserve=64M",
        "-qmp", f"unix:{monitor(name)},server=on,wait=off", *more])


def told(name, *more):
    """`parley sched clock`, as soon as the device is there."""
    late = time.monotonic() + 20 * PATIENCE
    while True:
        done = subprocess.run(
            [sys.executable, f"{ROOT}/tools/parley/parley", "sched", "clock", "--json",
             "--qmp", monitor(name), *more], capture_output=True, text=True, check=False)
        if not done.returncode:
            return json.loads(done.stdout)
        if time.monotonic() > late:
            raise LabError(f"parley sched clock: {done.stderr}")
        time.sleep(0.2)


class Look:
    """Both clocks of the guest at a moment of this host's, and what is unknown of it."""

    def __init__(self, guest):
        looks = []
        for _ in range(LOOKS):
            before = time.clock_gettime(time.CLOCK_MONOTONIC)
            words = guest.run(f"cat {CLOCK}/now").split()
            after = time.clock_gettime(time.CLOCK_MONOTONIC)
            looks.append((after - before, (after + before) / 2, *map(int, words)))
        self.width, self.host, self.parley, self.raw = min(looks)

    def rates(self, then):
        """ppm of (parley, raw) from here to @then, and how exact that is."""
        passed = then.host - self.host
        return [((getattr(then, name) - getattr(self, name)) / 1e9 / passed - 1) * 1e6
                for name in ("parley", "raw")] + \
            [(self.width + then.width) / 2 / passed * 1e6]


class Test:
    """One guest, moved once."""

    def __init__(self, report):
        self.report = report
        self.servers = [Server("here"), Server("there")]
        self.guest = None
        self.looks = []

    def begin(self):
        for server in self.servers:
            server.start()
        self.guest = start(self.report, "here").boot()
        self.guest.run("mount -t debugfs none /sys/kernel/debug; insert_ours")
        self.servers[0].connect(self.guest)
        told("here")
        self.servers[0].plug(self.guest)
        self.report.equal(self.guest.run(f"cat {SOURCES}/current_clocksource"), "kvm-clock",
                          "the guest's other clock is KVM's")

    def phase(self):
        """(Look, Look) at its ends."""
        begin = Look(self.guest)
        self.guest.wait(PHASE)
        self.looks.append((begin, Look(self.guest)))

    def state(self):
        return self.guest.run(f"cat {CLOCK}/state")

    def migrate(self):
        """To a QEMU with a faster counter; returns the milliseconds without a guest."""
        from parleylib import clock     # pylint: disable=C0415
        hz = int(clock.host_khz() * FASTER) * 1000
        os.environ["LD_PRELOAD"] = SHIM
        try:
            target = start(self.report, "there", ["-cpu", f"{CPU},tsc-frequency={hz}"],
                           "unix:/tmp/l2-clock-moves")
        finally:
            del os.environ["LD_PRELOAD"]
        target.qmp("query-status")
        self.guest.qmp("migrate-set-parameters", downtime_limit=500, max_bandwidth=1 << 32)
        self.guest.qmp("migrate", uri="unix:/tmp/l2-clock-moves")
        while (got := self.guest.qmp("query-migrate"))["status"] != "completed":
            if got["status"] == "failed":
                raise LabError(f"{dump(got)}\n{target.last_words()}")
            self.guest.wait(0.2)
        target.adopt(self.guest)
        target.qmp("cont")
        self.guest.kill()
        self.guest = target
        self.report.note(f"moved: {got['downtime']} ms without a guest as QEMU says; its "
                         f"counter turns {FASTER} times as fast")
        self.report.result(not any("mismatch" in line for line in target.vm.said),
                           "KVM gives the guest another rate", target.vm.said)

    def away(self):
        """Unplugged, moved, plugged in."""
        handed = told("here")
        self.servers[0].unplug(self.guest)
        state = self.state()
        self.report.result("fed 0" in state and "stood_in 1" in state,
                           "nobody feeds it while the guest moves, and another stands in", state)
        self.migrate()
        self.phase()
        self.servers[1].connect(self.guest)
        told("there", "--hand-over", f"{handed['ns']}@{handed['realtime_ns']}")
        self.servers[1].plug(self.guest)

    def go(self):
        self.begin()
        # What else there is to do comes first: there is one processor.
        self.guest.run(f"(echo {MOST} >{CLOCK}/compare) & echo $! >/tmp/compare; "
                       "renice -n 10 -p $!")
        self.phase()
        self.away()
        self.phase()
        self.guest.run("kill $(cat /tmp/compare)")
        self.judge(self.guest.run(f"cat {CLOCK}/compare").splitlines()[:2])
        for line in self.state().splitlines():
            self.report.note(line)
        self.report.equal(self.guest.off(), 0, "the guest powers off")
        for server in self.servers:
            self.report.equal(server.stop(), 0, "the bridge ends")

    def judge(self, rows):
        """The table, and what has to hold."""
        rates = [begin.rates(end) for begin, end in self.looks]
        exact = " / ".join(f"{rate[2]:.0f}" for rate in rates)
        self.report.note(f"ppm off the host's clock, within {exact}: before / moving / after")
        self.report.note("clock      samples  backwards  largest jump ms  ppm before / moving "
                         "/ after")
        for n, (name, row) in enumerate(zip(("parley", "kvm-clock"), rows)):
            words = row.split()
            samples, back, jump, at = (int(words[k]) for k in (2, 4, 6, 8))
            ppm = " / ".join(f"{rate[n]:+.1f}" for rate in rates)
            self.report.note(f"{name:9} {samples:8} {back:10} {jump / 1e6:16.3f}  {ppm}")
            self.report.equal(back, 0, f"{name} never goes backwards")
            self.report.result(samples > 100000, f"{name} is sampled without a pause", row)
            self.report.note(f"{name}: the jump was {at / 1e9:.3f} s after the begin")
        for which, rate in zip(("before", "moving", "after"), rates):
            self.report.result(abs(rate[0]) <= EXACT + rate[2],
                               f"its rate is the host's, {which}", rate)
        self.beside()

    def beside(self):
        """The two clocks by each other, which no look makes less exact; and all of it."""
        for which, (begin, end) in zip(("before", "moving", "after"), self.looks):
            ppm = ((end.parley - begin.parley) / (end.raw - begin.raw) - 1) * 1e6
            self.report.note(f"{which}: parley by kvm-clock {ppm:+.2f} ppm")
            self.report.result(abs(ppm) < NEAR, f"{which}: it has kvm-clock's rate", ppm)
        first, last = self.looks[0][0], self.looks[-1][1]
        passed = last.host - first.host
        off = [(getattr(last, name) - getattr(first, name)) / 1e9 - passed
               for name in ("parley", "raw")]
        self.report.note(f"in {passed:.1f} s with the move: parley {off[0] * 1e3:+.1f} ms, "
                         f"kvm-clock {off[1] * 1e3:+.1f} ms off the host's")
        self.report.result(abs(off[0]) < KEPT, "what was handed over has no gap", off)


def main():
    """All of it."""
    report = Report()
    sys.path.insert(0, f"{ROOT}/tools/parley")
    if not os.path.ismount("/sys/kernel/debug"):
        shell("mount", "-t", "debugfs", "debugfs", "/sys/kernel/debug")
    put(f"{SOURCES}/current_clocksource", "hpet")
    os.environ["LAB_INNER_KERNEL"] = shipped(os.environ["LAB_INNER_KERNEL"])
    test = Test(report)
    try:
        shell("gcc", "-O2", "-shared", "-fPIC", "-o", SHIM,
              f"{ROOT}/tools/testing/lab/tools/preload/tsc-control.c")
        test.go()
    except (LabError, OSError, KeyError, IndexError) as error:
        if test.guest:
            with contextlib.suppress(LabError):
                report.note(test.guest.run(f"cat {CLOCK}/state; dmesg | grep parley"))
        report.result(False, "a clock over a migration",
                      f"{type(error).__name__}: {error}\n{test.servers[-1].said()}")
    return report.plan()


sys.exit(main())
