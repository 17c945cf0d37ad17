# SPDX-License-Identifier: GPL-2.0-only
"""What is said of two memories must be true: they are compared to find what a
dirty log missed."""

import pathlib
import struct
import tempfile
import time
import unittest

from labkit import memory

SIZE = 4 * memory.CHUNK


class Memories(unittest.TestCase):
    """Two memories that differ in what each test writes."""

    def setUp(self):
        self.one, self.other = bytearray(SIZE), bytearray(SIZE)

    def test_equal(self):
        """Nothing is found where nothing is."""
        self.assertEqual(memory.differing(self.one, self.other), [])

    def test_one_byte(self):
        """The first and the last byte of a page, a chunk, and all."""
        for at in (0, memory.PAGE - 1, memory.CHUNK, SIZE - 1):
            self.setUp()
            self.other[at] = 1
            self.assertEqual(memory.differing(self.one, self.other),
                             [at - at % memory.PAGE])

    def test_wall_clock(self):
        """Only version, seconds and nanoseconds are forgiven."""
        now = int(time.time())
        struct.pack_into("<III", self.one, 64, 2, now - 5, 7)
        struct.pack_into("<III", self.other, 64, 4, now, 99)
        self.assertTrue(memory.is_wall_clock(self.one, self.other, 0))
        self.other[76] = 1
        self.assertFalse(memory.is_wall_clock(self.one, self.other, 0))
        self.other[76] = 0
        struct.pack_into("<I", self.other, 68, now // 2)
        self.assertFalse(memory.is_wall_clock(self.one, self.other, 0))

    def test_pattern(self):
        """A block is one only if it is whole, and knows its disk."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "image"
            path.write_bytes(bytes(SIZE))
            memory.write_pattern(path, 3, SIZE)
            data = bytearray(path.read_bytes())
        self.one[:memory.PAGE] = data[memory.PAGE:2 * memory.PAGE]
        found = memory.blocks(self.one)
        self.assertEqual([(page, memory.mark(word)) for page, word in
                          found.items()], [(0, 3)])
        self.one[memory.PAGE - 1] ^= 1
        self.assertEqual(memory.blocks(self.one), {})

