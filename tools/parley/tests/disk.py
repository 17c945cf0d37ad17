# SPDX-License-Identifier: GPL-2.0-only
"""A sysfs of files, whose kernel is the test: an NVMe disk and its functions; and the command
on it."""
import contextlib
import fcntl
import io
import json
import os
import shutil
import tempfile
import unittest
from unittest import mock

from parleylib import cli, guest, move, vfdisk, vfrecord
from parleylib.common import read

DISK, UUID = "0000:01:00.0", "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e01"
OTHER = "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e02"
THIRD = "4b0c7a52-59a2-4d0c-9a80-6f2c1a8d3e03"
IDENTIFY = {"class": "0x010802", "sriov_totalvfs": "4", "sriov_numvfs": "0"}


class Kernel:
    """What sysfs does when it is written to: as the kernel's own iov.c and our drivers do,
    and not as the command would like it."""

    def __init__(self, top):
        self.top, self.log, self.fails, self.dies = top, [], (), "nowhere"
        self.interrupted = "nowhere"
        self.sizes, self.formats = {1: 2048, 2: 2048}, {0: (512, 0)}
        self.capacity, self.cut, self.asked = "0 0", "", 0
        self.held, self.owners, self.nr = {}, {}, 0
        # UUIDs of devices that a guest has open; functions that are being erased; what others
        # do meanwhile, and the function for which that takes so long.
        self.opened, self.runs, self.slow = set(), set(), None
        self.meanwhile = self.nothing
        self.file(f"{self.dir(0)}/config", b"")
        for name, text in IDENTIFY.items():
            self.file(f"{self.dir(0)}/{name}", text)

    def dir(self, n):
        return f"{self.top}/devices/0000:01:00.{n}"

    @staticmethod
    def file(path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(text if isinstance(text, bytes) else f"{text}\n".encode())

    def driver(self, n, name):
        link, nsid = f"{self.dir(n)}/driver", self.held.get(n)
        if os.path.islink(link):
            os.unlink(link)
        if n and not [v for v in range(1, self.nr + 1) if self.held.get(v) == nsid
                      and guest.link_name(f"{self.dir(v)}/driver") == vfdisk.VF]:
            # What is known of it is known as long as a driver of ours has it.
            self.owners.pop(nsid, None)
        self.runs.discard(n)
        shutil.rmtree(f"{self.dir(n)}/parley_policy", ignore_errors=True)
        if name:
            os.makedirs(f"{self.top}/drivers/{name}", exist_ok=True)
            os.symlink(f"{self.top}/drivers/{name}", link)

    def show(self):
        """Files as they are now."""
        at = f"{self.dir(0)}/parley"
        self.file(f"{at}/serial", "S1")
        done = len(self.log) + self.asked
        self.file(f"{at}/commands", f"{done} {done * 100}")
        self.file(f"{at}/capacity", self.capacity)
        self.file(f"{at}/formats", "".join(f"{n} {b} {m}\n" for n, (b, m) in
                                           self.formats.items()))
        self.file(f"{at}/namespaces", "".join(f"{n} {b} 512\n" for n, b in self.sizes.items()))
        self.file(f"{at}/attachments", "".join(
            f"{n} {' '.join(str(v) for v, m in self.held.items() if m == n)}\n"
            for n in self.sizes) + self.cut)
        for n in range(1, self.nr + 1):
            for name in ("namespace", "owner"):
                with contextlib.suppress(OSError):
                    os.unlink(f"{self.dir(n)}/parley/{name}")
            if guest.link_name(f"{self.dir(n)}/driver") == vfdisk.VF:
                nsid = self.held.get(n, 0)
                self.file(f"{self.dir(n)}/parley/namespace", f"{nsid} 2048 512")
                self.file(f"{self.dir(n)}/parley/owner", self.owners.get(nsid, "unknown"))
                if not os.path.exists(f"{self.dir(n)}/parley_policy/1"):
                    self.file(f"{self.dir(n)}/parley_policy/1", "")

    def read(self, path, default=None):
        """For lists the controller is asked, once for each line; erasing ends when it is
        looked at, and others had time."""
        n = int(path.removeprefix(self.dir("")).split("/")[0]) \
            if path.startswith(self.dir("")) else 0
        if os.path.basename(path) == "erase" and n in self.runs and n != self.slow:
            self.erase(n)
        text = read(path, default)
        if os.path.basename(path) in ("namespaces", "attachments", "formats", "capacity"):
            self.asked += 1 + len(text.splitlines())
            self.show()
        return text

    def nothing(self):
        """Nobody does anything meanwhile."""

    def erase(self, n):
        others, self.meanwhile, self.slow = self.meanwhile, self.nothing, n
        others()
        self.slow = None
        if n in self.runs:
            self.runs.discard(n)
            self.owners[self.held[n]] = "none"
            self.file(f"{self.dir(n)}/parley/erase", "done write-zeroes flush 1 1 0")
            self.show()

    def devices(self, n):
        return [name for name in os.listdir(self.dir(n)) if vfdisk.is_uuid(name)]

    def busy(self, n):
        """Whether somebody has its namespace open, or it is being erased."""
        return [v for v in range(1, self.nr + 1) if self.held.get(v) == self.held.get(n) and
                (v in self.runs or self.opened & set(self.devices(v)))]

    def functions(self, nr):
        if nr == self.nr:
            return
        if nr and self.nr:
            raise OSError(16, "busy")
        for n in range(1, self.nr + 1):
            os.unlink(f"{self.dir(0)}/virtfn{n - 1}")
            self.driver(n, "")
            for name in self.devices(n):
                os.rmdir(f"{self.dir(n)}/{name}")
        self.nr = nr
        self.file(f"{self.dir(0)}/sriov_numvfs", str(nr))
        for n in range(1, nr + 1):
            self.file(f"{self.dir(n)}/class", "0x010802")
            os.makedirs(f"{self.dir(n)}/physfn", exist_ok=True)
            os.symlink(self.dir(n), f"{self.dir(0)}/virtfn{n - 1}")

    def write(self, path, text):
        at, words = path.removeprefix(self.top + "/devices/0000:01:00."), text.split()
        self.log.append(f"{at}: {text.strip()}")
        if at.startswith(self.dies):
            raise SystemExit
        if at.startswith(self.interrupted):
            raise KeyboardInterrupt
        if any(at.startswith(f) for f in self.fails):
            raise OSError(5, "no", path)
        n, name = int(at[0]) if at[0].isdigit() else -1, os.path.basename(at)
        if name in ("owner", "erase") and self.busy(n) or name == "on_demand" and self.nr:
            raise OSError(16, "busy", path)
        if name == "sriov_numvfs":
            self.functions(int(text))
        elif name == "ns_create":
            self.sizes[max(self.sizes, default=0) + 1] = int(words[0])
        elif name == "ns_delete":
            del self.sizes[int(text)]
        elif name == "type":
            self.file(path, text.strip())
        elif name in ("ns_attach", "birth"):
            pair = [int(w) for w in words]
            nsid, function = pair if name == "ns_attach" else pair[::-1]
            self.held[function] = nsid
        elif name == "ns_detach":
            del self.held[int(words[1])]
        elif name == "death":
            del self.held[int(words[0])]
            if words[2:]:
                del self.sizes[int(words[1])]
        elif name == "owner":
            self.owners[self.held[n]] = text.strip()
        elif name == "erase":
            self.runs.add(n)
            self.owners.pop(self.held[n], None)
            self.file(f"{self.dir(n)}/parley/erase", "runs write-zeroes zero 0 1 0")
        elif name == "create":
            os.makedirs(f"{self.dir(n)}/{text.strip()}")
        elif name == "remove":
            for function in range(1, self.nr + 1):
                with contextlib.suppress(OSError):
                    os.rmdir(f"{self.dir(function)}/{path.split('/')[-2]}")
        elif name == "unbind":
            self.driver(n, "")
        elif name == "on_demand":
            self.file(path, text.strip())
        self.show()

    def move(self, function, name):
        self.log.append(f"{function.address[-1]}: to {name or 'the kernel'}")
        if f"to {name}" not in self.fails:
            self.driver(int(function.address[-1]), name or "nvme")
        self.show()


class VfCase(unittest.TestCase):
    """On a disk that the kernel's driver has, or nobody."""

    def setUp(self):
        top = tempfile.TemporaryDirectory()
        self.addCleanup(top.cleanup)
        self.kernel = Kernel(top.name)
        self.record = f"{top.name}/lib/vf.json"
        for patch in (mock.patch.object(guest, "PCI", top.name),
                      mock.patch.object(vfrecord, "RECORD", self.record),
                      mock.patch.object(vfdisk, "MDEV", f"{top.name}/mdev"),
                      mock.patch.object(vfdisk, "BLOCK", f"{top.name}/block"),
                      mock.patch.object(vfdisk, "DEV", f"{top.name}/dev"),
                      mock.patch.object(fcntl, "flock", self.lock),
                      mock.patch.object(vfdisk, "read", self.kernel.read),
                      mock.patch.object(move, "write", self.kernel.write),
                      mock.patch.object(move, "move", self.kernel.move),
                      mock.patch.object(move, "need_module", lambda *_: None),
                      mock.patch.object(os, "geteuid", lambda: 0)):
            patch.start()
            self.addCleanup(patch.stop)

    @staticmethod
    def lock(fd, how, real=fcntl.flock):
        """All commands are of this process: none can wait for another."""
        if how == fcntl.LOCK_EX:
            raise AssertionError("a lock that is waited for is never given")
        real(fd, how)

    def run_(self, *words):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(["vf", *words])
        return code, out.getvalue(), err.getvalue()

    def good(self, *words):
        code, out, err = self.run_(*words)
        self.assertEqual((code, err), (0, ""), words)
        return out

    def bad(self, text, *words):
        code, _, err = self.run_(*words)
        self.assertEqual(code, 1, words)
        self.assertIn(text, err)

    def owners(self):
        with open(self.record, encoding="utf-8") as f:
            return json.load(f)["owners"]["S1"]

    def taken(self, *pool):
        self.kernel.driver(0, "nvme")
        self.good("take", DISK)
        self.good("pool", *pool)
