# SPDX-License-Identifier: GPL-2.0-only
"""Says to which layer of a guest's kernel an address belongs."""
import bisect
import collections

# Files of the kernel that are linked side by side: from the first symbol up to,
# but not including, the second. drivers/virtio ends with virtio_pci's vp_*.
BLOCK = ("I_BDEV", "__traceiter_io_uring_create")
VIRTIO = "virtio_reset_device"
VIRTIO_LAST = "vp_"
# The block layer's tags live in lib/.
TAGS = ("sbitmap_", "__sbitmap_")
DRIVER_MODULES = ("virtio_blk", "parley_core", "parley_guest", "parley_pci",
                  "parley_blk")


class Symbols:
    """The guest's /proc/kallsyms."""

    def __init__(self, path):
        table = []
        with open(path, encoding="ascii", errors="replace") as lines:
            for line in lines:
                words = line.split()
                module = words[3].strip("[]") if len(words) > 3 else ""
                if words[1] in "tTwW" and not words[2].startswith("__pfx_"):
                    table.append((int(words[0], 16), words[2], module))
        table.sort()
        self.table = table
        self.addresses = [address for address, _, _ in table]
        named = {name: address for address, name, module in table
                 if not module}
        self.block = (named[BLOCK[0]], named[BLOCK[1]])
        self.virtio = (named[VIRTIO],
                       max(address for name, address in named.items()
                           if name.startswith(VIRTIO_LAST)) + 1)

    def at(self, address):
        """(address, name, module) of the symbol at a bucket's address.

        A bucket has 16 bytes and so has the kernel's function alignment; a
        symbol that begins inside the bucket is the one that has code there.
        """
        index = bisect.bisect_right(self.addresses, address + 15) - 1
        return self.table[index]

    def layer(self, address):
        """"driver", "block" or "rest"."""
        start, name, module = self.at(address)
        if module in DRIVER_MODULES:
            return "driver"
        if module:
            return "rest"
        if self.virtio[0] <= start < self.virtio[1]:
            return "driver"
        if self.block[0] <= start < self.block[1] or name.startswith(TAGS):
            return "block"
        return "rest"

    def by_symbol(self, code):
        """{(layer, name): instructions} of {address: instructions}."""
        found = collections.Counter()
        for address, count in code.items():
            _, name, module = self.at(address)
            found[self.layer(address),
                  f"{name} [{module}]" if module else name] += count
        return found
