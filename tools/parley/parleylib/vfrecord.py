# SPDX-License-Identifier: GPL-2.0-only
"""What outlives a boot: the kernel knows of owners as long as it runs. It lies in a file
that is replaced as a whole, so a crash leaves what was before or what is after."""
import contextlib
import json
import os

from .common import Failure, read

RECORD = "/var/lib/parley/vf.json"


class Record:
    """owners: {serial: {namespace: UUID or "none"}}; pending: {serial: [namespaces]}, those
    that there were before one was made; policies: {serial: {type: text}}, of a pool;
    measured: {serial: {what: [times, commands, ms of these, ms]}}"""

    def __init__(self):
        self.data = {"owners": {}, "pending": {}, "policies": {}, "measured": {}}
        text = read(RECORD)
        if text:
            try:
                self.data.update(json.loads(text))
            except ValueError as e:
                raise Failure(f"{RECORD} cannot be read ({e}): look at it, or remove it; then "
                              "nobody's data are known to be his") from e

    def save(self):
        os.makedirs(os.path.dirname(RECORD), exist_ok=True)
        new = f"{RECORD}.new"
        with open(new, "w", encoding="utf-8") as f:
            json.dump(self.data, f, indent=1)
            f.flush()
            os.fsync(f.fileno())
        os.replace(new, RECORD)
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(RECORD), os.O_RDONLY | os.O_DIRECTORY)
            os.fsync(folder)
            os.close(folder)

    def owner(self, serial, nsid):
        return self.data["owners"].get(serial, {}).get(str(nsid), "unknown")

    def say(self, serial, nsid, owner):
        """Whose data are there; "unknown" forgets it."""
        owners = self.data["owners"].setdefault(serial, {})
        owners.pop(str(nsid), None)
        if owner != "unknown":
            owners[str(nsid)] = owner
        self.save()

    def pending(self, serial, namespaces):
        """Before one is made, those that there are; None: it is done."""
        self.data["pending"].pop(serial, None)
        if namespaces is not None:
            self.data["pending"][serial] = sorted(namespaces)
        self.save()

    def policies(self, serial):
        """{type: text} that functions get with their driver."""
        return self.data["policies"].get(serial, {})

    def rule(self, serial, policies):
        """These from now on."""
        self.data["policies"][serial] = policies
        self.save()

    @contextlib.contextmanager
    def measure(self, disk, what, times=1):
        """Count what is done inside; not what is looked at, nor what is measured by itself
        inside of it."""
        before = disk.spent()
        yield
        cost = [now - then for now, then in zip(disk.spent(), before)]
        disk.set_apart(cost)
        sums = self.data["measured"].setdefault(disk.serial, {}).setdefault(what, [0, 0, 0, 0])
        for n, more in enumerate((times, *cost)):
            sums[n] += more
        self.save()
