# SPDX-License-Identifier: GPL-2.0-only
"""From a disk to a guest: virtual functions in a pool or on demand, their namespaces and
mediated devices. Documentation/vfio-provision.rst has the rules."""
import contextlib
import os

from . import move, policies, units, vfcheck, vfdisk, vfguest, vfspace
from .common import Failure, Usage, print_json, say, table, undoing
from .vfrecord import Record

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
    # Until the kernel's driver is gone, and its disks with it.
    with disk.held():
        disk.bind(vfdisk.PF)
    return say_or_json(args, f"{disk.address} is Parley's now: parley vf pool {disk.address} N",
                       disk.facts())


def release(args):
    address, = words(args, 0, 1, "[DISK]")
    disk = vfdisk.need_taken(address)
    with Record().alone(disk):
        for function in disk.functions():
            if function.mediated():
                raise Failure(f"{function.address} has a guest's device "
                              f"{function.mediated()[0]}: parley vf death that first")
        vfdisk.put(f"{disk.dir}/sriov_numvfs", 0)
        disk.bind("")
    return say_or_json(args, f"{disk.address} is the kernel's again", disk.facts())


# Virtual functions

def pool(args):
    address, nr, size = words(args, 1, 3, "[DISK] N [SIZE]")
    if len(args.words) == 1 or (len(args.words) == 2 and ":" not in address):
        address, nr, size = None, address, nr
    nr = number(nr, GUESTS, "N")
    size = number(size, 2**62, "SIZE") if size else 0
    disk, record = vfdisk.need_taken(address), Record()
    move.need_module(vfdisk.VF, "virtual functions")
    with record.alone(disk):
        left = make(disk, record, nr, size, args)
    ready = sum(v.driver == vfdisk.VF for v in disk.functions())
    return say_or_json(args, f"{disk.address} has {nr} virtual functions" + (
        ", each of which gets what it needs when a guest is born" if args.on_demand else
        f", {ready} of them ready") + (
        f"; in use, and so left as they are: {', '.join(left)}" if left else ""),
        {**disk.facts(), "left": left})


def make(disk, record, nr, size, args):
    """A pool, or what is missing of one that is there: the functions that are in use, with
    which nothing is done but that guests who open their devices go by the policy."""
    there, before = disk.numvfs, record.policies(disk.serial)
    if there and (there, disk.on_demand) != (nr, args.on_demand):
        raise Failure(f"{disk.address} has {there} virtual functions"
                      + (" on demand" if disk.on_demand else "") + ": as long as these are "
                      f"there it can have no others (echo 0 >{disk.dir}/sriov_numvfs)")
    rules = ruled(before, args) if args.policy else before
    if rules:
        move.need_module("parley_nvme_mdev", "mediated devices")
    vfspace.tidy(disk, record)
    with undoing(unmake, disk, record, there, before), \
            contextlib.nullcontext() if there else \
            record.measure(disk, "demand" if args.on_demand else "pool", nr):
        record.rule(disk.serial, rules)
        if not there:
            disk.make(nr, args.on_demand)
        rule(disk, before, rules)
        return [] if args.on_demand else fill(disk, record, size)


def unmake(disk, record, there, before):
    """What a pool that failed has done so far, and nothing that was there before."""
    try:
        if there:
            rule(disk, record.policies(disk.serial), before)
        else:
            vfdisk.put(f"{disk.dir}/sriov_numvfs", 0)
    finally:
        record.rule(disk.serial, before)


def ruled(found, args):
    """{type: text} with the policy that is said; or without one of that type."""
    kind = args.type.removeprefix(vfdisk.TYPE)
    found = {of: text for of, text in found.items() if of != kind}
    if args.policy != "none":
        found[kind] = policies.text_of(args.policy)
    return found


def rule(disk, before, rules):
    """Those that have our driver already go by these, or by what there is without any."""
    texts = {kind: policies.default("nvme") for kind in before if kind not in rules}
    for function in disk.functions():
        if function.driver == vfdisk.VF:
            function.rule({**texts, **rules})


def fill(disk, record, size):
    """Each function has a namespace, which is there or is made, and our driver; but for those
    in use, which are returned."""
    attached, functions = disk.attachments(), disk.functions()
    used = [v for v in functions if v.in_use()]
    busy = {v.nsid for v in used}
    for function in (v for v in functions if v not in used):
        if not [n for n, holders in attached.items() if function.number in holders]:
            free = vfspace.of_size(disk, [n for n, has in attached.items() if not has], size)
            if not free and not size:
                raise Failure(f"virtual function {function.number} has no namespace, and none "
                              "is free: say of which SIZE to make one")
            nsid = free[0] if free else vfspace.create(disk, record, size)
            disk.put("ns_attach", f"{nsid} {function.number}")
            record.pending(disk.serial, None)
            attached[nsid] = [function.number]
        function.drive(record.policies(disk.serial))
        owner = record.owner(disk.serial, function.nsid)
        if owner not in ("unknown", function.owner) and function.nsid not in busy:
            function.put("owner", owner)
    return [v.address for v in used]


def erase(args):
    name, = words(args, 1, 1, "FUNCTION|UUID")
    disk, record = vfdisk.find_function(name)[0], Record()
    with record.alone(disk):
        # Who had it before another command was waited for may not have it any more.
        function = vfdisk.find_function(name)[1]
        function.drive(record.policies(disk.serial))
        vfspace.wipe(disk, record, function, args.how)
    return say_or_json(args, f"{function.address} has nobody's data now", function.facts())


# Guests

def birth(args):
    address, size = words(args, 0, 0, "--beside UUID") or (None, None) if args.beside else \
        words(args, 0, 2, "[DISK] [SIZE]")
    if address and ":" not in address:
        address, size = None, address
    size = number(size, 2**62, "SIZE") if size else 0
    for name, value in (("--uuid", args.uuid), ("--beside", args.beside)):
        if value and not vfdisk.is_uuid(value):
            raise Usage(f"{name}: '{value}' is no UUID in small letters")
    disk = vfdisk.find_function(args.beside)[0] if args.beside else vfdisk.need_taken(address)
    tenant, function = vfguest.birth(disk, size, args)
    return say_or_json(args, f"{tenant} on {function.address}: -device vfio-pci,sysfsdev="
                       f"{vfdisk.MDEV}/{tenant}", {"uuid": tenant, **function.facts()})


def death(args):
    name, = words(args, 1, 1, "UUID|FUNCTION")
    nsid, heir = vfguest.death(name, args)
    return say_or_json(args, f"{name} is gone, " + (
        f"its data are of {heir}" if heir else "its data are kept" if args.keep else
        "its namespace is deleted" if args.delete else "its data are erased"), {"name": name, "namespace": nsid, "kept": args.keep, "heir": heir})


CALLS = {"list": list_all, "show": show, "take": take, "release": release, "pool": pool,
         "birth": birth, "death": death, "erase": erase, "check": vfcheck.check,
         "plan": vfcheck.plan}


def vf(args):
    if os.geteuid() and args.what not in ("list", "show", "check", "plan"):
        raise Failure("only root can do that; try sudo")
    try:
        CALLS[args.what](args)
    except OSError as e:
        raise Failure(f"{e.filename}: {e.strerror}; dmesg tells why" if e.filename else
                      e.strerror) from e
