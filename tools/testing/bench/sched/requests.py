# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the outer guest: inner guests whose four threads read from one queue of our
disk, and from a null_blk that keeps its data; the queue's lock, and the one around that
keeping, is the kernel's or a paravirtual one, in rounds over both.

Prints one line "# row {...}" for each run; sched.py makes tables of them.
"""

import itertools
import json
import os
import re
import sys

from labkit import locks
from labkit.common import LabError
from labkit.report import Report

ADDRESS = "05.0"
# A disk that keeps nothing and takes no time, behind one queue.
DISK = ("-blockdev", "driver=null-co,node-name=n,size=67108864,read-zeroes=off",
        "-object", "iothread,id=t",
        "-device", "virtio-blk-pci,drive=n,iothread=t,num-queues=1,queue-size=128,"
        f"addr=0x{ADDRESS[:2]}")
OURS = "parley_core parley_guest parley_pci parley_blk"
BUS = "/sys/bus/parley"
# What is said to the program, and how often each thread does it.
LOADS = {"one": ("waits", 300), "eight": ("8", 400)}
NULL_LOAD = ("8", 1000)
NULL_BYTES = 65536
KINDS = {"pvlock": "Y", "spinlock": "N"}
NULL_KINDS = {"pvlock": "null_blk_parley", "spinlock": "null_blk_native"}
NULL = "nullb0"


class Reader(locks.Guest):
    """A guest with one disk of ours. The name of its queue's directory is fixed."""

    def boot(self):
        """Boot, hand the disk over, and stop it."""
        super().boot()
        with self.awake():
            self.run(f"insert_stock && insert {OURS} && ours {ADDRESS} && wait_for 20 disk {ADDRESS}")
        return self

    def lock(self, kind):
        """Bind the disk anew, with such a lock."""
        with self.awake():
            said = self.run(
                f"echo {KINDS[kind]} >/sys/module/parley_guest/parameters/pvlock && "
                f"echo parley0 >{BUS}/drivers/parley_blk/unbind && "
                f"echo parley0 >{BUS}/drivers/parley_blk/bind && "
                f"wait_for 20 disk {ADDRESS} && cat {BUS}/devices/parley0/queue0/lock")
        if said.split()[-1] != kind:
            raise LabError(f"{self.name}: the queue's lock is a {said}, not a {kind}")

    def read(self, disk, how, count, size=4096):
        """All its processors read; {what: figure}."""
        def work():
            return self.run(f"BLOCK={size} io /dev/{disk} read {how} {count} {self.smp}", 240)
        said, row = self.measured(work)
        longest = [int(n) for n in re.findall(r"longest (\d+)", said)]
        return row | {"sum": count * self.smp, "longest": max(longest, default=0),
                      "took": int(re.search(r"# took (\d+)", said).group(1))}

    def null(self, kind):
        """The same with null_blk, which is there meanwhile."""
        with self.awake():
            self.run(f"insmod /lib/examples/{NULL_KINDS[kind]}.ko memory_backed=1 gb=1 "
                     f"submit_queues={self.smp} bs=4096 && wait_for 20 test -b /dev/{NULL}")
        row = self.read(NULL, *NULL_LOAD, NULL_BYTES)
        with self.awake():
            self.run(f"rmmod {NULL_KINDS[kind]}")
        return row


def tell(report, row):
    """For requests.py."""
    report.note("row " + json.dumps(row))


def read_in_rounds(report, guests):
    """Each guest with each lock under each load, again and again."""
    for number in range(int(os.environ["ROUNDS"])):
        # Who is first is not always the same.
        kinds = sorted(KINDS, reverse=number % 2)
        for guest, kind in itertools.product(guests, kinds):
            at = {"guest": guest, "lock": kind, "round": number}
            guests[guest].lock(kind)
            for load in os.environ["LOADS"].split():
                row = guests[guest].null(kind) if load == "null" else \
                    guests[guest].read(f"$(disk {ADDRESS})", *LOADS[load])
                tell(report, at | {"load": load} | row)


def main():
    """One run."""
    report = Report()
    try:
        locks.switch_on()
        guests = {name: Reader(report, name, [], mem=192, smp=int(os.environ["INNER_SMP"]),
                               append=append, more=DISK).boot()
                  for name, append in locks.GUESTS.items()}
        for guest in guests.values():
            guest.confine([0])
        with locks.hog(0):
            read_in_rounds(report, guests)
        for guest in guests.values():
            report.equal(guest.off(), 0, f"{guest.name} powers off")
    except (LabError, OSError) as error:
        report.result(False, "measured", error)
    return report.plan()


sys.exit(main())
