# SPDX-License-Identifier: GPL-2.0-only
"""Where things are, and the few helpers every other part of the lab needs."""

import contextlib
import fcntl
import os
import pathlib
import signal
import subprocess
import sys

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


class LabError(Exception):
    """Something the user has to mend; its text says what and how."""


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
            say(f"waiting for another lab that holds {path}")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run(argv, **kwargs):
    """Run a command to its end; on failure raise with the end of its output."""
    done = subprocess.run([str(a) for a in argv], text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, errors="replace", **kwargs)
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-40:])
        raise LabError(f"{' '.join(str(a) for a in argv)}\n{tail}\n"
                       f"exited with {done.returncode}")
    return done.stdout


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
