# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel and which QEMU a scenario gets, and where its modules are built."""

import pathlib
import tempfile
import unittest
from unittest import mock

from labkit import emulators, modules, stock
from labkit.kernel import Kernel


class KernelTest(unittest.TestCase):
    """Kernels in the cache."""

    def test_the_newest_is_taken(self):
        """By numbers, and never one that is still being fetched."""
        with tempfile.TemporaryDirectory() as cache, \
                mock.patch.object(stock, "CACHE", pathlib.Path(cache)):
            for name in ("stock-6.12.9+deb12-amd64", "stock-6.12.118+deb13-amd64",
                         "stock-6.12.200+deb13-amd64.new", "stock-7.3.4+deb13-amd64"):
                (pathlib.Path(cache) / name).mkdir()
            self.assertEqual(stock.newest("stock-6.12.*").name,
                             "stock-6.12.118+deb13-amd64")
            self.assertIsNone(stock.newest("stock-6.1.*"))
            self.assertEqual(stock.newest_release(), "7.3.4+deb13-amd64")

    def test_where_modules_are_built(self):
        """On the machine, or below the root that a kernel brings."""
        where = pathlib.Path("/usr/src/headers")
        here = Kernel("stock", "6.12.1", where, where, where)
        words = modules.command(here, "/out")
        self.assertIn("unshare", words[0])
        self.assertEqual(words[words.index("make"):][:4],
                         ["make", "-C", where, f"M={modules.ROOT}"])
        self.assertEqual(words[words.index("make") - 2:words.index("make")],
                         ["/out", modules.ROOT])
        home = pathlib.Path("/cache/root")
        there = Kernel("stock-7.3", "7.3.1", where, where, home / "usr/src/headers", home)
        words = modules.command(there, "/out")
        self.assertIn("unshare", words[0])
        self.assertEqual(words[words.index("make"):][:4],
                         ["make", "-C", where, "M=/tmp/out"])


class EmulatorTest(unittest.TestCase):
    """The distribution's QEMU, unless a scenario wants more than it can do."""

    def command(self, own, wanted):
        """(the command, whether anything was fetched) where the own version is @own."""
        def version(program):
            return own if program == "own" else 10
        with mock.patch.object(emulators, "need", return_value="own"), \
                mock.patch.object(emulators, "version", version), \
                mock.patch.object(emulators.packages, "unpack",
                                  return_value=pathlib.Path("/cache/qemu")) as unpack:
            return emulators.command(wanted), unpack.called

    def test_stock_is_the_rule(self):
        self.assertEqual(self.command(7, ""), (["own"], False))
        self.assertEqual(self.command(10, "10"), (["own"], False))

    def test_a_newer_one_is_fetched(self):
        words, fetched = self.command(7, "10")
        self.assertTrue(fetched)
        self.assertEqual(words[0], "/cache/qemu/usr/bin/qemu-system-x86_64")
        self.assertEqual(words[1::2], ["-L", "-L"])

    def test_one_that_is_too_old_is_refused(self):
        with self.assertRaisesRegex(emulators.LabError, "no QEMU 11"):
            self.command(7, "11")


if __name__ == "__main__":
    unittest.main()
