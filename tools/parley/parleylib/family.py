# SPDX-License-Identifier: GPL-2.0-only
"""The netlink family "parley" as tables: Documentation/netlink/specs/parley.yaml
without what only people read. A test holds the two against each other.

Attributes are numbered from 1 in this order, as in the specification. A type is
u32, u64, string, flag, pad, the name of another set, or that of an enumeration.
"""

NAME = "parley"
VERSION = 1
GROUP = "monitor"

LIMIT_MAX = 4398046511104
MODERATION_MAX_REQS = 32768
MODERATION_MAX_US = 100000
POLLING_MAX_US = 10000
POLLING_MAX_BUDGET = 100
POOL_NAME_MAX = 31
POOL_THREADS_MAX = 64
POOL_WEIGHT_MAX = 1000

ENUMS = {
    "lane": ("latency", "normal", "bulk"),
    "queue-state": ("idle", "running", "stopping", "broken"),
}

SETS = {
    "limits": (("pad", "pad"), ("ops-rate", "u64"), ("ops-burst", "u64"),
               ("bytes-rate", "u64"), ("bytes-burst", "u64"), ("ops-guaranteed", "u64"),
               ("bytes-guaranteed", "u64")),
    "moderation": (("max-reqs", "u32"), ("max-us", "u32"), ("adaptive", "u32")),
    "polling": (("max-us", "u32"), ("budget", "u32")),
    "device": (("pad", "pad"), ("id", "u32"), ("name", "string"), ("virtio-id", "u32"),
               ("owner-pid", "u32"), ("in-kernel", "flag"), ("features", "u64"),
               ("backend-features", "u64"), ("queues", "u32"), ("queues-running", "u32"),
               ("workers", "u32"), ("memory-regions", "u32"), ("iotlb", "flag"),
               ("logging", "flag"), ("log-errors", "u64"), ("limits", "limits"),
               ("throttled", "u64"), ("backend-id", "u32"), ("pool", "string"),
               ("pool-class", "lane"), ("pool-weight", "u32"), ("features-high", "u64")),
    "backend": (("pad", "pad"), ("id", "u32"), ("path", "string"), ("devices", "u32"),
                ("kept", "u32"), ("limits", "limits"), ("throttled", "u64"),
                ("name", "string")),
    "kept": (("pad", "pad"), ("backend-id", "u32"), ("name", "string"), ("dev-id", "u32"),
             ("limits", "limits"), ("queues-limited", "u32")),
    "queue-stats": (("pad", "pad"), ("kicks", "u64"), ("rounds", "u64"), ("requests", "u64"),
                    ("bytes-read", "u64"), ("bytes-written", "u64"), ("calls", "u64"),
                    ("calls-suppressed", "u64"), ("calls-moderated", "u64"),
                    ("throttled", "u64"), ("weight-yields", "u64"), ("errors", "u64")),
    "ring-stats": (("pad", "pad"), ("taken", "u64"), ("completed", "u64"),
                   ("publishes", "u64"), ("notified", "u64"), ("suppressed", "u64"),
                   ("errors", "u64")),
    "queue": (("pad", "pad"), ("dev-id", "u32"), ("index", "u32"), ("state", "queue-state"),
              ("size", "u32"), ("joined", "flag"), ("in-flight", "u32"),
              ("worker-id", "u32"), ("lane", "lane"), ("limits", "limits"),
              ("moderation", "moderation"), ("polling", "polling"),
              ("polling-now-us", "u32"), ("stats", "queue-stats"),
              ("ring-stats", "ring-stats"), ("backend-id", "u32"), ("oldest-ms", "u32")),
    "worker-stats": (("pad", "pad"), ("rounds", "u64"), ("sleeps", "u64"), ("wakeups", "u64"),
                     ("polls", "u64"), ("poll-hits", "u64"), ("poll-ns", "u64"),
                     ("busy-ns", "u64")),
    "worker": (("pad", "pad"), ("dev-id", "u32"), ("id", "u32"), ("node", "u32"),
               ("killed", "flag"), ("queues", "u32"), ("stats", "worker-stats")),
    "pool-stats": (("pad", "pad"), ("turns", "u64"), ("wakeups", "u64"), ("stalls", "u64"),
                   ("hurries", "u64")),
    "pool": (("pad", "pad"), ("name", "string"), ("threads", "u32"), ("one-vm", "flag"),
             ("devices", "u32"), ("workers", "u32"), ("seats", "u32"), ("active", "u32"),
             ("waiting", "u32"), ("stats", "pool-stats"), ("dev-id", "u32"),
             ("class", "lane"), ("weight", "u32")),
}

# Commands, numbered from 1: each with the set of its attributes.
COMMANDS = {
    "dev-get": "device",
    "dev-add-ntf": "device",
    "dev-del-ntf": "device",
    "queue-get": "queue",
    "worker-get": "worker",
    "limit-set": "queue",
    "moderation-set": "queue",
    "polling-set": "queue",
    "lane-set": "queue",
    "backend-get": "backend",
    "kept-get": "kept",
    "backend-forget": "backend",
    "pool-get": "pool",
    "pool-add": "pool",
    "pool-set": "pool",
    "pool-remove": "pool",
    "pool-attach": "pool",
    "pool-detach": "pool",
}


def number(command):
    return list(COMMANDS).index(command) + 1
