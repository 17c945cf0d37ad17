# SPDX-License-Identifier: GPL-2.0-only
"""Two tenants on one disk: one is busy or not by the toss of a coin, the other guesses
which from how long its own commands take. Without a grid of time, and with one.

The busy one sends as many commands when it is not: such as need no disk. So its
processor's load says nothing, and what is guessed is the disk's."""

import contextlib
import math
import os
import random
import select
import statistics
import struct
import sys
import time

from labkit import nvme, vfio
from labkit.common import LabError
from labkit.report import Report

UUIDS = ("d5a1b6c2-3f0e-4c47-8a5e-1b7c90e2f301", "d5a1b6c2-3f0e-4c47-8a5e-1b7c90e2f302")
# Tosses: those to learn from, and those to guess.
LEARN, GUESS = 100, 400
DEPTH = 24
FAR = 1 << 40       # no block of any disk's
# Types, and seconds for a toss: some commands must fit in.
WAYS = {"1": 0.15, "g100": 0.45}
SMALL = 0.02        # how far from one half is no knowledge, beside what is by chance
TELLS = {"mean": statistics.fmean, "median": statistics.median, "longest": max,
         "shortest": min, "number": len}


def tosses(nr):
    """The same for both, who do not tell each other."""
    coin = random.Random(20)
    return [coin.random() < 0.5 for _ in range(nr)]


class Tenant:
    """A device of a tenant's, with a controller."""

    def __init__(self, folder):
        self.device = vfio.Device(folder)
        self.guest = vfio.Controller(self.device).start()
        self.told = os.eventfd(0, os.EFD_NONBLOCK)
        self.device.set_irqs(vfio.MSIX, vfio.EVENTFD | vfio.TRIGGER, 0, 2,
                             struct.pack("2i", -1, self.told))

    def latency(self):
        """Of one small read, until it is interrupted for it."""
        guest = self.guest
        begin = time.perf_counter()
        guest.put(guest.io, *guest.transfer(guest.LOAD, 0, guest.at(guest.DATA)))
        if not select.select([self.told], [], [], 60)[0]:
            raise LabError("no interrupt")
        took = time.perf_counter() - begin
        os.eventfd_read(self.told)
        guest.take(guest.io)
        return took

    def burst(self, block):
        """Many reads, to pages that all share."""
        guest = self.guest
        for n in range(DEPTH):
            guest.put(guest.io, *guest.transfer(guest.LOAD, block + 16 * n, guest.at(16),
                                                guest.at(17), 16))
        for _ in range(DEPTH):
            guest.take(guest.io)


def be_busy(folder, begin, seconds, coins):
    """The neighbour, in a process of its own."""
    tenant = Tenant(folder)
    for n, coin in enumerate(coins):
        time.sleep(max(0, begin + n * seconds - time.monotonic()))
        while time.monotonic() < begin + (n + 1) * seconds:
            tenant.burst(0 if coin else FAR)


def measure(tenant, begin, seconds, nr):
    """The latencies of each toss; those that are over in it."""
    found = [[] for _ in range(nr)]
    time.sleep(max(0, begin - time.monotonic()))
    while time.monotonic() < begin + nr * seconds:
        took = tenant.latency()
        slot = int((time.monotonic() - begin) / seconds)
        if slot < nr:
            found[slot].append(took)
    return found


def right(values, coins, limit, above):
    """How many guesses are."""
    return sum(((value > limit) == above) == coin for value, coin in zip(values, coins))


def learn(values, coins):
    """(right, limit, above) of the best limit there is."""
    return max((right(values, coins, limit, above), limit, above)
               for limit in values for above in (True, False))


def guess(found, coins):
    """(share that is right, by what), by what was best to learn from."""
    best = None
    for name, tell in TELLS.items():
        values = [tell(took) if took else 0 for took in found]
        known = learn(values[:LEARN], coins[:LEARN])
        if best is None or known[0] > best[0][0]:
            best = known, name, values[LEARN:]
    (_, limit, above), name, values = best
    return right(values, coins[LEARN:], limit, above) / GUESS, name


def try_way(report, addresses, kind):
    """One type of device for who guesses; returns (share, mean latency)."""
    mediated = [nvme.Mediated(addresses[0], UUIDS[0], kind),
                nvme.Mediated(addresses[1], UUIDS[1])]
    seconds, coins = WAYS[kind], tosses(LEARN + GUESS)
    tenant = Tenant(mediated[0].folder)
    begin = time.monotonic() + 5
    child = os.fork()
    if not child:
        with contextlib.suppress(LabError, OSError):
            be_busy(mediated[1].folder, begin, seconds, coins)
            os._exit(0)
        os._exit(1)
    found = measure(tenant, begin, seconds, len(coins))
    report.equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0,
                 f"{kind}: the neighbour was busy and not")
    tenant.device.close()
    for device in mediated:
        device.remove()
    share, name = guess(found, coins)
    took = [one for each in found for one in each]
    report.note(f"type {kind}: {100 * share:.1f} % of {GUESS} guesses are right, by the {name} "
                f"of {len(took) / len(coins):.1f} latencies; mean latency "
                f"{1000 * statistics.fmean(took):.1f} ms, median "
                f"{1000 * statistics.median(took):.1f} ms")
    return share


def main():
    """Without, and with."""
    report = Report()
    disk = nvme.Disk()
    try:
        addresses = disk.take(2)
        open_share = try_way(report, addresses, "1")
        grid_share = try_way(report, addresses, "g100")
        chance = 2 * 0.5 / math.sqrt(GUESS)
        report.result(open_share > 0.5 + 2 * chance, "without a grid it knows", open_share)
        report.result(abs(grid_share - 0.5) <= SMALL + chance, "with a grid it does not",
                      grid_share)
        report.equal(disk.give_back(), disk.name, "the kernel's driver has the disk again")
    except (LabError, OSError) as error:
        report.result(False, "all of it", f"{type(error).__name__}: {error}")
    return report.plan()


sys.exit(main())
