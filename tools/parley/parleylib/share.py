# SPDX-License-Identifier: GPL-2.0-only
"""Gives each VM the weight of its threads: cpu.weight of its control group.

The kernel's fair share is one of control groups: a VM with eight busy threads gets as much as
one with a single thread. What a VM says of its vCPUs the scheduling device adds up, and the
weight here is that number of threads, times what one is worth, within bounds. It comes of the
VM's own words alone: one that lies gains its largest weight, which the owner named, and no
other's weight is less for it. Between the bounds weights are in the proportion of threads.

Weights that were before are in a record, written before anything is changed, so that who was
killed is undone by the next one."""
import contextlib
import fcntl
import json
import os
import signal
import struct
import tempfile
import time

from . import register
from .common import DONE, Failure, Usage, complain, print_json, read, say
from .loopback import READ, _io
from .vcpus import PROC

CGROUPS = "/sys/fs/cgroup"
RUN = "/run/parley"
END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOAD = struct.Struct("=4I48x")          # vCPUs, those that say anything, threads, urgent
PARLEY_SCHED_GET_LOAD = _io(READ, 0xCA, LOAD.size)
LOOKS = 5                               # in an interval, in which a weight changes once
LEAST, MOST = 1, 10000                  # the kernel's bounds
MIN, MAX, EACH, INTERVAL = 50, 400, 50, 1


def record_path():
    return f"{RUN}/share.json"


def group_of(pid):
    """The control group, of version 2, in which a process is."""
    for line in (read(f"{PROC}/{pid}/cgroup") or "").splitlines():
        if line.startswith("0::"):
            return line[3:]
    raise Failure(f"process {pid} is in no control group of version 2")


def weight_file(group):
    """That of a group, which cannot be the root: that has none."""
    path = os.path.normpath(f"{CGROUPS}/{group}")
    if not path.startswith(f"{CGROUPS}/"):
        raise Failure(f"{group} is no control group of one VM; put each VM into one of its own")
    path += "/cpu.weight"
    if not os.path.exists(path):
        raise Failure(f"{path} is not there: the controller cpu is off in the group above")
    return path


class Weight:
    """That of one VM's group: what it was, and what we made of it."""

    def __init__(self, group):
        self.path = weight_file(group)
        self.old = self.set = self.now()

    def now(self):
        text = read(self.path)
        if text is None or not text.isdigit():
            raise Failure(f"{self.path} is gone")
        return int(text)

    def write(self, value):
        try:
            with open(self.path, "w", encoding="ascii") as f:
                f.write(str(value))
        except OSError as e:
            raise Failure(f"{self.path}: {e.strerror}") from None
        self.set = value

    def ours(self):
        """Somebody else's word is what counts from then on."""
        return self.now() == self.set


class Vm:
    """One that has a device and a group."""

    def __init__(self, pid, group):
        self.pid = pid
        self.weight = Weight(group or group_of(pid))
        self.device = register.device_of(pid)
        if not self.device:
            raise Failure(f"no scheduling device serves process {pid}")
        self.seen = []

    def look(self):
        """How many threads would run at this moment; None if the guest says nothing."""
        with self.device.file() as fd:
            load = bytearray(LOAD.size)
            fcntl.ioctl(fd, PARLEY_SCHED_GET_LOAD, load)
        _, saying, threads, _ = LOAD.unpack(load)
        self.seen.append(threads if saying else None)

    def threads(self):
        """Of the looks since the last time."""
        seen, self.seen = [n for n in self.seen if n is not None], []
        return sum(seen) / len(seen) if seen else None


def weight_of(threads, args):
    """What that many are worth."""
    return max(args.min, min(args.max, round(threads * args.per_thread)))


# The record

def load():
    try:
        found = json.loads(read(record_path(), "{}"))
        return found if isinstance(found, dict) else {}
    except ValueError:
        return {}               # it is written as a whole, so this is nobody's of ours


def save(weights):
    fd, new = tempfile.mkstemp(prefix="share.", dir=RUN)
    with open(fd, "w", encoding="utf-8") as f:
        json.dump(weights, f)
    os.replace(new, record_path())


@contextlib.contextmanager
def alone():
    """No other one runs while this is inside."""
    os.makedirs(RUN, exist_ok=True)
    with open(f"{RUN}/share.lock", "w", encoding="ascii") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure("another one shares already") from None
        yield


def restore():
    """What one left that was killed: {file: weight} of what was put back."""
    back = {}
    for path, known in load().items():
        if not path.startswith(f"{CGROUPS}/") or read(path) not in map(str, known["ours"]):
            continue            # gone, or somebody else's meanwhile
        with open(path, "w", encoding="ascii") as f:
            f.write(str(known["old"]))
        back[path] = known["old"]
    with contextlib.suppress(FileNotFoundError):
        os.unlink(record_path())
    return back


class Sharing:
    """All VMs of a run."""

    def __init__(self, args):
        self.args = args
        self.vms = []
        self.record = {}

    def tell(self, text, **more):
        if self.args.json:
            print_json({"text": text, **more}, one_line=True)
        else:
            say(f"share: {text}")

    def begin(self):
        for word in self.args.vm:
            pid, _, group = word.partition(":")
            if not pid.isdigit():
                raise Usage(f"--vm {word}: PID or PID:GROUP")
            self.vms.append(Vm(int(pid), group))
        paths = [vm.weight.path for vm in self.vms]
        if len(set(paths)) != len(paths):
            raise Failure("two VMs are in one control group, which has one weight")

    def change(self, vm, weight):
        """Whatever happens in the middle of it, the record tells what was before."""
        w = vm.weight
        if not w.ours():
            self.tell(f"{w.path} is {w.now()} now, by somebody else, and stays so",
                      group=w.path)
            self.vms.remove(vm)
            self.record.pop(w.path, None)
            save(self.record)
            return
        if weight == w.set:
            return
        self.record[w.path] = {"old": w.old, "ours": [w.set, weight]}
        save(self.record)
        w.write(weight)

    def settle(self):
        """Once an interval, and for each VM."""
        for vm in list(self.vms):
            threads = vm.threads()
            weight = vm.weight.old if threads is None else weight_of(threads, self.args)
            before = vm.weight.set
            try:
                self.change(vm, weight)
            except Failure as e:
                self.lose(vm, e)
                continue
            if vm.weight.set != before:
                self.tell(f"process {vm.pid}: weight {vm.weight.set}, "
                          + ("nothing is said" if threads is None else
                             f"{threads:.1f} threads"),
                          process=vm.pid, weight=vm.weight.set, threads=threads)

    def lose(self, vm, why):
        self.tell(f"process {vm.pid} is shared no more: {why}", process=vm.pid)
        self.vms.remove(vm)
        self.put_back(vm)

    def put_back(self, vm):
        with contextlib.suppress(Failure):
            if vm.weight.ours():
                vm.weight.write(vm.weight.old)

    def look(self):
        for vm in list(self.vms):
            try:
                vm.look()
            except (OSError, Failure) as e:
                self.lose(vm, getattr(e, "strerror", None) or e)

    def go(self):
        """Until it is told to end, or no VM is left."""
        pause, until = self.args.interval / LOOKS, time.monotonic() + self.args.interval
        while self.vms and signal.sigtimedwait(END, pause) is None:
            self.look()
            if time.monotonic() >= until:
                self.settle()
                until = time.monotonic() + self.args.interval

    def end(self):
        for vm in self.vms:
            self.put_back(vm)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(record_path())


def numbers(args):
    """What was not said is the default; what makes no sense is said before anything is done."""
    for name, default in (("min", MIN), ("max", MAX), ("per_thread", EACH),
                          ("interval", INTERVAL)):
        if getattr(args, name) is None:
            setattr(args, name, default)
    if not LEAST <= args.min <= args.max <= MOST or not 0 < args.per_thread <= MOST:
        raise Usage(f"weights: {LEAST} <= --min <= --max <= {MOST}, and --per-thread above 0")


def share(args):
    numbers(args)
    if bool(args.vm) == args.restore:
        raise Usage("parley sched share --vm PID[:GROUP]... | --restore")
    if os.geteuid():
        raise Failure("only root may set weights of others' control groups; try sudo")
    with alone():
        if back := restore():
            complain(f"weights that one left who was killed are put back: {len(back)}")
        elif args.restore:
            say("there is nothing to undo")
        if args.restore:
            return DONE
        sharing = Sharing(args)
        signal.pthread_sigmask(signal.SIG_BLOCK, END)
        try:
            sharing.begin()
            sharing.go()
        finally:
            sharing.end()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, END)
    return DONE
