# SPDX-License-Identifier: GPL-2.0-only
"""Namespaces of a disk whose functions are given to guests: made, deleted, erased; and a
record kept of it, so that nobody gets what another one wrote."""
import contextlib

from .common import Failure, complain
from .vfdisk import WAYS


def tidy(disk, record):
    """A namespace that a birth made before it was interrupted has nobody and no record."""
    before = record.data["pending"].get(disk.serial)
    if before is None:
        return
    for nsid, holders in disk.attachments().items():
        if nsid not in before and not holders and \
                record.owner(disk.serial, nsid) == "unknown":
            disk.put("ns_delete", nsid)
            complain(f"namespace {nsid} is deleted: a birth made it that was interrupted")
    record.pending(disk.serial, None)


def create(disk, record, size):
    """Which is whole or not there: its number."""
    before, (number, block) = disk.namespaces(), disk.format()
    total, left = disk.capacity()
    if total and left < size:
        raise Failure(f"{disk.address} has {left} bytes left, and the namespace is to have "
                      f"{size}: delete one that nobody needs (ns_delete)")
    record.pending(disk.serial, before)
    try:
        disk.put("ns_create", f"{-(-size // block)} {number}")
    except Failure:
        # Whatever is there from now on somebody else made.
        record.pending(disk.serial, None)
        raise
    made = set(disk.namespaces()) - set(before)
    if len(made) != 1:
        raise Failure(f"{disk.address} does not list the namespace that it made: look at "
                      f"{disk.dir}/parley/namespaces")
    nsid = made.pop()
    # There may have been one of the same number, which somebody deleted.
    record.say(disk.serial, nsid, "unknown")
    return nsid


def delete(disk, record, nsid):
    """With all that is in it."""
    record.say(disk.serial, nsid, "unknown")
    disk.put("ns_delete", nsid)


def of_size(disk, nsids, size):
    """Those of these that are as large as is asked for; all, if nothing is."""
    if not size:
        return nsids
    table = disk.namespaces()
    return [n for n in nsids
            if n in table and 0 <= table[n][0] * table[n][1] - size < table[n][1]]


@contextlib.contextmanager
def apart(disk, function, nsid):
    """No function has the namespace meanwhile."""
    disk.put("ns_detach", f"{nsid} {function.number}")
    try:
        yield
    finally:
        disk.put("ns_attach", f"{nsid} {function.number}")


def reformat(disk, record, function):
    """By the controller, while no function has the namespace. Others wait: nothing tells
    them that it is not free, nor that the function is not."""
    nsid = function.nsid
    function.unbind()
    try:
        with apart(disk, function, nsid):
            disk.put("ns_format", nsid)
    finally:
        function.drive(record.policies(disk.serial))
    function.put("owner", "none")


def wipe(disk, record, function, way):
    """Forgotten before, and known only after. Others may work on the disk meanwhile: who
    goes on with the function looks first whether it is still as he left it."""
    nsid = function.nsid
    record.say(disk.serial, nsid, "unknown")
    with record.measure(disk, "erase"):
        if way == "format":
            reformat(disk, record, function)
        else:
            function.begin_erase(way or WAYS[0])
            with record.aside():
                function.erased()
    if function.nsid == nsid:
        record.say(disk.serial, nsid, function.owner)
