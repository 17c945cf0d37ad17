# SPDX-License-Identifier: GPL-2.0-only
"""The migration of an inner guest under load, and what must be equal after it.

What the log of dirty pages must cover is shown by comparing memory: when the
destination has everything and no processor has run there yet, both memories
must be equal, byte for byte. A page that a device wrote after it had been sent,
and that the log missed, would differ. That there were such pages is shown, too:
the guest reads blocks with a pattern into buffers that its processors never
write; buffers that have arrived at the destination, and that hold another block
in the end, were written by the device alone, and sent again because of its log.
"""

import collections

from . import memory
from .common import LabError
from .inner import Inner, dump

MIB = 1 << 20
READ = 4            # MiB at the begin of each disk that hold the pattern
FIO = ("fio --name={disk} --filename=/dev/{disk} --bs=4k --ioengine=libaio "
       "--direct=1 --thread ")
# Every block that is read back must be the one written last.
VERIFY = FIO + (f"--iodepth=8 --rw=randwrite --offset={READ}M --size=2M "
                "--verify=crc32c --verify_fatal=1 --randrepeat=0")
# One fio for all the time, since its buffers must stay where they are.
READS = FIO + f"--iodepth=32 --rw=randread --size={READ}M --loops=1000000"


def fill(table):
    """Give each disk of @table a pattern of its own to read."""
    for number, disk in enumerate(table, 1):
        memory.write_pattern(disk.image, number, READ * MIB)


def start_load(guest, name):
    """Verified writes, and reads, on the disk called @name, without an end."""
    guest.run(f"keep {name} {VERIFY.format(disk=name)}")
    guest.run(f"{READS.format(disk=name)} >/tmp/reads-{name} 2>&1 &")


def finish_load(guest, names):
    """End all loads: a test for each that it met no fault."""
    for name in names:
        rounds = guest.check(f"{guest.name}: {name}: every block read was the one "
                             "written last", f"kept {name} 90", 120)
        guest.report.note(f"{rounds} rounds")
    guest.check(f"{guest.name}: the reads went on all the time", "killall -INT fio; "
                "wait_for 30 eval '! pidof fio' && "
                f"[ $(grep -l 'err= 0' /tmp/reads-* | wc -l) = {len(names)} ]", 60)


class Move:
    """One migration of @source to a new inner guest on the disks of @table.

    @loaded are those of them that fill() and start_load() were called for; all
    unless told otherwise. @wires are arguments of the guest's for other devices, of
    which it does not end before memory was sent @rounds times.
    """

    def __init__(self, source, name, table, loaded=None, rounds=0, **wires):
        self.report, self.source = source.report, source
        self.downtime = None        # ms
        self.rings = [disk.ring for disk in loaded or table]
        self.rounds = rounds
        uri = f"unix:/tmp/migrate-{name}"
        self.target = Inner(self.report, name, table, source.mem, incoming=uri,
                            **wires)
        self.target.qmp("query-status")
        source.qmp("migrate-set-capabilities", capabilities=[
            {"capability": "events", "state": True}])
        self.speed(12, 1)
        source.qmp("migrate", uri=uri)

    def state(self):
        """What the source says of it, which is that it has not failed."""
        got = self.source.qmp("query-migrate")
        if got.get("status") == "failed":
            raise LabError(f"migration: {dump(got)}")
        return got

    def speed(self, mib, downtime):
        """So many MiB/s, and a bound on the time without a guest, in ms.

        With a bound of 0 QEMU 7.2 ends after the first round, as it then never
        asks what became dirty meanwhile.
        """
        self.source.qmp("migrate-set-parameters", downtime_limit=downtime,
                        max_bandwidth=int(mib * MIB))

    def sent(self, there):
        """The disks' pages that have been sent already: {page: first word}.

        Ends when each disk has some, and slows down before all is sent, for the
        migration ends as soon as the guest does not write for a moment.
        """
        for _ in range(100):
            got = self.state().get("ram", {})
            rounds = got.get("dirty-sync-count", 0)
            if rounds > 1 or 0 < got.get("remaining", 0) < 8 * MIB:
                self.speed(2, 1)
            pages = memory.blocks(there.map)
            if rounds >= self.rounds and \
                    len({memory.mark(word) for word in pages.values()}) == len(self.rings):
                self.speed(0.25, 1)
                return pages
            self.source.wait(0.2)
        raise LabError(f"no page of the disks was sent, or not often enough: "
                       f"{dump(self.state())}")

    def late(self, pages, now):
        """How many of @pages hold another block of their disk now, by disk."""
        found = collections.Counter()
        for page, word in pages.items():
            other = memory.block(now.map, page)
            found[memory.mark(word)] += other != word and \
                memory.mark(other) == memory.mark(word)
        return +found

    def go(self):
        """All of it; returns the guest where it is then."""
        try:
            return self.finish()
        except LabError as error:
            raise LabError(f"{error}\n{self.target.last_words()}") from error

    def finish(self):
        """Let it end, compare, and let the guest go on there."""
        report, source, target = self.report, self.source, self.target
        here = memory.Memory(source.memory_path())
        there = memory.Memory(target.memory_path())
        pages = self.sent(there)
        for _ in range(100):
            if len(self.late(pages, here)) == len(self.rings):
                break
            source.wait(0.2)
        self.speed(4096, 20000)
        while self.state()["status"] != "completed":
            source.wait(0.1)
        got = self.state()
        self.downtime = got["downtime"]
        report.note(f"{got['ram']['dirty-sync-count']} rounds, "
                    f"{got['ram']['transferred'] >> 20} MiB, "
                    f"downtime {got['downtime']} ms")
        missed = [page for page in memory.differing(here.map, there.map)
                  if not memory.is_wall_clock(here.map, there.map, page)]
        report.result(not missed,
                      "no byte of memory differs when the target takes over",
                      memory.explain(here.map, there.map, missed))
        late = self.late(pages, there)
        for mark, ring in enumerate(self.rings, 1):
            report.result(late[mark] > 0, f"the {ring} disk wrote pages that had "
                          "been sent, and they were sent again",
                          f"{len(pages)} pages, {late}")
        here.close()
        there.close()
        target.adopt(source)
        target.qmp("cont")
        source.kill()
        return target
