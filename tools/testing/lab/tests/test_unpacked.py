# SPDX-License-Identifier: GPL-2.0-only
"""The kernel inside a bzImage."""

import struct
import subprocess
import unittest

from labkit import unpacked
from labkit.common import LabError

ELF = b"\x7fELF" + bytes(range(256)) * 20


def packed_by(*command):
    return subprocess.run(command, input=ELF, check=True, stdout=subprocess.PIPE).stdout


def image(payload, sects=3, offset=100, magic=b"HdrS", length=None):
    """A bzImage as the kernel makes it, without code."""
    head = bytearray((sects + 1) * unpacked.SECTOR + offset)
    head[unpacked.SETUP_SECTS] = sects
    head[unpacked.MAGIC:unpacked.MAGIC + 4] = magic
    payload += struct.pack("<I", len(ELF))
    struct.pack_into("<II", head, unpacked.PAYLOAD, offset,
                     len(payload) if length is None else length)
    return bytes(head) + payload + b"what follows it"


class Unpacked(unittest.TestCase):
    """Both ways in which Debian packs its kernels, and what is no kernel."""

    def test_packers(self):
        for command in (("zstd", "-c"), ("xz", "-c", "--check=crc32")):
            with self.subTest(command=command):
                self.assertEqual(unpacked.unpack(image(packed_by(*command))), ELF)

    def test_no_setup_sectors_are_four(self):
        data = bytearray(image(packed_by("xz", "-c"), sects=4))
        data[unpacked.SETUP_SECTS] = 0
        self.assertEqual(unpacked.unpack(bytes(data)), ELF)

    def test_refused(self):
        for what, data in (
                ("no header", image(packed_by("xz", "-c"), magic=b"....")),
                ("nothing in it", image(b"", length=0)),
                ("beyond the end", image(packed_by("xz", "-c"), length=1 << 20)),
                ("unknown", image(b"unknown packer")),
                ("cut short", b"MZ" + bytes(0x300))):
            with self.subTest(what=what), self.assertRaises(LabError):
                unpacked.unpack(data)


if __name__ == "__main__":
    unittest.main()
