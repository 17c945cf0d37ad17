# SPDX-License-Identifier: GPL-2.0-only
"""A running QEMU and the three channels to it.

console   the guest's first serial port: its kernel log
talk      the second one: what the guest's script prints, and our answers
qmp       QEMU's monitor

All are socket pairs that QEMU inherits, so nothing is left behind in the file
system, and one loop serves them: no threads, and no wait without an end.
"""

import json
import selectors
import socket
import subprocess
import time


class Channel:
    """A byte stream cut into lines."""

    def __init__(self, name, sock, on_line):
        self.name = name
        self.sock = sock
        self.on_line = on_line
        self._partial = b""

    def read(self):
        """Hand on complete lines; returns False at the end of the stream."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data and self._partial:
            data = b"\n"
            self.sock.close()
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self.on_line(line.decode(errors="replace").rstrip("\r"))
        return bool(data) and self.sock.fileno() >= 0

    def send(self, text):
        """Write to the other side; a dead QEMU is noticed elsewhere."""
        try:
            self.sock.sendall(text.encode())
        except OSError:
            pass


class Loop:
    """What waits for the channels of one or more QEMUs, and for the clock."""

    def __init__(self):
        self._timers = []           # (when, callback)
        self._selector = selectors.DefaultSelector()

    def add(self, channel):
        """Serve @channel until its end."""
        self._selector.register(channel.sock, selectors.EVENT_READ, channel)

    def drop(self, channel):
        """Serve @channel no more, and close it."""
        if channel in [key.data for key in self._selector.get_map().values()]:
            self._selector.unregister(channel.sock)
        channel.sock.close()

    def channels(self):
        """Those that have not ended."""
        return [key.data for key in self._selector.get_map().values()]

    def later(self, seconds, callback):
        """Call @callback after @seconds, from within serve()."""
        self._timers.append((time.monotonic() + seconds, callback))

    def serve(self, until, finished):
        """Run until @finished() and return True, or until the clock reaches
        @until and return False."""
        while not finished():
            now = time.monotonic()
            if now >= until:
                return False
            due = [t for t in self._timers if t[0] <= now]
            for timer in due:
                self._timers.remove(timer)
                timer[1]()
            wait = min([until] + [t[0] for t in self._timers]) - now
            for key, _ in self._selector.select(max(0, min(wait, 1))):
                if key.fileobj in self._selector.get_map() and \
                        not key.data.read():
                    self._selector.unregister(key.fileobj)
                    key.data.sock.close()
        return True


class Vm:
    """One QEMU process.

    @on_console and @on_talk get lines, @on_event a QMP event as a dict. @talk
    are the arguments that plug the second channel in; @loop serves it beside
    other QEMUs; it inherits the descriptors @fds, which stay the caller's.
    """

    def __init__(self, args, on_console, on_talk, on_event,
                 talk=("-serial", "chardev:talk"), loop=None, fds=()):
        self.on_event = on_event
        self.said = []              # what QEMU itself prints: its complaints
        self.loop = loop or Loop()
        self._answers = {}          # QMP id -> callback
        self._next_id = 0
        self._channels = {}
        inherit = []
        extra = []
        handlers = {"console": on_console, "talk": on_talk, "qmp": self._qmp}
        for name, handler in handlers.items():
            ours, theirs = socket.socketpair()
            inherit.append(theirs)
            extra += ["-chardev", f"socket,id={name},fd={theirs.fileno()}"]
            extra += {"console": ("-serial", "chardev:console"), "talk": talk,
                      "qmp": ("-mon", "chardev=qmp,mode=control")}[name]
            self._add(name, ours, handler)
        ours, theirs = socket.socketpair()
        self._add("stderr", ours, self.said.append)
        self.process = subprocess.Popen(
            args + extra, stdin=subprocess.DEVNULL, stdout=theirs,
            stderr=theirs,
            pass_fds=[s.fileno() for s in inherit] + list(fds))
        for sock in inherit + [theirs]:
            sock.close()
        self.execute("qmp_capabilities")

    def _add(self, name, sock, handler):
        channel = Channel(name, sock, handler)
        self._channels[name] = channel
        self.loop.add(channel)

    def _qmp(self, line):
        message = json.loads(line)
        if "event" in message:
            self.on_event(message)
        elif "id" in message:
            answered = self._answers.pop(message["id"], None)
            if answered:
                answered(message)

    def execute(self, command, arguments=None, answered=None):
        """Send one QMP command; @answered gets the reply as a dict."""
        self._next_id += 1
        self._answers[self._next_id] = answered
        message = {"execute": command, "id": self._next_id,
                   "arguments": arguments or {}}
        self._channels["qmp"].send(json.dumps(message) + "\n")

    def tell(self, text):
        """Send one line to the guest's script."""
        self._channels["talk"].send(text + "\n")

    def sysrq(self, key):
        """Press a magic SysRq key: a break on the console, then the key."""
        def then(_):
            self._channels["console"].send(key)
        self.execute("chardev-send-break", {"id": "console"}, then)

    def later(self, seconds, callback):
        """Call @callback after @seconds, from within serve()."""
        self.loop.later(seconds, callback)

    def ended(self):
        """Whether QEMU has closed all its channels."""
        served = self.loop.channels()
        return not any(c in served for c in self._channels.values())

    def serve(self, until, finished=lambda: False):
        """Run the channels; True when QEMU ended or @finished, False when
        the clock reached @until first."""
        return self.loop.serve(until, lambda: self.ended() or finished())

    def stop(self):
        """End QEMU for good, and return its exit code."""
        if self.process.poll() is None:
            try:
                self.process.wait(2 if self.ended() else 0)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        for channel in self._channels.values():
            self.loop.drop(channel)
        return code
