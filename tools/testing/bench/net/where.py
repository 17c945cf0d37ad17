# SPDX-License-Identifier: GPL-2.0-only
"""What the plugin counted at two levels, by the function that it was executed in."""
import collections
import dataclasses

import layers


@dataclasses.dataclass
class Window:
    """One of the plugin's windows: {address: instructions} of both kernels, and what
    each level's user space executed."""
    host_user: int = 0
    guest_user: int = 0
    host: dict = dataclasses.field(default_factory=dict)
    guest: dict = dataclasses.field(default_factory=dict)


def windows(path):
    """The plugin's windows, in order."""
    found = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            where, count, *rest = line.split()
            if where == "window":
                found.append(Window(int(count), int(rest[1])))
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
    def _by_symbol(symbols, code, user, packets):
        found = collections.Counter({"user space": user})
        for address, count in code.items():
            _, name, module = symbols.at(address)
            found[f"{name} [{module}]" if module else name] += count
        return {name: count / packets for name, count in found.items()}

    def figures(self, window, packets):
        """What a row has of its window, per packet."""
        host = self._by_symbol(self.host, window.host, window.host_user, packets)
        guest = self._by_symbol(self.guest, window.guest, window.guest_user, packets)
        return {"host": sum(host.values()), "guest": sum(guest.values()),
                "host by": host, "guest by": guest}
