# SPDX-License-Identifier: GPL-2.0-only
"""An inner guest: a guest of the guest this runs in, under KVM and stock QEMU.

Its user space is guest/init-inner: a shell that takes commands. Every wait has
an end, and what its kernel reports makes a test fail.
"""

import json
import os
import signal
import subprocess
import time

from . import autopsy
from .common import LabError, need
from .limits import PATIENCE
from .vm import Loop, Vm
from .watch import Watch

# A command says nothing until it ends, so only the clock tells that it hangs. All
# this is less than the silence after which the outer guest is taken for hung.
BOOT = 240          # seconds until an inner guest takes commands
ANSWER = 120        # seconds for one command, at the least
LOOK = 10           # seconds to see what one that says nothing does
LOOP = Loop()

CONSOLE = ("console=ttyS0 panic=-1 oops=panic loglevel=5 tsc=reliable "
           "no_timer_check sysrq_always_enabled random.trust_cpu=on")
TALK = ("-device", "virtio-serial-pci,addr=0x8",
        "-device", "virtserialport,chardev=talk,name=talk")
# Without xsave: nested under TCG its layout does not fit what CPUID says. What needs
# its registers goes with it: a kernel of 7.3 believes "avx" and dies of it.
WITHOUT = ("xsave", "avx", "avx2", "fma", "f16c", "vaes", "vpclmulqdq")
CPU = ",-".join(("host", *WITHOUT))


class Inner:
    """One QEMU with an inner guest.

    @disks are those of labkit.disks. With @incoming it waits for a migration
    and stays paused when it is over. @more are further arguments of QEMU's, and
    @fds descriptors that these name; @append is for its kernel. QEMU is the
    distribution's, or the one that the scenario asked for (inner_emulator).
    """

    def __init__(self, report, name, disks, mem=256, smp=2, incoming=None,
                 more=(), room="", fds=(), append=""):
        self.report = report
        self.name = name
        self.mem, self.smp = mem, smp
        self.watch = Watch()
        self.console = []
        self.printed = []       # lines of the command that runs
        self.status = None      # its exit status, when it ended
        self.events = []
        self.answers = []
        self.born = time.monotonic()
        args = [*(os.environ.get("LAB_INNER_QEMU", "").split() or
                  [need("qemu-system-x86_64", "qemu-system-x86")]),
                "-accel", "kvm", "-cpu", CPU, "-smp", str(smp),
                "-machine", "q35,memory-backend=ram", "-m", f"{mem}M{room}",
                "-object", f"memory-backend-memfd,id=ram,size={mem}M,share=on",
                "-nodefaults", "-display", "none", "-no-reboot",
                "-kernel", os.environ["LAB_INNER_KERNEL"],
                "-initrd", os.environ["LAB_INNER_INITRD"],
                "-append", f"{CONSOLE} {append}".strip()]
        for disk in disks:
            args += disk.arguments()
        if incoming:
            args += ["-incoming", incoming, "-S"]
        self.vm = Vm([*args, *more], self._console, self._talk,
                     self.events.append, talk=TALK, loop=LOOP, fds=fds)

    def _console(self, line):
        self.console.append(line)
        if self.watch.feed(line):
            self.report.result(False, f"{self.name}: its kernel is content", line)

    def _talk(self, line):
        if line.startswith("@DONE "):
            self.status = int(line.split()[1])
        else:
            self.printed.append(line)

    def _serve(self, seconds, finished, what):
        """Serve every inner guest; an end of QEMU or of the time is an error."""
        seconds = max(seconds, ANSWER)
        LOOP.serve(time.monotonic() + seconds * PATIENCE,
                   lambda: finished() or self.vm.ended())
        if not finished():
            why = "QEMU ended" if self.vm.ended() else f"not within {seconds} s"
            raise LabError(f"{self.name}: {what}: {why}\n{self.last_words()}\n"
                           + self.looks())

    def last_words(self):
        """What it said last, and whether QEMU lives."""
        state = "QEMU runs"
        if self.vm.ended():
            state = f"QEMU exited with {self.vm.stop()}"
        return "\n".join([f"{self.name}: {state}"] + self.printed[-5:]
                         + self.console[-8:] + self.vm.said[-5:])

    def looks(self):
        """Where it stands, if it is there: its processors, and what is blocked."""
        found = []
        if not self.vm.ended():
            before = len(self.console)
            autopsy.examine(self.vm, LOOK * PATIENCE, found.append)
            found += self.console[before:][:20]
        return "\n".join(found)

    # Life

    def boot(self):
        """Wait until it takes commands."""
        self._serve(BOOT, lambda: self.status is not None, "boot")
        self.report.note(f"{self.name}: took {time.monotonic() - self.born:.0f} s "
                         "to boot")
        return self

    def adopt(self, source):
        """After a migration: the shell that answered there answers here."""
        self.status, self.printed = source.status, source.printed

    def off(self):
        """Power it off from within."""
        self.vm.tell("@OFF")
        LOOP.serve(time.monotonic() + 20 * PATIENCE, self.vm.ended)
        return self.vm.stop()

    def kill(self):
        """kill -9 QEMU."""
        os.kill(self.vm.process.pid, signal.SIGKILL)
        return self.vm.stop()

    # Commands

    def begin(self, command):
        """Start a command; end() gets its result."""
        self.status, self.printed = None, []
        self.vm.tell(command)

    def end(self, seconds=ANSWER):
        """(exit status, output) of the command that runs."""
        self._serve(seconds, lambda: self.status is not None, "command")
        return self.status, "\n".join(self.printed)

    def run(self, command, seconds=ANSWER):
        """Run a shell command; returns its output, and fails if it does."""
        self.begin(command)
        status, text = self.end(seconds)
        if status:
            raise LabError(f"{self.name}: {command}: status {status}\n{text}")
        return text

    def check(self, what, command, seconds=ANSWER):
        """A test that the command succeeds; returns its output."""
        self.begin(command)
        status, text = self.end(seconds)
        self.report.result(not status, what, f"{command}\n{text}\nstatus {status}")
        return text

    # QEMU

    def qmp(self, command, **arguments):
        """One command to the monitor, with its answer."""
        got = []
        names = {key.replace("_", "-"): value for key, value in arguments.items()}
        self.vm.execute(command, names, got.append)
        self._serve(ANSWER, lambda: got, command)
        if "error" in got[0]:
            raise LabError(f"{self.name}: {command}: {got[0]['error']['desc']}")
        return got[0]["return"]

    def event(self, name, seconds=ANSWER):
        """Wait for an event of the monitor's; returns its data."""
        def seen():
            return [e for e in self.events if e["event"] == name]
        self._serve(seconds, seen, name)
        first = seen()[0]
        self.events.remove(first)
        return first.get("data", {})

    def wait(self, seconds):
        """Let time pass, serving all."""
        LOOP.serve(time.monotonic() + seconds, self.vm.ended)

    def memory_path(self):
        """The file that is its memory, as long as QEMU lives."""
        folder = f"/proc/{self.vm.process.pid}/fd"
        for number in os.listdir(folder):
            path = os.path.join(folder, number)
            if "memory-backend-memfd" in os.readlink(path):
                return path
        raise LabError(f"{self.name}: QEMU has no memfd")


def shell(*argv, seconds=ANSWER):
    """Run a program of the outer guest's; returns its output."""
    done = subprocess.run(argv, text=True, check=False, timeout=max(seconds, ANSWER) * PATIENCE,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def words(table):
    """key=value,... for QEMU."""
    return ",".join(f"{key}={value}" for key, value in table.items())


def dump(value):
    """A value of the monitor's for the log."""
    return json.dumps(value, sort_keys=True)
