# SPDX-License-Identifier: GPL-2.0-only
"""Inner guests whose threads contend for one lock, on processors of the host's that
they share, and what the guest and the host count meanwhile. Such a guest has the
modules parley_sched and parley_sched_bench, whose head says what it measures."""

import contextlib
import os
import pathlib
import re
import subprocess

from .inner import Inner

RUN = "/sys/kernel/debug/parley_sched_bench/run"
COUNTS = "/sys/kernel/debug/parley_sched/locks"
EVENTS = pathlib.Path("/sys/kernel/tracing/events/kvm")
# Exits by reason, from the AMD manual.
REASONS = {0x78: "hlt", 0x60: "intr", 0x64: "vintr", 0x7c: "msr", 0x81: "vmmcall",
           0x77: "pause", 0x400: "npf"}
# Hypercalls, from the kernel's kvm_para.h.
CALLS = {5: "kicks", 11: "yields"}
HISTOGRAMS = {"kvm_exit": ("exit_reason", REASONS), "kvm_hypercall": ("nr", CALLS)}

# What is compared: its name, the guest it is in, and the module's name for it. The
# guests differ in the kernel's own lock only; ours is in both to show just that.
WAYS = (("parley", "pv", "parley"), ("PV qspinlock", "pv", "native"),
        ("qspinlock", "plain", "native"), ("ticket", "pv", "ticket"),
        ("parley beside", "plain", "parley"))
GUESTS = {"pv": "", "plain": "nopvspin"}    # with what their kernels are told
# Turns inside and outside, of a loop of two instructions.
LOADS = {"short": (300, 3000), "long": (3000, 3000)}


def switch_on():
    """The host counts from now on."""
    for event, (key, _) in HISTOGRAMS.items():
        (EVENTS / event / "trigger").write_text(f"hist:keys={key}", "ascii")


def host_counts():
    """{what: how often}, of all guests."""
    found = {"exits": 0}
    for event, (key, names) in HISTOGRAMS.items():
        found |= dict.fromkeys(names.values(), 0)
        text = (EVENTS / event / "hist").read_text("ascii")
        for number, hits in re.findall(rf"{key}:\s*(\d+).*hitcount:\s*(\d+)", text):
            if event == "kvm_exit":
                found["exits"] += int(hits)
            if int(number) in names:
                found[names[int(number)]] += int(hits)
    return found


def jain(each):
    """How fair it was: 1 if all had as much, 1 / n if one had everything."""
    return sum(each) ** 2 / (len(each) * sum(n * n for n in each)) if any(each) else 0


@contextlib.contextmanager
def hog(processor):
    """Meanwhile something else wants all of a processor."""
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as process:
        os.sched_setaffinity(process.pid, [processor])
        try:
            yield
        finally:
            process.kill()


class Guest(Inner):
    """An inner guest that only contends for locks. Unless it does, it is stopped, and so
    takes nothing from others."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.processors = []    # threads of QEMU's

    def boot(self):
        """Boot, and stop it."""
        super().boot()
        self.run("insert parley_sched parley_sched_bench && "
                 "mount -t debugfs none /sys/kernel/debug")
        self.processors = [cpu["thread-id"] for cpu in self.qmp("query-cpus-fast")]
        self.qmp("stop")
        return self

    def off(self):
        """Let it power off."""
        self.qmp("cont")
        return super().off()

    @contextlib.contextmanager
    def awake(self):
        """Meanwhile it is not stopped."""
        self.qmp("cont")
        yield
        self.qmp("stop")

    def anew(self, parameters):
        """Our lock's module once more, with these parameters."""
        with self.awake():
            self.run("rmmod parley_sched_bench && rmmod parley_sched && "
                     f"insmod /lib/*-parley_sched.ko {parameters} && "
                     "insert parley_sched_bench")

    def confine(self, processors):
        """Its processors share these of the host's, one after another."""
        for n, thread in enumerate(self.processors):
            os.sched_setaffinity(thread, [processors[n % len(processors)]])

    def _ran(self):
        """Nanoseconds that its processors ran on the host's."""
        folder = pathlib.Path(f"/proc/{self.vm.process.pid}/task")
        return sum(int((folder / f"{thread}/schedstat").read_text("ascii").split()[0])
                   for thread in self.processors)

    def _counts(self):
        """What our lock counted there, by column, and with whose help."""
        lines = self.run(f"cat {COUNTS}").splitlines()
        return (dict(zip(lines[1].split()[1:], map(int, lines[-1].split()[1:]))),
                lines[0].split()[1])

    def _bench(self, *words, seconds=60):
        """What the module says of one run."""
        said = self.run(f"echo {' '.join(map(str, words))} >{RUN} && cat {RUN}", seconds)
        return dict(word.split("=") for word in said.split())

    def pairs(self, kind, count):
        """So many pairs of lock and unlock, on one processor."""
        with self.awake():
            self._bench(kind, 0, count)

    def measured(self, work):
        """What work() returns, and {what: figure} of what was counted meanwhile."""
        with self.awake():
            ours, _ = self._counts()
            ran, host = self._ran(), host_counts()
            done = work()
            row = {what: after - host[what] for what, after in host_counts().items()}
            row["ran"] = self._ran() - ran
            counts, row["helper"] = self._counts()
        row["ours"] = {what: after - ours[what] for what, after in counts.items()}
        return done, row

    def contend(self, kind, milliseconds, inside, outside):
        """All its processors for one lock of a kind; {what: figure}."""
        found, row = self.measured(
            lambda: self._bench(kind, self.smp, milliseconds, inside, outside,
                                seconds=60 + milliseconds / 1000))
        each = [int(n) for n in found["each"].split(",")]
        return row | {"kind": kind, "each": each, "jain": jain(each)} | {
            what: int(found[what]) for what in ("took", "sum", "longest", "spins")}
