# SPDX-License-Identifier: GPL-2.0-only
"""The scripts of tools/dist, on a sysfs and a /proc of files."""
import os
import re
import subprocess
import tempfile
import unittest

DIST = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../dist")
DISK, RNG, P9 = "0000:00:04.0", "0000:00:05.0", "0000:00:06.0"


class Scripts(unittest.TestCase):
    """In a root of their own, with a front-end that nobody has."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.top = self.folder.name
        with open(f"{DIST}/front-ends", encoding="utf-8") as f:
            self.write("usr/lib/parley/front-ends", f.read() + "27 pmem\n")

    def write(self, name, text):
        path = f"{self.top}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def script(self, name):
        with open(f"{DIST}/{name}", encoding="utf-8") as f:
            self.write(name, re.sub(r"/(sys|proc|etc|dev/kmsg|sbin/modprobe|usr)\b",
                                    rf"{self.top}/\1", f.read()))
        return f"{self.top}/{name}"


class HookTest(Scripts):
    """What goes into an initramfs."""

    def taken(self, shell, text):
        self.write("etc/parley/takeover.conf", "blk\n")
        done = subprocess.run([shell, "-c", text], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = done.stdout.replace(self.top, "")
        self.assertIn("modules parley_pci parley_net parley_blk parley_rng parley_pmem\n", said)
        for path in ("/usr/lib/parley/at-boot", "/usr/lib/parley/front-ends",
                     "/etc/parley/takeover.conf"):
            self.assertIn(f" {path}", said)

    def test_initramfs_tools(self):
        self.write("usr/share/initramfs-tools/hook-functions",
                   "manual_add_modules() { echo modules $*; }\n"
                   "copy_exec() { echo exec $*; }\ncopy_file() { echo file $*; }\n")
        self.taken("sh", f". {self.script('initramfs-hook')}")

    def test_dracut(self):
        self.taken("bash", f". {self.script('dracut-setup.sh')}; "
                   "instmods() { echo modules $*; }; inst_multiple() { echo files $*; }; "
                   "inst_rules() { :; }; inst_hook() { :; }; check && installkernel && install")


class AtBootScriptTest(Scripts):
    """At boot."""

    def setUp(self):
        super().setUp()
        self.script("at-boot")
        self.write("sbin/modprobe", "#!/bin/sh\n"
                   f"[ ! -e {self.top}/no-$2 ] && echo $2 >>{self.top}/loaded\n")
        os.chmod(f"{self.top}/sbin/modprobe", 0o755)
        for name in ("proc/self/mountinfo", "proc/self/mounts", "proc/swaps", "loaded",
                     "dev/kmsg", "sys/bus/pci/drivers_probe"):
            self.write(name, "")
        self.write("proc/cmdline", "quiet\n")
        self.device(DISK, "0x1001", "0x0002")
        self.device(RNG, "0x1044", "0x1100")
        self.device(P9, "0x1049", "0x1100")
        self.write(f"sys/bus/pci/devices/{DISK}/virtio0/block/vda/dev", "254:0\n")
        self.write(f"sys/bus/pci/devices/{DISK}/virtio0/block/vda/vda1/dev", "254:1\n")

    def read(self, name):
        with open(f"{self.top}/{name}", encoding="utf-8") as f:
            return f.read()

    def device(self, address, number, subsystem):
        folder = f"sys/bus/pci/devices/{address}"
        for name, text in (("vendor", "0x1af4"), ("device", number),
                           ("subsystem_device", subsystem), ("driver/unbind", ""),
                           ("driver_override", "(null)")):
            self.write(f"{folder}/{name}", f"{text}\n")

    def taken(self, address):
        """What the bus would have made of a move."""
        self.write(f"sys/bus/pci/devices/{address}/parley0/driver/x", "")

    def run_with(self, conf):
        """What it tells the kernel's log; it never fails."""
        self.write("etc/parley/takeover.conf", conf)
        for shell in ("sh", "busybox sh"):
            done = subprocess.run([*shell.split(), f"{self.top}/at-boot"], capture_output=True,
                                  text=True, check=False)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), shell)
        return self.read("dev/kmsg")

    def override(self, address):
        return self.read(f"sys/bus/pci/devices/{address}/driver_override").strip()

    def test_takes_what_is_named(self):
        self.taken(DISK)
        said = self.run_with(f"# comment\n\n{DISK}   # and why\n")
        self.assertIn(f"{DISK} (blk) is driven by parley_blk from boot on", said)
        self.assertEqual(self.override(DISK), "parley_pci")
        self.assertEqual(self.read(f"sys/bus/pci/devices/{DISK}/driver/unbind").strip(), DISK)
        self.assertEqual((self.override(RNG), self.override(P9)), ("(null)", "(null)"))
        self.assertEqual(set(self.read("loaded").split()), {"parley_blk", "parley_pci"})

    def test_types(self):
        self.taken(DISK)
        self.taken(RNG)
        self.run_with("rng\n")
        self.assertEqual((self.override(DISK), self.override(RNG)), ("(null)", "parley_pci"))

    def test_any_front_end(self):
        self.device(P9, "0x105b", "0x1100")
        self.taken(P9)
        self.assertIn(f"{P9} (pmem) is driven by parley_pmem", self.run_with("pmem\n"))
        self.assertEqual(self.override(P9), "parley_pci")

    def test_gives_back(self):
        said = self.run_with(f"{DISK}\n")
        self.assertIn("is given back", said)
        self.assertEqual(self.override(DISK), "")

    def test_leaves_what_is_in_use(self):
        for name, text in (("proc/self/mountinfo", "29 1 254:1 / / rw - ext4 x rw\n"),
                           ("proc/self/mounts", "/dev/vda1 /data btrfs rw 0 0\n"),
                           ("proc/swaps", "Filename\n/dev/vda partition 1 0 -2\n"),
                           (f"sys/bus/pci/devices/{DISK}/virtio0/block/vda/holders/dm-0/x", "")):
            self.write(name, text)
            self.assertIn("is in use", self.run_with("blk\n"), name)
            self.assertEqual(self.override(DISK), "(null)")
            if name.startswith("proc"):
                self.write(name, "")
            self.write("dev/kmsg", "")

    def test_without_a_module(self):
        self.write("no-parley_blk", "")
        self.assertIn("there is no module parley_blk", self.run_with("blk\n"))
        self.assertEqual(self.override(DISK), "(null)")

    def test_turned_off(self):
        self.write("proc/cmdline", "quiet parley.takeover=0\n")
        self.assertEqual(self.run_with("blk\n"), "")
        self.assertEqual(self.override(DISK), "(null)")

    def test_taken_already(self):
        self.write(f"sys/bus/pci/drivers/parley_pci/{DISK}", "")
        self.assertEqual(self.run_with("blk\n"), "")

    def test_nothing_of_the_kind(self):
        for word in (P9, "0000:00:1f.0", "9p"):
            self.assertIn(f"names {word}, and there is no such", self.run_with(f"{word}\n"))


if __name__ == "__main__":
    unittest.main()
