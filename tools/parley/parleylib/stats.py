# SPDX-License-Identifier: GPL-2.0-only
"""What devices and their queues did: once, or again and again."""
import sys
import time

from . import units
from .common import Failure, print_json, table
from .host import Host

# Column, and where it is in a queue.
COLUMNS = (("REQUESTS", "requests"), ("FROM-GUEST", "bytes_read"),
           ("TO-GUEST", "bytes_written"), ("KICKS", "kicks"), ("CALLS", "calls"),
           ("SUPPRESSED", "calls_suppressed"), ("MODERATED", "calls_moderated"),
           ("THROTTLED", "throttled"), ("ERRORS", "errors"))
SUM = "all"


def sample(host, number):
    """[{device, name, queues, workers}] of one device or of all."""
    chosen = [host.device(number)] if number is not None else host.devices()
    queues, workers = host.queues(number), host.workers(number)
    return [{"device": d["id"], "name": d["name"], "throttled": d["throttled"],
             "log_errors": d["log_errors"],
             "queues": [q for q in queues if q["dev_id"] == d["id"]],
             "workers": [w for w in workers if w["dev_id"] == d["id"]]} for d in chosen]


def only(devices, queue):
    if queue is None:
        return devices
    for device in devices:
        there = [q["index"] for q in device["queues"]]
        if queue not in there:
            raise Failure(f"device {device['device']} has no queue {queue} that is set up: "
                          f"it has {', '.join(map(str, there)) or 'none yet'}")
        device["queues"] = [q for q in device["queues"] if q["index"] == queue]
    return devices


def keep(queue):
    """A queue for JSON: what it did, and where it stands."""
    return {k: queue.get(k) for k in ("index", "state", "in_flight", "worker_id", "stats",
                                      "ring_stats")}


def for_json(devices):
    return [{**d, "queues": [keep(q) for q in d["queues"]],
             "workers": [{k: w.get(k) for k in ("id", "queues", "killed", "stats")}
                         for w in d["workers"]]} for d in devices]


def total(queues):
    return {key: sum(q["stats"][key] for q in queues) for _, key in COLUMNS}


def differences(new, old, seconds):
    """The same with rates instead of counts; a queue that is new began at 0."""
    before = {(d["device"], q["index"]): q["stats"] for d in old for q in d["queues"]}
    for device in new:
        for q in device["queues"]:
            base = before.get((device["device"], q["index"]), {})
            q["stats"] = {k: max(0, v - base.get(k, 0)) / seconds
                          for k, v in q["stats"].items()}
    return new


def lines(devices):
    head = ["DEVICE", "QUEUE", "STATE", "IN-FLIGHT"] + [name for name, _ in COLUMNS]
    rows = []
    for d in devices:
        for q in d["queues"]:
            rows.append([d["device"], q["index"], q["state"], q["in_flight"]] +
                        [units.show(q["stats"][key]) for _, key in COLUMNS])
        if len(d["queues"]) != 1:
            sums = total(d["queues"])
            rows.append([d["device"], SUM, "", sum(q["in_flight"] for q in d["queues"])] +
                        [units.show(sums[key]) for _, key in COLUMNS])
    return table(head, rows, [h for h in head if h != "STATE"])


def worker_lines(devices):
    head = ["DEVICE", "WORKER", "QUEUES", "ROUNDS", "SLEEPS", "WAKEUPS", "POLLS", "HITS",
            "POLLED", "BUSY"]
    rows = [[d["device"], w["id"], w["queues"]] +
            [units.show(w["stats"][k]) for k in ("rounds", "sleeps", "wakeups", "polls",
                                                 "poll_hits")] +
            [f"{w['stats'][k] / 1e9:.1f} s" for k in ("poll_ns", "busy_ns")]
            for d in devices for w in d["workers"]]
    return table(head, rows, head)


def stats(args):
    if args.openmetrics:
        from . import openmetrics       # pylint: disable=C0415
        openmetrics.show(args)
        return
    host = Host()
    if args.watch is not None:
        watch(host, args)
        return
    devices = only(sample(host, args.device), args.queue)
    if args.json:
        print_json(for_json(devices))
        return
    if not devices:
        raise Failure("there is no vhost device; it appears when a VMM or a bridge opens "
                      "/dev/parley-blk, or with parley loopback")
    print("\n".join(lines(devices)))
    if args.workers:
        print("\n" + "\n".join(worker_lines(devices)))


def watch(host, args):
    """Rates a second, every so often; a terminal is cleared before each."""
    old, then = only(sample(host, args.device), args.queue), time.monotonic()
    rounds = 0
    while args.count is None or rounds < args.count:
        time.sleep(args.watch)
        new, now = only(sample(host, args.device), args.queue), time.monotonic()
        kept = [{**d, "queues": [dict(q) for q in d["queues"]]} for d in new]
        rates = differences(new, old, now - then)
        if args.json:
            print_json({"seconds": now - then, "devices": for_json(rates)}, one_line=True)
        else:
            clear = "\033[H\033[J" if sys.stdout.isatty() else ""
            print(f"{clear}a second, over {now - then:.1f} s:", *lines(rates), sep="\n",
                  flush=True)
        old, then, rounds = kept, now, rounds + 1
