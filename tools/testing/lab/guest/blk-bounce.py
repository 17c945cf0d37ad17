#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Move data through requests of so many pieces each, and compare every byte.

  blk-bounce.py DISK PIECES...

A piece is a page; the pages of a request follow each other in no order, so that
hardly two of them are neighbours in memory, where the kernel would make one
piece of both. What goes one way in one request goes the other way page by page.
"""
import mmap
import os
import random
import sys

PAGE = 4096


def pages(count):
    """So many pages in random order, of memory of their own."""
    memory = mmap.mmap(-1, count * PAGE)
    memory[:] = bytes(count * PAGE)
    view = memoryview(memory)
    order = random.sample(range(count), count)
    return [view[n * PAGE:(n + 1) * PAGE] for n in order]


def page_by_page(move, disk, buffers, start):
    for n, buffer in enumerate(buffers):
        if move(disk, [buffer], start + n * PAGE) != PAGE:
            sys.exit(f"page {n} was moved in part")


def at_once(move, disk, buffers, start):
    moved = move(disk, buffers, start)
    if moved != len(buffers) * PAGE:
        sys.exit(f"{moved} of {len(buffers) * PAGE} bytes were moved")


def compare(got, wanted, start):
    for n, (one, other) in enumerate(zip(got, wanted)):
        if one != other:
            sys.exit(f"page {n} at {start}: {bytes(one[:16]).hex()} "
                     f"where {bytes(other[:16]).hex()} was written")


def main():
    disk = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
    ways = [(at_once, page_by_page), (page_by_page, at_once), (at_once, at_once)]
    start = 0
    for count in map(int, sys.argv[2:]):
        for write, read in ways:
            source, target = pages(count), pages(count)
            for page in source:
                page[:] = random.randbytes(PAGE)
            write(os.pwritev, disk, source, start)
            read(os.preadv, disk, target, start)
            compare(target, source, start)
        start += count * PAGE


main()
