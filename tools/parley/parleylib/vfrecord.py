# SPDX-License-Identifier: GPL-2.0-only
"""What outlives a boot: the kernel knows of owners as long as it runs. It lies in a file
that is replaced as a whole, so a crash leaves what was before or what is after.

Others of this command may run at the same time. Whoever changes something of the file reads
it first, under a lock that nobody has for long; and who works on a disk has another one."""
import contextlib
import fcntl
import json
import os
import tempfile
import urllib.parse

from .common import Failure, complain, read

RECORD = "/var/lib/parley/vf.json"


class Lock:
    """Of a file beside the record."""

    def __init__(self, name):
        path = f"{os.path.dirname(RECORD)}/{name}.lock"
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise Failure(f"{path}: {e.strerror}") from e

    def take(self, busy=None):
        """Waits for whoever has it, and says so, if there is something to say."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if busy:
                complain(busy)
            fcntl.flock(self.fd, fcntl.LOCK_EX)

    def give(self):
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self):
        """Gives it as well."""
        os.close(self.fd)


def load():
    """What the file says now."""
    data = {"owners": {}, "pending": {}, "policies": {}, "measured": {}}
    text = read(RECORD)
    if text:
        try:
            data.update(json.loads(text))
        except ValueError as e:
            raise Failure(f"{RECORD} cannot be read ({e}): look at it, or remove it; then "
                          "nobody's data are known to be his") from e
    return data


def save(data):
    """Replaces the file; or leaves it as it was."""
    folder, new = os.path.dirname(RECORD), None
    try:
        fd, new = tempfile.mkstemp(prefix=f"{os.path.basename(RECORD)}.", dir=folder)
        with open(fd, "w", encoding="utf-8") as f:
            json.dump(data, f, indent=1)
            f.flush()
            os.fchmod(fd, 0o644)
            os.fsync(fd)
        os.replace(new, RECORD)
        new = None
    except OSError as e:
        raise Failure(f"{RECORD}: {e.strerror}; it is as it was") from e
    finally:
        if new:
            os.unlink(new)
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@contextlib.contextmanager
def change():
    """All that the file says now; what is done to it inside is there after."""
    with contextlib.closing(Lock("vf")) as lock:
        lock.take()
        data = load()
        yield data
        save(data)


class Record:
    """owners: {serial: {namespace: UUID or "none"}}; pending: {serial: [namespaces]}, those
    that there were before one was made; policies: {serial: {type: text}}, of a pool;
    measured: {serial: {what: [times, commands, ms of these, ms]}}"""

    def __init__(self):
        self.lock = None
        load()

    @property
    def data(self):
        """As it is now; to look at."""
        return load()

    # One command at a time works on a disk.

    @contextlib.contextmanager
    def alone(self, disk):
        """No other one does while this is inside."""
        serial = disk.serial
        name = urllib.parse.quote(serial or disk.address, safe="")
        with contextlib.closing(Lock(f"vf-{name}")) as self.lock:
            self.lock.take(f"another command works on {disk.address}: waiting for it")
            if disk.serial != serial:
                raise Failure(f"{disk.address} was taken or released meanwhile: say it again")
            yield
        self.lock = None

    @contextlib.contextmanager
    def aside(self):
        """Others may, while this waits: what was known of the disk before may not be true
        after."""
        self.lock.give()
        try:
            yield
        finally:
            self.lock.take()

    def owner(self, serial, nsid):
        return self.data["owners"].get(serial, {}).get(str(nsid), "unknown")

    def say(self, serial, nsid, owner):
        """Whose data are there; "unknown" forgets it."""
        with change() as data:
            owners = data["owners"].setdefault(serial, {})
            owners.pop(str(nsid), None)
            if owner != "unknown":
                owners[str(nsid)] = owner

    def pending(self, serial, namespaces):
        """Before one is made, those that there are; None: it is done."""
        with change() as data:
            data["pending"].pop(serial, None)
            if namespaces is not None:
                data["pending"][serial] = sorted(namespaces)

    def policies(self, serial):
        """{type: text} that functions get with their driver."""
        return self.data["policies"].get(serial, {})

    def rule(self, serial, policies):
        """These from now on."""
        with change() as data:
            data["policies"][serial] = policies

    @contextlib.contextmanager
    def measure(self, disk, what, times=1):
        """Count what is done inside; not what is looked at, nor what is measured by itself
        inside of it."""
        before = disk.spent()
        yield
        cost = [now - then for now, then in zip(disk.spent(), before)]
        disk.set_apart(cost)
        with change() as data:
            sums = data["measured"].setdefault(disk.serial, {}).setdefault(what, [0, 0, 0, 0])
            for n, more in enumerate((times, *cost)):
                sums[n] += more
