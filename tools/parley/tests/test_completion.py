# SPDX-License-Identifier: GPL-2.0-only
"""Completion, in a bash that a person would sit at: TAB is pressed."""
import os
import pty
import re
import select
import subprocess
import tempfile
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
# What the shell calls instead of the command: it has devices, and tells what was typed.
STAND_IN = """#!/bin/sh
case $*:$2 in
complete*:addresses) printf '0000:00:04.0\\n0000:00:05.0\\n0000:01:00.0\\n' ;;
complete*:types) printf 'blk\\nrng\\n' ;;
complete*:vf) printf '0000:01:00.0\\n0000:01:00.1\\n' ;;
complete*:devices) printf '3\\n17\\n' ;;
*) echo "<$*>" ;;
esac
"""


class Shell:
    """An interactive bash behind a terminal."""

    def __init__(self, folder):
        self.terminal, inside = pty.openpty()
        env = {"PATH": f"{folder}:{os.environ['PATH']}", "PS1": "@ ", "TERM": "dumb",
               "HOME": folder, "INPUTRC": "/dev/null"}
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], stdin=inside, stdout=inside, stderr=inside,
            env=env, start_new_session=True)
        os.close(inside)
        self.type(f". {TOP}/completion.bash\n", "@ ")

    def type(self, keys, until):
        """Type, and return all that is shown up to a pattern."""
        os.write(self.terminal, keys.encode())
        shown, end = "", time.monotonic() + 20
        while not re.search(until, shown):
            ready, _, _ = select.select([self.terminal], [], [], end - time.monotonic())
            if not ready:
                raise AssertionError(f"no {until!r} in {shown!r}")
            shown += os.read(self.terminal, 4096).decode()
        return shown

    def line(self, keys):
        """What the command is called with after these keys and a newline."""
        return re.search(r"<(.*)>\r", self.type(keys + "\n", r"<.*>\r\n")).group(1)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


class CompletionTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = f"{folder.name}/parley"
        with open(path, "w", encoding="utf-8") as f:
            f.write(STAND_IN)
        os.chmod(path, 0o755)
        self.shell = Shell(folder.name)
        self.addCleanup(self.shell.close)

    def test_lines(self):
        for keys, line in (
                ("parley tak\t0000:01\t", "takeover 0000:01:00.0"),
                ("parley takeover 0000:00:04\t", "takeover 0000:00:04.0"),
                ("parley giveback 0000:00:05.0 0000:00:04\t", "giveback 0000:00:05.0 0000:00:04.0"),
                ("parley takeover 0\t0:05\t", "takeover 0000:00:05.0"),
                ("parley takeover --all\tr\t", "takeover --all-of-type rng"),
                ("parley takeover --all-of-type=b\t", "takeover --all-of-type=blk"),
                ("parley takeover --at\t0000:01\t", "takeover --at-boot 0000:01:00.0"),
                ("parley stats --queue 1 1\t", "stats --queue 1 17"),
                ("parley lane 3 b\t", "lane 3 bulk"),
                ("parley vf bi\t--how de\t", "vf birth --how deallocate-and-verify"),
                ("parley vf er\t0000:01:00.1\t", "vf erase 0000:01:00.1"),
                ("parley sc\tgo\t--bo\tmo\t", "sched governor --bound move"),
                ("parley status --js\t", "status --json")):
            self.assertEqual(self.shell.line(keys).strip(), line, keys)


if __name__ == "__main__":
    unittest.main()
