# SPDX-License-Identifier: GPL-2.0-only
"""Numbers, verbs, exit codes, and that manual and completion know every option."""
import argparse
import copy
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from called import run
from parleylib import atboot, cli, guest, host, stats, units
from parleylib.common import Failure, Usage

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


class UnitsTest(unittest.TestCase):
    def test_parse(self):
        for text, value in (("0", 0), ("none", 0), ("500", 500), ("10k", 10000),
                            ("100M", 10**8), ("2.5M", 2500000), ("64Ki", 65536),
                            ("1.5 GiB/s", 3 * 2**29), ("20k ops/s", 20000)):
            self.assertEqual(units.parse(text, 2**42, "--x"), value, text)

    def test_refuse(self):
        for text in ("", "k", "-1", "1e3", "10q", "0x10", "5T", "1..5", "٣"):
            with self.assertRaises(Usage, msg=text):
                units.parse(text, 2**42, "--x")

    def test_show(self):
        for value, text in ((0, "0"), (999, "999"), (10000, "10k"), (12345, "12.35k"),
                            (10**8, "100M"), (0.5, "0.5"), (999.9, "999.9")):
            self.assertEqual(units.show(value), text)


class VerbsTest(unittest.TestCase):
    def verbs(self):
        action = next(a for a in cli.parser()._actions
                      if isinstance(a, argparse._SubParsersAction))
        return action.choices

    def options(self, verb):
        return {o for a in self.verbs()[verb]._actions for o in a.option_strings
                if o.startswith("--")} - {"--help", "--json"}

    def test_help(self):
        for verb in self.verbs():
            code, out, _ = run(verb, "--help")
            self.assertEqual(code, 0)
            self.assertIn("--json", out, verb)

    def test_manual(self):
        with open(os.path.join(TOP, "parley.8"), encoding="utf-8") as f:
            manual = f.read().replace("\\-", "-").replace("\\ ", " ")
        for verb in self.verbs():
            self.assertIn(verb, manual)
            for option in self.options(verb):
                self.assertIn(option, manual, f"parley.8 does not tell of {verb} {option}")

    def test_completion(self):
        script = f". {TOP}/completion.bash; _parley_options "
        for verb in self.verbs():
            out = subprocess.run(["bash", "-c", script + verb], check=True,
                                 capture_output=True, text=True).stdout
            self.assertEqual(set(out.split()), self.options(verb), verb)

    def test_usage(self):
        for arguments in ((), ("frobnicate",), ("limit",), ("limit", "x"), ("limit", "-1"),
                          ("limit", "0", "--ops", "fast"), ("limit", "0", "--ops", "9T"),
                          ("limit", "0", "--off", "--ops", "1"),
                          ("limit", "0", "--off", "--ops-guaranteed", "1"), ("stats", "--count", "2"),
                          ("stats", "--queue", "1"), ("stats", "--watch", "0"),
                          ("moderation", "0", "--us", "1M"), ("polling", "0", "--budget", "101"),
                          ("lane", "0", "fast"), ("lane", "0", "--queue", "x"),
                          ("stats", "--", "ls"), ("loopback", "/x", "--queue-size", "32769"),
                          ("loopback", "/x", "--serial", "x" * 21),
                          ("moderation", "0", "--adaptive", "--us", "5"),
                          ("moderation", "0", "--adaptive", "--off"),
                          ("pool", "add"), ("pool", "add", "x" * 32), ("pool", "drop", "x"),
                          ("pool", "add", ""), ("pool", "set", "x"), ("pool", "attach", "1"),
                          ("pool", "attach", "x", "1"), ("pool", "detach", "1", "x"),
                          ("pool", "add", "x", "--threads", "65"),
                          ("pool", "add", "x", "--threads", "0"), ("pool", "--one-vm"),
                          ("pool", "add", "x", "--weight", "1"),
                          ("pool", "attach", "1", "x", "--weight", "1001"),
                          ("pool", "attach", "1", "x", "--weight", "0"),
                          ("pool", "attach", "1", "x", "--class", "gold"),
                          ("vf",), ("vf", "frob"), ("vf", "list", "x"), ("vf", "show"),
                          ("vf", "check"), ("vf", "take"), ("vf", "pool", "0"),
                          ("vf", "pool", "128"), ("vf", "pool", "x"), ("vf", "death", "x"),
                          ("vf", "birth", "--uuid", "X"), ("vf", "erase"),
                          ("vf", "erase", "x", "--how", "gently"), ("vf", "plan", "a", "b"),
                          ("sched", "x"), ("sched", "--once"), ("sched", "--high", "30"),
                          ("sched", "governor", "--high", "101"),
                          ("sched", "governor", "--low", "30"),
                          ("sched", "governor", "--hold", "nan"),
                          ("sched", "governor", "--least", "1.5"),
                          ("sched", "governor", "--bound", "break"),
                          ("sched", "governor", "--restore", "--once"),
                          ("sched", "governor", "--status", "--high", "30")):
            code, out, err = run(*arguments)
            self.assertEqual((code, out), (2, ""), arguments)
            self.assertIn("parley", err)

    def test_order(self):
        """Options may stand anywhere."""
        for words in ("3 bulk --queue 1", "3 --queue 1 bulk", "--queue 1 3 bulk"):
            args = cli.parser().parse_args(["lane", *words.split()])
            self.assertEqual((args.device, args.queue, args.lane), (3, "1", "bulk"), words)
        args = cli.parser().parse_args(["stats", "--watch", "1", "3", "--json"])
        self.assertEqual((args.device, args.watch, args.json), (3, 1.0, True))
        args = cli.parser().parse_args(["takeover", "00:01.0", "--force", "00:02.0"])
        self.assertEqual((args.address, args.force), (["00:01.0", "00:02.0"], True))

    def test_version(self):
        header = os.path.join(TOP, "../../include/parley/version.h")
        with open(header, encoding="utf-8") as f:
            version = re.search(r'PARLEY_VERSION\t"(.*)"', f.read())[1]
        self.assertEqual(run("--version"), (0, f"parley {version}\n", ""))

    def test_without_pyroute2(self):
        with mock.patch.dict(sys.modules, {"pyroute2": None}):
            code, _, err = run("stats")
        self.assertEqual(code, 3)
        self.assertIn("apt-get install python3-pyroute2", err)

    def test_loopback_without_module(self):
        with mock.patch("os.open", side_effect=FileNotFoundError):
            code, _, err = run("loopback", "/dev/null")
        self.assertEqual(code, 3)
        self.assertIn("modprobe parley_vhost_blk", err)


class StatsTest(unittest.TestCase):
    def sample(self, requests):
        counts = {key: 0 for _, key in stats.COLUMNS}
        return [{"device": 1, "name": "blk", "workers": [], "queues": [
            {"index": n, "state": "running", "in_flight": 0,
             "stats": {**counts, "requests": r}} for n, r in enumerate(requests)]}]

    def test_rates(self):
        old, new = self.sample([100]), self.sample([300, 50])
        rates = stats.differences(copy.deepcopy(new), old, 2)
        self.assertEqual([q["stats"]["requests"] for q in rates[0]["queues"]], [100, 25])

    def test_sum(self):
        text = "\n".join(stats.lines(self.sample([12000, 345])))
        self.assertRegex(text, r"1 +all +0 +12\.35k ")
        self.assertNotIn(" all ", "\n".join(stats.lines(self.sample([1]))))


class FakeFamily:
    """A kernel with one device of two queues that are set up, of 64, and its disk."""
    limits = dict.fromkeys(("ops-rate", "ops-burst", "bytes-rate", "bytes-burst",
                            "ops-guaranteed", "bytes-guaranteed"), 0)
    counters = dict.fromkeys(("requests", "bytes-read", "bytes-written", "kicks", "calls",
                              "calls-suppressed", "calls-moderated", "throttled", "errors"), 0)

    def __init__(self):
        self.device = {"id": 1, "name": "blk", "queues": 64, "queues-running": 2, "workers": 1,
                       "features": 0, "limits": dict(self.limits), "throttled": 0,
                       "log-errors": 0, "backend-id": 4}
        self.queues = [{"dev-id": 1, "index": n, "state": "running" if n < 2 else "idle",
                        "size": 256 if n < 2 else 0, "in-flight": 0, "lane": "normal",
                        "limits": dict(self.limits), "stats": self.counters,
                        "moderation": {"max-reqs": 0, "max-us": 0},
                        "polling": {"max-us": 0, "budget": 25}, "polling-now-us": 0}
                       for n in range(64)]
        self.backend = {"id": 4, "path": "/dev/sdx", "devices": 1, "kept": 1,
                        "limits": dict(self.limits), "throttled": 0}
        self.kept = [{"backend-id": 4, "name": name, "limits": dict(self.limits),
                      "queues-limited": 0, **more}
                     for name, more in (("one", {"dev-id": 1}), ("two", {}))]
        self.pools = []
        self.calls = []

    def close(self):
        pass

    def dump(self, command, **_):
        return {"dev-get": [self.device], "queue-get": self.queues, "worker-get": [],
                "backend-get": [self.backend], "kept-get": self.kept,
                "pool-get": self.pools}[command]

    def get(self, command, **values):
        return {"dev-get": self.device, "backend-get": self.backend}.get(command) or \
            self.queues[values["index"]]

    def set(self, command, **values):
        self.calls.append(command)
        if command == "backend-forget":
            self.kept = [k for k in self.kept if "dev-id" in k]
            return
        if command.startswith("pool-"):
            self.set_pool(command, values)
            return
        target = self.backend if "backend_id" in values else \
            self.queues[values["index"]] if "index" in values else self.device
        target[command[:-4] + ("s" if command == "limit-set" else "")].update(
            values[command[:-4] + ("s" if command == "limit-set" else "")])


    def set_pool(self, command, values):
        if command == "pool-add":
            self.pools.append({"name": values["name"], "threads": values["threads"],
                               "devices": 0, "workers": 0, "seats": 0, "active": 0,
                               "waiting": 0, "stats": dict.fromkeys(
                                   ("turns", "wakeups", "stalls", "hurries"), 0),
                               **({"one-vm": True} if values["one_vm"] else {})})
        elif command == "pool-remove":
            self.pools = [p for p in self.pools if p["name"] != values["name"]]
        elif command == "pool-attach":
            self.device.update({"pool": values["name"],
                                "pool-class": values["class"] or "normal",
                                "pool-weight": values["weight"] or 100})
        elif command == "pool-detach":
            del self.device["pool"]


class HostTest(unittest.TestCase):
    """Rules of a host, as a user types them."""

    def setUp(self):
        self.family = FakeFamily()
        for target, name, value in ((host, "Family", lambda: self.family),
                                    (host, "loaded", lambda: True)):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def refused(self, words, *arguments, code=1):
        got, out, err = run(*arguments)
        self.assertEqual((got, out), (code, ""), arguments)
        self.assertIn(words, err)
        self.assertEqual(self.family.calls, [])

    def test_queues_that_are_not_there(self):
        for verb in (("limit", "1", "--ops", "5"), ("moderation", "1", "--requests", "2",
                     "--us", "9"), ("polling", "1", "--us", "9"), ("lane", "1", "bulk")):
            self.refused("no queue 40: its guest has set up queues 0 to 1", *verb,
                         "--queue", "40")
        self.refused("no queue 999 that is set up: it has 0, 1", "stats", "1",
                     "--queue", "999")
        # Before the guest is there, any may be prepared.
        for q in self.family.queues:
            q.update(state="idle", size=0)
        self.assertEqual(run("limit", "1", "--queue", "40", "--ops", "5")[0], 0)

    def test_half_a_rule(self):
        self.refused("--us alone leaves it so", "moderation", "1", "--us", "10")
        self.refused("--budget alone leaves it so", "polling", "1", "--budget", "10")
        run("moderation", "1", "--requests", "8", "--us", "50")
        self.assertIn("8 requests or 10 us", run("moderation", "1", "--us", "10")[1])
        run("polling", "1", "--us", "50")
        self.assertIn("30 %", run("polling", "1", "--budget", "30")[1])

    def test_adaptive(self):
        run("moderation", "1", "--requests", "8", "--us", "50")
        self.assertIn("adaptive (now 8 requests or 50 us)",
                      run("moderation", "1", "--adaptive")[1])
        self.family.calls.clear()
        self.refused("--us alone leaves it so", "moderation", "1", "--us", "10")

    def test_off_is_off(self):
        """What `limit --off` leaves, and `status` does not tell, is what bites later."""
        run("limit", "1", "--ops", "10k")
        run("limit", "1", "--queue", "1", "--bytes", "1M")
        self.assertIn("10k ops/s; of 1 queue", run("status", "1")[1])
        self.assertRegex(run("status", "1")[1], r"(?m)^ +1 +running .* 1M B/s ")
        self.assertEqual(run("limit", "1")[1].splitlines(), [
            "parley: device 1: 10k ops/s, burst 0 ops",
            "parley: device 1 queue 1: 1M B/s, burst 0 B"])
        with mock.patch.object(guest, "devices", lambda: iter(())):
            self.assertIn("10k ops/s; of 1 queue", run("status")[1])
        self.assertEqual(run("limit", "1", "--off")[1], "parley: device 1: no limit\n")
        self.assertFalse(any(any(q["limits"].values()) for q in self.family.queues))
        self.assertNotIn("of 1 queue", run("status", "1")[1])

    def test_limited_queue_that_is_not_set_up(self):
        self.family.queues[9]["limits"]["ops-rate"] = 7
        self.assertRegex(run("status", "1")[1], r"(?m)^ +9 +idle .* 7 ops/s ")

    def test_names(self):
        """Which VM's image is this? By path and serial, for who may know."""
        self.assertRegex(run("status", "1")[1], r"1 +blk +- +/dev/sdx +one +2/64 ")
        with mock.patch.object(guest, "devices", lambda: iter(())):
            device, = json.loads(run("status", "--json")[1])
            self.assertEqual((device["path"], device["serial"]), ("/dev/sdx", "one"))
        def refuse(command, **_):
            if command in ("backend-get", "kept-get"):
                raise Failure("only who has CAP_NET_ADMIN")
            return FakeFamily.dump(self.family, command)
        self.family.dump = refuse
        self.assertRegex(run("status", "1")[1], r"1 +blk +- +- +- +2/64 ")

    def test_openmetrics(self):
        self.family.kept[0]["name"] = 'a "b"'
        run("limit", "1", "--ops", "10k")
        self.family.queues[1]["stats"] = {**FakeFamily.counters, "bytes-read": 12345}
        code, out, _ = run("stats", "--openmetrics")
        self.assertEqual(code, 0)
        lines = out.splitlines()
        self.assertEqual(lines[-1], "# EOF")
        who = 'device="1",path="/dev/sdx",serial="a \\"b\\""'
        for line in (f"parley_vhost_queues_running{{{who}}} 2",
                     f'parley_vhost_from_guest_bytes_total{{{who},queue="1"}} 12345',
                     f'parley_vhost_requests_total{{{who},queue="0"}} 0',
                     f"parley_vhost_operations_limit{{{who}}} 10000",
                     "# UNIT parley_vhost_from_guest_bytes bytes",
                     "# TYPE parley_vhost_requests counter"):
            self.assertIn(line, lines)
        # Each family once, its lines together, no number twice.
        heads = [l.split()[2] for l in lines if l.startswith("# TYPE")]
        self.assertEqual(len(heads), len(set(heads)))
        family = None
        for line in lines[:-1]:
            if line.startswith("# TYPE"):
                family = line.split()[2]
            elif not line.startswith("#"):
                name = line.split("{")[0].removesuffix("_total")
                self.assertEqual(name, family)
        samples = [l.rsplit(" ", 1)[0] for l in lines if not l.startswith("#")]
        self.assertEqual(len(samples), len(set(samples)))
        self.family.calls.clear()
        self.refused("is one answer", "stats", "--openmetrics", "--json", code=2)

    def test_back_end_that_hangs(self):
        """Young requests are nobody's business; an old one is the device's state."""
        self.family.queues[0].update({"in-flight": 2, "oldest-ms": 40})
        self.assertRegex(run("status", "1")[1], r"(?m)^ +0 +running +256 +2 +0\.0 s ")
        self.assertRegex(run("status", "1")[1], r"(?m)^ +1 +running +256 +0 +- ")
        self.assertNotIn("waits", run("status", "1")[1])
        self.family.queues[1].update({"in-flight": 1, "oldest-ms": 4999})
        self.assertNotIn("waits", run("status", "1")[1])
        self.family.queues[1]["oldest-ms"] = 5000
        self.assertIn("waits for its back end (5 s)", run("status", "1")[1])
        self.family.queues[0]["oldest-ms"] = 61234
        with mock.patch.object(guest, "devices", lambda: iter(())):
            self.assertIn("waits for its back end (61 s)", run("status")[1])
        self.assertRegex(run("status", "1")[1], r"(?m)^ +0 +running +256 +2 +61\.2 s ")
        shown = json.loads(run("stats", "1", "--json")[1])[0]["queues"]
        self.assertEqual([q["oldest_ms"] for q in shown], [61234, 5000])

    def test_the_oldest_request_is_measured(self):
        """0 where nothing is in flight; nothing at all where we are not told."""
        self.family.queues[0].update({"in-flight": 2, "oldest-ms": 61234})
        for told, ages in (({"in-flight": 0}, ["61.234", "0.000"]),
                           ({"in-flight": 1}, ["61.234"]),
                           ({"in-flight": 1, "oldest-ms": 7}, ["61.234", "0.007"])):
            self.family.queues[1].update(told)
            lines = run("stats", "--openmetrics")[1].splitlines()
            self.assertEqual([l.rsplit(" ", 1)[1] for l in lines
                              if l.startswith("parley_vhost_oldest_seconds{")], ages)
            self.assertIn("# UNIT parley_vhost_oldest_seconds seconds", lines)

    def test_guarantee(self):
        out = run("limit", "1", "--bytes", "1G", "--bytes-guaranteed", "375M")[1]
        self.assertEqual(out, "parley: device 1: 1G B/s, burst 0 B; 375M B/s guaranteed\n")
        self.assertIn("1G B/s, 375M B/s guaranteed", run("status", "1")[1])

    def test_backend(self):
        self.assertEqual(run("limit", "--backend", "4", "--bytes", "1G")[1],
                         "parley: back end 4: 1G B/s, burst 0 B\n")
        out = run("backends")[1]
        self.assertRegex(out, r"4 +/dev/sdx +1 +1 +1G B/s")
        self.assertRegex(out, r"(?s)one +1 +none.*two +closed +none")
        self.assertNotIn("closed", run("backends", "--forget", "4", "--name", "two")[1])
        self.family.calls.clear()
        self.refused("give a device, or --backend", "limit", code=2)
        self.refused("give a device, or --backend", "limit", "1", "--backend", "4", code=2)
        self.refused("--queue is of a device", "limit", "--backend", "4", "--queue", "0",
                     code=2)
        self.refused("give that as well", "backends", "--name", "x", code=2)


    def test_pool(self):
        self.assertIn("no pool", run("pool")[1])
        self.assertNotIn("POOL", run("status", "1")[1])
        self.assertRegex(run("pool", "add", "gold", "--threads", "2")[1],
                         r"(?m)^gold +host +2 +0 +0 ")
        self.assertRegex(run("pool", "add", "vm-1", "--one-vm")[1], r"(?m)^vm-1 +one VM +1 ")
        self.assertRegex(run("pool", "attach", "1", "gold", "--class", "latency", "--weight",
                             "300")[1], r"(?m)^ +1 +gold +latency +300")
        self.assertIn("gold (latency 300)", run("status", "1")[1])
        self.assertIn('"device_list": [\n      1\n', run("pool", "--json")[1])
        self.assertNotIn("latency", run("pool", "detach", "1")[1])
        self.assertNotIn("vm-1", run("pool", "remove", "vm-1")[1])
        self.assertEqual(self.family.calls, ["pool-add", "pool-add", "pool-attach",
                                             "pool-detach", "pool-remove"])


class Sysfs(unittest.TestCase):
    """A sysfs of files."""

    def setUp(self):
        self.top = tempfile.TemporaryDirectory()
        self.addCleanup(self.top.cleanup)
        patch = mock.patch.object(guest, "PCI", self.top.name)
        patch.start()
        self.addCleanup(patch.stop)

    def device(self, address, vendor, device, subsystem="0x0000"):
        folder = f"{self.top.name}/devices/{address}"
        os.makedirs(folder)
        for name, text in (("vendor", vendor), ("device", device),
                           ("subsystem_device", subsystem)):
            with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
                f.write(text + "\n")


class GuestTest(Sysfs):
    """What devices there are."""

    def test_types(self):
        self.device("0000:00:01.0", "0x1af4", "0x1042")
        self.device("0000:00:02.0", "0x1af4", "0x1001", "0x0002")
        self.device("0000:00:03.0", "0x1af4", "0x1044")
        self.device("0000:00:04.0", "0x8086", "0x1042")
        self.device("0000:00:05.0", "0x1af4", "0x1110")
        self.assertEqual([(d.address[-4:], d.type) for d in guest.devices()],
                         [("01.0", "blk"), ("02.0", "blk"), ("03.0", "rng")])
        self.assertEqual(len(list(guest.devices("blk"))), 2)

    def test_front_ends(self):
        """What the command takes is what there is."""
        drivers = os.path.join(TOP, "../../drivers/virtio")
        ids = set()
        for path in glob.glob(f"{drivers}/*/*.c"):
            with open(path, encoding="utf-8") as f:
                ids |= {int(i, 16) for i in re.findall(r'MODULE_ALIAS_PARLEY\("(\w+)"\)', f.read())}
        self.assertEqual({guest.TYPE_NAMES[i] for i in ids}, set(guest.FRONT_ENDS))

    def test_no_front_end(self):
        self.device("0000:00:01.0", "0x1af4", "0x1042")
        self.device("0000:00:02.0", "0x1af4", "0x1049")
        self.assertEqual(run("takeover", "--all-of-type", "9p")[0], 2)
        for words in (("takeover", "00:02.0"), ("takeover", "--force", "00:02.0"),
                      ("takeover", "--at-boot", "00:02.0")):
            with mock.patch("os.geteuid", return_value=0), \
                    mock.patch.object(atboot, "SCRIPT", __file__):
                code, _, err = run(*words)
            self.assertEqual(code, 1, words)
            self.assertIn("of type 9p, and Parley has front-ends for net, blk and rng only", err)

    def test_find(self):
        self.device("0000:00:01.0", "0x1af4", "0x1042")
        self.assertEqual(guest.find("00:01.0").address, "0000:00:01.0")
        for bad in ("00:09.0", "../../etc", ""):
            with self.assertRaises(Failure):
                guest.find(bad)


class AtBootTest(Sysfs):
    """takeover --at-boot and giveback --at-boot, on files of ours."""

    def setUp(self):
        super().setUp()
        self.device("0000:00:04.0", "0x1af4", "0x1042")
        self.device("0000:00:05.0", "0x1af4", "0x1044")
        self.conf = f"{self.top.name}/etc/parley/takeover.conf"
        self.generators = [("true",)]
        for target, name, value in (
                (atboot, "CONF", self.conf), (atboot, "SCRIPT", __file__),
                (atboot, "GENERATORS", self.generators), (os, "geteuid", lambda: 0)):
            patch = mock.patch.object(target, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def test_add_and_remove(self):
        code, out, _ = run("takeover", "--at-boot", "00:04.0", "0000:00:05.0")
        self.assertEqual((code, "next one on" in out), (0, True))
        self.assertEqual(atboot.words(), ["0000:00:04.0", "0000:00:05.0"])
        run("takeover", "--at-boot", "00:04.0")
        self.assertEqual(len(atboot.words()), 2)
        self.assertEqual(run("giveback", "--at-boot", "0000:00:04.0")[0], 0)
        self.assertEqual(atboot.words(), ["0000:00:05.0"])
        with open(self.conf, encoding="utf-8") as f:
            self.assertIn("# What Parley takes over at boot", f.read())

    def test_type(self):
        run("takeover", "--at-boot", "--all-of-type", "blk")
        self.assertEqual(atboot.words(), ["blk"])
        self.assertTrue(atboot.covers(guest.Device("0000:00:04.0")))
        self.assertFalse(atboot.covers(guest.Device("0000:00:05.0")))
        self.assertRegex(run("status")[1], r"AT-BOOT(?s:.*)04\.0 .* taken(?s:.*)05\.0 .* -")
        code, _, err = run("giveback", "--at-boot", "00:04.0")
        self.assertEqual((code, "it names blk" in err), (1, True))
        self.assertEqual(run("giveback", "--at-boot", "--all-of-type", "blk")[0], 0)
        self.assertNotIn("AT-BOOT", run("status")[1])

    def test_a_device_that_is_gone(self):
        run("takeover", "--at-boot", "00:04.0")
        shutil.rmtree(f"{self.top.name}/devices/0000:00:04.0")
        self.assertEqual(run("takeover", "--at-boot", "00:04.0")[0], 1)
        self.assertEqual(run("giveback", "--at-boot", "00:04.0")[0], 0)

    def test_initramfs(self):
        self.generators[:] = [("no-such-generator",), ("false", "--all")]
        code, _, err = run("takeover", "--at-boot", "00:04.0")
        self.assertEqual(code, 1)
        self.assertIn("the initramfs is as it was: false --all failed", err)
        self.generators[:] = [("no-such-generator",)]
        self.assertIn("no update-initramfs or dracut", run("takeover", "--at-boot", "00:05.0")[1])

    def test_not_installed(self):
        with mock.patch.object(atboot, "SCRIPT", "/no/such/file"):
            code, _, err = run("takeover", "--at-boot", "00:04.0")
        self.assertEqual((code, "make install" in err), (3, True))


if __name__ == "__main__":
    unittest.main()
