# SPDX-License-Identifier: GPL-2.0-only
"""What an inner guest has in its memory: copied and compared from outside.

QEMU maps a memfd, which another process can read without QEMU's doing.
"""

import mmap
import os
import struct
import time

PAGE = 4096
CHUNK = 1 << 20
# An image of patterns: each 8 bytes hold their own offset and the disk's mark.
MARK_SHIFT = 40
MARKS = 16
DAY = 86400


class Memory:
    """The memory in a file, for as long as this object lives."""

    def __init__(self, path):
        with open(path, "rb") as handle:
            self.map = mmap.mmap(handle.fileno(), 0, prot=mmap.PROT_READ)

    def copy(self):
        """Its bytes as they are now; a running guest changes them meanwhile."""
        return bytes(self.map)

    def close(self):
        """Let the pages go."""
        self.map.close()


def differing(one, other):
    """Offsets of the pages in which two memories of one size differ."""
    # Slices are bytes, which compare as a whole; memoryviews do so by item.
    found = []
    for chunk in range(0, len(one), CHUNK):
        if one[chunk:chunk + CHUNK] == other[chunk:chunk + CHUNK]:
            continue
        found += [page for page in range(chunk, min(chunk + CHUNK, len(one)), PAGE)
                  if one[page:page + PAGE] != other[page:page + PAGE]]
    return found


def span(one, other, page):
    """First and last offset in @page at which two memories differ."""
    at = [n for n in range(page, page + PAGE) if one[n] != other[n]]
    return at[0], at[-1]


def is_wall_clock(one, other, page):
    """Whether all that differs in @page is KVM's wall clock: a version, seconds
    and nanoseconds, which KVM writes anew where the guest arrives."""
    first, last = span(one, other, page)
    if first % 4 or last - first >= 12:
        return False
    times = [struct.unpack_from("<IIi", memory, first)[1] for memory in (one, other)]
    return all(abs(seconds - time.time()) < DAY for seconds in times)


def explain(one, other, pages):
    """Where and how the first few of @pages differ, for people."""
    lines = []
    for page in pages[:8]:
        first, last = span(one, other, page)
        lines.append(f"{first:#x} to {last:#x}: {one[first:first + 16].hex()} and "
                     f"{other[first:first + 16].hex()}")
    return "\n".join(lines)


def write_pattern(path, mark, size):
    """Fill the first @size bytes of an image with the pattern of @mark."""
    with open(path, "r+b") as handle:
        for start in range(0, size, CHUNK):
            words = range(start, start + CHUNK, 8)
            base = mark << MARK_SHIFT
            handle.write(struct.pack(f"<{len(words)}Q",
                                     *(base | word for word in words)))
        handle.flush()
        os.fsync(handle.fileno())


def block(memory, page):
    """The first word of @page, if that holds a block of a pattern; or 0."""
    words = struct.unpack_from(f"<{PAGE // 8}Q", memory, page)
    known = 0 < words[0] >> MARK_SHIFT < MARKS
    return words[0] if known and \
        words == tuple(range(words[0], words[0] + PAGE, 8)) else 0


def blocks(memory):
    """The pages that hold blocks of a pattern: {page: its first word}."""
    with memoryview(memory) as view, view.cast("Q") as words:
        firsts = words[::PAGE // 8].tolist()
    pages = [number * PAGE for number, first in enumerate(firsts)
             if 0 < first >> MARK_SHIFT < MARKS]
    return {page: first for page in pages if (first := block(memory, page))}


def mark(word):
    """Which disk's pattern a word belongs to."""
    return word >> MARK_SHIFT
