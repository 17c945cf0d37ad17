# SPDX-License-Identifier: GPL-2.0-only
"""What the plugin counted at two levels, by whose it is and by parts of our modules."""
import collections
import dataclasses
import re
import subprocess

import layers

# What our modules are made of: the first that the path of a source file matches.
PARTS = (("policy", r"/policy/|/policy[^/]*$"),
         ("gate", r"/gate/|/gate[^/]*$"),
         ("controller", r"/nvme/emu/"),
         ("mediated device", r"/nvme/mdev/"),
         ("function", r"/nvme/(vf|ctrl)/"))
OURS = "drivers/vfio"
MODULES = 0xffffffffc0000000    # and above, as in guest/plugin.c


@dataclasses.dataclass
class Window:
    """One of the plugin's windows: instructions in all, and {address: instructions} of
    the host's modules, by themselves and with what they reach."""
    host: int = 0
    guest: int = 0
    own: dict = dataclasses.field(default_factory=dict)
    reach: dict = dataclasses.field(default_factory=dict)


def windows(path):
    """The plugin's windows, in order."""
    found = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            where, count, *rest = line.split()
            if where == "window":
                found.append(Window(int(count), int(rest[1])))
                continue
            window, address = found[-1], int(where, 16)
            if rest == ["inner"]:
                window.guest += int(count)
                continue
            if not rest:
                window.host += int(count)
            if address >= MODULES:
                (window.reach if rest else window.own)[address] = int(count)
    return found


def part_of(path):
    """The part that a source file belongs to, or None."""
    return next((name for name, where in PARTS if re.search(where, path)), None)


class Parts:
    """Which part code of the host's modules belongs to: @kallsyms is the host's, and
    its modules were built in the folder @built."""

    def __init__(self, kallsyms, built):
        self.symbols = layers.Symbols(kallsyms)
        self.part = {}
        for source in (built / OURS).rglob("*.c"):
            made = source.with_suffix(".o")
            name = part_of(f"/{source.relative_to(built)}")
            if name and made.exists():
                self.part |= dict.fromkeys(self._functions(made), name)

    @staticmethod
    def _functions(made):
        said = subprocess.run(["nm", "--defined-only", made], check=True, text=True,
                              stdout=subprocess.PIPE).stdout
        return [line.split()[2] for line in said.splitlines()
                if line.split()[1] in "tTwW"]

    def sums(self, code):
        """{part: instructions} of {address: instructions}."""
        found = collections.Counter()
        for address, count in code.items():
            _, name, module = self.symbols.at(address)
            if module.startswith("parley"):
                found[self.part.get(name)] += count
        return found
