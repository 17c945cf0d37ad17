#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The netlink family and the parley command, on devices of this kernel.

Prints lines for netlink.sh, see verdict.py.
The family is spoken to by the kernel's own library, from the specification; the
command is called inside this process, since starting Python takes seconds here.
"""
import argparse
import contextlib
import errno
import fcntl
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
ROOT = os.environ["LAB_ROOT"]
LINUX = os.path.join(os.environ["LAB_CACHE"], "linux-source-6.12")
sys.path[:0] = [os.path.join(LINUX, "tools/net/ynl"), os.path.join(ROOT, "tools/parley")]

from lib import NlError, YnlFamily                              # noqa: E402
from parleylib import cli, family                               # noqa: E402
from parleylib.loopback import (                                # noqa: E402
    Loopback, VHOST_SET_OWNER, open_node, wait_for_disk)
from verdict import check, emit, same                           # noqa: E402

QUEUES = 64         # of a block device
WINDOW = 5          # seconds of a measurement
EXACT = 0.02
PAYLOAD = 4096
FRAMING = 16 + 1    # header and status of a request, which no limit counts


def within(what, got, wanted, part=EXACT):
    emit("note:", f"{what}: {got:.1f} of {wanted:.1f}, {100 * (got / wanted - 1):+.2f} %")
    check(what, abs(got - wanted) <= part * wanted, f"got {got}, wanted {wanted}")


def bounded(what, disks, key, wanted, y):
    """On a kernel that is slowed down by its checkers: never more than was asked for.

    With a burst of half a second's, that is in any window at most what half a
    second more would bring.
    """
    got = [sum(r[k] for k in key) for r in rates(y, disks)]
    check(f"{what}: no more than that", all(
        0 < g * WINDOW <= w * (WINDOW + 0.5) * (1 + EXACT) for g, w in zip(got, wanted)),
        f"got {got}, wanted {wanted}")


def settles(what, disks, key, wanted, y):
    """Every disk does what was asked for, and all together.

    A machine that is busy with something else may stop this one for longer than
    a burst lasts. So there are up to five windows, of which one has to be right.
    """
    if os.environ["LAB_KERNEL"] != "stock":
        bounded(what, disks, key, wanted, y)
        return
    for _ in range(5):
        got = [sum(r[k] for k in key) for r in rates(y, disks)]
        if all(abs(g - w) <= EXACT * w for g, w in zip(got, wanted)):
            break
        emit("note:", f"{what}: {got} of {wanted}: again")
    for n, (g, w) in enumerate(zip(got, wanted), 1):
        within(what if len(disks) == 1 else f"{what}, device {n} of {len(disks)}", g, w)
    if len(disks) > 1:
        within(f"{what}, all {len(disks)} together", sum(got), sum(wanted))


def ynl():
    return YnlFamily(os.path.join(ROOT, "Documentation/netlink/specs/parley.yaml"),
                     os.path.join(LINUX, "Documentation/netlink/genetlink.yaml"))


class Disk:
    """A device with a null disk behind it, and its front-end here."""

    def __init__(self, backend, queues=1, ring=None, serial=None):
        self.serial = serial or f"{backend}-{time.monotonic_ns() % 10**6}"
        args = argparse.Namespace(backend=f"/dev/{backend}", queues=queues, queue_size=128,
                                  ring=ring, read_only=False, poll=False, buffered=False,
                                  block_size=None)
        self.loop = Loopback(args, self.serial)
        self.id, self.queues = self.loop.id, queues
        disk = wait_for_disk(self.serial, 30)
        if not disk:
            raise AssertionError(f"no disk for device {self.id}; see the kernel log")
        self.path = f"/dev/{disk}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.loop.close()

    def counts(self, y):
        """Sums over its queues."""
        sums = {}
        for index in range(self.queues):
            queue = y.do("queue-get", {"dev-id": self.id, "index": index})
            for key, value in queue["stats"].items():
                sums[key] = sums.get(key, 0) + value
        return sums


@contextlib.contextmanager
def load(disks, depth=8, rw="randread"):
    """Every disk under load until the end."""
    command = ["fio", "--ioengine=libaio", "--direct=1", "--time_based", "--runtime=600",
               f"--rw={rw}", "--bs=4k", f"--iodepth={depth}", "--output=/dev/null", "--thread",
               "--size=256m"]
    command += [w for d in disks for w in (f"--name={d.id}", f"--filename={d.path}")]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as fio:
        try:
            y = ynl()
            before = [d.counts(y)["requests"] for d in disks]
            until = time.monotonic() + 60
            while time.monotonic() < until and any(
                    d.counts(y)["requests"] < b + 100 for d, b in zip(disks, before)):
                time.sleep(0.1)
            yield y
        finally:
            fio.terminate()
            fio.wait()


def rates(y, disks, seconds=WINDOW):
    """What each disk does a second."""
    def look():
        return [(time.monotonic(), d.counts(y)) for d in disks]

    before = look()
    time.sleep(seconds)
    return [{k: (after[k] - old[k]) / (now - then) for k in old}
            for (then, old), (now, after) in zip(before, look())]


def parley(*arguments):
    """(exit code, standard output, standard error) of the command"""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main([str(a) for a in arguments])
        except SystemExit as e:
            code = e.code
    return code, out.getvalue(), err.getvalue()


def parley_json(*arguments):
    code, out, err = parley(*arguments, "--json")
    if code:
        raise AssertionError(f"parley {arguments} ended with {code}: {err}")
    return json.loads(out)


# ------------------------------------------------------------ the specification

def test_devices():
    listener, y = ynl(), ynl()
    listener.ntf_subscribe("monitor")
    same("without a device the dumps are empty",
         [y.dump(c, {}) for c in ("dev-get", "queue-get", "worker-get")], [[], [], []])
    with Disk("nullb0", 2) as disk:
        got = y.do("dev-get", {"id": disk.id})
        same("dev-get tells what it is",
             [got[k] for k in ("id", "name", "virtio-id", "queues", "queues-running",
                               "workers", "owner-pid", "log-errors")],
             [disk.id, "blk", 2, QUEUES, 2, 1, os.getpid(), 0])
        same("its dump tells the same", y.dump("dev-get", {}), [got])
        first = y.do("queue-get", {"dev-id": disk.id, "index": 0})
        same("queue-get tells what it is",
             [first[k] for k in ("dev-id", "index", "state", "size", "joined", "lane",
                                 "worker-id")],
             [disk.id, 0, "running", 128, True, "normal", 0])
        check("with the ring's own counts", "taken" in first["ring-stats"], first)
        idle = y.do("queue-get", {"dev-id": disk.id, "index": QUEUES - 1})
        check("an idle queue has none", idle["state"] == "idle" and "ring-stats" not in idle,
              idle)
        for query in ({"dev-id": disk.id}, {}):
            dump = y.dump("queue-get", query)
            same(f"a dump of queues by {query or 'nothing'} has them all, in order",
                 [q["index"] for q in dump], list(range(QUEUES)))
        workers = y.dump("worker-get", {"dev-id": disk.id})
        same("worker-get tells of the one",
             [(w["dev-id"], w["id"], w["queues"]) for w in workers], [(disk.id, 0, QUEUES)])
    listener.check_ntf()
    same("listeners heard it come and go",
         [(n["name"], n["msg"]) for n in listener.async_msg_queue],
         [(n, {"id": disk.id, "name": "blk"}) for n in ("dev-add-ntf", "dev-del-ntf")])


def test_many():
    """More than one message buffer holds, so dumps have to go on."""
    y, nodes = ynl(), []
    for _ in range(12):
        nodes.append(open_node("/dev/parley-blk", "parley_vhost_blk"))
    ids = [d["id"] for d in y.dump("dev-get", {})]
    same("a dump shows every device", (len(ids), ids), (12, sorted(set(ids))))
    same("nobody's devices have no queues", y.dump("queue-get", {}), [])
    try:
        y.do("lane-set", {"dev-id": ids[0], "index": 0, "lane": "bulk"})
        check("and a setting of one says so", False, "it was done")
    except NlError as e:
        said = (e.nl_msg.extack or {}).get("msg", "")
        check("and a setting of one says so",
              e.error == errno.ENOENT and "before somebody uses it" in said, said)
    for node in nodes:
        fcntl.ioctl(node, VHOST_SET_OWNER)
    queues = [(q["dev-id"], q["index"]) for q in y.dump("queue-get", {})]
    same("a dump shows every queue once", queues, [(d, q) for d in ids for q in range(QUEUES)])
    for node in nodes:
        os.close(node)
    same("all are gone", y.dump("dev-get", {}), [])


SURE = {"ops-guaranteed": 0, "bytes-guaranteed": 0}


def test_backends():
    """Limits of a disk, guarantees, and what is kept of both."""
    y = ynl()
    for b in y.dump("backend-get", {}):     # of the tests before
        y.do("backend-forget", {"id": b["id"]})
    same("what was kept is forgotten", y.dump("backend-get", {}), [])
    with Disk("nullb1", serial="kept") as one, Disk("nullb1") as two:
        backend = y.do("dev-get", {"id": one.id})["backend-id"]
        same("two devices of one disk", y.do("dev-get", {"id": two.id})["backend-id"], backend)
        try:
            y.do("limit-set", {"dev-id": one.id, "limits": {"bytes-guaranteed": 10**9}})
            check("a guarantee of nothing is refused", False, "it was done")
        except NlError as e:
            same("a guarantee of nothing is refused", e.error, errno.ENOENT)
        y.do("limit-set", {"backend-id": backend, "limits": {"bytes-rate": 2 * 10**9}})
        y.do("limit-set", {"dev-id": one.id, "limits": {"bytes-guaranteed": 10**9}})
        for more, code in ((10**9, errno.ENOSPC), (9 * 10**8, 0)):
            try:
                y.do("limit-set", {"dev-id": two.id, "limits": {"bytes-guaranteed": more}})
                same("what is left is guaranteed", 0, code)
            except NlError as e:
                same("what is not left is not", e.error, code)
        b = y.do("backend-get", {"id": backend})
        same("backend-get", (b["path"], b["devices"], b["kept"], b["limits"]["bytes-rate"]),
             ("/dev/nullb1", 2, 0, 2 * 10**9))
    same("what was set is kept", sorted((k["name"] == "kept", k["limits"]["bytes-guaranteed"])
         for k in y.dump("kept-get", {}) if k["backend-id"] == backend),
         [(False, 9 * 10**8), (True, 10**9)])
    with Disk("nullb1", serial="kept") as one:
        same("and is there again", y.do("dev-get", {"id": one.id})["limits"]
             ["bytes-guaranteed"], 10**9)
        with load([one]):
            check("whose requests go on", rates(y, [one], 2)[0]["requests"] > 0)
        parley("limit", one.id, "--off")
        check("parley backends shows both", re.search(
            rf"(?s){backend} +/dev/nullb1 +1 +1 +2G B/s.*kept +{one.id} +none.*closed +"
            "900M B/s guaranteed", parley("backends")[1]), parley("backends")[1])
    same("nothing is kept of it",
         [k["name"] for k in y.dump("kept-get", {}) if k["name"] == "kept"], [])
    parley("limit", "--backend", backend, "--off")
    same("a limit on which guarantees stand stays",
         y.do("backend-get", {"id": backend})["limits"]["bytes-rate"], 2 * 10**9)
    parley("backends", "--forget", backend)
    parley("limit", "--backend", backend, "--off")
    same("nothing is left", y.dump("backend-get", {}), [])


def test_shared():
    """Two guests' worth of load on one disk: who has a guarantee has it."""
    with Disk("nullb1") as one, Disk("nullb1") as two, load([one, two]) as y:
        rate = max(40, int(sum(r["requests"] for r in rates(y, [one, two], 2)) / 6))
        backend = y.do("dev-get", {"id": one.id})["backend-id"]
        y.do("limit-set", {"backend-id": backend, "limits": {
            "ops-rate": rate, "ops-burst": rate // 2}})
        time.sleep(1)
        settles("two devices share a disk's limit", [one, two], ["requests"],
                [rate / 2, rate / 2], y)
        y.do("limit-set", {"dev-id": one.id, "limits": {"ops-guaranteed": rate * 3 // 4}})
        got = [r["requests"] for r in rates(y, [one, two])]
        emit("note:", f"of {rate}, three quarters guaranteed: {got[0]:.1f} and {got[1]:.1f}")
        check("the guarantee is kept, and the other waits but not for ever",
              (got[0] >= 0.7 * sum(got) or os.environ["LAB_KERNEL"] != "stock") and got[1] > 0,
              got)
        for disk in (one, two):
            parley("limit", disk.id, "--off")
        parley("limit", "--backend", backend, "--off")
        check("no limit again", sum(r["requests"] for r in rates(y, [one, two], 2)) > rate)


def test_set():
    y = ynl()
    with Disk("nullb0") as disk:
        def queue():
            return y.do("queue-get", {"dev-id": disk.id, "index": 0})

        me = {"dev-id": disk.id, "index": 0}
        y.do("limit-set", {**me, "limits": {"ops-rate": 1000}})
        same("a limit of a queue; the burst is chosen", queue()["limits"],
             {"ops-rate": 1000, "ops-burst": 100, "bytes-rate": 0, "bytes-burst": 0, **SURE})
        y.do("limit-set", {**me, "limits": {"bytes-rate": 1 << 40, "bytes-burst": 5}})
        same("what is absent stays", queue()["limits"],
             {"ops-rate": 1000, "ops-burst": 100, "bytes-rate": 1 << 40, "bytes-burst": 5,
              **SURE})
        y.do("limit-set", {**me, "limits": {"ops-burst": 7}})
        same("a burst alone", queue()["limits"]["ops-burst"], 7)
        y.do("limit-set", {**me, "limits": {"ops-rate": 0, "bytes-rate": 0}})
        same("no limit again", set(queue()["limits"].values()), {0})
        y.do("limit-set", {"dev-id": disk.id, "limits": {"ops-rate": family.LIMIT_MAX}})
        same("a limit of the device, the highest",
             y.do("dev-get", {"id": disk.id})["limits"]["ops-rate"], family.LIMIT_MAX)
        y.do("moderation-set", {**me, "moderation": {"max-reqs": 16, "max-us": 50}})
        y.do("moderation-set", {**me, "moderation": {"max-us": 70}})
        same("moderation", queue()["moderation"], {"max-reqs": 16, "max-us": 70, "adaptive": 0})
        y.do("polling-set", {**me, "polling": {"max-us": 40, "budget": 60}})
        same("polling", queue()["polling"], {"max-us": 40, "budget": 60})
        for lane in family.ENUMS["lane"]:
            y.do("lane-set", {**me, "lane": lane})
            same(f"lane {lane}", queue()["lane"], lane)


# What is refused: (command, attributes, error, what the kernel says of it)
REFUSED = [
    ("dev-get", {}, errno.EINVAL, "say which device"),
    ("dev-get", {"id": 99}, errno.ENODEV, "no such device"),
    ("dev-get", {"id": 2**32 - 1}, errno.ENODEV, "no such device"),
    ("queue-get", {"index": 0}, errno.EINVAL, "say which device"),
    ("queue-get", {"dev-id": "ME"}, errno.EINVAL, "say which queue"),
    ("queue-get", {"dev-id": "ME", "index": QUEUES}, errno.ENOENT, "last queue is 63"),
    ("queue-get", {"dev-id": "ME", "index": 2**32 - 1}, errno.ENOENT, "last queue is 63"),
    ("limit-set", {"dev-id": "ME", "index": QUEUES, "limits": {"ops-rate": 1}}, errno.ENOENT,
     "last queue is 63"),
    ("limit-set", {"dev-id": "ME"}, errno.EINVAL, "nothing to set"),
    ("limit-set", {"dev-id": "ME", "limits": {}}, errno.EINVAL, "nothing to set"),
    ("limit-set", {"dev-id": "ME", "limits": {"ops-rate": family.LIMIT_MAX + 1}}, errno.ERANGE,
     "out of range"),
    ("limit-set", {"dev-id": "ME", "limits": {"bytes-burst": 2**64 - 1}}, errno.ERANGE,
     "out of range"),
    ("limit-set", {"dev-id": "ME", "limits": {"ops-burst": 1}}, errno.EINVAL,
     "a burst needs a rate"),
    ("limit-set", {"dev-id": "ME", "limits": {"ops-guaranteed": 1}}, errno.ENOENT,
     "needs a limit of its kind above it"),
    ("limit-set", {"dev-id": "ME", "limits": {"ops-guaranteed": family.LIMIT_MAX + 1}},
     errno.ERANGE, "out of range"),
    ("limit-set", {"dev-id": "ME", "backend-id": 1, "limits": {"ops-rate": 1}}, errno.EINVAL,
     "give one of them"),
    ("limit-set", {"backend-id": 10**6, "limits": {"ops-rate": 1}}, errno.ENODEV,
     "no such back end"),
    ("backend-get", {}, errno.EINVAL, "say which back end"),
    ("backend-get", {"id": 10**6}, errno.ENODEV, "no such back end"),
    ("backend-forget", {"id": 10**6}, errno.ENODEV, "no such back end"),
    ("moderation-set", {"dev-id": "ME", "moderation": {"max-us": 1}}, errno.EINVAL,
     "say which queue"),
    ("moderation-set", {"dev-id": "ME", "index": 0, "moderation": {"max-us": 100001}},
     errno.ERANGE, "out of range"),
    ("moderation-set", {"dev-id": "ME", "index": 0, "moderation": {"max-reqs": 32769}},
     errno.ERANGE, "out of range"),
    ("moderation-set", {"dev-id": "ME", "index": 0, "moderation": {"max-reqs": 2}},
     errno.EINVAL, "give max-us"),
    ("polling-set", {"dev-id": "ME", "index": 0, "polling": {"max-us": 10001}}, errno.ERANGE,
     "out of range"),
    ("polling-set", {"dev-id": "ME", "index": 0, "polling": {"budget": 101}}, errno.ERANGE,
     "out of range"),
    ("polling-set", {"dev-id": "ME", "index": 0, "polling": {"max-us": 5, "budget": 0}},
     errno.EINVAL, "give a budget"),
    ("lane-set", {"dev-id": "ME", "index": 0}, errno.EINVAL, "say which lane"),
    ("lane-set", {"dev-id": "ME", "index": 0, "lane": 3}, errno.ERANGE, "out of range"),
    ("lane-set", {"dev-id": "ME", "index": 0, "state": 1, "lane": 1}, errno.EINVAL, ""),
]


def test_refused():
    y = ynl()
    with Disk("nullb0") as disk:
        before = y.dump("queue-get", {"dev-id": disk.id})
        for command, values, code, words in REFUSED:
            values = {k: disk.id if v == "ME" else v for k, v in values.items()}
            what = f"refused: {command} {values}"
            try:
                y.do(command, values)
                check(what, False, "it was done")
            except NlError as e:
                said = (e.nl_msg.extack or {}).get("msg", "")
                check(what, e.error == code and words in said,
                      f"error {e.error} ({os.strerror(e.error)}), '{said}'")
        same("nothing of that changed anything",
             [{k: q[k] for k in ("limits", "moderation", "polling", "lane")}
              for q in y.dump("queue-get", {"dev-id": disk.id})],
             [{k: q[k] for k in ("limits", "moderation", "polling", "lane")} for q in before])


def test_race():
    """Devices come and go while they are dumped and ruled."""
    stop, failures = threading.Event(), []

    def look():
        y = ynl()
        while not stop.is_set():
            try:
                for d in y.dump("dev-get", {}):
                    y.dump("queue-get", {"dev-id": d["id"]})
                    y.dump("worker-get", {"dev-id": d["id"]})
                    y.do("limit-set", {"dev-id": d["id"], "limits": {"ops-rate": 5}})
                    y.do("lane-set", {"dev-id": d["id"], "index": 3, "lane": "bulk"})
            except NlError as e:
                # It went, or nobody owns it yet.
                if e.error not in (errno.ENODEV, errno.ENOENT):
                    failures.append(e)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for t in threads:
        t.start()
    until, rounds = time.monotonic() + 8, 0
    while time.monotonic() < until:
        os.close(open_node("/dev/parley-blk", "parley_vhost_blk"))
        with Disk("nullb0", 2):
            rounds += 1
    stop.set()
    for t in threads:
        t.join()
    emit("note:", f"{rounds} devices came and went")
    check("devices come and go under dumps and settings", rounds > 0 and not failures, failures)


# ------------------------------------------------------------------ the command

def dd(*arguments):
    subprocess.run(["dd", "bs=4k", "status=none", *arguments], check=True)


def test_counts():
    """Exactly so many requests, in text and in JSON."""
    for ring in ("split", "packed"):
        with Disk("nullb0", ring=ring) as disk:
            y = ynl()
            old = disk.counts(y)
            dd(f"if={disk.path}", "of=/dev/null", "count=300", "iflag=direct")
            now = disk.counts(y)
            same(f"{ring}: 300 reads of 4 KiB are 300 requests",
                 [now[k] - old[k] for k in ("requests", "bytes-read", "bytes-written")],
                 [300, 300 * 16, 300 * 4097])
            dd("if=/dev/zero", f"of={disk.path}", "count=200", "oflag=direct")
            last = disk.counts(y)
            # The kernel looks at the partitions when a writer closes.
            wrote = last["bytes-read"] - now["bytes-read"]
            check(f"{ring}: 200 writes of 4 KiB",
                  last["requests"] - now["requests"] >= 200 and
                  wrote - 16 * (last["requests"] - now["requests"]) == 200 * 4096, (now, last))
            shown = parley_json("stats", disk.id)[0]["queues"][0]
            same(f"{ring}: stats --json has the same",
                 {k.replace("_", "-"): v for k, v in shown["stats"].items()}, last)
            same(f"{ring}: the ring took and completed as many",
                 [shown["ring_stats"][k] for k in ("taken", "completed")],
                 [last["requests"]] * 2)
            line = parley("stats", disk.id)[1].splitlines()[1].split()
            same(f"{ring}: stats as text", line[:6],
                 [str(disk.id), "0", "running", "0", str(last["requests"]), "24k"
                  if last["bytes-read"] == 24000 else line[5]])
            status = next(d for d in parley_json("status") if d["side"] == "host")
            same(f"{ring}: status --json", [status[k] for k in (
                "device", "name", "driver", "queues_running", "owner_pid")] +
                [status["ring"].split("+")[0]],
                [disk.id, "blk", "parley_vhost", 1, os.getpid(), ring])


def test_verbs():
    with Disk("nullb0", 2) as disk:
        code, out, _ = parley("limit", disk.id, "--ops", "10k", "--bytes", "100M")
        same("limit in human units", (code, out), (0, f"parley: device {disk.id}: 10k ops/s, "
             "burst 1k ops; 100M B/s, burst 10M B\n"))
        same("limit --json", parley_json("limit", disk.id),
             [{"device": disk.id, "queue": None, "ops_rate": 10000, "ops_burst": 1000,
               "bytes_rate": 10**8, "bytes_burst": 10**7, "ops_guaranteed": 0,
               "bytes_guaranteed": 0}])
        check("status shows it", "10k ops/s, 100M B/s" in parley("status")[1])
        same("limit --off", parley("limit", disk.id, "--off")[1],
             f"parley: device {disk.id}: no limit\n")
        same("limit of every queue", [(r["queue"], r["ops_rate"]) for r in parley_json(
            "limit", disk.id, "--queue", "all", "--ops", "3k")], [(0, 3000), (1, 3000)])
        same("moderation", parley("moderation", disk.id, "--requests", 16, "--us", 50)[1],
             "".join(f"parley: device {disk.id} queue {q}: 16 requests or 50 us\n"
                     for q in (0, 1)))
        same("polling", parley_json("polling", disk.id, "--us", 50, "--budget", 30,
                                    "--queue", 1),
             [{"device": disk.id, "queue": 1, "max_us": 50, "budget": 30}])
        same("lane", parley_json("lane", disk.id, "--queue", 0, "latency"),
             [{"device": disk.id, "queue": 0, "lane": "latency"}])
        text = parley("status", disk.id)[1]
        check("status of a device shows them all",
              re.search(r" 0 +running .* latency +3k ops/s +16 requests or 50 us +off", text) and
              re.search(r" 1 +running .* normal +3k ops/s .* up to 50 us", text), text)
        for arguments, code, words in (
                (("limit", 4711), 1, "no such device"),
                (("lane", disk.id, "--queue", 77, "bulk"), 1, "last queue is 63"),
                (("moderation", disk.id, "--us", 0), 1, "give max-us"),
                (("limit", disk.id, "--queue", 40, "--ops", 1), 1, "has no queue 40"),
                (("stats", disk.id, "--queue", 999), 1, "has no queue 999"),
                (("polling", disk.id, "--queue", 0, "--budget", 9), 1, "leaves it so"),
                (("limit", disk.id, "--ops", "5T"), 2, "more than the")):
            got, _, err = parley(*arguments)
            check(f"parley {' '.join(map(str, arguments))} ends with {code}",
                  got == code and words in err, (got, err))


# --------------------------------------------------------------- what rules do

def test_one_limit():
    with Disk("nullb0", 2) as disk, load([disk]) as y:
        capacity = rates(y, [disk], 2)[0]["requests"]
        emit("note:", f"unlimited: {capacity:.0f} requests a second")
        # The machine may be ten times slower by the time that the limit counts.
        rate = max(20, int(capacity / 20))

        def limit(**limits):
            y.do("limit-set", {"dev-id": disk.id, "limits":
                               {k.replace("_", "-"): v for k, v in limits.items()}})
            time.sleep(1.5)     # the burst is used up

        limit(ops_rate=rate, ops_burst=rate // 2)
        settles("the asked rate of operations", [disk], ["requests"], [rate], y)
        check("stats say that it was throttled", disk.counts(y)["throttled"] > 0)
        limit(ops_rate=2 * rate, ops_burst=rate // 2)
        settles("another one, while it runs", [disk], ["requests"], [2 * rate], y)
        limit(ops_rate=0, bytes_rate=rate * PAYLOAD, bytes_burst=rate * PAYLOAD // 2)
        settles("the asked rate of bytes", [disk], ["bytes-read", "bytes-written"],
                [rate * (PAYLOAD + FRAMING)], y)
        parley("limit", disk.id, "--off")
        time.sleep(0.5)
        got = rates(y, [disk], 2)[0]["requests"]
        check("no limit again", got > 2.1 * rate, f"{got} a second")
        # One that would make it wait for long, and then a change of mind.
        y.do("limit-set", {"dev-id": disk.id, "limits": {"ops-rate": 1, "ops-burst": 1}})
        time.sleep(1)
        parley("limit", disk.id, "--off")
        got = rates(y, [disk], 2)[0]["requests"]
        check("who waited for the old limit goes on", got > rate, f"{got} a second")
        # The first request leaves a debt of an hour; the next rule pays it.
        for _ in range(40):
            for bytes_rate in (1, 10**9):
                y.do("limit-set", {"dev-id": disk.id, "limits": {
                    "bytes-rate": bytes_rate, "bytes-burst": bytes_rate}})
                time.sleep(0.02)
        got = rates(y, [disk], 2)[0]["requests"]
        check("nobody waits for a limit that was changed meanwhile", got > rate,
              f"{got} a second")


def test_four_limits():
    with contextlib.ExitStack() as stack:
        disks = [stack.enter_context(Disk(f"nullb{n}")) for n in range(4)]
        y = stack.enter_context(load(disks))
        capacity = min(r["requests"] for r in rates(y, disks, 2))
        rate = max(20, int(capacity / 8))
        wanted = [rate + n for n in range(4)]
        for disk, ops in zip(disks, wanted):
            y.do("limit-set", {"dev-id": disk.id, "limits": {
                "ops-rate": ops, "ops-burst": rate // 2}})
        time.sleep(2)
        settles("the asked rate", disks, ["requests"], wanted, y)


def test_moderation_and_polling():
    with Disk("nullb0") as disk, load([disk]) as y:
        plain = rates(y, [disk], 2)[0]
        parley("moderation", disk.id, "--requests", 8, "--us",
               family.MODERATION_MAX_US)
        held = rates(y, [disk], 3)[0]
        emit("note:", f"calls for a request: {plain['calls'] / plain['requests']:.3f}, "
             f"moderated {held['calls'] / held['requests']:.3f}")
        check("moderation: one call for eight requests, more or less",
              held["requests"] and 5 * held["calls"] < held["requests"], held)
        check("stats count the calls held back", held["calls-moderated"] > 0, held)
        parley("moderation", disk.id, "--off")
        old = y.dump("worker-get", {"dev-id": disk.id})[0]["stats"]["polls"]
        parley("polling", disk.id, "--us", family.POLLING_MAX_US, "--budget", 100)
        time.sleep(3)
        new = y.dump("worker-get", {"dev-id": disk.id})[0]["stats"]["polls"]
        check("with polling the worker polls", old == 0 and new > 0, (old, new))
        watched = [json.loads(line) for line in parley(
            "stats", disk.id, "--watch", "1", "--count", "2", "--json")[1].splitlines()]
        check("stats --watch shows rates", len(watched) == 2 and all(
            w["devices"][0]["queues"][0]["stats"]["requests"] > 10 for w in watched), watched)


def main():
    for test in (test_devices, test_many, test_set, test_refused, test_counts, test_verbs,
                 test_one_limit, test_four_limits, test_backends, test_shared,
                 test_moderation_and_polling, test_race):
        try:
            start = time.monotonic()
            test()
            emit("note:", f"{test.__name__}: {time.monotonic() - start:.1f} s")
        except Exception:       # the other tests still tell something
            emit("bad", f"{test.__name__} came to its end", traceback.format_exc())
    emit("end", "")


if __name__ == "__main__":
    main()
