# SPDX-License-Identifier: GPL-2.0-only
"""What a guest that did not end in time was doing, for its log.

The kernel is asked by SysRq, QEMU by its monitor. A QEMU that answers neither
hangs itself, which no guest should be blamed for: then its threads are shown, as
the kernel sees them and, where gdb is installed, with their stacks.
"""

import pathlib
import shutil
import subprocess
import time

GDB = ("gdb", "--batch", "--nx", "-ex", "thread apply all backtrace 24", "-p")
GDB_LIMIT = 60      # seconds


def threads(pid):
    """A line for each thread of a process: name, state, where it sleeps."""
    found = []
    for task in sorted(pathlib.Path(f"/proc/{pid}/task").glob("*")):
        try:
            stat = (task / "stat").read_text(encoding="utf-8", errors="replace")
            name, _, rest = stat.partition("(")[2].rpartition(") ")
            where = (task / "wchan").read_text(encoding="ascii")
        except OSError:
            continue            # it has ended meanwhile
        found.append(f"thread {task.name} {name}: {rest.split()[0]}, {where}")
    return found


def stacks(pid):
    """The threads' stacks by gdb; without it, a line that says so."""
    if not shutil.which(GDB[0]):
        return ["no stacks: gdb is not installed"]
    try:
        done = subprocess.run([*GDB, str(pid)], check=False, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace",
                              timeout=GDB_LIMIT)
    except subprocess.TimeoutExpired:
        return [f"no stacks: gdb took more than {GDB_LIMIT} s"]
    return done.stdout.splitlines()


def examine(vm, seconds, write):
    """Let a guest that stands still say why; returns whether QEMU answers. What is
    found goes to @write, line by line."""
    answers = []
    vm.execute("human-monitor-command", {"command-line": "info registers -a"},
               answers.append)
    vm.sysrq("w")
    vm.serve(time.monotonic() + seconds)
    if answers:
        lines = answers[0].get("return", "").splitlines()
        wanted = ("CPU#", "RIP=", "EIP=")
        lines = [line for line in lines if line.startswith(wanted)]
    else:
        lines = threads(vm.process.pid) + stacks(vm.process.pid)
    for line in lines:
        write(f"qemu: {line.rstrip()}")
    return bool(answers)
