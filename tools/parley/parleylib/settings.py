# SPDX-License-Identifier: GPL-2.0-only
"""The rules that devices and queues follow: limit, moderation, polling, lane.

Each verb sets what is given, and tells what is set then.
"""
from . import family, units
from .common import Usage, print_json, say
from .host import Host, show_moderation, show_polling


def queue_range(text):
    """0, 2-5 or all."""
    if text == "all":
        return None
    if not text.isdigit():
        raise Usage(f"--queue: '{text}' is neither a number nor 'all'")
    return int(text)


def tell(args, rows, line):
    """What is set now, after a change or without one."""
    if args.json:
        print_json(rows)
        return
    for row in rows:
        where = f"device {row['device']}"
        if row.get("queue") is not None:
            where += f" queue {row['queue']}"
        say(f"{where}: {line(row)}")


def number(text, most, what):
    return units.parse(text, most, what) if text is not None else None


def limit(args):
    queue = queue_range(args.queue) if args.queue else None
    wanted = {"ops-rate": number(args.ops, family.LIMIT_MAX, "--ops"),
              "ops-burst": number(args.ops_burst, family.LIMIT_MAX, "--ops-burst"),
              "bytes-rate": number(args.bytes, family.LIMIT_MAX, "--bytes"),
              "bytes-burst": number(args.bytes_burst, family.LIMIT_MAX, "--bytes-burst")}
    wanted = {k: v for k, v in wanted.items() if v is not None}
    if args.off:
        if wanted:
            raise Usage("--off takes every limit away; give it alone")
        wanted = {"ops-rate": 0, "bytes-rate": 0}
    host = Host()
    if args.queue:
        indices = [q["index"] for q in host.chosen(args.device, queue)]
        if wanted:
            for index in indices:
                host.family.set("limit-set", dev_id=args.device, index=index, limits=wanted)
        rows = [{"device": args.device, "queue": i, **host.chosen(args.device, i)[0]["limits"]}
                for i in indices]
    else:
        if wanted:
            host.family.set("limit-set", dev_id=args.device, limits=wanted)
        rows = [{"device": args.device, "queue": None, **host.device(args.device)["limits"]}]
    tell(args, rows, limit_line)


def limit_line(row):
    words = []
    for what, unit in (("ops", "ops"), ("bytes", "B")):
        if row[f"{what}_rate"]:
            words.append(f"{units.show(row[f'{what}_rate'])} {unit}/s, burst "
                         f"{units.show(row[f'{what}_burst'])} {unit}")
    return "; ".join(words) or "no limit"


def per_queue(args, wanted, command, nest, line):
    """Set `wanted`, if there is anything, in the chosen queues, and tell."""
    queue = queue_range(args.queue or "all")
    host = Host()
    indices = [q["index"] for q in host.chosen(args.device, queue)]
    if wanted:
        for index in indices:
            host.family.set(command, dev_id=args.device, index=index, **{nest: wanted})
    rows = []
    for index in indices:
        now = host.chosen(args.device, index)[0][nest]
        rows.append({"device": args.device, "queue": index,
                     **(now if isinstance(now, dict) else {nest: now})})
    tell(args, rows, line)


def moderation(args):
    wanted = {"max-reqs": number(args.requests, family.MODERATION_MAX_REQS, "--requests"),
              "max-us": number(args.us, family.MODERATION_MAX_US, "--us")}
    if args.off:
        wanted = {"max-reqs": 0, "max-us": 0}
    wanted = {k: v for k, v in wanted.items() if v is not None}
    per_queue(args, wanted, "moderation-set", "moderation", show_moderation)


def polling(args):
    wanted = {"max-us": number(args.us, family.POLLING_MAX_US, "--us"),
              "budget": number(args.budget, family.POLLING_MAX_BUDGET, "--budget")}
    if args.off:
        wanted = {"max-us": 0}
    wanted = {k: v for k, v in wanted.items() if v is not None}
    per_queue(args, wanted, "polling-set", "polling", show_polling)


def lane(args):
    per_queue(args, args.lane, "lane-set", "lane", lambda row: row["lane"])
