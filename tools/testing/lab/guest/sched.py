#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""/dev/parley-sched by its own calls, with processes of this kernel as vCPUs, and joined
to the front-end of this kernel.

Prints lines for sched.sh, see verdict.py.
"""
import fcntl
import os
import signal
import struct
import subprocess
import threading
import time

import sched_host
from sched_host import (F_CLOCK, F_COUNT, F_HINTS, F_YIELD, GET_CLOCK, SET_BUDGET, SET_CLOCK,
                        SET_NR, SET_PMCS, SET_STEPS, SET_VCPU, forked, said)
from verdict import check, emit, same, until

SHOWN = "/sys/kernel/debug/parley_sched_device/vcpus"
COUNTED = "/sys/kernel/debug/parley_sched_device/counters"
CLOCK = "/sys/kernel/debug/parley_clock"
SOURCES = "/sys/devices/system/clocksource/clocksource0"
VCPUS = 2
STATES = {"running": 1, "preempted": 2, "asleep": 3, "gone": 4}
ALL = F_YIELD | F_HINTS | F_COUNT


def device(nr=VCPUS):
    return sched_host.device(nr)


def join(fd, features=ALL):
    return sched_host.join(fd, features)


def hog(cpu=1):
    """A process that only computes."""
    process = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    os.sched_setaffinity(process.pid, {cpu})
    return process


def end(process):
    process.kill()
    process.wait()


def shown():
    """Rows of the front-end's view: processor, state, changes, ran, stolen ..."""
    with open(SHOWN, encoding="ascii") as view:
        rows = [line.split() for line in view.readlines()[1:]]
    return {int(row[0]): [int(word, 0) for word in row[1:]] for row in rows}


def nice(process):
    return os.getpriority(os.PRIO_PROCESS, process.pid)


# ------------------------------------------------------------------- the calls

def calls():
    fd = device(0)
    other = hog(0)
    same("a vCPU before there are any", said(fd, SET_VCPU, 0, os.getpid()), "EINVAL")
    same("no vCPUs", said(fd, SET_NR, 0), "EINVAL")
    same("too many vCPUs", said(fd, SET_NR, 1025), "EINVAL")
    same("a number of vCPUs", said(fd, SET_NR, 4), 0)
    same("another number", said(fd, SET_NR, 2), "EBUSY")
    same("the caller's thread", said(fd, SET_VCPU, 0, threading.get_native_id()), 0)
    same("the same again", said(fd, SET_VCPU, 1, threading.get_native_id()), "EBUSY")
    same("another's thread, for root", said(fd, SET_VCPU, 1, other.pid), 0)
    same("a vCPU that there is not", said(fd, SET_VCPU, 4, other.pid), "EINVAL")
    same("a thread that there is not", said(fd, SET_VCPU, 2, 4194303), "ESRCH")
    same("a thread of the kernel", said(fd, SET_VCPU, 2, 2), "EPERM")
    same("a vCPU without a thread", said(fd, SET_VCPU, 1, 0), 0)
    second = device()
    same("which another device may have", said(second, SET_VCPU, 0, other.pid), 0)
    same("a large budget, for root", said(fd, SET_BUDGET, 250000, 500000), 0)
    same("more than half", said(fd, SET_BUDGET, 250001, 500000), "EINVAL")
    same("too far", said(fd, SET_STEPS, 11, 0), "EINVAL")
    os.close(second)
    counters(fd, other)
    os.close(fd)
    end(other)


def counters(fd, other):
    """The emulated processor has none, so it cannot leave out the host either."""
    same("a counter of what there is not", said(fd, SET_PMCS, 1, 7, 0, 0, 0), "EINVAL")
    same("five counters", said(fd, SET_PMCS, 5, 1, 1, 1, 1), "EINVAL")
    fcntl.ioctl(fd, SET_VCPU, struct.pack("ii", 1, other.pid))
    answer = said(fd, SET_PMCS, 2, 1, 2, 0, 0)
    check("counters that this processor does not have", answer in ("ENOENT", "EOPNOTSUPP"),
          answer)
    log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
    check("the log says why", "cannot count the guest alone" in log, log[-500:])
    same("no counters", said(fd, SET_PMCS, 0, 0, 0, 0, 0), 0)


def calls_of_nobody(other):
    """In a process that may do nothing of it; the exit code says what was wrong."""
    fd = device()
    os.setgid(65534)
    os.setuid(65534)
    tries = ((SET_VCPU, (0, threading.get_native_id()), 0),
             (SET_VCPU, (1, other.pid), "EPERM"),
             (SET_VCPU, (1, 1), "EPERM"),
             (SET_BUDGET, (2001, 500000), "EPERM"),
             (SET_BUDGET, (1000, 250000), 0),
             (SET_STEPS, (1, 0), "EPERM"),
             (SET_PMCS, (1, 1, 0, 0, 0), "EPERM"),
             (SET_STEPS, (0, 10), 0))
    for number, (code, values, wanted) in enumerate(tries, 1):
        if said(fd, code, *values) != wanted:
            return number
    return 0


def unprivileged():
    other = hog(0)
    _, status = os.waitpid(forked(calls_of_nobody, other), 0)
    same("who may not schedule others has his own threads and small budgets",
         os.waitstatus_to_exitcode(status), 0)
    end(other)


# ----------------------------------------------------------------- the records

def records():
    fd = device()
    hogs = [hog(), hog()]
    for vcpu, process in enumerate(hogs):
        fcntl.ioctl(fd, SET_VCPU, struct.pack("ii", vcpu, process.pid))
    loop = join(fd)
    check("the front-end shows both vCPUs", until(lambda: len(shown()) == VCPUS), shown())
    before, begin, states = shown(), time.monotonic(), set()
    wanted = {(cpu, state) for cpu in range(VCPUS) for state in (1, 2)}
    while time.monotonic() < begin + 3 or \
            not wanted <= states and time.monotonic() < begin + 60:
        states |= {(cpu, row[0]) for cpu, row in shown().items()}
        time.sleep(0.005)
    after, passed = shown(), (time.monotonic() - begin) * 1e9
    # Asleep as well, before they began.
    check("both are seen running and preempted", wanted <= states, states)
    for cpu in range(VCPUS):
        ran, stolen = (after[cpu][n] - before[cpu][n] for n in (2, 3))
        emit("note:", f"vcpu {cpu} ran {ran / passed:.3f} stolen {stolen / passed:.3f}")
        check(f"vCPU {cpu} ran or was stolen from, and nothing else",
              abs((ran + stolen) / passed - 1) < 0.1, f"{ran} + {stolen} of {passed}")
    with open(COUNTED, encoding="ascii") as view:
        same("nothing is counted of them", len(view.readlines()), 1)
    rows = sched_host.view()
    check("the host shows them", all(f"tid {process.pid} " in rows for process in hogs), rows)
    end(hogs[1])
    check("one that ends is gone", until(lambda: shown()[1][0] == STATES["gone"]), shown())
    os.close(loop)
    same("without the device nothing is shown", shown(), {})
    os.close(fd)
    end(hogs[0])


# ----------------------------------------------------------------- nice values

def stepping(process, ready):
    """A VMM whose hints move @process."""
    fd = device()
    fcntl.ioctl(fd, SET_VCPU, struct.pack("ii", 1, process.pid))
    fcntl.ioctl(fd, SET_STEPS, struct.pack("ii", 0, 5))
    os.write(ready, bytes([join(fd)]))
    time.sleep(60)
    return 0


def killed():
    process, (read, write) = hog(), os.pipe()
    vmm = forked(stepping, process, write)
    os.read(read, 1)
    check("hints move the nice value", until(lambda: nice(process) > 0), nice(process))
    os.kill(vmm, signal.SIGKILL)
    os.waitpid(vmm, 0)
    check("which is as before when the VMM is killed", until(lambda: nice(process) == 0),
          nice(process))
    end(process)


# A vCPU that tries to keep what it is given: it sets a nice value that the kernel lets it
# have, and says what its children have, and a worker that the kernel makes for it.
GREEDY = """
import fcntl, os, signal, sys, threading
os.setgroups([])
worker = os.open("/dev/vhost-net", os.O_RDWR)
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
end = os.getppid()
while os.getpriority(os.PRIO_PROCESS, 0) >= 0:
    pass
least = 0
for _ in range(20):
    child = os.fork()
    if not child:
        os._exit(-min(os.getpriority(os.PRIO_PROCESS, 0), 0))
    least = max(least, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
fcntl.ioctl(worker, 0xAF01)
os.setpriority(os.PRIO_PROCESS, 0, -1)
print(least, flush=True)
sys.stdin.readline()
print(min(os.getpriority(os.PRIO_PROCESS, int(task))
          for task in os.listdir("/proc/self/task")), flush=True)
"""


def greedy():
    """Steps are given, and taken away again."""
    fd = device()
    thief = subprocess.Popen(["/usr/bin/python3", "-c", GREEDY], text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    fcntl.ioctl(fd, SET_VCPU, struct.pack("ii", 0, thief.pid))
    fcntl.ioctl(fd, SET_VCPU, struct.pack("ii", 1, threading.get_native_id()))
    fcntl.ioctl(fd, SET_STEPS, struct.pack("ii", 6, 0))
    loop = join(fd)
    hogs = [hog(0) for _ in range(3)]       # threads for which the guest's hints ask
    os.sched_setaffinity(thief.pid, {0})
    same("children have nothing of what a vCPU was given", thief.stdout.readline(), "0\n")
    fcntl.ioctl(fd, SET_STEPS, struct.pack("ii", 0, 0))
    check("what it set itself is not kept", until(lambda: nice(thief) == 0), nice(thief))
    thief.stdin.write("\n")
    thief.stdin.flush()
    same("nor has the kernel's worker anything", thief.stdout.readline(), "0\n")
    thief.wait()
    for process in hogs:
        end(process)
    os.close(loop)
    os.close(fd)


def described():
    """What the kernel says of the file, which its owner cannot."""
    fd = device()
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
        said_of = info.read()
    check("the kernel says what the file is", "\nparley-vhost:\tsched " in said_of, said_of)
    os.close(fd)


# ------------------------------------------------------------------- the clock

def word_of(name, folder=SOURCES):
    with open(f"{folder}/{name}", encoding="ascii") as file:
        return file.read().split()


def use_clock(name):
    with open(f"{SOURCES}/current_clocksource", "w", encoding="ascii") as file:
        file.write(name)


def clock_state():
    with open(f"{CLOCK}/state", encoding="ascii") as file:
        return dict(line.split()[:2] for line in file)


def clock_of(fd):
    return struct.unpack("IIQQQ", fcntl.ioctl(fd, GET_CLOCK, bytes(32)))


def backwards(samples=20000):
    """How often ours went backwards, how often the kernel's did, and the largest gaps."""
    wrong, gaps, before = [0, 0], [0, 0], [0, 0]
    with open(f"{CLOCK}/now", "rb", buffering=0) as file:
        for _ in range(samples):
            now = [int(word) for word in os.pread(file.fileno(), 64, 0).split()]
            for n in range(2):
                wrong[n] += now[n] < before[n]
                gaps[n] = max(gaps[n], now[n] - before[n] if before[n] else 0)
            before = now
    return wrong, gaps


def clock_moves(fd):
    """As if to another host, whose counter turns at another rate, and away for 3 s."""
    seen = clock_of(fd)
    fcntl.ioctl(fd, SET_CLOCK, struct.pack("IIQQQ", 0, 0, seen[2] + 3 * 10 ** 9, 0, 0))
    before = int(clock_state()["ns"])
    check("a clock that was away goes forward", before >= seen[2] + 3 * 10 ** 9, clock_state())
    fcntl.ioctl(fd, SET_CLOCK, struct.pack("IIQQQ", 0, 0, clock_of(fd)[2] - 5 * 10 ** 7, 0, 0))
    check("one that is ahead does not go back", int(clock_state()["ns"]) >= before,
          clock_state())


def clock():
    was = word_of("current_clocksource")[0]
    fd = device()
    loop = join(fd, ALL | F_CLOCK)
    check("the host feeds a clock",
          until(lambda: "parley" in word_of("available_clocksource"), 20), clock_state())
    # This kernel is the host as well: what it is fed must not be what it feeds, yet.
    moves = threading.Thread(target=clock_moves, args=(fd,))
    moves.start()
    wrong, gaps = backwards()
    moves.join()
    same("neither it nor the kernel's goes backwards", wrong, [0, 0])
    emit("note:", f"largest gaps {gaps} ns, {clock_state()}")
    check("the host's value comes to be the guest's",
          until(lambda: abs(clock_of(fd)[2] - int(clock_state()["ns"])) < 2 * 10 ** 7),
          clock_state())
    use_clock("parley")
    same("it is the kernel's when it is told to", word_of("current_clocksource"), ["parley"])
    check("and cannot be unloaded then",
          subprocess.run(["rmmod", "parley_clock"], capture_output=True).returncode)
    wrong, gaps = backwards()
    same("neither it nor what the kernel makes of it goes backwards", wrong, [0, 0])
    os.close(loop)
    check("without the device the kernel takes another one",
          until(lambda: "parley" not in word_of("available_clocksource"), 30),
          word_of("available_clocksource"))
    check("which is not ours", word_of("current_clocksource") != ["parley"])
    use_clock(was)
    os.close(fd)


calls()
described()
unprivileged()
records()
killed()
greedy()
clock()
emit("end", "")
