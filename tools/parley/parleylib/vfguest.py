# SPDX-License-Identifier: GPL-2.0-only
"""Guests come and go: a function that is ready, or gets what it needs, and a mediated
device of it. Whatever a step leaves when it fails, the verb can be said again."""
import contextlib
import os
import uuid

from . import move, vfdisk, vfspace
from .common import Failure, Usage
from .vfrecord import Record


def choose(disk, record, tenant, way):
    """A function that is ready: his own data, nobody's, or what --how may erase."""
    free = [v for v in disk.functions() if v.driver == vfdisk.VF and not v.mediated()]
    shared = {v.nsid for v in disk.functions() if v.mediated()}
    for want in (tenant, "none"):
        for function in free:
            if function.owner == want and function.nsid not in shared:
                return function
    for function in free:
        if way and function.owner == "unknown" and function.nsid not in shared and \
                record.owner(disk.serial, function.nsid) == "unknown":
            vfspace.wipe(disk, record, function, way)
            return function
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
    try:
        disk.put("birth", f"{function.number} {nsid}")
    except Failure:
        if made:
            vfspace.delete(disk, record, nsid)
            record.pending(disk.serial, None)
        raise
    try:
        function.drive(record.policies(disk.serial))
        if made:
            # What a controller shows of new blocks is whatever it likes.
            vfspace.wipe(disk, record, function, way)
        else:
            function.put("owner", record.owner(disk.serial, nsid))
    except Failure:
        function.unbind()
        disk.put("death", f"{function.number} {nsid}" + (" delete" if made else ""))
        record.pending(disk.serial, None)
        raise
    record.pending(disk.serial, None)
    return function


def unborn(disk, record, function, owner):
    """Nobody was told of the tenant: all is as it was before him."""
    nsid = function.nsid
    with contextlib.suppress(Failure):
        function.put("owner", owner)
        record.say(disk.serial, nsid, owner)
    if disk.on_demand:
        function.unbind()
        disk.put("death", f"{function.number} {nsid}")


def bear(disk, record, tenant, size, args):
    """The function that he has now, with his device."""
    function = demanded(disk, record, tenant, size, args.how) if disk.on_demand else \
        choose(disk, record, tenant, args.how)
    before = function.owner
    # Whose it will be is on record before it is.
    record.say(disk.serial, function.nsid, tenant)
    try:
        function.put("owner", tenant)
        function.create(args.type, tenant)
    except Failure:
        unborn(disk, record, function, before)
        raise
    return function


def beside(disk, record, tenant, args):
    """A function that has the namespace of a device that is there, for a guest to move to."""
    if not disk.on_demand:
        raise Failure("a function of a pool has a namespace of its own: --beside is for functions "
                      "that were made --on-demand")
    function, nsid = unused(disk), vfdisk.find_function(args.beside)[1].nsid
    disk.put("birth", f"{function.number} {nsid}")
    try:
        function.drive(record.policies(disk.serial))
        # The data stay the tenant's who has them; this is him, under another name.
        function.put("next_tenant", "keep")
        function.create(args.type, tenant)
    except Failure:
        function.unbind()
        disk.put("death", f"{function.number} {nsid}")
        raise
    return function


def birth(disk, size, args):
    """(tenant, the function that he has)"""
    tenant = args.uuid or str(uuid.uuid4())
    if os.path.exists(f"{vfdisk.MDEV}/{tenant}"):
        raise Failure(f"{tenant} has a device already")
    move.need_module("parley_nvme_mdev", "mediated devices")
    record = Record()
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
    record, nsid = Record(), left_of(disk, function)
    other = heir(disk, function, nsid)
    if other and args.delete:
        raise Failure(f"{other} has the namespace as well")
    try:
        for tenant in function.mediated():
            # Waits for who has it open.
            vfdisk.put(f"{vfdisk.MDEV}/{tenant}/remove", 1)
        with record.measure(disk, "death on demand" if disk.on_demand else "death"):
            if other:
                record.say(disk.serial, nsid, other)
            elif not args.keep:
                forget(disk, record, function, nsid, args.how)
            bury(disk, record, function, nsid, args)
    except Failure as e:
        raise Failure(f"{e}. What is left of it: parley vf death {function.address}") from e
    return nsid, other
