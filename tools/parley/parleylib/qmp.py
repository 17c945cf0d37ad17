# SPDX-License-Identifier: GPL-2.0-only
"""What QEMU's monitor tells of its vCPUs. QEMU may be in the hands of its guest: what it
sends is bounded, and is nothing but numbers when it leaves here."""
import contextlib
import json
import socket
import struct
import time

from .common import Failure

PATIENCE = 10                   # seconds for all of it: a monitor serves one at a time
LINE_MAX = 1 << 20              # bytes; 1024 vCPUs take a fifth of that
MESSAGES_MAX = 256              # events may come before an answer
VCPUS_MAX = 1024
TID_MAX = 1 << 22               # PID_MAX_LIMIT of the kernel
PATH_MAX = 256
HZ_MAX = 16000000000
CREDENTIALS = struct.Struct("3i")


class Monitor:
    """One conversation."""

    def __init__(self, path):
        self.path = path
        self.until = time.monotonic() + PATIENCE
        self.rest = b""
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.patient()
            self.socket.connect(path)
            self.pid = CREDENTIALS.unpack(self.socket.getsockopt(
                socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))[0]
        except OSError as e:
            self.socket.close()
            raise Failure(f"{path}: {e.strerror or 'no answer'}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def patient(self):
        """What is left of the time is what the next step may take."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise self.bad("no answer; does another program hold the monitor?")
        self.socket.settimeout(left)

    def bad(self, why):
        return Failure(f"{self.path}: {why}")

    def line(self):
        while b"\n" not in self.rest:
            if len(self.rest) > LINE_MAX:
                raise self.bad("an answer without end")
            self.patient()
            try:
                more = self.socket.recv(65536)
            except TimeoutError:
                continue        # and out of patience
            except OSError as e:
                raise self.bad(e.strerror) from None
            if not more:
                raise self.bad("it was closed")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def message(self):
        try:
            found = json.loads(self.line())
        except (ValueError, RecursionError):
            raise self.bad("no JSON; is it a QMP monitor?") from None
        if not isinstance(found, dict):
            raise self.bad("an answer that is no object")
        return found

    def answer(self, key):
        """The next message that has this; events pass."""
        for _ in range(MESSAGES_MAX):
            found = self.message()
            if key in found:
                return found[key]
            if "error" in found:
                raise self.bad("it refuses")
        raise self.bad("events without end")

    def ask(self, command, **arguments):
        try:
            self.patient()
            self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}
                                           ).encode() + b"\n")
        except OSError as e:
            raise self.bad(e.strerror or "no answer") from None
        return self.answer("return")

    def begin(self):
        self.answer("QMP")
        self.ask("qmp_capabilities")

    def vcpus(self):
        """{index: thread}"""
        self.begin()
        return self.check(self.ask("query-cpus-fast"))

    def hz(self):
        """Of the counter of the first vCPU; 0 if QEMU does not know."""
        self.begin()
        answer = self.ask("query-cpus-fast")
        self.check(answer)
        path = answer[0].get("qom-path")
        if not isinstance(path, str) or len(path) > PATH_MAX:
            raise self.bad("a vCPU that has no path")
        found = self.ask("qom-get", path=path, property="tsc-frequency")
        if type(found) is not int or not 0 <= found <= HZ_MAX:
            raise self.bad("a counter that has no rate")
        return found

    def check(self, answer):
        if not isinstance(answer, list) or not 0 < len(answer) <= VCPUS_MAX:
            raise self.bad("no list of vCPUs")
        found = {}
        for entry in answer:
            if not isinstance(entry, dict):
                raise self.bad("a vCPU that is no object")
            index, tid = entry.get("cpu-index"), entry.get("thread-id")
            # True is an int as well.
            if type(index) is not int or type(tid) is not int or \
                    not 0 <= index < VCPUS_MAX or not 0 < tid <= TID_MAX:
                raise self.bad("a vCPU that has no numbers")
            if index in found or tid in found.values():
                raise self.bad("two vCPUs that are one")
            found[index] = tid
        return found


@contextlib.contextmanager
def conversation(path):
    """With a QEMU whose process has a number here."""
    with Monitor(path) as monitor:
        # Who listens in another namespace of processes has none.
        if monitor.pid <= 0:
            raise monitor.bad("its process is in another namespace")
        yield monitor


def vcpus(path):
    """(QEMU's process, {index: thread}), or Failure"""
    with conversation(path) as monitor:
        return monitor.pid, monitor.vcpus()


def counter(path):
    """(QEMU's process, turns of its guest's counter in a second), or Failure"""
    with conversation(path) as monitor:
        return monitor.pid, monitor.hz()
