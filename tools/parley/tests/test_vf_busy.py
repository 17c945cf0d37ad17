# SPDX-License-Identifier: GPL-2.0-only
"""Virtual functions while something else goes on: guests that run, other commands, somebody
who presses Ctrl-C."""
import contextlib
import fcntl
import json
import os
import unittest
from unittest import mock

from disk import DISK, OTHER, THIRD, UUID, VfCase
from parleylib import guest, move, policies, policy, vfdisk, vfrecord
from parleylib.common import Failure, read

READ_ONLY = f"{policy.HERE}/nvme-read-only.policy"


class BusyTest(VfCase):
    """One guest runs in function 1 of a pool of three; 2 and 3 are ready."""

    def setUp(self):
        super().setUp()
        self.taken("3", "1Mi")
        self.good("birth", "--uuid", UUID, "--how", "write-zeroes")
        self.kernel.opened.add(UUID)
        self.before = len(self.kernel.log)

    def since(self):
        return self.kernel.log[self.before:]

    def policy_of(self, n):
        return read(f"{self.kernel.dir(n)}/parley_policy/1")

    def runs(self):
        self.assertEqual(guest.link_name(f"{self.kernel.dir(1)}/driver"), vfdisk.VF)
        self.assertEqual(self.kernel.devices(1), [UUID])
        self.assertEqual((self.kernel.owners[1], self.owners()["1"]), (UUID, UUID))

    # A pool that is said again

    def test_again(self):
        out = self.good("pool", "3")
        self.assertIn("3 of them ready; in use, and so left as they are: 0000:01:00.1", out)
        self.assertEqual(json.loads(self.good("pool", "3", "--json"))["left"], ["0000:01:00.1"])
        self.runs()
        self.assertNotIn("sriov_numvfs", "".join(self.since()))
        self.assertNotIn("owner", "".join(self.since()))

    def test_another_number(self):
        for more in (("4",), ("--on-demand", "3")):
            self.bad("has 3 virtual functions: as long as these are there", "pool", *more)
        self.assertEqual(self.since(), [])

    def test_again_that_fails(self):
        """What was there before is there after."""
        self.good("pool", "--policy", READ_ONLY, "3")
        del self.kernel.held[3]
        self.kernel.driver(3, "")
        self.kernel.fails = ("to parley_nvme_vf",)
        self.bad("did not take it", "pool", "--policy", "none", "3", "1Mi")
        self.runs()
        self.assertNotIn("0/sriov_numvfs: 0", self.since())
        for n in (1, 2):
            self.assertEqual(self.policy_of(n), policies.contents(READ_ONLY).decode().strip(), n)
        self.assertEqual(list(vfrecord.Record().policies("S1")), ["1"])

    def test_while_one_is_erased(self):
        self.kernel.write(f"{self.kernel.dir(2)}/parley/erase", "write-zeroes")
        self.kernel.slow = 2
        self.assertIn("0000:01:00.1, 0000:01:00.2", self.good("pool", "3"))
        self.assertEqual(self.kernel.runs, {2})

    def test_policy_where_our_driver_is(self):
        """Also for the guest that runs: when he opens his device again."""
        self.good("pool", "--policy", READ_ONLY, "3")
        text = policies.contents(READ_ONLY).decode().strip()
        self.assertEqual([self.policy_of(n) for n in (1, 2, 3)], [text] * 3)
        self.good("pool", "--policy", "none", "3")
        self.assertEqual([self.policy_of(n) for n in (1, 2, 3)],
                         [policies.default("nvme").strip()] * 3)

    # Another command at the same time

    def test_two_records(self):
        mine, yours = vfrecord.Record(), vfrecord.Record()
        mine.say("S1", 7, UUID)
        yours.say("S1", 8, OTHER)
        mine.rule("S1", {"1": "x"})
        self.assertEqual({n: self.owners()[n] for n in "178"}, {"1": UUID, "7": UUID, "8": OTHER})
        self.assertEqual(yours.policies("S1"), {"1": "x"})

    def test_birth_while_another_dies(self):
        """The one is erased, which takes its time, and the other's data stay his."""
        self.good("erase", "0000:01:00.2")
        self.kernel.opened.clear()
        self.kernel.meanwhile = lambda: self.good("birth", "--uuid", OTHER)
        self.good("death", UUID)
        self.assertEqual(self.owners(), {"1": "none", "2": OTHER})
        self.assertEqual((self.kernel.devices(2), self.kernel.owners[2]), ([OTHER], OTHER))

    def test_birth_while_one_is_erased_for_another(self):
        """Each erases a function for himself, or comes too late for what the other has."""
        self.kernel.meanwhile = lambda: self.good("birth", "--uuid", OTHER, "--how",
                                                  "write-zeroes")
        self.good("birth", "--uuid", THIRD, "--how", "write-zeroes")
        self.assertEqual(sorted(self.owners().values()), sorted([UUID, OTHER, THIRD]))
        for n in (1, 2, 3):
            self.assertEqual(self.kernel.devices(n), [self.owners()[str(n)]])

    def test_who_is_quicker(self):
        """What was erased for the one another took meanwhile."""
        def take():
            self.kernel.runs.discard(2)
            self.kernel.owners[2] = OTHER
            os.makedirs(f"{self.kernel.dir(2)}/{OTHER}")
            self.kernel.file(f"{self.kernel.dir(2)}/parley/erase", "done write-zeroes")
            self.kernel.show()
        self.kernel.meanwhile = take
        self.assertIn("0000:01:00.3", self.good("birth", "--uuid", THIRD, "--how",
                                                "write-zeroes"))
        self.assertEqual(self.owners(), {"1": UUID, "2": OTHER, "3": THIRD})

    def test_what_is_made_for_one(self):
        """Is nothing that another one's birth finds left over."""
        self.kernel.functions(0)
        self.kernel.held.clear()
        self.taken("--on-demand", "3")
        self.kernel.meanwhile = lambda: self.good("birth", "1Mi", "--uuid", OTHER)
        self.good("birth", "1Mi", "--uuid", THIRD)
        self.assertEqual((self.kernel.devices(1), self.kernel.devices(2)), ([THIRD], [OTHER]))
        self.assertNotIn("ns_delete", "".join(self.since()))

    def test_one_at_a_time(self):
        """Whoever works on the disk keeps others from it, and only from this one."""
        with contextlib.closing(vfrecord.Lock("vf-S1")) as lock:
            lock.take()
            for words in (("pool", "3"), ("birth",), ("erase", "0000:01:00.2"), ("release",),
                          ("death", "0000:01:00.2")):
                with self.assertRaises(AssertionError, msg=words):
                    self.run_(*words)
            with contextlib.closing(vfrecord.Lock("vf-S2")) as other:
                other.take()
        self.assertEqual(self.since(), [])

    def test_who_waits_says_so(self):
        asked = []
        with mock.patch.object(fcntl, "flock", lambda _, how: asked.append(how) or
                               self.would_wait(how)), \
                contextlib.closing(vfrecord.Lock("x")) as lock, \
                mock.patch.object(vfrecord, "complain", asked.append):
            lock.take("waiting")
        self.assertEqual(asked, [fcntl.LOCK_EX | fcntl.LOCK_NB, "waiting", fcntl.LOCK_EX])

    @staticmethod
    def would_wait(how):
        if how & fcntl.LOCK_NB:
            raise BlockingIOError(11, "try again")

    def test_released_meanwhile(self):
        """What was found before another command was waited for is not there any more."""
        record, disk = vfrecord.Record(), vfdisk.find(DISK)
        with mock.patch.object(vfrecord.Lock, "take", lambda *_: os.unlink(
                f"{self.kernel.dir(0)}/parley/serial")):
            with self.assertRaisesRegex(Failure, "was taken or released meanwhile"):
                with record.alone(disk):
                    pass

    # Somebody presses Ctrl-C, or /var is full

    def test_interrupted_birth(self):
        """Nobody was told of the tenant: nothing is his, in a pool or on demand."""
        self.good("erase", "0000:01:00.2")
        for step in ("2/parley/owner", "2/mdev_supported_types"):
            self.kernel.interrupted = step
            with mock.patch.object(vfdisk.Function, "put", self.once(vfdisk.Function.put)):
                self.assertEqual(self.run_("birth", "--uuid", OTHER)[0], 130)
            self.assertEqual((self.owners()["2"], self.kernel.owners[2]), ("none", "none"), step)

    def once(self, real):
        """What is interrupted is not when it is said again, to undo it."""
        def put(*words):
            try:
                real(*words)
            except KeyboardInterrupt:
                self.kernel.interrupted = "nowhere"
                raise
        return put

    def test_interrupted_after_the_device(self):
        """Which was made, and is nobody's: so it goes."""
        self.good("erase", "0000:01:00.2")
        real = vfdisk.Virtual.create

        def create(*words):
            real(*words)
            raise KeyboardInterrupt
        with mock.patch.object(vfdisk.Virtual, "create", create):
            self.assertEqual(self.run_("birth", "--uuid", OTHER)[0], 130)
        self.assertEqual((self.kernel.devices(2), self.owners()["2"]), ([], "none"))

    def test_interrupted_on_demand(self):
        self.kernel.functions(0)
        self.kernel.held.clear()
        self.taken("--on-demand", "2")
        sizes = dict(self.kernel.sizes)
        for step in ("0/parley/birth", "1/parley/erase", "1/mdev_supported_types"):
            self.kernel.interrupted = step
            self.assertEqual(self.run_("birth", "1Mi")[0], 130, step)
            self.assertEqual(self.kernel.held, {}, step)
        # The last one was erased before: it is there, and nobody's.
        self.assertEqual(self.kernel.sizes, {**sizes, 4: 2048})
        self.assertEqual(self.owners()["4"], "none")

    def test_interrupted_pool(self):
        self.setUp()
        self.kernel.opened.clear()
        self.good("death", UUID)
        self.good("release")
        self.kernel.driver(0, "nvme")
        self.good("take", DISK)
        self.kernel.interrupted = "0/parley/ns_create"
        self.kernel.held.clear()
        self.kernel.sizes = {1: 2048}
        self.assertEqual(self.run_("pool", "2", "1Mi", "--policy", READ_ONLY)[0], 130)
        self.assertEqual((self.kernel.nr, vfrecord.Record().policies("S1")), (0, {}))

    def test_interrupted_death(self):
        """What is left is said; it is not known whose the data are."""
        self.kernel.opened.clear()
        self.kernel.interrupted = "1/parley/erase"
        code, _, err = self.run_("death", UUID)
        self.assertEqual(code, 130)
        self.assertIn("What is left of it: parley vf death 0000:01:00.1", err)
        self.assertEqual(self.owners(), {})

    def test_no_room_for_the_record(self):
        """All that was done before is undone, and nobody is sent to dmesg."""
        self.good("erase", "0000:01:00.2")
        with mock.patch.object(vfrecord.os, "fsync", side_effect=OSError(28, "no room")):
            code, _, err = self.run_("birth", "--uuid", OTHER)
        self.assertEqual(code, 1)
        self.assertIn("vf.json: no room; it is as it was", err)
        self.assertNotIn("dmesg", err)
        self.assertEqual((self.kernel.devices(2), self.kernel.owners[2]), ([], "none"))
        self.assertEqual(self.owners()["2"], "none")
        self.assertEqual([n for n in os.listdir(os.path.dirname(self.record))
                          if n.startswith("vf.json.")], [])

    def test_undoing_that_fails(self):
        """Is said as well, and what it failed of is what is said last."""
        self.good("erase", "0000:01:00.2")
        self.kernel.opened.add(OTHER)
        with mock.patch.object(vfdisk.Virtual, "create", self.then_no_more):
            err = self.run_("birth", "--uuid", OTHER)[2]
        self.assertRegex(err, "what was done before is not undone: .*remove.*\n.*the last straw")

    def then_no_more(self, _, tenant):
        os.makedirs(f"{self.kernel.dir(2)}/{tenant}")
        self.kernel.fails = ("",)
        raise Failure("the last straw")


class TakeTest(VfCase):
    def test_nobody_comes_between(self):
        """A disk is held from when it was looked at until the kernel's driver has left it."""
        self.kernel.driver(0, "nvme")
        os.makedirs(f"{self.kernel.dir(0)}/nvme/nvme0/nvme0n1")
        self.kernel.file(f"{vfdisk.DEV}/nvme0n1", "")
        held = []

        def opened():
            paths = (os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd"))
            return f"{vfdisk.DEV}/nvme0n1" in map(os.path.realpath, paths)

        def moved(function, name):
            held.append(opened())
            self.kernel.move(function, name)
        with mock.patch.object(move, "move", moved):
            self.good("take", DISK)
        self.assertEqual((held, opened()), ([True], False))


if __name__ == "__main__":
    unittest.main()
