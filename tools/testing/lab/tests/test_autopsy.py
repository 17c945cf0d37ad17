# SPDX-License-Identifier: GPL-2.0-only
"""What is said of a guest that did not end in time."""

import os
import subprocess
import sys
import types
import unittest

from labkit import autopsy


class Machine:
    """A QEMU that gives one answer, or none."""

    def __init__(self, pid, answer):
        self.process = types.SimpleNamespace(pid=pid)
        self.answer = answer
        self.pressed = []

    def execute(self, _command, _arguments, answered):
        """Answers at once, if at all."""
        if self.answer is not None:
            answered({"return": self.answer})

    def sysrq(self, key):
        """Remembers the key."""
        self.pressed.append(key)

    def serve(self, _until):
        """Nothing comes in."""


class AutopsyTest(unittest.TestCase):
    """The guest, then QEMU, then QEMU from outside."""

    def test_processors_of_a_guest(self):
        said = []
        vm = Machine(1, "CPU#0\r\nRAX=1 RBX=2\r\nRIP=ffffffff81000000 RFL=2\r\n")
        self.assertTrue(autopsy.examine(vm, 0, said.append))
        self.assertEqual(vm.pressed, ["w"])
        self.assertEqual(said, ["qemu: CPU#0", "qemu: RIP=ffffffff81000000 RFL=2"])

    def test_threads_of_a_qemu_that_hangs(self):
        said = []
        with subprocess.Popen([sys.executable, "-c", "input()"],
                              stdin=subprocess.PIPE) as hung:
            vm = Machine(hung.pid, None)
            self.assertFalse(autopsy.examine(vm, 0, said.append))
            hung.stdin.close()
        self.assertIn(f"thread {hung.pid} ", said[0])

    def test_process_that_has_ended(self):
        self.assertTrue(autopsy.threads(os.getpid()))
        self.assertEqual(autopsy.threads(2 ** 31 - 1), [])
