# SPDX-License-Identifier: GPL-2.0-only
"""The rules that devices and queues follow: limit, moderation, polling, lane.

Each verb sets what is given, and tells what is set then.
"""
from . import family, units
from .common import Failure, Usage, print_json, say
from .host import Host, limited, show_moderation, show_polling


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
        where = f"device {row['device']}" if row.get("device") is not None else \
                f"back end {row['backend']}"
        if row.get("queue") is not None:
            where += f" queue {row['queue']}"
        say(f"{where}: {line(row)}")


def number(text, most, what):
    return units.parse(text, most, what) if text is not None else None


def wanted_limits(args):
    """What limit-set is to be given, with the names of the family."""
    wanted = {name: number(getattr(args, name.replace("-", "_")), family.LIMIT_MAX,
                           f"--{name}")
              for name in ("ops", "ops-burst", "ops-guaranteed",
                           "bytes", "bytes-burst", "bytes-guaranteed")}
    wanted = {k if "-" in k else f"{k}-rate": v for k, v in wanted.items() if v is not None}
    if args.off and wanted:
        raise Usage("--off takes every limit away; give it alone")
    return NO_LIMITS if args.off else wanted


NO_LIMITS = {"ops-rate": 0, "ops-guaranteed": 0, "bytes-rate": 0, "bytes-guaranteed": 0}


def limit(args):
    wanted = wanted_limits(args)
    if (args.device is None) == (args.backend is None):
        raise Usage("give a device, or --backend and the number of a back end")
    if args.backend is not None:
        rows = limit_backend(args, wanted)
    elif args.queue:
        rows = limit_queues(args, wanted)
    else:
        rows = limit_device(args, wanted)
    tell(args, rows, limit_line)


def limit_backend(args, wanted):
    if args.queue:
        raise Usage("--queue is of a device, and --backend of all devices that serve it")
    host = Host()
    # The last limit may be all that kept it: then there is nothing to show any more.
    if wanted:
        host.family.set("limit-set", backend_id=args.backend, limits=wanted)
    there = [b for b in host.backends() if b["id"] == args.backend]
    if not there and not wanted:
        host.backend(args.backend)      # says that there is none
    limits = there[0]["limits"] if there else dict.fromkeys(
        ("ops_rate", "ops_burst", "bytes_rate", "bytes_burst", "ops_guaranteed",
         "bytes_guaranteed"), 0)
    return [{"backend": args.backend, **limits}]


def limit_queues(args, wanted):
    queue, host = queue_range(args.queue), Host()
    indices = [q["index"] for q in host.chosen(args.device, queue)]
    if wanted:
        for index in indices:
            host.family.set("limit-set", dev_id=args.device, index=index, limits=wanted)
    return [{"device": args.device, "queue": q["index"], **q["limits"]}
            for q in host.queues(args.device, everything=True) if q["index"] in indices]


def limit_device(args, wanted):
    """--off takes the queues' along, and what they have is told as well."""
    host = Host()
    device = host.device(args.device)
    own = [q for q in host.queues(args.device) if limited(q["limits"])]
    if wanted and args.off:
        for q in own:
            host.family.set("limit-set", dev_id=args.device, index=q["index"], limits=wanted)
        own = []
    if wanted:
        host.family.set("limit-set", dev_id=args.device, limits=wanted)
        device = host.device(args.device)
    return [{"device": args.device, "queue": None, **device["limits"]}] + \
           [{"device": args.device, "queue": q["index"], **q["limits"]} for q in own]


def limit_line(row):
    words = []
    for what, unit in (("ops", "ops"), ("bytes", "B")):
        if row[f"{what}_rate"]:
            words.append(f"{units.show(row[f'{what}_rate'])} {unit}/s, burst "
                         f"{units.show(row[f'{what}_burst'])} {unit}")
        if row.get(f"{what}_guaranteed"):
            words.append(f"{units.show(row[f'{what}_guaranteed'])} {unit}/s guaranteed")
    return "; ".join(words) or "no limit"


def per_queue(args, wanted, command, nest, line, check=None):
    """Set `wanted`, if there is anything, in the chosen queues, and tell. `check`
    is given what is set in each before."""
    queue = queue_range(args.queue or "all")
    host = Host()
    queues = host.chosen(args.device, queue)
    if check:
        for q in queues:
            check(q["index"], q[nest])
    indices = [q["index"] for q in queues]
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
    if args.adaptive and (args.off or args.requests or args.us):
        raise Usage("--adaptive learns the numbers by itself; give it alone")
    if args.adaptive:
        wanted = {"adaptive": 1}
    if args.off:
        wanted = {"max-reqs": 0, "max-us": 0}
    wanted = {k: v for k, v in wanted.items() if v is not None}

    def check(index, now):
        if wanted.get("max-us") and "max-reqs" not in wanted and \
                (now["max_reqs"] < 2 or now.get("adaptive")):
            raise Failure(f"moderation of queue {index} is off, and --us alone leaves it so: "
                          "say with --requests for how many one call is")

    per_queue(args, wanted, "moderation-set", "moderation", show_moderation, check)


def polling(args):
    wanted = {"max-us": number(args.us, family.POLLING_MAX_US, "--us"),
              "budget": number(args.budget, family.POLLING_MAX_BUDGET, "--budget")}
    if args.off:
        wanted = {"max-us": 0}
    wanted = {k: v for k, v in wanted.items() if v is not None}

    def check(index, now):
        if "budget" in wanted and "max-us" not in wanted and not now["max_us"]:
            raise Failure(f"polling of queue {index} is off, and --budget alone leaves it so: "
                          "say with --us how long to look")

    per_queue(args, wanted, "polling-set", "polling", show_polling, check)


def lane(args):
    per_queue(args, args.lane, "lane-set", "lane", lambda row: row["lane"])
