# SPDX-License-Identifier: GPL-2.0-only
"""Vhost devices of this machine, and their queues."""
import os

from . import units
from .common import Absent, Failure, print_json, read, table
from .netlink import Family, underscored

RING_PACKED = 34
IN_ORDER = 35


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
        """Those that somebody has set up, unless all are wanted."""
        return [underscored(q) for q in self.family.dump("queue-get", dev_id=device)
                if everything or configured(q)]

    def workers(self, device=None):
        return [underscored(w) for w in self.family.dump("worker-get", dev_id=device)]

    def chosen(self, device, queue):
        """The queues that a setting is meant for: one, or all that are set up."""
        if queue is not None:
            return [underscored(self.family.get("queue-get", dev_id=device, index=queue))]
        queues = self.queues(device)
        if not queues:
            raise Failure(f"device {device} has no queue that is set up yet; "
                          "start its guest, or name one with --queue")
        return queues


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


def show_limits(limits):
    words = [f"{units.show(limits[f'{what}_rate'])} {unit}"
             for what, unit in (("ops", "ops/s"), ("bytes", "B/s")) if limits[f"{what}_rate"]]
    return ", ".join(words) or "none"


def facts(device):
    """What `status --json` tells of a device; "driver" is there for every side."""
    return {"side": "host", "driver": "parley_vhost", "device": device["id"],
            **{k: v for k, v in device.items() if k != "id"}, "ring": ring_name(device),
            **{flag: device.get(flag, False) for flag in ("in_kernel", "iotlb", "logging")}}


def status_lines(devices):
    head = ["DEVICE", "KIND", "OWNER", "RUNNING", "WORKERS", "RING", "LIMIT", "STATE"]
    rows = []
    for d in devices:
        flags = [f for f in ("logging", "iotlb") if d.get(f)]
        rows.append([d["id"], d["name"], owner(d), f"{d['queues_running']}/{d['queues']}",
                     d["workers"], ring_name(d), show_limits(d["limits"]),
                     ",".join(flags) or "-"])
    return table(head, rows, ("DEVICE", "RUNNING", "WORKERS"))


def queue_lines(queues):
    head = ["QUEUE", "STATE", "SIZE", "IN-FLIGHT", "WORKER", "LANE", "LIMIT", "MODERATION",
            "POLLING"]
    rows = [[q["index"], q["state"], q["size"], q["in_flight"], q.get("worker_id", "-"),
             q["lane"], show_limits(q["limits"]), show_moderation(q["moderation"]),
             show_polling(q["polling"], q["polling_now_us"])] for q in queues]
    return table(head, rows, ("QUEUE", "SIZE", "IN-FLIGHT", "WORKER"))


def show_moderation(rule):
    if rule["max_reqs"] < 2:
        return "off"
    return f"{rule['max_reqs']} requests or {rule['max_us']} us"


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
    if args.json:
        print_json({**facts(device), "queue_list": queues, "worker_list": workers})
        return
    print("\n".join(status_lines([device])))
    if queues:
        print("\n" + "\n".join(queue_lines(queues)))


def status_of_all():
    """For `parley status`: ([device], what is in the way or None)."""
    if not loaded():
        return [], None
    try:
        host = Host()
    except Absent as e:
        return [], str(e)
    found = host.devices()
    host.close()
    return found, None
