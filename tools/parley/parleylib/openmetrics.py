# SPDX-License-Identifier: GPL-2.0-only
"""Counts and limits as OpenMetrics text, for Prometheus and its like.

Every device is named by its number, its back end and its serial number, so that a graph
goes on when a guest is started anew under another number.
"""
from . import stats
from .host import Host, names

# Of a queue: what it is called here and there, and what it is.
COUNTERS = (
    ("requests", "requests", "Requests that ended."),
    ("from_guest_bytes", "bytes_read", "Bytes read from the guest's memory."),
    ("to_guest_bytes", "bytes_written", "Bytes written to the guest's memory."),
    ("kicks", "kicks", "Notifications by the guest."),
    ("calls", "calls", "Notifications of the guest."),
    ("calls_suppressed", "calls_suppressed", "Calls that the guest did not want."),
    ("calls_moderated", "calls_moderated", "Calls held back by moderation."),
    ("throttled", "throttled", "Times that a limit made the queue wait."),
    ("errors", "errors", "Faults of the guest."),
)
WORKER_SECONDS = (("busy", "busy_ns", "Time that the worker served rings."),
                  ("polled", "poll_ns", "Time that the worker polled."))
LIMITS = (("ops", "rate", "operations_limit", "Operations a second, at most."),
          ("bytes", "rate", "bytes_limit", "Bytes a second, at most."),
          ("ops", "guaranteed", "operations_guaranteed", "Operations a second, guaranteed."),
          ("bytes", "guaranteed", "bytes_guaranteed", "Bytes a second, guaranteed."))


def quoted(text):
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def labels(**values):
    return "{" + ",".join(f'{k}="{quoted(v)}"' for k, v in values.items()) + "}"


def metric(kind, name, text, samples, unit=None):
    """A family: its head, and a line for each (labels, value)."""
    name = f"parley_vhost_{name}" + (f"_{unit}" if unit else "")
    lines = [f"# TYPE {name} {kind}"] + ([f"# UNIT {name} {unit}"] if unit else [])
    lines.append(f"# HELP {name} {text}")
    suffix = "_total" if kind == "counter" else ""
    return lines + [f"{name}{suffix}{where} {value}" for where, value in samples]


def lines_of(devices, facts, named):
    """All lines of these devices, as stats.sample() has them, with `facts` by number."""
    def who(device, **more):
        path, serial = named.get(device, (None, None))
        return labels(device=device, path=path or "", serial=serial or "", **more)

    def of_queues(value):
        return [(who(d["device"], queue=q["index"]), value(q))
                for d in devices for q in d["queues"]]

    out = metric("gauge", "queues_running", "Queues that are served.",
                 [(who(n), f["queues_running"]) for n, f in facts.items()])
    out += metric("gauge", "in_flight", "Requests in flight.",
                  of_queues(lambda q: q["in_flight"]))
    # Only root is told; nothing in flight is as young as can be, for everybody.
    out += metric("gauge", "oldest", "Age of the oldest request in flight.",
                  [(where, f"{age / 1000:.3f}") for where, age in
                   of_queues(lambda q: q.get("oldest_ms", None if q["in_flight"] else 0))
                   if age is not None], "seconds")
    out += metric("gauge", "broken", "1 if the guest broke the queue.",
                  of_queues(lambda q: int(q["state"] == "broken")))
    for name, key, text in COUNTERS:
        unit = "bytes" if name.endswith("_bytes") else None
        out += metric("counter", name.removesuffix("_bytes"), text,
                      of_queues(lambda q, key=key: q["stats"][key]), unit)
    for name, key, text in WORKER_SECONDS:
        out += metric("counter", f"worker_{name}", text,
                      [(who(d["device"], worker=w["id"]), f"{w['stats'][key] / 1e9:.6f}")
                       for d in devices for w in d["workers"]], "seconds")
    for what, how, name, text in LIMITS:
        out += metric("gauge", name, text,
                      [(who(n), f["limits"][f"{what}_{how}"]) for n, f in facts.items()
                       if f["limits"].get(f"{what}_{how}")])
    return out + ["# EOF"]


def show(args):
    host = Host()
    devices = stats.only(stats.sample(host, args.device), args.queue)
    facts = {d["id"]: d for d in host.devices()
             if args.device is None or d["id"] == args.device}
    print("\n".join(lines_of(devices, facts, names(host, facts.values()))))
