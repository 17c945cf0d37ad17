# SPDX-License-Identifier: GPL-2.0-only
"""Vhost devices of this machine, and their queues."""
import os

from . import units
from .common import Absent, Failure, print_json, read, table
from .netlink import Family, underscored

RING_PACKED = 34
IN_ORDER = 35
# A request that is older than this is worth a word in the list of devices.
OLD_MS = 5000


def loaded():
    return os.path.isdir("/sys/module/parley_vhost")


def configured(queue):
    return queue["size"] > 0 or queue["state"] != "idle"


def bit(features, number):
    return bool(features >> number & 1)


class Host:
    """All that the family tells, as dictionaries with underscores."""

    def __init__(self):
        self.family = Family()

    def close(self):
        self.family.close()

    def devices(self):
        return [underscored(d) for d in self.family.dump("dev-get")]

    def device(self, number):
        return underscored(self.family.get("dev-get", id=number))

    def queues(self, device=None, everything=False):
        """Those that somebody has set up or limited, unless all are wanted."""
        return [underscored(q) for q in self.family.dump("queue-get", dev_id=device)
                if everything or configured(q) or limited(underscored(q["limits"]))]

    def backend(self, number):
        return underscored(self.family.get("backend-get", id=number))

    def backends(self):
        return [underscored(b) for b in self.family.dump("backend-get")]

    def kept(self):
        return [underscored(k) for k in self.family.dump("kept-get")]

    def workers(self, device=None):
        return [underscored(w) for w in self.family.dump("worker-get", dev_id=device)]

    def pools(self):
        return [underscored(p) for p in self.family.dump("pool-get")]

    def chosen(self, device, queue):
        """The queues that a setting is meant for: one, or all that are set up."""
        if queue is not None:
            one = underscored(self.family.get("queue-get", dev_id=device, index=queue))
            if not configured(one):
                self.check_queue(device, queue)
            return [one]
        queues = [q for q in self.queues(device) if configured(q)]
        if not queues:
            raise Failure(f"device {device} has no queue that is set up yet; "
                          "start its guest, or name one with --queue")
        return queues

    def check_queue(self, device, queue):
        """A device without any queue may be prepared; else it is one that there is."""
        there = [q["index"] for q in self.queues(device) if configured(q)]
        if there and queue not in there:
            raise Failure(f"device {device} has no queue {queue}: its guest has set up "
                          + (f"queues {there[0]} to {there[-1]}" if there[1:] else
                             f"queue {there[0]} only"))


# Showing

def owner(device):
    if device.get("in_kernel"):
        return "kernel"
    pid = device.get("owner_pid")
    if pid is None:
        return "-"
    return f"{pid} ({read(f'/proc/{pid}/comm', '?')})"


def ring_name(device):
    name = "packed" if bit(device["features"], RING_PACKED) else "split"
    return name + ("+in-order" if bit(device["features"], IN_ORDER) else "")


def limited(limits):
    """Is anything limited or guaranteed?"""
    return any(limits.get(f"{what}_{how}") for what in ("ops", "bytes")
               for how in ("rate", "guaranteed"))


def show_limits(limits):
    words = []
    for what, unit in (("ops", "ops/s"), ("bytes", "B/s")):
        if limits[f"{what}_rate"]:
            words.append(f"{units.show(limits[f'{what}_rate'])} {unit}")
        if limits.get(f"{what}_guaranteed"):
            words.append(f"{units.show(limits[f'{what}_guaranteed'])} {unit} guaranteed")
    return ", ".join(words) or "none"


def show_all_limits(device, queues):
    """A device's own, and that there are more: of its queues."""
    own = sum(1 for q in queues if q["dev_id"] == device["id"] and limited(q["limits"]))
    words = [show_limits(device["limits"])] if limited(device["limits"]) or not own else []
    if own:
        words.append(f"of {own} queue{'s' if own > 1 else ''}")
    return "; ".join(words)


def names(host, devices):
    """What each device serves and by which name: {number: (path, serial)}. Told to
    administrators only; others get what they may know, which is nothing."""
    try:
        paths = {b["id"]: b["path"] for b in host.backends()}
        serials = {k["dev_id"]: k["name"] for k in host.kept() if "dev_id" in k}
    except Failure:
        paths, serials = {}, {}
    return {d["id"]: (paths.get(d.get("backend_id")), serials.get(d["id"])) for d in devices}


def facts(device, queues=(), named=None):
    """What `status --json` tells of a device; "driver" is there for every side."""
    path, serial = (named or {}).get(device["id"], (None, None))
    return {"side": "host", "driver": "parley_vhost", "device": device["id"],
            **{k: v for k, v in device.items() if k != "id"}, "ring": ring_name(device),
            "path": path, "serial": serial,
            "queues_limited": sum(1 for q in queues if q["dev_id"] == device["id"]
                                  and limited(q["limits"])),
            **{flag: device.get(flag, False) for flag in ("in_kernel", "iotlb", "logging")}}


def show_age(ms):
    """How long the oldest request of a queue has been in flight."""
    return "-" if ms is None else f"{ms / 1000:.1f} s"


def states(device, queues):
    """What is not as always, and how long the back end has kept a request."""
    words = [flag for flag in ("logging", "iotlb") if device.get(flag)]
    oldest = max((q.get("oldest_ms") or 0 for q in queues
                  if q["dev_id"] == device["id"]), default=0)
    if oldest >= OLD_MS:
        words.append(f"waits for its back end ({oldest // 1000} s)")
    return ",".join(words) or "-"


def status_lines(devices, queues, named):
    head = ["DEVICE", "KIND", "OWNER", "PATH", "SERIAL", "RUNNING", "WORKERS", "RING", "LIMIT",
            "STATE"]
    rows = []
    for d in devices:
        path, serial = named.get(d["id"], (None, None))
        rows.append([d["id"], d["name"], owner(d), path or "-", serial or "-",
                     f"{d['queues_running']}/{d['queues']}", d["workers"], ring_name(d),
                     show_all_limits(d, queues), states(d, queues)])
    if any(d.get("pool") for d in devices):
        head.insert(7, "POOL")
        for row, d in zip(rows, devices):
            row.insert(7, f"{d['pool']} ({d['pool_class']} {d['pool_weight']})"
                       if d.get("pool") else "-")
    return table(head, rows, ("DEVICE", "RUNNING", "WORKERS"))


def queue_lines(queues):
    head = ["QUEUE", "STATE", "SIZE", "IN-FLIGHT", "OLDEST", "WORKER", "LANE", "LIMIT",
            "MODERATION", "POLLING"]
    rows = [[q["index"], q["state"], q["size"], q["in_flight"],
             show_age(q.get("oldest_ms")), q.get("worker_id", "-"), q["lane"],
             show_limits(q["limits"]), show_moderation(q["moderation"]),
             show_polling(q["polling"], q["polling_now_us"])] for q in queues]
    return table(head, rows, ("QUEUE", "SIZE", "IN-FLIGHT", "OLDEST", "WORKER"))


def show_moderation(rule):
    now = "off" if rule["max_reqs"] < 2 else \
          f"{rule['max_reqs']} requests or {rule['max_us']} us"
    return f"adaptive (now {now})" if rule.get("adaptive") else now


def show_polling(rule, now=None):
    if not rule["max_us"]:
        return "off"
    return f"up to {rule['max_us']} us{'' if now is None else f' (now {now})'}, " \
           f"{rule['budget']} %"


def status(args):
    """One device in full."""
    host = Host()
    device = host.device(args.device)
    queues, workers = host.queues(args.device, args.all), host.workers(args.device)
    named = names(host, [device])
    if args.json:
        print_json({**facts(device, queues, named), "queue_list": queues,
                    "worker_list": workers})
        return
    print("\n".join(status_lines([device], queues, named)))
    if queues:
        print("\n" + "\n".join(queue_lines(queues)))


def status_of_all():
    """For `parley status`: ([device], [queue], names(), what is in the way or None)."""
    if not loaded():
        return [], [], {}, None
    try:
        host = Host()
    except Absent as e:
        return [], [], {}, str(e)
    found = host.devices(), host.queues()
    named = names(host, found[0])
    host.close()
    return *found, named, None


def backend_lines(backends):
    head = ["BACKEND", "PATH", "DEVICES", "KEPT", "LIMIT"]
    rows = [[b["id"], b["path"], b["devices"], b["kept"], show_limits(b["limits"])]
            for b in backends]
    return table(head, rows, ("BACKEND", "DEVICES", "KEPT"))


def kept_lines(kept):
    head = ["BACKEND", "NAME", "DEVICE", "LIMIT", "LIMITED-QUEUES"]
    rows = [[k["backend_id"], k["name"] or "-", k.get("dev_id", "closed"),
             show_limits(k["limits"]), k["queues_limited"]] for k in kept]
    return table(head, rows, ("BACKEND", "LIMITED-QUEUES"))


def backends(args):
    """All back ends with their devices; or forget what is kept of closed ones."""
    host = Host()
    if args.forget is not None:
        host.family.set("backend-forget", id=args.forget, name=args.name)
    found, kept = host.backends(), host.kept()
    if args.json:
        print_json([{**b, "device_list": [k for k in kept if k["backend_id"] == b["id"]]}
                    for b in found])
        return
    if not found:
        print("there is no back end: nobody serves one, and no limit is kept")
        return
    print("\n".join(backend_lines(found)))
    if kept:
        print("\n" + "\n".join(kept_lines(kept)))
