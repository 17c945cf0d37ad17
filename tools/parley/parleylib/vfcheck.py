# SPDX-License-Identifier: GPL-2.0-only
"""What a disk needs for guests, as a list that is checked, and which way to provide for
them is cheaper on it, by what was measured."""
import os

from . import vfdisk
from .common import Failure, Usage, print_json, read, table
from .vfrecord import Record

YES, NO, UNKNOWN = "yes", "NO", "?"
MSIX = 0x11


def capabilities(function):
    """Numbers of its PCI capabilities, as far as root may read them."""
    try:
        with open(f"{function.dir}/config", "rb") as f:
            space = f.read(256)
    except OSError:
        return None
    found, at = set(), space[0x34] & ~3 if len(space) == 256 else 0
    while 0x40 <= at < 255 and space[at] not in found:
        found.add(space[at])
        at = space[at + 1] & ~3
    return found if len(space) == 256 else None


def msix(function):
    found = capabilities(function)
    return UNKNOWN if found is None else YES if MSIX in found else NO


def isolated(function):
    """Alone in its IOMMU group."""
    path = f"{function.dir}/iommu_group/devices"
    return YES if os.path.isdir(path) and len(os.listdir(path)) == 1 else NO


def of_functions(disk, test):
    """What holds for all of them."""
    said = [test(v) for v in disk.functions()]
    return UNKNOWN if not said else NO if NO in said else said[0]


def resets(function):
    methods = read(f"{function.dir}/reset_method", "")
    return YES if "flr" in methods.split() else NO


def strict(function):
    kind = read(f"{function.dir}/iommu_group/type")
    return UNKNOWN if kind is None else YES if kind == "DMA" else NO


def resources(disk):
    """Enough flexible queues and interrupts for one."""
    queues, interrupts = ((disk.get(n) or "0 0 0").split()[0] for n in ("queues", "interrupts"))
    return UNKNOWN if not disk.taken else YES if int(queues) >= 2 and int(interrupts) else NO


def one_each(disk):
    """A namespace for each function that is there."""
    functions = {v.number for v in disk.functions()}
    held = {n for holders in disk.attachments().values() for n in holders}
    return UNKNOWN if not disk.taken or not functions else YES if functions <= held else NO


def room(disk):
    """For namespaces of guests: each has one, or there is a free one, or some can be made."""
    if not disk.taken:
        return UNKNOWN
    free = [n for n, holders in disk.attachments().items() if not holders]
    total, left = disk.capacity()
    return YES if free or left or one_each(disk) == YES else NO if total else UNKNOWN


def checks(disk):
    """(what, whether, what to do if not)"""
    total = int(read(f"{disk.dir}/sriov_totalvfs", "0"))
    return [
        ("SR-IOV", YES if total else NO, "no virtual functions without: buy another disk, or "
         "switch it on in the firmware"),
        ("MSI-X", msix(disk), "the driver has no other interrupts"),
        ("nobody uses it", NO if disk.users() else YES, "; ".join(disk.users())),
        ("an IOMMU", YES if os.path.exists(f"{disk.dir}/iommu_group") else NO,
         "intel_iommu=on or the firmware's setup; without, a function reaches all memory"),
        ("flexible resources", resources(disk), "it needs Virtualization Management, with 2 "
         "queues and 1 interrupt for each function"),
        ("functions are alone in their groups", of_functions(disk, isolated),
         "a slot with ACS; else one function can reach another"),
        ("functions can be reset (FLR)", of_functions(disk, resets), "one that cannot is never "
         "handed out"),
        ("functions are unmapped at once", of_functions(disk, strict), "iommu.strict=1, or DMA "
         "in iommu_group/type before the driver is bound; parley vf pool and birth do that"),
        ("room for namespaces", room(disk), "those that are there take all of the disk, as on one "
         "that was just delivered: ns_detach and ns_delete in vfio-provision.rst"),
        ("a namespace for each", one_each(disk), "parley vf pool N SIZE, where the disk manages "
         "namespaces"),
    ]


def unknown(disk):
    return "the disk does not say" if disk.taken and disk.numvfs else \
        "known when it has functions" if disk.taken else "known once it is taken"


def check(args):
    if len(args.words) != 1:
        raise Usage("vf check DISK")
    disk = vfdisk.find(args.words[0])
    found = checks(disk)
    if args.json:
        print_json([{"what": what, "is": {YES: True, NO: False, UNKNOWN: None}[said],
                     "else": todo if said == NO else None} for what, said, todo in found])
    else:
        print("\n".join(table(["NEEDED", "THERE", ""], [
            [what, said, todo if said == NO else unknown(disk) if said == UNKNOWN else ""]
            for what, said, todo in found])))
    if NO in (said for _, said, _ in found):
        raise Failure(f"{disk.address} lacks what the list says")


ROWS = (("pool", "a pool, each function of it"), ("birth", "  birth"), ("death", "  death"),
        ("demand", "on demand, each function"), ("birth on demand", "  birth"),
        ("death on demand", "  death"), ("erase", "erasing, beside either"))


def means(sums):
    """Of one: commands, their milliseconds, all milliseconds."""
    return [total / sums[0] for total in sums[1:]]


def advice(measured):
    """Which way, and why."""
    pool, demand = measured.get("birth"), measured.get("birth on demand")
    if not pool or not demand:
        return "Not both ways were tried on this disk: make some births and deaths with each."
    before, each = means(measured["pool"])[2], [means(m)[2] for m in (pool, demand)]
    saved = each[1] - each[0]
    if saved <= 0:
        return "On demand: a birth is no slower than from the pool, and nothing waits unused."
    return (f"A birth from the pool takes {saved:.1f} ms less than on demand; a function costs "
            f"{before:.1f} ms when the pool is made, so it has paid after "
            f"{before / saved:.1f} births. Take the pool if guests are of one size and come "
            "often; on demand if namespaces differ in size, or few functions are used.")


def plan(args):
    if len(args.words) > 1:
        raise Usage("vf plan [DISK]")
    disk = vfdisk.need_taken(args.words[0] if args.words else None)
    measured = Record().data["measured"].get(disk.serial, {})
    if args.json:
        return print_json({key: dict(zip(("times", "commands", "command_ms", "ms"), sums))
                           for key, sums in measured.items()})
    rows = [[text, measured[key][0], *[f"{m:.1f}" for m in means(measured[key])]]
            for key, text in ROWS if key in measured]
    print("\n".join(table(["WHAT", "TIMES", "COMMANDS", "COMMAND-MS", "MS"], rows,
                          right=("TIMES", "COMMANDS", "COMMAND-MS", "MS"))))
    return print(advice(measured))
