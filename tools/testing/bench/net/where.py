# SPDX-License-Identifier: GPL-2.0-only
"""What the plugin counted at two levels, by the function that it was executed in."""
import collections
import dataclasses

import layers

# What a pair of driver and back end is made of; the rest is linked into the kernel, see
# layers.py. Not the tap, which all have.
PAIR = ("parley", "vhost", "virtio_net", "net_failover")


@dataclasses.dataclass
class Window:
    """One of the plugin's windows: {address: instructions} of both kernels, what each
    level's user space executed, and the repeats of string instructions."""
    host_user: int
    guest_user: int
    repeats: int
    host: dict = dataclasses.field(default_factory=dict)
    guest: dict = dataclasses.field(default_factory=dict)


def windows(path):
    """The plugin's windows, in order."""
    found = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            where, count, *rest = line.split()
            if where == "window":
                found.append(Window(int(count), int(rest[1]), int(rest[2]) + int(rest[3])))
            elif rest != ["reach"]:
                window = found[-1]
                code = window.guest if rest else window.host
                code[int(where, 16)] = int(count)
    return found


class Where:
    """The symbols of host and guest, as net/inside.py handed them out in @folder."""

    def __init__(self, folder):
        self.host = layers.Symbols(folder / "symbols")
        self.guest = layers.Symbols(folder / "inner-symbols")

    @staticmethod
    def by_symbol(symbols, code):
        """{(name, module): instructions}, of the host or of the guest."""
        found = collections.Counter()
        for address, count in code.items():
            found[symbols.at(address)] += count
        return found

    def _pair(self, symbols, code):
        first, end = symbols.virtio
        return sum(count for (start, _, module), count in
                   self.by_symbol(symbols, code).items()
                   if module.startswith(PAIR) or not module and first <= start < end)

    def figures(self, window, packets):
        """What a row has of its window, per packet."""
        found = {"host": sum(window.host.values()) + window.host_user,
                 "guest": sum(window.guest.values()) + window.guest_user,
                 "back end": self._pair(self.host, window.host),
                 "driver": self._pair(self.guest, window.guest),
                 "repeats": window.repeats}
        return {what: count / packets for what, count in found.items()}
