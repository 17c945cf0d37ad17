# SPDX-License-Identifier: GPL-2.0-only
"""What stands between the governor's decisions and the kernel: lists, tasks, groups, the
record, and a loop whose steal and whose hands are made here."""
import argparse
import fcntl
import json
import os
import subprocess
import tempfile
import unittest
from unittest import mock

from called import run
from parleylib import governor, partition, sched, vcpus
from parleylib.common import Absent, Failure


class ListTest(unittest.TestCase):
    def test_there_and_back(self):
        for text, cpus in (("", set()), ("0", {0}), ("0-3,7", {0, 1, 2, 3, 7}),
                           ("1,3,5-6", {1, 3, 5, 6})):
            self.assertEqual(vcpus.parse(text + "\n"), cpus)
            self.assertEqual(vcpus.show(cpus), text)

    def test_stolen(self):
        text = "cpu  9 9 9 9 9 9 9 900 0 0\ncpu0 1 2 3 4 5 6 7 250 0 0\n" \
            "cpu12 1 2 3 4 5 6 7 0 0 0\nintr 5 5\n"
        with mock.patch.object(vcpus, "read", return_value=text):
            self.assertEqual(vcpus.stolen(), {0: 250 / vcpus.TICK, 12: 0})


class TaskTest(unittest.TestCase):
    def test_bound(self):
        """A task of its own is bound to the last vCPU there is, and found there only."""
        here = sorted(os.sched_getaffinity(0))
        if len(here) < 2:
            self.skipTest("one processor")
        child = subprocess.Popen(["sleep", "60"])
        self.addCleanup(lambda: (child.kill(), child.wait()))
        with mock.patch.object(vcpus, "numbers",
                               side_effect=lambda f: [child.pid]):
            self.assertIsNone(vcpus.bound_within({here[-1]}))
            os.sched_setaffinity(child.pid, {here[-1]})
            self.assertEqual(vcpus.bound_within({here[-1]}).tid, child.pid)
            self.assertIsNone(vcpus.bound_within({here[0]}))

    def test_names(self):
        """A name may look like the rest of the line."""
        text = "7 (a) b) 1 R) S 1 7 7 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0"
        with mock.patch.object(vcpus, "read", return_value=text):
            task = vcpus.Task(7)
        self.assertEqual((task.name, task.start, task.of_kernel, task.dead),
                         ("a) b) 1 R", 4711, True, False))
        with mock.patch.object(vcpus, "read", return_value=None), \
                self.assertRaises(OSError):
            vcpus.Task(7)

    def test_put_back(self):
        """Whoever was thrown out of its place is put there, and nobody else is touched."""
        now = {1: {0, 1, 2, 3}, 2: {1}, 3: {0, 1, 2, 3}, 4: {0, 1, 2, 3}, 5: None}
        threads = vcpus.KernelThreads([[1, 10, "1"], [2, 10, "3"], [3, 10, "1"],
                                       [4, 10, "0-3"], [5, 10, "1"], [6, 10, "5"]])
        tasks = {1: 10, 3: 11}
        with mock.patch.object(vcpus, "may_run_on", side_effect=now.get), \
                mock.patch.object(vcpus, "Task",
                                  side_effect=lambda t: mock.Mock(start=tasks[t])), \
                mock.patch.object(os, "sched_setaffinity") as put:
            self.assertEqual(threads.put_back({0, 1, 2, 3}), 1)
            put.assert_called_once_with(1, {1})


class MountTest(unittest.TestCase):
    def top(self, kind, files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in files.items():
            with open(f"{folder.name}/{name}", "w", encoding="ascii") as f:
                f.write(text)
        line = f"30 24 0:26 / {folder.name} rw shared:9 - {kind} cgroup rw\n"
        with mock.patch.object(partition, "read", side_effect=lambda path, default=None:
                               line if path == partition.MOUNTS else
                               vcpus.read(path, default)):
            return partition.find_top() == folder.name

    def test_version_2(self):
        self.assertTrue(self.top("cgroup2", {"cgroup.controllers": "cpuset cpu\n"}))

    def test_refused(self):
        for kind, files, words in (
                ("cgroup", {"cgroup.controllers": "cpuset"}, "version 2 are not mounted"),
                ("cgroup2", {"cgroup.controllers": "cpu memory"}, "has no controller cpuset"),
                ("cgroup2", {"cgroup.controllers": "cpuset", "cgroup.type": "domain"},
                 "outside of containers")):
            with self.assertRaisesRegex(Absent, words):
                self.top(kind, files)


class Hands:
    """Takes what it is told to, unless it is told to fail."""
    fail = None

    def __init__(self, count):
        self.gone, self.count = set(), count

    def known(self):
        return {"threads": [[2, 5, "0"]], "switched_on": True}

    def usable(self):
        return set(range(self.count))

    def away(self):
        return set(self.gone)

    def take(self, cpus):
        if self.fail:
            raise Failure(self.fail)
        self.gone = set(cpus)


class LoopTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.now, self.counted, self.said = 100.0, {c: 0.0 for c in range(4)}, []
        self.task = None
        for module, name, new in (
                (sched, "RUN", folder.name), (sched, "RECORD", f"{folder.name}/governor.json"),
                (sched, "LOCK", f"{folder.name}/governor.lock"),
                (sched, "stolen", lambda: dict(self.counted)),
                (sched, "say", self.said.append),
                (sched, "bound_within", lambda cpus: self.task),
                (sched.time, "monotonic", lambda: self.now)):
            patch = mock.patch.object(module, name, new)
            patch.start()
            self.addCleanup(patch.stop)

    def loop(self, **more):
        numbers = {sched.key(n): None for n in governor.NUMBERS}
        args = argparse.Namespace(**{"json": False, "dry_run": False, "bound": None,
                                     "once": False, **numbers, **more})
        return sched.Loop(args, Hands(4))

    def pass_time(self, loop, seconds, stolen):
        for _ in range(seconds):
            self.now += 1
            for c, share in stolen.items():
                if c not in loop.hands.gone:
                    self.counted[c] += share
            loop.round()

    def test_leaves_and_tells(self):
        loop = self.loop()
        self.pass_time(loop, 8, {3: 0.5})
        self.assertEqual(loop.hands.gone, {3})
        self.assertEqual(self.said, ["governor: vCPU 3 is left: 50.0 % stolen in 5 s, 20 % is "
                                     "the limit; 0-2 in use, back on trial in 10 s"])
        data = sched.load()
        self.assertEqual((data["pid"], data["switched_on"], data["threads"]),
                         (os.getpid(), True, [[2, 5, "0"]]))
        self.assertEqual(data["vcpus"]["3"]["left"], 1)

    def test_bound(self):
        self.task = mock.Mock(tid=77)
        self.task.name = "db"
        loop = self.loop()
        self.pass_time(loop, 20, {3: 0.5})
        self.assertEqual(loop.hands.gone, set())
        self.assertEqual(self.said, ["governor: vCPU 3 stays, with 50.0 % stolen: db (77) is "
                                     "bound to it"])
        loop = self.loop(bound="move")
        self.pass_time(loop, 8, {3: 0.5})
        self.assertEqual(loop.hands.gone, {3})

    def test_refused_by_the_kernel(self):
        loop = self.loop()
        loop.hands.fail = "no"
        self.pass_time(loop, 8, {3: 0.5})
        self.assertEqual((loop.hands.gone, loop.governor.away()), (set(), set()))
        self.assertEqual(loop.governor.vcpus[3].left, 0)
        self.assertEqual(self.said[0], "governor: vCPU 3 should leave: no")

    def test_somebody_else(self):
        loop = self.loop()
        self.pass_time(loop, 8, {3: 0.5})
        loop.hands.gone = set()
        self.pass_time(loop, 1, {})
        self.assertIn("vCPU 3 is on trial now, by somebody else's hand", self.said[1])

    def test_once(self):
        """Until there is a decision, or a window without one."""
        loop = self.loop(once=True)

        def pause():
            self.now += 1
            self.counted[3] += self.rate
            return False

        with mock.patch.object(loop, "pause", pause):
            self.rate = 0.5
            loop.go()
            self.assertEqual(loop.hands.gone, {3})
            self.rate, loop = 0, self.loop(once=True)
        with mock.patch.object(loop, "pause", pause):
            loop.go()
        self.assertIn("nothing to do: at most 0.0 % stolen in 5 s", self.said[-1])

    def test_killed(self):
        """What a killed one left is undone by the next start; not while one runs."""
        hands = mock.Mock()
        hands.undo.return_value = {2, 3}
        hands.partition.outer = "/"
        with mock.patch.object(sched, "Hands", return_value=hands), \
                mock.patch.object(os, "geteuid", return_value=0):
            self.assertEqual(run("sched", "governor", "--restore")[0], 0)
            self.assertEqual(self.said, ["undone; 2-3 was away"])
            with open(sched.LOCK, "w", encoding="ascii") as f:
                fcntl.flock(f, fcntl.LOCK_EX)
                sched.save({"pid": 4711})
                for more in ((), ("--restore",), ("--once",)):
                    code, _, err = run("sched", "governor", *more)
                    self.assertEqual((code, err), (1, "parley: another governor runs, as "
                                                      "process 4711\n"), more)

    def test_one_at_a_time(self):
        with mock.patch.object(os, "geteuid", return_value=0), sched.alone():
            self.assertTrue(sched.runs())
            with self.assertRaisesRegex(Failure, "another governor runs"), sched.alone():
                pass
        self.assertFalse(sched.runs())

    def test_only_root(self):
        with mock.patch.object(os, "geteuid", return_value=1000):
            self.assertEqual(run("sched", "governor")[0], 1)

    def test_status(self):
        """What the record says of a governor that runs."""
        loop = self.loop()
        self.pass_time(loop, 8, {3: 0.5})
        self.now += 3
        with mock.patch.object(sched, "away_now", return_value={3}), \
                mock.patch.object(sched, "interrupts", return_value={0: 7}), \
                mock.patch.object(sched, "runs", return_value=True):
            code, out, _ = run("sched", "--json")
            table = run("sched")[1].splitlines()
        facts = json.loads(out)
        self.assertEqual((code, [f["state"] for f in facts]),
                         (0, ["in use"] * 3 + ["away"]))
        self.assertEqual((facts[3]["since"], facts[3]["back_in"], facts[3]["left"]),
                         (5.0, 5.0, 1))
        self.assertEqual(table[0].split(), ["VCPU", "STEAL", "SINCE-BOOT", "STATE", "FOR",
                                            "BACK-IN", "LEFT", "INTERRUPTS"])
        self.assertEqual(table[1].split()[-1], "7")


if __name__ == "__main__":
    unittest.main()
