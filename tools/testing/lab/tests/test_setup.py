# SPDX-License-Identifier: GPL-2.0-only
"""How a scenario file becomes images and a command line."""

import io
import pathlib
import tempfile
import unittest

from labkit import machine, modules, run, scenario
from labkit.common import LabError
from labkit.kernel import Kernel

TOML = """
summary = "${format} with ${queues}"
script = "stock-blk.sh"
timeout = "${limit}"
[matrix]
queues = [1, 4]
[[variant]]
name = "split"
format = "off"
limit = 10
[[variant]]
name = "packed"
format = "on"
limit = 20
[[device]]
driver = "virtio-blk-pci"
packed = "${format}"
num-queues = "${queues}"
"""


def load(text, script=None, **included):
    """The scenarios of a file with @text in it, and of those that it includes."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "sample.toml"
        path.write_text(text, encoding="utf-8")
        (path.parent / "include").mkdir()
        for name, said in included.items():
            (path.parent / "include" / f"{name}.toml").write_text(said, encoding="utf-8")
        return scenario.load_file(path, script)


class ScenarioTest(unittest.TestCase):
    """Scenario files."""

    def test_matrix_times_variants(self):
        found = load(TOML)
        self.assertEqual([s.name for s in found],
                         ["sample[queues=1,split]", "sample[queues=1,packed]",
                          "sample[queues=4,split]", "sample[queues=4,packed]"])
        self.assertEqual(found[3].device[0], {"driver": "virtio-blk-pci",
                                              "packed": "on",
                                              "num-queues": "4"})
        self.assertEqual(found[3].timeout, 20)

    def test_what_is_included_comes_first_and_gives_way(self):
        found, = load('script = "stock-blk.sh"\ninclude = ["a", "b"]\nmem = "2G"\n'
                      'modules = ["own"]', a='modules = ["a"]\nmem = "1G"',
                      b='modules = ["b"]\nmachine = "q35"')
        self.assertEqual((found.modules, found.mem, found.machine),
                         (["b", "a", "own"], "2G", "q35"))

    def test_what_is_repeated_comes_last(self):
        found, = load('script = "stock-blk.sh"\ninclude = ["a"]\nqemu = ["-S"]',
                      a='[repeat]\nfirst = 2\nlast = 3\nqemu = ["-n", "x${n}"]')
        self.assertEqual(found.qemu, ["-S", "-n", "x2", "-n", "x3"])

    def test_a_wrong_key_is_refused(self):
        with self.assertRaisesRegex(LabError, "unknown keys moduls"):
            load('moduls = ["a"]\nscript = "stock-blk.sh"')

    def test_a_missing_script_is_refused(self):
        with self.assertRaisesRegex(LabError, "no guest script"):
            load('summary = "x"')

    def test_a_shell_needs_no_script(self):
        found, = load('summary = "x"', "shell.sh")
        self.assertEqual(found.script_path.name, "shell.sh")


class MachineTest(unittest.TestCase):
    """Images and arguments."""

    def test_lba_pattern_tells_its_place(self):
        data = io.BytesIO()
        machine.fill(data, (1 << 20) + 4096, "lba")
        self.assertEqual(len(data.getvalue()), (1 << 20) + 4096)
        at = (1 << 20) + 512
        self.assertEqual(data.getvalue()[at:at + 8], at.to_bytes(8, "little"))

    def test_random_pattern_repeats(self):
        first, second = io.BytesIO(), io.BytesIO()
        machine.fill(first, 5000, "random")
        machine.fill(second, 5000, "random")
        self.assertEqual(first.getvalue(), second.getvalue())
        self.assertEqual(len(first.getvalue()), 5000)

    def test_sizes(self):
        self.assertEqual(machine.size_of("3M"), 3 << 20)
        self.assertRaises(LabError, machine.size_of, "3 apples")

    def test_option_values(self):
        self.assertEqual(machine.device_args({"driver": "x", "a": True,
                                              "b": "c,d"}),
                         ["-device", "x,a=on,b=c,,d"])

    def test_qmp_arguments(self):
        self.assertEqual(run.arguments("id=a n=3"), {"id": "a", "n": 3})
        self.assertEqual(run.arguments('{"a": [1]}'), {"a": [1]})


class ModulesTest(unittest.TestCase):
    """Modules and their order."""

    def test_needed_modules_come_first(self):
        with tempfile.TemporaryDirectory() as folder:
            available = {}
            for name, below in (("top", "mid"), ("mid", "low"), ("low", "")):
                path = pathlib.Path(folder) / f"{name}.ko"
                path.write_bytes(b"\0depends=" + below.encode() + b"\0")
                available[name] = path
            order = modules.in_order(["top", "low"], available)
        self.assertEqual([p.stem for p in order], ["low", "mid", "top"])

    def test_an_unknown_module_is_refused(self):
        self.assertRaises(LabError, modules.in_order, ["x"], {})

    def test_what_make_modules_built_is_built_once(self):
        with tempfile.TemporaryDirectory() as folder:
            top = pathlib.Path(folder) / "top"
            core = top / "drivers/virtio/core"
            core.mkdir(parents=True)
            for name, text in (("parley_core.ko", b"\0vermagic=6.12.1 SMP "),
                               (".ring.o.cmd", b"gcc"), ("ring.c", b"source")):
                (core / name).write_bytes(text)
            (top / "Module.symvers").write_text("")
            where = pathlib.Path("/headers")
            for release, copied in (("6.12.2", []), ("6.12.1", [
                    ".ring.o.cmd", "Module.symvers", "parley_core.ko"])):
                out = pathlib.Path(folder) / release
                modules.begin(Kernel("stock", release, where, where, where), top, out)
                self.assertEqual(sorted(p.name for p in out.rglob("*") if p.is_file()),
                                 copied, release)
            (out / "drivers/virtio/core/parley_core.ko").write_text("of a later build")
            modules.begin(Kernel("stock", release, where, where, where), top, out)
            self.assertEqual((out / "drivers/virtio/core/parley_core.ko").read_text(),
                             "of a later build")

    def test_sync_follows_the_sources(self):
        with tempfile.TemporaryDirectory() as folder:
            top, out = pathlib.Path(folder) / "a", pathlib.Path(folder) / "b"
            (top / "drivers/x").mkdir(parents=True)
            out.mkdir()
            for name in ("one.c", "two.c", "one.o", "one.mod.c"):
                (top / "drivers/x" / name).write_text(name)
            modules.sync(top, out)
            (top / "drivers/x/two.c").unlink()
            (out / "drivers/x/one.ko").write_text("")
            modules.sync(top, out)
            self.assertEqual([p.name for p in (out / "drivers/x").iterdir()],
                             ["one.c"])


if __name__ == "__main__":
    unittest.main()
