# SPDX-License-Identifier: GPL-2.0-only
"""The driver's side of split and packed rings, in shared memory, for tests.

Both have the same four verbs: put a request of three pieces, kick, take what
was completed, and say what QEMU would send as a base. The processors they run on
keep stores in order, which is all the ordering they rely on.
"""

import os
import struct

NEXT, WRITE = 1, 2
AVAIL, USED = 1 << 7, 1 << 15


class Ring:
    """What both formats share: eventfds, and who is free."""

    def __init__(self, mem, offset, num):
        self.mem, self.offset, self.num = mem, offset, num
        self.words = memoryview(mem).cast("H")
        self.kick = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.call = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.err = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.free = list(range(num // 3))
        mem[offset:offset + self.size] = bytes(self.size)

    size = 0x8000

    def notify(self):
        """Tell the device."""
        os.eventfd_write(self.kick, 1)

    def load(self, at):
        """A 16-bit word that the device writes."""
        return self.words[at // 2]

    def store(self, at, value):
        """A 16-bit word that the device reads."""
        self.words[at // 2] = value

    def room(self):
        """Can a request be put?"""
        return bool(self.free)


class Split(Ring):
    """A split ring: descriptors, then 16 KiB on the available ring, then the used
    one."""

    packed = False

    def __init__(self, mem, offset, num):
        super().__init__(mem, offset, num)
        self.desc, self.driver, self.device = offset, offset + 0x4000, offset + 0x6000
        self.avail = self.seen = 0

    def put(self, pieces):
        """Three pieces of (address, length, written by the device); returns its
        id."""
        slot = self.free.pop()
        for i, (addr, length, write) in enumerate(pieces):
            n = 3 * slot + i
            flags = (NEXT if i < 2 else 0) | (WRITE if write else 0)
            struct.pack_into("<QIHH", self.mem, self.desc + 16 * n, addr, length, flags,
                             n + 1 if i < 2 else 0)
        self.store(self.driver + 4 + 2 * (self.avail % self.num), 3 * slot)
        self.avail = (self.avail + 1) & 0xffff
        self.store(self.driver + 2, self.avail)
        return slot

    def take(self):
        """Ids of what was completed since."""
        done = []
        used = self.load(self.device + 2)
        while self.seen != used:
            head, _ = struct.unpack_from("<II", self.mem,
                                         self.device + 4 + 8 * (self.seen % self.num))
            done.append(head // 3)
            self.seen = (self.seen + 1) & 0xffff
        self.free += done
        return done

    def first_base(self):
        """What a VMM sends that never heard from the device: QEMU takes the used
        index."""
        return self.seen


class Packed(Ring):
    """A packed ring; requests keep their three descriptors together."""

    packed = True

    def __init__(self, mem, offset, num):
        super().__init__(mem, offset, num)
        self.desc, self.driver, self.device = offset, offset + 0x4000, offset + 0x6000
        self.next, self.wrap = 0, True
        self.used, self.used_wrap = 0, True

    def put(self, pieces):
        """As Split.put()."""
        slot = self.free.pop()
        head = head_flags = None
        for i, (addr, length, write) in enumerate(pieces):
            flags = (NEXT if i < 2 else 0) | (WRITE if write else 0)
            flags |= AVAIL if self.wrap else USED
            at = self.desc + 16 * self.next
            struct.pack_into("<QIH", self.mem, at, addr, length, slot)
            if i:
                self.store(at + 14, flags)
            else:
                head, head_flags = at, flags
            self.next += 1
            if self.next == self.num:
                self.next, self.wrap = 0, not self.wrap
        self.store(head + 14, head_flags)
        return slot

    def take(self):
        """As Split.take()."""
        done = []
        while True:
            at = self.desc + 16 * self.used
            flags = self.load(at + 14)
            if bool(flags & AVAIL) != self.used_wrap or bool(flags & USED) != self.used_wrap:
                break
            slot = self.load(at + 12)
            done.append(slot)
            self.used += 3
            if self.used >= self.num:
                self.used, self.used_wrap = self.used - self.num, not self.used_wrap
        self.free += done
        return done

    def first_base(self):
        """QEMU cannot know: it sends what it knew when the device started."""
        return 0x80008000
