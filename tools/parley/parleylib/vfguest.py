# SPDX-License-Identifier: GPL-2.0-only
"""Guests come and go: a function that is ready, or gets what it needs, and a mediated
device of it. Whatever a step leaves when it fails, the verb can be said again."""
import contextlib
import os
import uuid

from . import move, vfdisk, vfspace
from .common import Failure, Usage, complain, undoing
from .vfrecord import Record


def ready(disk, record, owner):
    """A function that is ready, with his data; "unknown": and the record knows no more."""
    busy = {v.nsid for v in disk.functions() if v.in_use()}
    return next((v for v in disk.functions() if v.driver == vfdisk.VF and v.owner == owner
                 and v.nsid not in busy and (owner != "unknown" or record.owner(
                     disk.serial, v.nsid) == "unknown")), None)


def choose(disk, record, tenant, way):
    """A function that is ready: his own data, nobody's, or what --how may erase."""
    while True:
        function = ready(disk, record, tenant) or ready(disk, record, "none")
        if function:
            return function
        function = ready(disk, record, "unknown") if way else None
        if not function:
            break
        # Somebody else may be quicker to take it: so it is looked for again.
        vfspace.wipe(disk, record, function, way)
    raise Failure("no function is ready whose namespace is this tenant's or nobody's: parley "
                  "vf erase one, make the pool larger, or say --how to erase what is unknown")


def his_namespace(disk, record, tenant, size):
    """One that is there: his, or nobody's of this size; None: one is to be made."""
    free = [n for n, holders in disk.attachments().items() if not holders]
    nsid = next((n for n in free if record.owner(disk.serial, n) == tenant), None) or \
        next((n for n in vfspace.of_size(disk, free, size)
              if record.owner(disk.serial, n) == "none"), None)
    if nsid is None and not size:
        raise Failure("no namespace is free that is this tenant's or nobody's: say of which SIZE "
                      "to make one")
    return nsid


def unused(disk):
    """A function that has nothing."""
    taken = disk.online()
    function = next((v for v in disk.functions() if v.number not in taken and not v.driver), None)
    if not function:
        raise Failure(f"all {disk.numvfs} virtual functions of {disk.address} are used")
    return function


def demanded(disk, record, tenant, size, way):
    """A function that has nothing gets all: his namespace, or one that is made."""
    function = unused(disk)
    nsid = his_namespace(disk, record, tenant, size)
    made = nsid is None
    if made:
        nsid = vfspace.create(disk, record, size)
    with undoing(take_back, disk, record, function, nsid, made):
        disk.put("birth", f"{function.number} {nsid}")
        # It is a function's, so nobody takes it for one that was left.
        record.pending(disk.serial, None)
        function.drive(record.policies(disk.serial))
        if made:
            # What a controller shows of new blocks is whatever it likes.
            vfspace.wipe(disk, record, function, way)
        else:
            function.put("owner", record.owner(disk.serial, nsid))
    return function


def take_back(disk, record, function, nsid, made):
    """What a birth on demand has given a function so far; and what it has made."""
    function.unbind()
    if function.number in disk.attachments().get(nsid, ()):
        disk.put("death", f"{function.number} {nsid}")
    if made:
        vfspace.delete(disk, record, nsid)
        record.pending(disk.serial, None)


def unborn(disk, record, function, owner, tenant):
    """Nobody was told of the tenant: all is as it was before him."""
    nsid = function.nsid
    if tenant in function.mediated():
        vfdisk.put(f"{vfdisk.MDEV}/{tenant}/remove", 1)
    with contextlib.suppress(Failure):
        function.put("owner", owner)
        record.say(disk.serial, nsid, owner)
    if disk.on_demand:
        take_back(disk, record, function, nsid, False)


def bear(disk, record, tenant, size, args):
    """The function that he has now, with his device."""
    function = demanded(disk, record, tenant, size, args.how) if disk.on_demand else \
        choose(disk, record, tenant, args.how)
    before = function.owner
    with undoing(unborn, disk, record, function, before, tenant):
        # Whose it will be is on record before it is.
        record.say(disk.serial, function.nsid, tenant)
        function.put("owner", tenant)
        function.create(args.type, tenant)
    return function


def beside(disk, record, tenant, args):
    """A function that has the namespace of a device that is there, for a guest to move to."""
    if not disk.on_demand:
        raise Failure("a function of a pool has a namespace of its own: --beside is for functions "
                      "that were made --on-demand")
    function, nsid = unused(disk), vfdisk.find_function(args.beside)[1].nsid
    with undoing(take_back, disk, record, function, nsid, False):
        disk.put("birth", f"{function.number} {nsid}")
        function.drive(record.policies(disk.serial))
        # The data stay the tenant's who has them; this is him, under another name.
        function.put("next_tenant", "keep")
        function.create(args.type, tenant)
    return function


def birth(disk, size, args):
    """(tenant, the function that he has)"""
    tenant, record = args.uuid or str(uuid.uuid4()), Record()
    move.need_module("parley_nvme_mdev", "mediated devices")
    with record.alone(disk):
        if os.path.exists(f"{vfdisk.MDEV}/{tenant}"):
            raise Failure(f"{tenant} has a device already")
        vfspace.tidy(disk, record)
        with record.measure(disk, "birth on demand" if disk.on_demand else "birth"):
            if args.beside:
                return tenant, beside(disk, record, tenant, args)
            return tenant, bear(disk, record, tenant, size, args)


def left_of(disk, function):
    """The namespace that a function has, whether or not it has a driver."""
    if function.nsid:
        return function.nsid
    return next((n for n, holders in disk.attachments().items() if function.number in holders), 0)


def heir(disk, function, nsid):
    """Who has the namespace by another function: a guest that moved, or was to."""
    return next((tenant for other in disk.functions() if other.number != function.number and
                 nsid and other.nsid == nsid for tenant in other.mediated()), None)


def forget(disk, record, function, nsid, way):
    """The data are nobody's, if they are not already."""
    if not nsid or (record.owner(disk.serial, nsid) == "none" and
                    (not function.driver or function.owner == "none")):
        return
    function.drive(record.policies(disk.serial))
    vfspace.wipe(disk, record, function, way)


def bury(disk, record, function, nsid, args):
    """What a birth on demand gave it is taken back; one of a pool stays ready."""
    if not disk.on_demand:
        if nsid:
            function.drive(record.policies(disk.serial))
        return
    function.unbind()
    if args.delete and nsid:
        record.say(disk.serial, nsid, "unknown")
    if nsid:
        disk.put("death", f"{function.number} {nsid}" + (" delete" if args.delete else ""))


def death(name, args):
    """What is left to do of it, which after one that failed is not all: (the namespace, who
    has it beside him)"""
    if not vfdisk.is_uuid(name) and ":" not in name:
        raise Usage(f"'{name}' is neither a UUID in small letters nor a PCI address")
    disk, function = vfdisk.find_function(name)
    if args.keep and args.delete:
        raise Usage("--keep and --delete are two things")
    if args.delete and not disk.on_demand:
        raise Failure("a function of a pool keeps its namespace: --delete is for functions that "
                      "were made --on-demand")
    other = heir(disk, function, left_of(disk, function))
    if other and args.delete:
        raise Failure(f"{other} has the namespace as well")
    with told_what_is_left(function):
        for tenant in [name] if vfdisk.is_uuid(name) else function.mediated():
            # Waits for who has it open, and nobody waits for that.
            vfdisk.put(f"{vfdisk.MDEV}/{tenant}/remove", 1)
        record = Record()
        with record.alone(disk):
            if function.mediated():
                raise Failure(f"{function.address} has the device {function.mediated()[0]} by "
                              "now")
            return end(disk, record, function, args)


@contextlib.contextmanager
def told_what_is_left(function):
    left = f"What is left of it: parley vf death {function.address}"
    try:
        yield
    except (Failure, OSError) as e:
        raise Failure(f"{e}. {left}") from e
    except KeyboardInterrupt:
        complain(left)
        raise


def end(disk, record, function, args):
    """Of one that has no device any more: (the namespace, who has it beside him)"""
    nsid = left_of(disk, function)
    other = heir(disk, function, nsid)
    with record.measure(disk, "death on demand" if disk.on_demand else "death"):
        if other:
            record.say(disk.serial, nsid, other)
        elif not args.keep:
            forget(disk, record, function, nsid, args.how)
        bury(disk, record, function, nsid, args)
    return nsid, other
