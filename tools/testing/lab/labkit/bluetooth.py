# SPDX-License-Identifier: GPL-2.0-only
"""Bluetooth without radio: controllers of BlueZ's emulator, and the one that stands
between. For programs that run in a guest."""

import errno
import os
import pathlib
import select
import struct
import subprocess
import threading
import time

from .common import LabError

CLASS = pathlib.Path("/sys/class/parley_hci")
BLUETOOTH = pathlib.Path("/sys/class/bluetooth")
FRAME = 2048


def program(name):
    """One of BlueZ's, which is not installed."""
    return os.path.join(os.environ["LAB_PACKAGES"], "usr/bin", name)


def controllers():
    """Those that the kernel has."""
    return sorted((path.name for path in BLUETOOTH.glob("hci*") if ":" not in path.name),
                  key=lambda name: int(name[3:]))


def links():
    """Connections that the kernel has."""
    return [path.name for path in BLUETOOTH.glob("hci*:*")]


def wait(what, function, seconds=30):
    """Until @function returns something; returns that."""
    end = time.monotonic() + seconds
    while not (found := function()):
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return found


class Emulator:
    """BlueZ's: controllers that hear each other."""

    def __init__(self, number):
        had = controllers()
        self.process = subprocess.Popen([program("btvirt"), f"-l{number}"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.names = wait("btvirt makes controllers",
                          lambda: len(controllers()) == len(had) + number and
                          [n for n in controllers() if n not in had])

    def take(self):
        """One that nobody has had."""
        return self.names.pop(0)

    def stop(self):
        """Its controllers go with it."""
        self.process.kill()
        self.process.wait()


class Mediated:
    """What stands above a controller of the kernel's."""

    def __init__(self, lower):
        self.lower = lower

        def add():
            try:
                self.ask("add")
                return True
            except OSError as error:
                # The kernel looks at a new controller first, and lets it go then.
                if error.errno != errno.EBUSY:
                    raise
                return False
        wait(f"{lower} is free", add)
        self.name = f"parley_{lower}"
        self.node = f"/dev/{self.name}"
        wait(f"{self.node} is there", lambda: os.path.exists(self.node))

    def ask(self, what):
        """Write its name into a file of the class."""
        (CLASS / what).write_text(self.lower, encoding="ascii")

    def read(self, file):
        """A file of its own."""
        return (CLASS / self.name / file).read_text(encoding="ascii")

    def policy(self, text=None):
        """The policy of those that come next."""
        path = CLASS / self.name / "parley_policy" / "hci"
        if text is not None:
            path.write_text(text, encoding="ascii")
        return path.read_text(encoding="ascii")

    def held(self, rule):
        """How often a rule of the policy that is used held, and its line in the text."""
        lines = self.read("parley_policy/hci.audit").split("\nnext\n")[0].splitlines()[1:]
        for count, line, said in (text.split(None, 2) for text in lines):
            if said == rule or said.startswith(f"{rule} status="):
                return int(count), int(line)
        raise LabError(f"the audit has no rule {rule!r}")


class Relay:
    """Gives a mediated controller to the kernel's own Bluetooth, as a guest's: packets
    from the one node to the other, whole."""

    def __init__(self, node):
        self.fd = os.open(node, os.O_RDWR)
        self.guest = os.open("/dev/vhci", os.O_RDWR)
        os.write(self.guest, b"\xff\x00")
        # The answer says which one it is; its first commands may be there before.
        while (packet := os.read(self.guest, FRAME))[0] != 0xff:
            os.write(self.fd, packet)
        self.name = f"hci{struct.unpack('<BBH', packet)[2]}"
        self.failed = None
        self.stopped, self.stopping = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            ready = select.select([self.fd, self.guest, self.stopped], [], [])[0]
            if self.stopped in ready:
                return
            try:
                for one, other in ((self.fd, self.guest), (self.guest, self.fd)):
                    if one in ready:
                        os.write(other, os.read(one, FRAME))
            except OSError as error:
                self.failed = error
                return

    def stop(self):
        """Both are closed; returns why nothing passed any more, or None."""
        os.write(self.stopping, b".")
        self.thread.join()
        for fd in (self.fd, self.guest, self.stopped, self.stopping):
            os.close(fd)
        return self.failed
