# SPDX-License-Identifier: GPL-2.0-only
"""From a disk to a guest: virtual functions in a pool or on demand, their namespaces and
mediated devices. Documentation/vfio-provision.rst has the rules."""
import contextlib
import os
import uuid

from . import move, units, vfcheck, vfdisk
from .common import Failure, Usage, print_json, say, table

GUESTS = 127


def words(args, least, most, form):
    if not least <= len(args.words) <= most:
        raise Usage(f"vf {args.what} {form}".strip())
    return [*args.words, *[None] * (most - len(args.words))]


def number(text, most, what):
    value = units.parse(text, most, what, off=())
    if not value:
        raise Usage(f"{what}: at least 1")
    return value


def say_or_json(args, text, facts):
    if args.json:
        print_json(facts)
    else:
        say(text)


# What there is

def list_all(args):
    words(args, 0, 0, "")
    facts = [d.facts() for d in vfdisk.disks()]
    if args.json:
        return print_json(facts)
    head = ["FUNCTION", "DRIVER", "STATE", "NAMESPACE", "OWNER", "DEVICE"]
    rows = []
    for disk in facts:
        rows.append([disk["address"], disk["driver"] or "-", disk["state"] or "-",
                     ",".join(disk["disks"]) or len(disk["namespaces"]), "-", "-"])
        rows += [[v["address"], v["driver"] or "-", v["state"] or "-", v["namespace"] or "-",
                  v["owner"], ",".join(v["mediated"]) or "-"] for v in disk["functions"]]
    return print("\n".join(table(head, rows)))


def show(args):
    name, = words(args, 1, 1, "FUNCTION|UUID")
    disk, function = vfdisk.find_function(name)
    facts = {**function.facts(), "disk": disk.address, "serial": disk.serial}
    if args.json:
        return print_json(facts)
    return print("\n".join(f"{key:10} {value if value is not None else '-'}"
                           for key, value in facts.items()))


# A disk comes and goes

def take(args):
    address, = words(args, 1, 1, "DISK")
    disk = vfdisk.find(address)
    if disk.taken:
        return say_or_json(args, f"{disk.address} is Parley's already", disk.facts())
    move.need_module(vfdisk.PF, "physical functions")
    users = ", ".join(disk.users())
    if users:
        raise Failure(f"{disk.address} is in use: {users}. Unmount it, swapoff or stop what is "
                      "on it")
    if disk.numvfs:
        raise Failure(f"{disk.address} has virtual functions of another driver: echo 0 "
                      f">{disk.dir}/sriov_numvfs")
    disk.bind(vfdisk.PF)
    return say_or_json(args, f"{disk.address} is Parley's now: parley vf pool {disk.address} N",
                       disk.facts())


def release(args):
    address, = words(args, 0, 1, "[DISK]")
    disk = vfdisk.need_taken(address)
    for function in disk.functions():
        if function.mediated():
            raise Failure(f"{function.address} has a guest's device "
                          f"{function.mediated()[0]}: parley vf death that first")
    vfdisk.put(f"{disk.dir}/sriov_numvfs", 0)
    disk.bind("")
    return say_or_json(args, f"{disk.address} is the kernel's again", disk.facts())


# Virtual functions

def tidy(disk, record):
    """A namespace that a birth made before it was interrupted has nobody and no record."""
    before = record.data["pending"].get(disk.serial)
    if before is None:
        return
    for nsid, holders in disk.attachments().items():
        if nsid not in before and not holders and \
                record.owner(disk.serial, nsid) == "unknown":
            disk.put("ns_delete", nsid)
    record.pending(disk.serial, None)


def create_namespace(disk, record, size):
    """Which is whole or not there: its number."""
    before = disk.namespaces()
    block = next(iter(before.values()))[1] if before else 512
    record.pending(disk.serial, before)
    try:
        disk.put("ns_create", -(-size // block))
    except Failure:
        # Whatever is there from now on somebody else made.
        record.pending(disk.serial, None)
        raise
    made = set(disk.namespaces()) - set(before)
    if len(made) != 1:
        raise Failure(f"{disk.address} does not list the namespace that it made: look at "
                      f"{disk.dir}/parley/namespaces")
    return made.pop()


def pool(args):
    address, nr, size = words(args, 1, 3, "[DISK] N [SIZE]")
    if len(args.words) == 1 or (len(args.words) == 2 and ":" not in address):
        address, nr, size = None, address, nr
    nr = number(nr, GUESTS, "N")
    size = number(size, 2**62, "SIZE") if size else 0
    disk, record = vfdisk.need_taken(address), vfdisk.Record()
    move.need_module(vfdisk.VF, "virtual functions")
    tidy(disk, record)
    with record.measure(disk, "demand" if args.on_demand else "pool", nr):
        disk.make(nr, args.on_demand)
        try:
            if not args.on_demand:
                fill(disk, record, size)
        except Failure:
            with contextlib.suppress(Failure):
                vfdisk.put(f"{disk.dir}/sriov_numvfs", 0)
            raise
    ready = sum(v.driver == vfdisk.VF for v in disk.functions())
    return say_or_json(args, f"{disk.address} has {nr} virtual functions" + (
        ", each of which gets what it needs when a guest is born" if args.on_demand else
        f", {ready} of them ready"), disk.facts())


def fill(disk, record, size):
    """Each function has a namespace, which is there or is made, and our driver."""
    attached = disk.attachments()
    for function in disk.functions():
        if not [n for n, holders in attached.items() if function.number in holders]:
            free = [n for n, holders in attached.items() if not holders]
            if not free and not size:
                raise Failure(f"virtual function {function.number} has no namespace, and none "
                              "is free: say of which SIZE to make one")
            nsid = free[0] if free else create_namespace(disk, record, size)
            disk.put("ns_attach", f"{nsid} {function.number}")
            record.pending(disk.serial, None)
            attached[nsid] = [function.number]
        function.drive()
        owner = record.owner(disk.serial, function.nsid)
        if owner != "unknown":
            function.put("owner", owner)


def erase(args):
    name, = words(args, 1, 1, "FUNCTION|UUID")
    disk, function = vfdisk.find_function(name)
    function.drive()
    wipe(disk, function, args.how)
    return say_or_json(args, f"{function.address} has nobody's data now", function.facts())


def reformat(disk, function):
    """By the controller, while no function has the namespace."""
    nsid = function.nsid
    function.unbind()
    disk.put("ns_detach", f"{nsid} {function.number}")
    try:
        disk.put("ns_format", nsid)
    finally:
        disk.put("ns_attach", f"{nsid} {function.number}")
        function.drive()
    function.put("owner", "none")


def wipe(disk, function, way):
    """Forgotten before, and known only after."""
    record = vfdisk.Record()
    record.say(disk.serial, function.nsid, "unknown")
    with record.measure(disk, "erase"):
        if way == "format":
            reformat(disk, function)
        else:
            function.erase(way)
    record.say(disk.serial, function.nsid, function.owner)


# Guests

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
            wipe(disk, function, way)
            return function
    raise Failure("no function is ready whose namespace is this tenant's or nobody's: parley "
                  "vf erase one, make the pool larger, or say --how to erase what is unknown")


def of_size(disk, nsids, size):
    """Those of these that are as large as is asked for; all, if nothing is."""
    table = disk.namespaces()
    return [n for n in nsids if not size or
            n in table and 0 <= table[n][0] * table[n][1] - size < table[n][1]]


def demanded(disk, record, tenant, size, way):
    """A function that has nothing gets all: his namespace, or one that is made."""
    taken = disk.online()
    function = next((v for v in disk.functions() if v.number not in taken and not v.driver), None)
    if not function:
        raise Failure(f"all {disk.numvfs} virtual functions of {disk.address} are used")
    free = [n for n, holders in disk.attachments().items() if not holders]
    nsid = next((n for n in free if record.owner(disk.serial, n) == tenant), None) or \
        next((n for n in of_size(disk, free, size) if record.owner(disk.serial, n) == "none"),
             None)
    if nsid is None and not size:
        raise Failure("no namespace is free that is this tenant's or nobody's: say of which SIZE "
                      "to make one")
    made = nsid is None
    if made:
        nsid = create_namespace(disk, record, size)
    try:
        disk.put("birth", f"{function.number} {nsid}")
    except Failure:
        if made:
            disk.put("ns_delete", nsid)
            record.pending(disk.serial, None)
        raise
    try:
        function.drive()
        if made:
            # What a controller shows of new blocks is whatever it likes.
            wipe(disk, function, way or vfdisk.WAYS[0])
            record.data = vfdisk.Record().data
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


def birth(args):
    address, size = words(args, 0, 2, "[DISK] [SIZE]")
    if address and ":" not in address:
        address, size = None, address
    size = number(size, 2**62, "SIZE") if size else 0
    tenant = args.uuid or str(uuid.uuid4())
    if not vfdisk.is_uuid(tenant):
        raise Usage(f"--uuid: '{tenant}' is no UUID in small letters")
    disk = vfdisk.need_taken(address)
    if os.path.exists(f"{vfdisk.MDEV}/{tenant}"):
        raise Failure(f"{tenant} has a device already")
    move.need_module("parley_nvme_mdev", "mediated devices")
    record = vfdisk.Record()
    tidy(disk, record)
    with record.measure(disk, "birth on demand" if disk.on_demand else "birth"):
        function = demanded(disk, record, tenant, size, args.how) if disk.on_demand else \
            choose(disk, record, tenant, args.how)
        record.data = vfdisk.Record().data
        before = function.owner
        # Whose it will be is on record before it is.
        record.say(disk.serial, function.nsid, tenant)
        try:
            function.put("owner", tenant)
            vfdisk.put(f"{function.dir}/mdev_supported_types/{vfdisk.TYPE}/create", tenant)
        except Failure:
            unborn(disk, record, function, before)
            raise
    return say_or_json(args, f"{tenant} on {function.address}: -device vfio-pci,sysfsdev="
                       f"{vfdisk.MDEV}/{tenant}", {"uuid": tenant, **function.facts()})


def death(args):
    tenant, = words(args, 1, 1, "UUID")
    if not vfdisk.is_uuid(tenant):
        raise Usage(f"'{tenant}' is no UUID in small letters")
    disk, function = vfdisk.find_function(tenant)
    nsid = function.nsid
    # Waits for who has it open.
    vfdisk.put(f"{vfdisk.MDEV}/{tenant}/remove", 1)
    if not args.keep:
        wipe(disk, function, args.how or vfdisk.WAYS[0])
    record = vfdisk.Record()
    with record.measure(disk, "death on demand" if disk.on_demand else "death"):
        if disk.on_demand:
            function.unbind()
            disk.put("death", f"{function.number} {nsid}")
    return say_or_json(args, f"{tenant} is gone, " + (
        "its data are kept" if args.keep else "its data are erased"),
        {"uuid": tenant, "namespace": nsid, "kept": args.keep})


CALLS = {"list": list_all, "show": show, "take": take, "release": release, "pool": pool,
         "birth": birth, "death": death, "erase": erase, "check": vfcheck.check,
         "plan": vfcheck.plan}


def vf(args):
    if os.geteuid() and args.what not in ("list", "show", "check", "plan"):
        raise Failure("only root can do that; try sudo")
    if args.what == "erase":
        args.how = args.how or vfdisk.WAYS[0]
    try:
        CALLS[args.what](args)
    except OSError as e:
        raise Failure(f"{e.filename}: {e.strerror}; dmesg tells why") from e
