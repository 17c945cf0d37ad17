# SPDX-License-Identifier: GPL-2.0-only
"""What QEMU's monitor may say, whom it may speak of, and what a device is told of it."""
import contextlib
import errno
import fcntl
import json
import os
import socket
import subprocess
import tempfile
import threading
import unittest
from unittest import mock

from called import run
from parleylib import qmp, register
from parleylib.common import Failure

GREETING = b'{"QMP": {"version": {}, "capabilities": ["oob"]}}\n'
EVENT = b'{"event": "RTC_CHANGE", "data": {"offset": 0}, "timestamp": {}}\n'
DONE = b'{"return": {}}\n'


def listed(*pairs):
    """query-cpus-fast's answer."""
    return json.dumps({"return": [{"cpu-index": i, "thread-id": t, "qom-path": "/x",
                                   "props": {"core-id": 0}, "target": "x86_64"}
                                  for i, t in pairs]}).encode() + b"\n"


class MonitorTest(unittest.TestCase):
    def serve(self, *said, silent=False):
        """A monitor that says these whatever it is asked, and then no more; or is silent."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = f"{folder.name}/qmp"
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()

        def talk():
            with contextlib.suppress(OSError):
                with listener.accept()[0] as s:
                    for piece in said:
                        s.sendall(piece)
                    if not silent:
                        s.shutdown(socket.SHUT_WR)
                    while s.recv(1 << 16):
                        pass

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 10)
        return path

    def test_good(self):
        """In any pieces, with events between."""
        text = GREETING + EVENT + DONE + EVENT + listed((0, 7), (2, 9))
        pieces = [text[n:n + 7] for n in range(0, len(text), 7)]
        self.assertEqual(qmp.vcpus(self.serve(*pieces)), (os.getpid(), {0: 7, 2: 9}))

    def test_bad(self):
        """Each is refused with a reason, and none of them is anything else than a Failure."""
        whole = GREETING + DONE
        bad = (b"", b"\n", b"hello\n", b"[1]\n", GREETING, b'{"QMP"\n', b"\xff\xfe\n",
               GREETING + b'{"error": {"class": "x", "desc": "y"}}\n',
               whole + b'{"return": {}}\n', whole + b'{"return": []}\n',
               whole + b'{"return": [7]}\n', whole + b'{"return": [{}]}\n',
               whole + listed((0, 7), (0, 8)), whole + listed((0, 7), (1, 7)),
               whole + listed((-1, 7)), whole + listed((1024, 7)), whole + listed((0, 0)),
               whole + listed((0, -5)), whole + listed((0, 1 << 22), (1, (1 << 22) + 1)),
               whole + listed((0, 1e300)), whole + listed((0, "7")), whole + listed((True, 7)),
               whole + listed((0, None)), whole + listed(*((n, n + 1) for n in range(1025))),
               whole + b"[" * 100000 + b"\n", whole + b'{"return": ' + b"9" * 100000 + b"}\n",
               GREETING + EVENT * (qmp.MESSAGES_MAX + 1))
        for said in bad:
            with self.subTest(said[-60:]), self.assertRaises(Failure):
                qmp.vcpus(self.serve(said))

    def test_without_end(self):
        """What is kept of it is bounded."""
        with self.assertRaisesRegex(Failure, "without end"):
            qmp.vcpus(self.serve(b"x" * (qmp.LINE_MAX + 70000)))

    def test_nobody(self):
        """Not there yet, or held by another program."""
        with self.assertRaises(Failure):
            qmp.vcpus("/nonexistent/qmp")
        with mock.patch.object(qmp, "PATIENCE", 0.3), \
                self.assertRaisesRegex(Failure, "another program"):
            qmp.vcpus(self.serve(GREETING, silent=True))


class Fake:
    """A device, and what it was told."""

    def __init__(self, vcpus=4):
        self.vcpus, self.known, self.said, self.id = vcpus, {}, [], 3
        self.refuse, self.nodes = {}, None

    @contextlib.contextmanager
    def file(self):
        yield self

    def call(self, _fd, request, packed):
        if request == register.PARLEY_SCHED_SET_NODES:
            nr, *nodes = register.NODE_TABLE.unpack(packed)
            if 7 in nodes[:nr]:
                raise OSError(errno.EINVAL, "")
            self.nodes = nodes[:nr]
            return
        vcpu, tid = register.VCPU.unpack(packed)
        if tid in self.refuse:
            raise OSError(self.refuse[tid], "")
        self.said.append((vcpu, tid))


class SettleTest(unittest.TestCase):
    def setUp(self):
        self.device = Fake()
        self.starts = {10: 1, 11: 1, 12: 1}
        patches = (mock.patch.object(fcntl, "ioctl", side_effect=self.device.call),
                   mock.patch.object(register, "Task", side_effect=self.task))
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)

    def task(self, name):
        pid, _, tid = name.split("/")
        if pid != "5" or not self.starts.get(int(tid)):
            raise ProcessLookupError(name)
        return mock.Mock(start=self.starts[int(tid)], dead=False)

    def settle(self, threads):
        self.device.said = []
        return register.settle(self.device, 5, threads), self.device.said

    def test_life(self):
        """From nothing: all that was before goes. Then only what is another."""
        clear = [(v, 0) for v in range(4)]
        self.assertEqual(self.settle({0: 10, 1: 11}),
                         ({0: 10, 1: 11}, [*clear, (0, 10), (1, 11)]))
        self.assertEqual(self.settle({0: 10, 1: 11}), ({}, []))
        self.assertEqual(self.settle({0: 10, 1: 11, 3: 12}), ({3: 12}, [(3, 12)]))
        self.assertEqual(self.settle({0: 10, 3: 12}), ({1: 0}, [(1, 0)]))
        # Two change places: both go before either comes.
        self.assertEqual(self.settle({0: 12, 3: 10})[1], [(0, 0), (3, 0), (0, 12), (3, 10)])
        # The number is that of another thread now.
        self.starts[12] = 9
        self.assertEqual(self.settle({0: 12, 3: 10})[1], [(0, 0), (0, 12)])
        # More than the device has is not for it.
        self.assertEqual(self.settle({0: 12, 3: 10, 4: 11}), ({}, []))

    def test_nodes(self):
        """Where memory is is said with the first threads; and that the host has it."""
        register.settle(self.device, 5, {0: 10}, [1, 0, -1])
        self.assertEqual(self.device.nodes, [1, 0, -1])
        self.settle({0: 10, 1: 11})
        self.assertEqual(self.device.nodes, [1, 0, -1])
        self.device.known = {}
        self.settle({0: 10})
        self.assertEqual(self.device.nodes, [])
        self.device.known = {}
        with self.assertRaisesRegex(Failure, "nodes 0,7: the host does not have"):
            register.settle(self.device, 5, {0: 10}, [0, 7])

    def test_liar(self):
        """A thread that is not of the process that names it: nothing changes at all."""
        self.settle({0: 10})
        with self.assertRaisesRegex(Failure, "thread 1 is none of process 5"):
            self.settle({0: 11, 1: 1})
        self.assertEqual((self.device.said, list(self.device.known)), ([], [0]))

    def test_ends_meanwhile(self):
        """What was told of a thread that has ended is taken back: its number may be
        another's."""
        def told(_fd, request, packed):
            if request == register.PARLEY_SCHED_SET_NODES:
                return
            self.device.said.append(register.VCPU.unpack(packed))
            if register.VCPU.unpack(packed) == (1, 11):
                self.starts[11] = then

        for then in (0, 2):
            self.starts[11] = 1
            fcntl.ioctl.side_effect = told
            with self.subTest(then), self.assertRaisesRegex(Failure, "ended meanwhile"):
                self.settle({1: 11})
            self.assertEqual(self.device.said[-2:], [(1, 11), (1, 0)])
            self.assertEqual(self.device.known, {})

    def test_refused(self):
        self.device.refuse = {11: errno.EBUSY}
        with self.assertRaisesRegex(Failure, "thread 11 as vCPU 1: it is a vCPU of another"):
            self.settle({0: 10, 1: 11})
        self.assertEqual(list(self.device.known), [0])
        self.device.refuse = {}
        self.assertEqual(self.settle({0: 10, 1: 11}), ({1: 11}, [(1, 11)]))


class ProcessTest(unittest.TestCase):
    def test_threads(self):
        """Of this process, and of another."""
        child = subprocess.Popen(["sleep", "60"])
        self.addCleanup(lambda: (child.kill(), child.wait()))
        register.start_of(os.getpid(), threading.get_native_id())
        register.start_of(child.pid, child.pid)
        for pid, tid in ((os.getpid(), child.pid), (child.pid, os.getpid()), (child.pid, 1)):
            with self.assertRaises(Failure):
                register.start_of(pid, tid)

    def test_files(self):
        """Of this process, borrowed from it; and who is at the other end of a socket."""
        process = register.Process(os.getpid())
        self.addCleanup(process.close)
        ends = socket.socketpair()
        self.addCleanup(lambda: [s.close() for s in ends])
        number = ends[0].fileno()
        try:
            with process.borrowed(number) as fd:
                self.assertNotEqual(fd, number)
                self.assertEqual(os.fstat(fd).st_ino, os.fstat(number).st_ino)
        except PermissionError:
            self.skipTest("files cannot be borrowed here")
        self.assertEqual(process.peer(number), os.getpid())
        self.assertIn(number, dict(process.links()))
        self.assertFalse(process.ended())
        own = [(n, link) for n, link in process.links() if n == number]
        self.assertTrue(process.serves(os.getpid(), []))
        with mock.patch.object(process, "pid", 1):
            self.assertTrue(process.serves(os.getpid(), own))
            self.assertFalse(process.serves(os.getpid(), []))
            self.assertFalse(process.serves(2, own))

    def test_end(self):
        child = subprocess.Popen(["sleep", "60"])
        process = register.Process(child.pid)
        self.addCleanup(process.close)
        self.assertFalse(process.ended())
        child.kill()
        child.wait()
        self.assertTrue(process.ended())

    def test_device_of_another(self):
        """A device serves one VM, as long as the process does that has it."""
        device = register.Device.__new__(register.Device)
        device.pid, device.process = 5, mock.Mock(**{"ended.return_value": False})
        self.assertTrue(device.serves(5))
        self.assertFalse(device.serves(6))
        device.process.ended.return_value = True
        self.assertFalse(device.serves(5))

    def test_what_is_called_like_a_device(self):
        """A link says what its owner wants; nothing of his is borrowed for that."""
        with tempfile.TemporaryDirectory() as top:
            process = register.Process.__new__(register.Process)
            process.pid = 5
            for kind in ("fd", "fdinfo"):
                os.makedirs(f"{top}/5/{kind}")
            for number, info in enumerate(("pos:\t0\n", "parley-vhost:\tblk 1\n", None,
                                           "pos:\t0\nparley-vhost:\tsched 3\n")):
                os.symlink(register.NODE, f"{top}/5/fd/{number}")
                if info:
                    with open(f"{top}/5/fdinfo/{number}", "w", encoding="ascii") as f:
                        f.write(info)
            with mock.patch.object(register, "PROC", top), \
                    mock.patch.object(process, "serves", return_value=True), \
                    mock.patch.object(process, "borrowed") as borrowed, \
                    mock.patch.object(register, "Device") as device:
                self.assertEqual([process.is_device(number, link) for number, link
                                  in sorted(process.links())], [False] * 3 + [True])
                self.assertFalse(process.is_device(3, "/dev/null"))
                self.assertTrue(register.search(process, 7))
                device.assert_called_once_with(process, 3, 7)
                borrowed.assert_not_called()

    def test_what_is_no_device(self):
        """A file that has its name and is another: the calls are refused."""
        with open("/dev/null", "rb") as null, self.assertRaises(OSError):
            register.number_of(null.fileno())


class WatchTest(unittest.TestCase):
    def setUp(self):
        self.args = mock.Mock(qmp="/q", json=False, once=True, interval=None, nodes=None)
        self.devices = []
        patch = mock.patch.object(register, "device_of", side_effect=self.device_of)
        patch.start()
        self.addCleanup(patch.stop)

    def device_of(self, pid):
        if not self.devices:
            return None
        device = self.devices[0]
        device.pid = pid
        return device

    def look(self, watch, pid, threads):
        with mock.patch.object(qmp, "vcpus", return_value=(pid, threads)), \
                mock.patch.object(register, "settle", return_value={}), \
                mock.patch.object(register, "say"):
            return watch.look()

    def device(self, vcpus=2):
        device = mock.Mock(vcpus=vcpus, known={}, gone=False)
        device.id = len(self.devices) + 1
        device.serves = lambda pid: pid == device.pid and not device.gone
        self.devices.insert(0, device)
        return device

    def test_qemu_comes_and_goes(self):
        """No device yet; one; another QEMU, whose threads are not the first one's device's."""
        watch = register.Watch(self.args)
        with self.assertRaisesRegex(Failure, "no scheduling device serves process 7"):
            self.look(watch, 7, {0: 1})
        first = self.device()
        self.look(watch, 7, {0: 1})
        self.assertIs(watch.device, first)
        second = self.device()
        self.look(watch, 8, {0: 1})
        self.assertIs(watch.device, second)
        first.close.assert_called_once()
        second.gone = True
        self.devices.clear()
        with self.assertRaises(Failure):
            self.look(watch, 8, {0: 1})
        second.close.assert_called_once()
        self.assertIsNone(watch.device)

    def test_more_than_there_are(self):
        self.device(2)
        with self.assertRaisesRegex(Failure, "for 2 vCPUs, and this VM has more: 2"):
            self.look(register.Watch(self.args), 7, {0: 1, 1: 2, 2: 3})

    def test_said_once(self):
        watch = register.Watch(self.args)
        with mock.patch.object(watch, "look", side_effect=Failure("no")) as look, \
                mock.patch.object(register, "complain") as said:
            watch.try_to_look()
            watch.try_to_look()
            self.assertEqual(said.call_count, 1)
            look.side_effect = None
            watch.try_to_look()
            look.side_effect = Failure("no")
            watch.try_to_look()
            self.assertEqual(said.call_count, 2)


class WordsTest(unittest.TestCase):
    def test_usage(self):
        for words in (["register"], ["register", "--qmp", "/q", "--dry-run"],
                      ["register", "--qmp", "/q", "--once", "--interval", "1"],
                      ["register", "--qmp", "/q", "--high", "30"], ["--qmp", "/q"],
                      ["governor", "--qmp", "/q"], ["--nodes", "0"],
                      *(["register", "--qmp", "/q", "--nodes", nodes]
                        for nodes in ("", "a", "0,", "-2", "65536", ",".join(65 * "0")))):
            self.assertEqual(run("sched", *words)[0], 2, words)

    def test_once(self):
        """What is not there fails at once."""
        code, _, error = run("sched", "register", "--qmp", "/nonexistent/q", "--once")
        self.assertEqual(code, 1)
        self.assertIn("only root" if os.geteuid() else "/nonexistent/q: No such file", error)
