# SPDX-License-Identifier: GPL-2.0-only
"""What a device is told of a guest's counter and clock, and by whom."""
import contextlib
import errno
import fcntl
import json
import os
import tempfile
import unittest
from unittest import mock

import test_register
from called import run
from parleylib import clock
from parleylib.common import Failure

BEGIN = test_register.GREETING + test_register.DONE
WHOLE = BEGIN + test_register.listed((0, 7))


def rate(hz):
    return json.dumps({"return": hz}).encode() + b"\n"


class RateTest(unittest.TestCase):
    """As QEMU says it."""

    serve = test_register.MonitorTest.serve

    def test_good(self):
        for hz in (0, 2999999000, clock.qmp.HZ_MAX):
            self.assertEqual(clock.qmp.counter(self.serve(WHOLE, rate(hz))), (os.getpid(), hz))

    def test_bad(self):
        """Each is refused with a reason."""
        long = json.dumps({"return": [{"cpu-index": 0, "thread-id": 7, "qom-path": "x" * 257}]})
        bad = (rate(-1), rate(clock.qmp.HZ_MAX + 1), rate(True), rate(1e9), rate("7"), rate(None),
               rate({}), b'{"error": {"class": "x", "desc": "y"}}\n', b"")
        for said in bad:
            with self.subTest(said), self.assertRaises(Failure):
                clock.qmp.counter(self.serve(WHOLE, said))
        with self.assertRaisesRegex(Failure, "no path"):
            clock.qmp.counter(self.serve(BEGIN, long.encode() + b"\n"))


class CounterTest(unittest.TestCase):
    """As KVM has it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tolerance = f"{folder.name}/tolerance"
        os.makedirs(f"{folder.name}/5-11/vcpu0")
        self.vcpu = f"{folder.name}/5-11/vcpu0"
        self.put("../../tolerance", 250)
        self.put("../../source", "hpet")
        for name, value in (("KVM", folder.name), ("TOLERANCE", self.tolerance),
                            ("SOURCE", f"{folder.name}/source"),
                            ("host_khz", lambda: 2000000)):
            patch = mock.patch.object(clock, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def put(self, name, value):
        with open(f"{self.vcpu}/{name}", "w", encoding="ascii") as f:
            f.write(f"{value}\n")

    def test_nobody(self):
        for pid in (5, 6):
            with self.assertRaisesRegex(Failure, f"no counter of process {pid}"):
                clock.counter(pid, 0)

    def test_scaled(self):
        """The host's rate and the guest's do not matter then."""
        self.put("tsc-offset", -5)
        self.put("tsc-scaling-ratio", 3 << 47)
        self.put("tsc-scaling-ratio-frac-bits", 48)
        self.assertEqual(clock.counter(5, 1), (3 << 47, 48, 0, (1 << 64) - 5))

    def test_not_scaled(self):
        """A rate within what KVM tolerates is the host's; a higher one is caught up with."""
        self.put("tsc-offset", 77)
        for khz in (0, 1000000, 2000000, 2000500):
            self.assertEqual(clock.counter(5, khz * 1000), (1, 0, 0, 77))
        self.assertEqual(clock.counter(5, 3000000000), (3 << 31, 32, clock.NOW, 77))
        self.put("../../tolerance", 0)
        self.assertEqual(clock.counter(5, 2000500000)[2:], (clock.NOW, 77))
        self.put("../../source", "tsc")
        self.assertEqual(clock.counter(5, 3000000000), (1, 0, 0, 77))
        with mock.patch.object(clock, "host_khz", side_effect=OSError(errno.EACCES, "denied")), \
                self.assertRaisesRegex(Failure, "/dev/kvm: denied"):
            clock.counter(5, 0)


class FeedTest(unittest.TestCase):
    def setUp(self):
        self.said, self.fails = [], {}
        for target, name, value in ((fcntl, "ioctl", self.call),
                                    (clock, "counter", lambda pid, hz: (1, 0, 0, pid + hz))):
            patch = mock.patch.object(target, name, side_effect=value)
            patch.start()
            self.addCleanup(patch.stop)

    def call(self, _fd, request, words):
        if request in self.fails:
            raise OSError(self.fails[request], "why")
        if request == clock.GET_CLOCK:
            words[:] = clock.CLOCK.pack(0, 0, 10, 20, 30)
        else:
            self.said.append((request, bytes(words)))

    def feed(self, handed=None):
        device = mock.Mock(file=lambda: contextlib.nullcontext(9))
        return clock.feed(device, 5, 100, handed)

    def test_good(self):
        counter = (clock.SET_COUNTER, clock.COUNTER.pack(1, 0, 0, 105))
        self.assertEqual(self.feed(), (10, 20))
        self.assertEqual(self.said, [counter])
        self.assertEqual(self.feed((7, 8)), (10, 20))
        # The counter first: a clock that begins is one of it.
        self.assertEqual(self.said[1:], [counter, (clock.SET_CLOCK, clock.CLOCK.pack(
            clock.REALTIME, 0, 7, 8, 0))])

    def test_not_begun(self):
        self.fails = {clock.GET_CLOCK: errno.ENODATA}
        self.assertIsNone(self.feed())

    def test_refused(self):
        for request, code, why in ((clock.SET_COUNTER, errno.ENOTTY, "has no clock"),
                                   (clock.SET_COUNTER, errno.EINVAL, "counter: why"),
                                   (clock.SET_CLOCK, errno.ERANGE, "more than a day"),
                                   (clock.GET_CLOCK, errno.EIO, "the clock: why")):
            self.fails = {request: code}
            with self.assertRaisesRegex(Failure, why):
                self.feed((7, 8))


class WordsTest(unittest.TestCase):
    def test_usage(self):
        for words in (["clock"], ["clock", "--qmp", "/q", "--once"],
                      ["clock", "--qmp", "/q", "--hand-over", "7"],
                      ["clock", "--qmp", "/q", "--hand-over", "7@"],
                      ["clock", "--qmp", "/q", "--hand-over", "-7@8"],
                      ["clock", "--qmp", "/q", "--hand-over", f"{(1 << 62) + 1}@8"],
                      ["register", "--qmp", "/q", "--hand-over", "7@8"],
                      ["governor", "--hand-over", "7@8"], ["--hand-over", "7@8"]):
            self.assertEqual(run("sched", *words)[0], 2, words)

    def test_nobody(self):
        code, _, error = run("sched", "clock", "--qmp", "/nonexistent/q")
        self.assertEqual(code, 1)
        self.assertIn("only root" if os.geteuid() else "/nonexistent/q: No such file", error)
