# SPDX-License-Identifier: GPL-2.0-only
"""Where things are, and the few helpers every other part of the lab needs."""

import collections
import contextlib
import fcntl
import os
import pathlib
import signal
import subprocess
import sys
import time

LAB = pathlib.Path(__file__).resolve().parent.parent
ROOT = LAB.parents[2]
BUILD = ROOT / "build"
RUNS = BUILD / "lab"
GUEST = LAB / "guest"
TOOLS = LAB / "tools"
BIN = RUNS / "bin"
SCENARIOS = LAB / "scenarios"
CACHE = pathlib.Path(os.environ.get("PARLEY_CACHE") or
                     pathlib.Path.home() / ".cache" / "parley")


HEARTBEAT = 30      # seconds between signs of life of what takes long
TAIL = 40           # lines shown of a command that failed


class LabError(Exception):
    """Something the user has to mend; its text says what and how."""


def put(path, text):
    """Write to a file of sysfs or configfs."""
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(text)


def children(pid):
    """The processes that a process started. Not every kernel has the file of that
    name in /proc."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                # After the program's name, which may hold anything: state and parent.
                if int(stat.read().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(name))
    return sorted(found)


def say(text):
    """Progress for a person: one line, at once, even into a pipe."""
    print(f"lab: {text}", flush=True)


@contextlib.contextmanager
def locked(path):
    """Hold an exclusive lock on @path, so that two labs never build one thing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait_for_lock(handle, path)
        yield


def wait_for_lock(handle, path):
    """Take a lock that another holds, and say so if it takes long."""
    tell = time.monotonic() + HEARTBEAT / 10
    while True:
        if time.monotonic() >= tell:
            say(f"waiting for whoever holds {path}")
            tell = time.monotonic() + HEARTBEAT
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.2)


def run(argv, **kwargs):
    """Run a command to its end; on failure raise with the end of its output."""
    done = subprocess.run([str(a) for a in argv], text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace", **kwargs)
    if done.returncode:
        raise failed(argv, done.stdout.splitlines()[-TAIL:], done.returncode)
    return done.stdout


def failed(argv, lines, code):
    """The error that a command ended with @code, having printed @lines last."""
    return LabError("\n".join([" ".join(str(a) for a in argv), *lines,
                               f"exited with {code}"]))


def run_long(what, argv, **kwargs):
    """Run a command that takes minutes; while it prints, its last line is shown
    now and then, so that who waits for us sees whether it makes progress."""
    began = told = time.monotonic()
    tail = collections.deque(maxlen=TAIL)
    with subprocess.Popen([str(a) for a in argv], text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **kwargs) as process:
        try:
            for line in process.stdout:
                tail.append(line.rstrip())
                if time.monotonic() - told >= HEARTBEAT:
                    told = time.monotonic()
                    say(f"{what}: {told - began:.0f} s, {tail[-1].strip()[:60]}")
        except BaseException:
            process.kill()      # interrupted: it must not outlive us
            raise
    if process.returncode:
        raise failed(argv, tail, process.returncode)


def need(program, package):
    """Fail early, naming the Debian package, when a program is missing."""
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin", "/sbin"]:
        found = pathlib.Path(folder or ".") / program
        if os.access(found, os.X_OK):
            return str(found)
    raise LabError(f"{program} is not installed: apt-get install {package}")


def main_guard(function):
    """Turn LabError and Ctrl-C into a message and an exit code."""
    # Ask to end in the way that runs the clean-up: QEMU must not outlive us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return function()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130
