# SPDX-License-Identifier: GPL-2.0-only
"""From kernel to kernel: what the next one is started with, and that the panic on
the way there is no failure while any other is."""

import io
import pathlib
import tempfile
import types
import unittest
from unittest import mock

from labkit import handover, initramfs, programs
from labkit.kernel import Kernel
from labkit.run import Run
from labkit.scenario import Scenario

PANIC = "[    9.0] Kernel panic - not syncing: "


def entries(archive):
    """{name: bytes} of a "newc" archive."""
    found, at = {}, 0
    while True:
        fields = [int(archive[at + n:at + n + 8], 16) for n in range(6, 110, 8)]
        size, named = fields[6], fields[11]
        name = archive[at + 110:at + 110 + named - 1].decode()
        start = (at + 110 + named + 3) & ~3
        if name == "TRAILER!!!":
            return found
        found[name] = archive[start:start + size]
        at = (start + size + 3) & ~3


class InitramfsTest(unittest.TestCase):
    """Files for the kernels that follow."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        for name in (*handover.TOOLS, "busybox", "fio", "shipped", "parley_x.ko"):
            (self.folder / name).write_text(f"this is {name}")
        self.kernel = Kernel("stock", "6.12.1", self.folder / "image", self.folder,
                             self.folder, shipped=self.folder / "shipped")
        for target, name, value in (
                (handover, "BIN", self.folder),
                (initramfs.shutil, "which", lambda _: str(self.folder / "busybox")),
                (programs, "collect", lambda _: {"bin/fio": self.folder / "fio"})):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def variables(self, scenario):
        """What @scenario's script is told."""
        return handover.variables(scenario, self.kernel, self.folder,
                                  [self.folder / "parley_x.ko"])

    def test_only_who_asks_gets_it(self):
        self.assertEqual(self.variables(Scenario("x")), {})

    def test_the_second_has_all_that_the_third_needs(self):
        told = self.variables(Scenario("x", handover=True))
        self.assertEqual(told["LAB_NEXT_KERNEL"], str(self.kernel.shipped))
        second = entries(pathlib.Path(told["LAB_NEXT_INITRD"]).read_bytes())
        self.assertEqual(second["boot/kernel"], b"this is shipped")
        third = entries(second["boot/initrd"])
        self.assertEqual(set(second) - set(third), {"boot", "boot/kernel", "boot/initrd"})
        for name in ("bin/busybox", "bin/fio", "bin/next-kernel", "bin/still",
                     "lib/00-parley_x.ko"):
            self.assertIn(b"this is ", third[name], name)
        self.assertIn(b"lab.kernel=", third["init"])
        self.assertIn(b"keep_busy", third["handover-lib.sh"])

    def test_no_archive_is_left_where_the_run_does_not_clean_up(self):
        self.variables(Scenario("x", handover=True))
        self.assertEqual({path.suffix for path in self.folder.glob("*cpio*")}, {".cpio"})


class PanicTest(unittest.TestCase):
    """A panic ends the run, but for one that the scenario allows."""

    def run_with(self, line):
        """A run that was told @line by its kernel."""
        run = Run(Scenario("x", allow=["sysrq triggered crash"]), io.StringIO())
        run.vm = types.SimpleNamespace(later=mock.Mock(),
                                       process=types.SimpleNamespace(kill=None))
        run.on_console(line)
        return run

    def test_the_way_into_a_crash_kernel(self):
        run = self.run_with(PANIC + "sysrq triggered crash")
        self.assertFalse(run.fatal)
        self.assertEqual(run.watch.reports, [])
        run.vm.later.assert_not_called()

    def test_any_other(self):
        run = self.run_with(PANIC + "Fatal exception")
        self.assertTrue(run.fatal)
        self.assertEqual(len(run.watch.reports), 1)
        run.vm.later.assert_called_once()


if __name__ == "__main__":
    unittest.main()
