# SPDX-License-Identifier: GPL-2.0-only
"""Tenants of one virtual function, one after the other: what one of them wrote is looked
for by the next."""

import contextlib
import errno
import random

from . import nvme, vfio
from .vfio import PAGE

OTHER = "c1f0a3d2-27b4-4a1e-9d52-8e6f10b7d902"
BLOCKS = 65536          # of the disk
SPOTS = 48              # where it is looked at: the first and the last page, and others


def spots():
    """Blocks that begin pages."""
    choice = random.Random(11)
    return [0, BLOCKS - 8, *[choice.randrange(BLOCKS // 8) * 8 for _ in range(SPOTS)]]


def opened(mediated):
    """A guest that has it."""
    return vfio.Controller(vfio.Device(mediated.folder)).start()


def writes(guest):
    """A pattern, to many places."""
    at = guest.DATA * PAGE
    guest.memory.data[at:at + PAGE] = b"secret! " * (PAGE // 8)
    return {guest.do(guest.io, *guest.transfer(guest.STORE, spot, guest.at(guest.DATA)))
            for spot in spots()} == {0}


def finds(guest):
    """What is at these places now: how many of them have which kind of bytes."""
    found, at = set(), guest.DATA * PAGE
    for spot in spots():
        guest.memory.data[at:at + PAGE] = b"?" * PAGE
        if guest.do(guest.io, *guest.transfer(guest.LOAD, spot, guest.at(guest.DATA))):
            return {"no answer"}
        found.add(bytes(guest.memory.data[at:at + 8]))
        if guest.memory.data[at:at + PAGE] != guest.memory.data[at:at + 8] * (PAGE // 8):
            found.add("other")
    return found


def refused(mediated):
    """The error of opening it, by name."""
    try:
        vfio.Device(mediated.folder).close()
    except OSError as failed:
        return errno.errorcode[failed.errno]
    return ""


def follow_each_other(report, address, mediated):
    """A tenant writes, another one comes: refused; then after erasing, in each way."""
    first = mediated.uuid
    nvme.put(f"{mediated.parent}/parley/next_tenant", "refuse")
    report.equal(refused(mediated), "EPERM", "whose data there are nobody knows")
    nvme.put(f"{mediated.parent}/parley/owner", first)
    for way in ("write-zeroes", "deallocate-and-verify", "next_tenant"):
        guest = opened(mediated)
        report.result(writes(guest), f"{way}: a tenant writes")
        with contextlib.suppress(OSError):
            nvme.put(f"{mediated.parent}/parley/owner", OTHER)
            report.result(False, f"{way}: the data are another's while he works")
        guest.device.close()
        guest = opened(mediated)
        report.equal(finds(guest), {b"secret! "}, f"{way}: and comes again, to his data")
        guest.device.close()
        mediated.remove()
        other = nvme.Mediated(address, OTHER, tenant=True)
        report.equal(other.owner(), first, f"{way}: whose data they are")
        report.equal(refused(other), "EPERM", f"{way}: another one is refused")
        if way == "next_tenant":
            nvme.put(f"{other.parent}/parley/next_tenant", "write-zeroes")
        else:
            report.equal(other.erase(way), f"done {way} flush {BLOCKS} {BLOCKS} 0",
                         f"{way}: erased")
            report.equal(other.owner(), "none", f"{way}: they are nobody's")
        guest = opened(other)
        report.equal(finds(guest), {bytes(8)}, f"{way}: the next finds nothing")
        report.equal(other.owner(), OTHER, f"{way}: now it is his")
        guest.device.close()
        other.remove()
        nvme.put(f"{other.parent}/parley/next_tenant", "refuse")
        mediated = nvme.Mediated(address, first, tenant=True)
        nvme.put(f"{mediated.parent}/parley/owner", first)
    return mediated
