# SPDX-License-Identifier: GPL-2.0-only
"""A guest with a mediated disk moves from one QEMU to another, as stock QEMU does it: by
VFIO's second protocol of migration."""

import time

from . import memory
from .common import LabError
from .inner import Inner, dump
from .limits import PATIENCE

PORT = "port9"
# Without "on" QEMU wants a device that says what it wrote, which takes a kernel with
# IOMMUFD. The other has QEMU tell of each state that it puts the device into.
OPTIONS = ",enable-migration=on,migration-events=on"
DOWN = 2000         # the most milliseconds without a guest that QEMU aims at
MIB = 1 << 20
# The guest does not stop before the other side has seen that the device is alike, and the
# source knows whether it arrived.
ABLE = [{"capability": name, "state": True} for name in ("return-path", "switchover-ack")]
ENDS = ("completed", "failed", "cancelled")


def arguments(mediated):
    """QEMU's, for a device that may move."""
    return mediated.arguments(PORT, OPTIONS)


def states(guest):
    """What QEMU put the device into since it was asked last."""
    told = [e for e in guest.events if e["event"] == "VFIO_MIGRATION"]
    guest.events[:] = [e for e in guest.events if e not in told]
    return [e["data"]["device-state"] for e in told]


def ended(source, seconds=120):
    """What the source says of its migration when that is over, however it ended."""
    late = time.monotonic() + seconds * PATIENCE
    got = {}
    while got.get("status") not in ENDS:
        if time.monotonic() > late:
            raise LabError(f"{source.name}: no end of the migration: {dump(got)}")
        source.wait(0.2)
        got = source.qmp("query-migrate")
    return got


class Move:
    """One migration of @source to a new QEMU, @name, which has @mediated."""

    def __init__(self, source, name, mediated):
        self.source, self.name, self.report = source, name, source.report
        self.uri = f"unix:/tmp/migrate-{name}"
        self.target = Inner(self.report, name, [], source.mem, source.smp,
                            incoming="defer", more=arguments(mediated))
        for side in (source, self.target):
            side.qmp("migrate-set-capabilities", capabilities=ABLE)
        self.target.qmp("migrate-incoming", uri=self.uri)

    def begin(self, mib=1024):
        """The source sends what it has, at so many MiB a second."""
        states(self.source)
        self.source.qmp("migrate-set-parameters", downtime_limit=DOWN,
                        max_bandwidth=mib * MIB)
        self.source.qmp("migrate", uri=self.uri)
        return self

    def end(self):
        """What the source says of it when it is over, however it ended."""
        return ended(self.source)

    def last_words(self):
        """Of both."""
        return f"{self.source.last_words()}\n{self.target.last_words()}"

    def finish(self, compare=False):
        """It ends well, and the guest goes on there; (guest, milliseconds without one).
        If asked to, compare its memory before it does: what the device wrote and nobody
        was told of would differ."""
        got = self.end()
        if got["status"] != "completed":
            raise LabError(f"{self.name}: {dump(got)}\n{self.last_words()}")
        source, target = self.source, self.target
        self.report.note(f"{self.name}: {got['total-time']} ms, of these {got['downtime']} "
                         f"without a guest; {got['ram']['dirty-sync-count']} rounds, "
                         f"{got['ram']['transferred'] >> 20} MiB; of the device "
                         f"{got.get('vfio', {}).get('transferred', 0)} bytes")
        if compare:
            self.compare()
        target.adopt(source)
        target.qmp("cont")
        self.report.note(f"{self.name}: states here {' '.join(states(source))}, there "
                         f"{' '.join(states(target))}")
        source.kill()
        return target, got["downtime"]

    def compare(self):
        """No byte of memory differs."""
        here = memory.Memory(self.source.memory_path())
        there = memory.Memory(self.target.memory_path())
        missed = [page for page in memory.differing(here.map, there.map)
                  if not memory.is_wall_clock(here.map, there.map, page)]
        self.report.result(not missed, f"{self.name}: no byte of memory differs when it "
                           "arrives", memory.explain(here.map, there.map, missed))
        here.close()
        there.close()
