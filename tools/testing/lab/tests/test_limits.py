# SPDX-License-Identifier: GPL-2.0-only
"""What makes progress goes on; what hangs, or talks without an end, is stopped."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import pathlib
import sys
import tempfile
import time
import unittest
from unittest import mock

from labkit import limits, run, runner, scenario
from labkit.common import LabError, ROOT, run_long

# Seconds. What talks does so often, what is silent is so for long: the speed of the
# machine changes no result.
PAUSE, SILENCE = 0.2, 3
USUAL = 3                               # what a scenario says it needs
LONG = USUAL + 2                        # more than that, and far less than its end

# In QEMU's place: says a line on a channel again and again, or nothing; after some
# seconds the guest's script ends.
QEMU = """
import os, re, sys, time
channel, line, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
numbers = dict(re.findall(r"socket,id=(\\w+),fd=(\\d+)", " ".join(sys.argv)))
def say(channel, text):
    os.write(int(numbers[channel]), text.encode() + b"\\n")
began = time.monotonic()
while time.monotonic() - began < seconds:
    if line:
        say(channel, line)
    time.sleep(%g)
say("talk", "ok 1\\n1..1\\n@EXIT 0")
""" % PAUSE


def guest(channel, line, seconds, usual=USUAL):
    """Run a guest that talks so; returns the finished Run."""
    one = scenario.Scenario("sample", timeout=usual, silence=SILENCE)
    done = run.Run(one, io.StringIO())
    with mock.patch.object(run.autopsy, "examine", return_value=True):
        done.go([sys.executable, "-c", QEMU, channel, line, str(seconds)])
    return done


class GuestTest(unittest.TestCase):
    """A guest."""

    def test_progress_goes_on(self):
        """Beyond what the scenario says, whoever talks."""
        for channel in ("talk", "console"):
            done = guest(channel, "# and so on", LONG)
            self.assertEqual(done.failures, [], channel)
            self.assertGreater(done.clock.spent(), USUAL)

    def test_silence_is_a_hang(self):
        done = guest("talk", "", 60)
        self.assertIn(f"not a word for {SILENCE} s, QEMU stopped", done.failures)

    def test_stall_is_no_progress(self):
        """The kernel that says again and again that it hangs."""
        line = "rcu: INFO: rcu_preempt self-detected stall on CPU"
        done = guest("console", line, 60)
        self.assertIn(f"not a word for {SILENCE} s, QEMU stopped", done.failures)

    def test_talk_has_an_end(self):
        done = guest("talk", "# and so on", 60, usual=0.4)
        self.assertIn(f"no end after {0.4 * limits.ENOUGH:g} s, QEMU stopped",
                      done.failures)

    def test_all_tests_are_over(self):
        """One that runs then, and one that has not begun."""
        with mock.patch.object(limits.Clock.__init__, "__defaults__",
                               (time.monotonic() + 1,)):
            done = guest("talk", "# and so on", 60)
        self.assertIn(f"{limits.ALL_OVER}, QEMU stopped", done.failures)
        total = runner.Total()
        said = io.StringIO()
        with mock.patch.object(runner, "OVER", time.monotonic()), \
                contextlib.redirect_stdout(said):
            total.run([scenario.Scenario("late")])
        self.assertEqual((total.passed, total.failed), (0, 1))
        self.assertIn(f"late: FAILED, left out: {limits.ALL_OVER}", said.getvalue())


class CommandTest(unittest.TestCase):
    """A build that takes long, of which only the last lines are kept."""

    def test_signs_of_life(self):
        said = io.StringIO()
        with mock.patch("labkit.common.HEARTBEAT", 0), contextlib.redirect_stdout(said):
            run_long("building", ["sh", "-c", "echo CC one.o; echo CC two.o"])
        self.assertIn("building: 0 s, CC two.o", said.getvalue())

    def test_failure(self):
        with self.assertRaisesRegex(LabError, "(?s)no such symbol.*exited with 3"):
            run_long("building", ["sh", "-c", "echo no such symbol; exit 3"])


def run_tests():
    """tools/testing/run-tests as a module."""
    path = str(ROOT / "tools/testing/run-tests")
    loader = importlib.machinery.SourceFileLoader("run_tests", path)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("run_tests", loader))
    sys.modules["run_tests"] = module
    loader.exec_module(module)
    return module


TESTS = run_tests()
CHATTER = f"while echo and so on; do sleep {PAUSE}; done"


class StepTest(unittest.TestCase):
    """A step of run-tests, and all of them."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, value in {"LOGS": folder.name, "LOOK": PAUSE,
                            "STEP_SILENCE": SILENCE}.items():
            changed = mock.patch.object(TESTS, name, value)
            changed.start()
            self.addCleanup(changed.stop)

    def step(self, command, most=60, over=60):
        """Run a step; returns (exit code, why it was stopped)."""
        one = TESTS.Step("sample", ".", command, "exit", most=most)
        code, why, _, _ = TESTS.run(one, dict(os.environ), time.monotonic() + over)
        return code, why

    def all(self, steps, budget):
        """Run @steps in @budget seconds; returns (exit code, what was printed)."""
        said = io.StringIO()
        with mock.patch.multiple(TESTS, STEPS=steps, BUDGET=budget), \
                mock.patch.object(sys, "argv", ["run-tests"]), \
                contextlib.redirect_stdout(said):
            code = TESTS.main()
        return code, said.getvalue()

    def test_progress_goes_on(self):
        command = f"for n in $(seq {int(2 * SILENCE / PAUSE)}); do " \
                  f"echo; sleep {PAUSE}; done"
        self.assertEqual(self.step(command), (0, None))

    def test_silence_is_a_hang(self):
        code, why = self.step("echo begin; sleep 60")
        self.assertTrue(code)
        self.assertEqual(why, f"not a word for {SILENCE} s")

    def test_talk_has_an_end(self):
        self.assertEqual(self.step(CHATTER, most=1)[1], "no end after 1 s")

    def test_end_of_all(self):
        """Whoever runs then is stopped, the rest is left out, and all have failed."""
        code, text = self.all([TESTS.Step("endless", ".", CHATTER, "line"),
                               TESTS.Step("last", ".", "true", "exit")], 1)
        self.assertEqual(code, 1)
        self.assertIn(f"endless: FAILED stopped: {limits.ALL_OVER}\n", text)
        self.assertIn(f"last: FAILED left out: {limits.ALL_OVER}\n", text)
        self.assertEqual(text.splitlines()[-1], "0 passed, 2 failed")

    def test_the_lab_is_told(self):
        """It has to sum up before the time is over."""
        over = time.monotonic() + 60
        one = TESTS.Step("sample", ".", "echo $LAB_OVER", "exit")
        path = TESTS.run(one, dict(os.environ), over)[3]
        told = float(pathlib.Path(path).read_text(encoding="ascii"))
        self.assertAlmostEqual(told, over - TESTS.CLOSING)

    def test_the_slowest(self):
        """A step that has scenarios is shown by them; the sum stays last."""
        some = "; ".join(f"echo 'lab: s{n}: passed in {n}.5 s: 1 passed, 0 failed'"
                         for n in range(12))
        code, text = self.all(
            [TESTS.Step("lab", ".", f"{some}; echo 12 passed, 0 failed", "line"),
             TESTS.Step("quick", ".", "true", "exit")], 60)
        self.assertEqual(code, 0)
        lines = text.splitlines()
        table = lines[lines.index("the slowest:") + 1:][:TESTS.SLOWEST]
        self.assertRegex(table[0], r"^ +1[12] s  lab: s11$")
        self.assertRegex(table[-1], r" s  lab: s2$")
        self.assertEqual(lines[-1], "13 passed, 0 failed")


if __name__ == "__main__":
    unittest.main()
