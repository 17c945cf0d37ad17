# SPDX-License-Identifier: GPL-2.0-only
"""Threads that several vhost devices share: made, changed, and which device is in."""
from . import family, units
from .common import Usage, print_json, say, table
from .host import Host

WORDS = {None: "", "add": "NAME", "set": "NAME", "remove": "NAME",
         "attach": "DEVICE NAME", "detach": "DEVICE"}
# What may be said with each.
OPTIONS = {"add": ("threads", "one_vm"), "set": ("threads",), "attach": ("class", "weight")}


def check(args):
    """The words of an action, as many as it has; the device as a number."""
    wanted, got = WORDS[args.action].split(), list(args.words)
    if len(got) != len(wanted):
        raise Usage(f"parley pool {args.action or ''} takes "
                    f"{' and '.join(wanted) or 'no word'}")
    for option in ("threads", "one_vm", "class", "weight"):
        if getattr(args, option) not in (None, False) and \
                option not in OPTIONS.get(args.action, ()):
            raise Usage(f"--{option.replace('_', '-')} is not for pool {args.action or ''}")
    if wanted[:1] == ["DEVICE"]:
        if not got[0].isdigit():
            raise Usage(f"'{got[0]}' is no number of a device, as parley status shows it")
        got[0] = int(got[0])
    if "NAME" in wanted and not 0 < len(got[-1].encode()) <= family.POOL_NAME_MAX:
        raise Usage(f"the name of a pool has 1 to {family.POOL_NAME_MAX} bytes")
    return got


def number(text, most, option):
    value = units.parse(text, most, option) if text is not None else None
    if value == 0:
        raise Usage(f"{option}: at least 1")
    return value


def pool(args):
    words = check(args)
    threads = number(args.threads, family.POOL_THREADS_MAX, "--threads")
    weight = number(args.weight, family.POOL_WEIGHT_MAX, "--weight")
    if args.action == "set" and threads is None:
        raise Usage("say with --threads how many serve at a time")
    host = Host()
    if args.action == "add":
        host.family.set("pool-add", name=words[0], threads=threads or 1,
                        one_vm=args.one_vm or None)
    elif args.action == "set":
        host.family.set("pool-set", name=words[0], threads=threads)
    elif args.action == "remove":
        host.family.set("pool-remove", name=words[0])
    elif args.action == "attach":
        host.family.set("pool-attach", dev_id=words[0], name=words[1],
                        **{"class": getattr(args, "class"), "weight": weight})
    elif args.action == "detach":
        host.family.set("pool-detach", dev_id=words[0])
    show(args, host)


def show(args, host):
    """After a change or without one: all that there is."""
    pools = host.pools()
    members = [d for d in host.devices() if d.get("pool")]
    if args.json:
        print_json([{**p, "one_vm": p.get("one_vm", False),
                     "device_list": [d["id"] for d in members if d["pool"] == p["name"]]}
                    for p in pools])
        return
    if not pools:
        say("there is no pool: each device has its own threads")
        return
    print("\n".join(lines(pools)))
    if members:
        print("\n" + "\n".join(member_lines(members)))


def lines(pools):
    head = ["POOL", "FOR", "THREADS", "ACTIVE", "DEVICES", "WORKERS", "WAITING", "TURNS",
            "WAKEUPS", "STALLS", "HURRIES"]
    rows = [[p["name"], "one VM" if p.get("one_vm") else "host", p["threads"], p["active"],
             p["devices"], p["workers"], p["waiting"],
             *(units.show(p["stats"][s]) for s in ("turns", "wakeups", "stalls", "hurries"))]
            for p in pools]
    return table(head, rows, head[2:])


def member_lines(devices):
    head = ["DEVICE", "POOL", "CLASS", "WEIGHT"]
    rows = [[d["id"], d["pool"], d["pool_class"], d["pool_weight"]] for d in devices]
    return table(head, rows, ("DEVICE", "WEIGHT"))
