# SPDX-License-Identifier: GPL-2.0-only
"""Talking to the netlink family, through pyroute2 (Debian: python3-pyroute2).

Values go in and come out as dictionaries by the names of the specification;
enumerations as their names, flags as True.
"""
import errno
import os

from . import family
from .common import Absent, Failure

PYROUTE2_TYPES = {"u32": "uint32", "u64": "uint64", "string": "asciiz", "flag": "flag",
                  "pad": "none"}


def load():
    """pyroute2's names that we use; it takes a while, so only who needs it pays."""
    try:
        from pyroute2 import netlink                        # pylint: disable=C0415
        from pyroute2.netlink import exceptions, generic    # pylint: disable=C0415
    except ImportError:
        raise Absent("devices of the host are reached through pyroute2: "
                     "apt-get install python3-pyroute2") from None
    return netlink, generic, exceptions


def attribute_class(netlink, name):
    """The pyroute2 class of a set of attributes, and those nested in it."""
    members = {"prefix": "", "nla_flags": netlink.NLA_F_NESTED}
    rows = []
    for n, (attr, kind) in enumerate(family.SETS[name], 1):
        if kind in family.SETS:
            members[f"nest_{kind.replace('-', '_')}"] = attribute_class(netlink, kind)
            kind = f"nest_{kind.replace('-', '_')}"
        elif kind in family.ENUMS:
            kind = "uint32"
        else:
            kind = PYROUTE2_TYPES[kind]
        rows.append((n, attr, kind))
    members["nla_map"] = tuple(rows)
    return type(name, (netlink.nla,), members)


def message_class(netlink, name):
    nested = attribute_class(netlink, name)
    members = {k: v for k, v in vars(nested).items() if k.startswith("nest_")}
    members.update(prefix="", nla_map=nested.nla_map)
    return type(f"{name}-message", (netlink.genlmsg,), members)


def encode(name, values):
    """{"lane": "bulk"} as pyroute2 wants it."""
    kinds = dict(family.SETS[name])
    attrs = []
    for attr, value in values.items():
        kind = kinds[attr]
        if kind in family.SETS:
            value = encode(kind, value)
        elif kind in family.ENUMS:
            value = family.ENUMS[kind].index(value)
        attrs.append((attr, value))
    return {"attrs": attrs}


def decode(name, message):
    kinds = dict(family.SETS[name])
    values = {}
    for attr, value in message.get("attrs", ()):
        kind = kinds.get(attr)      # a newer kernel may have more
        if kind in (None, "pad"):
            continue
        if kind in family.SETS:
            value = decode(kind, value)
        elif kind in family.ENUMS:
            names = family.ENUMS[kind]
            value = names[value] if value < len(names) else str(value)
        elif kind == "flag":
            value = True
        values[attr] = value
    return values


class Family:
    """The family, in the namespace of this process."""

    def __init__(self):
        self.netlink, self.generic, self.exceptions = load()
        self.classes = {s: message_class(self.netlink, s)
                        for s in set(family.COMMANDS.values())}
        self.socket = self.generic.GenericNetlinkSocket(ext_ack=True, strict_check=True)
        self.socket.module_err_level = "debug"      # we say it ourselves
        try:
            self.socket.bind(family.NAME, self.netlink.genlmsg)
        except self.exceptions.NetlinkError as e:
            self.socket.close()
            if e.code != errno.ENOENT:
                raise Failure(f"netlink: {e.args[1]}") from None
            raise Absent("this kernel has no netlink family 'parley': modprobe parley_vhost_blk "
                         "(and stay in the initial network namespace)") from None

    def close(self):
        self.socket.close()

    def _request(self, command, values, flags):
        name = family.COMMANDS[command]
        self.socket.marshal.msg_map[self.socket.prid] = self.classes[name]
        message = self.classes[name]()
        message["cmd"], message["version"] = family.number(command), family.VERSION
        message["attrs"] = encode(name, values)["attrs"]
        try:
            answers = self.socket.nlm_request(message, msg_type=self.socket.prid,
                                              msg_flags=self.netlink.NLM_F_REQUEST | flags)
            return [decode(name, a) for a in answers if "attrs" in a]
        except self.exceptions.NetlinkError as e:
            raise Failure(explain(command, e)) from None

    def get(self, command, **values):
        return self._request(command, dashed(values), 0)[0]

    def dump(self, command, **values):
        return self._request(command, dashed(values), self.netlink.NLM_F_DUMP)

    def set(self, command, **values):
        self._request(command, dashed(values), self.netlink.NLM_F_ACK)


def dashed(values):
    """Python's names as those of the specification."""
    return {k.replace("_", "-"): dashed(v) if isinstance(v, dict) else v
            for k, v in values.items() if v is not None}


def underscored(values):
    """And back, for JSON."""
    return {k.replace("-", "_"): underscored(v) if isinstance(v, dict) else v
            for k, v in values.items()}


# What a command does, for people: its name is for who reads the specification.
DOING = {
    "dev-get": "cannot show the device",
    "queue-get": "cannot show the queue",
    "worker-get": "cannot show the workers",
    "limit-set": "cannot set the limit",
    "moderation-set": "cannot set the moderation",
    "polling-set": "cannot set the polling",
    "lane-set": "cannot set the lane",
    "backend-get": "cannot show the back end",
    "kept-get": "cannot show the limits that are kept",
    "backend-forget": "cannot forget the limits",
    "pool-get": "cannot show the pools",
    "pool-add": "cannot make the pool",
    "pool-set": "cannot change the pool",
    "pool-remove": "cannot remove the pool",
    "pool-attach": "cannot attach the device",
    "pool-detach": "cannot detach the device",
}


def explain(command, error):
    if error.code == errno.EPERM:
        return f"{DOING[command]}: only who has CAP_NET_ADMIN may do this; try sudo"
    text = error.args[1] if len(error.args) > 1 and error.args[1] else os.strerror(error.code)
    return f"{DOING[command]}: {text}"
