# SPDX-License-Identifier: GPL-2.0-only
"""Weights that follow threads, with control groups that are files."""
import contextlib
import json
import os
import signal
import tempfile
import threading
import types
import unittest
from unittest import mock

from called import run
from parleylib import share
from parleylib.common import Failure


class Device:
    """What a VM says, by GET_LOAD."""

    def __init__(self):
        self.saying, self.threads, self.gone = 1, 1, False

    @contextlib.contextmanager
    def file(self):
        if self.gone:
            raise OSError(19, "No such device")
        yield self


class ShareTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = f"{folder.name}/cgroup"
        self.run = f"{folder.name}/run"
        os.mkdir(self.run)
        self.devices = {1: Device(), 2: Device()}
        for pid in self.devices:
            os.makedirs(f"{self.top}/vm{pid}")
            self.put(pid, 100)
        self.args = types.SimpleNamespace(vm=["1:/vm1", "2:/vm2"], min=50, max=400,
                                          per_thread=50, interval=1, json=False,
                                          restore=False)
        for patch in (mock.patch.object(share, "CGROUPS", self.top),
                      mock.patch.object(share, "RUN", self.run),
                      mock.patch.object(share.register, "device_of", self.devices.get),
                      mock.patch.object(share.fcntl, "ioctl", self.ioctl),
                      mock.patch.object(share, "say")):
            patch.start()
            self.addCleanup(patch.stop)

    @staticmethod
    def ioctl(device, request, buffer):
        assert request == 0x8040AFCA, hex(request)
        buffer[:] = share.LOAD.pack(4, device.saying, device.threads, 0)

    def put(self, pid, weight):
        with open(f"{self.top}/vm{pid}/cpu.weight", "w", encoding="ascii") as f:
            f.write(f"{weight}\n")

    def weights(self):
        found = []
        for pid in self.devices:
            with open(f"{self.top}/vm{pid}/cpu.weight", encoding="ascii") as f:
                found.append(int(f.read()))
        return found

    def begin(self):
        sharing = share.Sharing(self.args)
        sharing.begin()
        return sharing

    def say(self, sharing, *threads):
        for device, n in zip(self.devices.values(), threads):
            device.threads = n
        sharing.look()
        sharing.settle()
        return self.weights()

    def test_weights_follow_threads(self):
        sharing = self.begin()
        self.assertEqual(self.say(sharing, 4, 2), [200, 100])
        self.assertEqual(self.say(sharing, 2, 6), [100, 300])
        # The mean of the looks, and no more than one change for all of them.
        self.devices[1].threads = 1
        sharing.look()
        self.assertEqual(self.weights(), [100, 300])
        self.assertEqual(self.say(sharing, 3, 6), [100, 300])
        sharing.end()
        self.assertEqual(self.weights(), [100, 100])
        self.assertEqual(share.load(), {})

    def test_a_liar_gains_its_largest_weight(self):
        """And what others have does not depend on it."""
        sharing = self.begin()
        self.assertEqual(self.say(sharing, 4 * 65535, 2), [400, 100])
        self.assertEqual(self.say(sharing, 0, 2), [50, 100])
        self.devices[1].saying = 0
        self.assertEqual(self.say(sharing, 7, 2), [100, 100])

    def test_what_others_set_stays(self):
        sharing = self.begin()
        self.assertEqual(self.say(sharing, 4, 4), [200, 200])
        self.put(1, 777)
        self.assertEqual(self.say(sharing, 6, 6), [777, 300])
        self.assertEqual(self.say(sharing, 2, 2), [777, 100])
        self.put(2, 888)
        sharing.end()
        self.assertEqual(self.weights(), [777, 888])

    def test_one_goes(self):
        """Its weight is put back, and the other one goes on."""
        sharing = self.begin()
        self.say(sharing, 4, 4)
        self.devices[1].gone = True
        self.assertEqual(self.say(sharing, 6, 6), [100, 300])
        os.unlink(f"{self.top}/vm2/cpu.weight")
        sharing.look()
        sharing.settle()
        self.assertEqual(sharing.vms, [])

    def test_killed(self):
        """The next one undoes it: also if it was between the record and the weight."""
        self.assertEqual(self.say(self.begin(), 4, 6), [200, 300])
        self.put(2, 555)
        self.assertEqual(share.restore(), {f"{self.top}/vm1/cpu.weight": 100})
        self.assertEqual(self.weights(), [100, 555])
        self.put(2, 100)
        sharing = self.begin()
        with mock.patch.object(share.Weight, "write", side_effect=KeyboardInterrupt), \
                self.assertRaises(KeyboardInterrupt):
            self.say(sharing, 4, 6)
        self.assertEqual(self.weights(), [100, 100])
        self.assertEqual(share.restore(), {f"{self.top}/vm1/cpu.weight": 100})
        # What is no record of ours.
        for text in ("", "[]", "{", json.dumps({"/etc/passwd": {"old": 1, "ours": [1]}})):
            with open(f"{self.run}/share.json", "w", encoding="ascii") as f:
                f.write(text)
            self.assertEqual(share.restore(), {})

    def test_refused(self):
        for vm, why in ((["1:/"], "no control group"), (["1:/../.."], "no control group"),
                        (["1:/vm3"], "is not there"), (["7:/vm1"], "no scheduling device"),
                        (["1:/vm1", "2:/vm1"], "two VMs"), (["x"], "PID")):
            self.args.vm = vm
            with self.subTest(vm), self.assertRaisesRegex(Failure, why):
                self.begin()

    def test_until_told(self):
        """The whole command, and SIGTERM."""
        self.args.interval = 0.1
        self.devices[1].threads = 8
        main = threading.get_ident()
        timer = threading.Timer(2, lambda: signal.pthread_kill(main, signal.SIGTERM))
        seen, end = [], share.Sharing.end

        def ends(sharing):
            seen.append(self.weights())
            end(sharing)

        with mock.patch.object(share.os, "geteuid", return_value=0), \
                mock.patch.object(share.Sharing, "end", ends):
            timer.start()
            self.assertEqual(share.share(self.args), 0)
        self.assertEqual(seen, [[400, 50]])
        self.assertEqual(self.weights(), [100, 100])


class WordsTest(unittest.TestCase):
    def test_words(self):
        for words in (["share"], ["share", "--vm", "1", "--min", "0"],
                      ["share", "--vm", "1", "--max", "10001"],
                      ["share", "--vm", "1", "--min", "9", "--max", "8"],
                      ["share", "--vm", "1", "--restore"], ["share", "--vm", "1", "--once"],
                      ["--vm", "1"], ["governor", "--min", "5"]):
            with self.subTest(words):
                self.assertEqual(run("sched", *words)[0], 2)
