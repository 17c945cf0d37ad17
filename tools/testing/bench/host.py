#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count what a host does for its guests' disks: mainline's pair beside ours.

usage: host.py BUILD-DIRECTORY

A host with KVM (emulated), stock QEMU in it, one inner guest with all the
disks; host/inside.py runs there. Three runs, because counting costs time and
the plugin needs one processor: time, counts, instructions. In a fourth run one
guest and then four have limits; that is host/limits.py. A fifth and a sixth have no
guest, and measure stops, kills and changes of memory, and a guest that waits for each
request beside one that does not; that is parley-vmm of tools/testing/vhost. A seventh
has the same two as inner guests; that is host/lanes.py.
"""
import collections
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

# pylint: disable=wrong-import-position
from labkit import remote, scenario
from labkit.common import main_guard
from runs import collect, give_windows, number, say_lost
from tables import VERDICTS, show, summary

STAGES = ("time", "count", "instructions")
PROGRAMS = {"limits": "limits", "guests": "lanes"}     # of the stages that are others'
# How often each stage goes round all disks. Four guest processors share the only
# one of the host that instructions are counted on, and some of its windows have
# more than others, for instance as one waits in __timer_delete_sync() for another
# that does not run. It happens to every pair, to one window in six or so.
ROUNDS = {"time": 7, "count": 9, "instructions": 7, "limits": 1, "latency": 3,
          "lanes": 3, "guests": 3}
COUNT = 2000
# What wanders when nothing changes: less is noise. Halt polling makes some wander
# more, see worse().
NOISE = 0.05
# What the published vhost-blk patches and mainline's own vhost reach.
LESS_HOST_WORK = 1 / 3
MORE_IOPS = 2
FLAT = 0.10
EXACT = 0.02
# A guest that waits for each request may wait so much longer beside another, which
# keeps that much of what it does alone.
WAITS_LONGER, BULK_KEEPS = 1.5, 0.9
LOCAL, REMOTE = "c packed", "remote"
CONFINED, UNCONFINED = "b packed", "unconfined"
COLUMNS = ("exits", "npf", "hlt", "msr", "intr", "interrupts", "switches",
           "calls", "instructions")


def describe(build, stage, rounds):
    """The scenario; not a file of the lab, because it judges nothing."""
    single = stage in ("instructions", "limits")
    return scenario.Scenario(
        name=f"bench-host-{stage}", mem="3G", timeout=600, script="two-levels.sh",
        smp=1 if single else 2,
        accel="tcg,thread=single" if single else "tcg,thread=multi",
        stock_modules=["kvm-amd", *remote.MODULES],
        modules=["parley_vhost_blk"], inner_modules=["parley_blk", "parley_pci"],
        inner_files={"bin/io": build / "io"},
        env={"INNER": "../../bench/host/" + PROGRAMS.get(stage, "inside"),
             "STAGE": stage, "ROUNDS": rounds, "COUNT": COUNT, "INNER_SMP": 4,
             "UNCONFINED": build / "bridge-unconfined"},
        qemu=["-plugin", f"{build}/plugin.so,out={build}/windows"]
        if stage == "instructions" else [])


def describe_alone(stage):
    """The same of a run without a guest."""
    return scenario.Scenario(
        name=f"bench-host-{stage}", mem="2G", timeout=1200, stock_modules=["configfs"],
        script=str(HERE / "host/alone.sh"), modules=["parley_vhost_blk"],
        env={"STAGE": stage})


def windows(path):
    """Instructions of each of the plugin's windows, in order."""
    totals = []
    for line in path.read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == "window":
            totals.append(int(words[1]))
        else:
            totals[-1] += int(words[1])
    return totals


def collected(build, stage):
    """The rows of all rounds of a stage."""
    def describe_run(rounds):
        return describe_alone(stage) if stage in ("latency", "lanes") else \
            describe(build, stage, rounds)

    def count(row, total):
        row["instructions"] = total / (COUNT * row["queues"])

    def after(rows, ended):
        if stage == "instructions":
            give_windows(rows, windows(build / "windows"), ended, count)
    return collect(stage, ROUNDS[stage], describe_run, after)


def merged(build):
    """{(pair, queues, depth): {what: median}} of all three runs; under "most" the
    highest of the rounds."""
    data = {}
    for stage in STAGES:
        for row in collected(build, stage):
            rounds = data.setdefault((row["pair"], row["queues"], row["depth"]),
                                     collections.defaultdict(list))
            for what in set(row) & {*COLUMNS, "iops"}:
                rounds[what].append(row[what])
    return {key: {what: statistics.median(found) for what, found in rounds.items()}
            | {"most": {what: max(found) for what, found in rounds.items()}}
            for key, rounds in data.items()}


def judged(good, text):
    """A verdict, counted."""
    VERDICTS.append(good)
    return "met" if good else f"missed: {text}"


def worse(ours, theirs):
    """The columns in which (c) is worse than (b): by more than noise, and than all
    that (b) itself showed in any round."""
    return [c for c in COLUMNS
            if ours[c] > max(theirs[c] * (1 + NOISE) + 0.01, theirs["most"][c])]


def verdict(key, data):
    """What is asked of a row, if anything."""
    pair, queues, depth = key
    row, stock = data[key], data["a", queues, depth]
    if pair.startswith("b") and depth == 32:
        wanted = LESS_HOST_WORK
        work, theirs = (r["switches"] + r["calls"] for r in (row, stock))
        bad = [f"switches and calls {work / theirs:.2f} of a"] \
            if work > wanted * theirs else []
        if queues == 4 and row["iops"] < MORE_IOPS * stock["iops"]:
            bad.append(f"IOPS {row['iops'] / stock['iops']:.2f} of a")
        return judged(not bad, ", ".join(bad))
    if pair.startswith("c"):
        bad = worse(row, data["b" + pair[1:], queues, depth])
        return judged(not bad, "more " + ", ".join(bad))
    return "-"


def pairs_table(data):
    """One row for each pair, number of queues and depth."""
    rows = []
    for key in sorted(data, key=lambda k: (k[1], k[2], k[0])):
        if key[0] in (REMOTE, UNCONFINED):
            continue
        row = data[key]
        stock = data["a", key[1], key[2]]
        rows.append((key[0], key[1], key[2], *(number(row[c]) for c in COLUMNS),
                     f"{row['iops'] / stock['iops']:.2f}", verdict(key, data)))
    show("What a 4 KiB read costs the host",
         "Per request, one inner guest under KVM in an emulated host, null_blk "
         "behind every disk.\n(a) mainline's virtio_blk on QEMU's virtio-blk, "
         "iothread and native AIO; (a daemon)\nmainline's on qemu-storage-daemon's "
         "vhost-user-blk, with the same, which has no packed\nring; (b) mainline's "
         "on /dev/parley-blk through the bridge; (c) ours on it. Exits by\nreason are "
         "kvm:kvm_exit's (npf: a notification), switches /proc/stat's, calls\n"
         "raw_syscalls, interrupts the inner guest's; a short run is subtracted from a "
         "long one.\nInstructions are all that host and guest execute (TCG plugin, one "
         "host processor). IOPS\nas a ratio to (a). All are medians of rounds over all "
         "rows: nine of counts, seven of\nthe others. Asked of (b): switches and calls, "
         f"added, at most a third of (a), {MORE_IOPS} times the\nIOPS at 4 queues; of "
         f"(c): no column worse than (b) by more than {NOISE:.0%} and than (b)'s own\n"
         "worst round. Nothing is asked of or by (a daemon).",
         ("pair", "queues", "depth", *COLUMNS, "IOPS", "verdict"), rows)


def scaling_table(data):
    """Instructions a request with one queue and worker, and with four."""
    rows = []
    for pair in sorted({key[0] for key in data} - {REMOTE, UNCONFINED}):
        one, four = (data[pair, q, 32]["instructions"] for q in (1, 4))
        rows.append((pair, number(one), number(four), f"{four / one:.2f}",
                     judged(four <= one * (1 + FLAT), "grows")
                     if not pair.startswith("a") else "-"))
    show("How the cost grows with queues and workers",
         "Instructions of host and guest per request, depth 32 a queue; each "
         "queue with a\nworker and a loading process of its own. Asked: flat "
         f"within {FLAT:.0%}.",
         ("pair", "1 queue", "4 queues", "ratio", "verdict"), rows)


def remote_table(data):
    """A back end of another machine's beside one of this."""
    rows = []
    for depth in (1, 32):
        local = data[LOCAL, 1, depth]
        for name, pair in (("local", LOCAL), ("remote", REMOTE)):
            row = data[pair, 1, depth]
            rows.append((name, depth, *(number(row[c]) for c in COLUMNS),
                         f"{row['iops'] / local['iops']:.2f}"))
    show("What a remote back end costs the host",
         "The same runs, per 4 KiB read by pair (c), packed, one queue. Local is "
         "null_blk, as\nabove; remote another null_blk behind the kernel's own NVMe "
         "target and host over TCP\non loopback, so this one machine does the work "
         "of both ends and of the network's.\nNothing is asked. IOPS as a ratio to "
         "the local disk's.",
         ("back end", "depth", *COLUMNS, "IOPS"), rows)


def confinement_table(data):
    """A bridge that has given up all it can beside one that has not."""
    rows = []
    for depth in (1, 32):
        for pair in (UNCONFINED, CONFINED):
            row, other = data[pair, 1, depth], data[UNCONFINED, 1, depth]
            bad = worse(row, other)
            rows.append((pair, depth, *(number(row[c]) for c in COLUMNS),
                         judged(not bad, "more " + ", ".join(bad))
                         if pair == CONFINED else "-"))
    show("What the confinement of the bridge costs on the data path",
         "The same runs, per 4 KiB read, mainline's driver, packed, one queue: through "
         "the bridge\nas it is, and through one that was compiled without confine.c, so "
         "that its process keeps\nits user, its privileges and all system calls. Asked: no "
         f"column worse by more than {NOISE:.0%}\nand than the other's own worst round.",
         ("bridge", "depth", *COLUMNS, "verdict"), rows)


def limit_row(row):
    """One guest, or all of them together, and what it was asked to keep to."""
    errors = [got / row["asked"] - 1 for got in row["windows"]]
    got = statistics.median(row["windows"])
    error = got / row["asked"] - 1
    return (row["guests"], row["guest"], row["unit"], number(row["free"]),
            number(row["asked"]), number(got), f"{error:+.2%}",
            f"{max(errors, key=abs):+.2%}",
            judged(abs(error) <= EXACT, f"off by {abs(error):.1%}"))


def together(rows):
    """The sum over guests that were limited at the same time."""
    return rows[0] | {"guest": "all", "free": sum(row["free"] for row in rows),
                      "asked": sum(row["asked"] for row in rows),
                      "windows": [sum(got) for got in
                                  zip(*(row["windows"] for row in rows))]}


def limits_table(rows):
    """One row for each guest and unit; four guests together have one more."""
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["guests"], row["unit"]].append(row)
    shown = []
    for group in groups.values():
        shown += [limit_row(row) for row in group]
        if len(group) > 1:
            shown.append(limit_row(together(group)))
    show("What limits let through",
         "A second, for inner guests with one disk of pair (c) each, packed, null_blk "
         "behind\nit, under constant 4 KiB reads at depth 8; the limit of a device is "
         "set with parley,\nfour guests at once have four different ones. Free is "
         "without a limit. Achieved is what\nthe device's counters (netlink) say over "
         "12 seconds once the burst, half a second's,\nis used up: the median of three "
         "such windows, since the emulator stops now and then.\nWorst is the window "
         f"that was furthest off. Asked: the median within {EXACT:.0%}.",
         ("guests", "guest", "unit", "free", "asked", "achieved", "error", "worst",
          "verdict"), shown)


def latency_table(rows):
    """How long those have to wait who end something that is full of requests."""
    cells = collections.defaultdict(list)
    for row in rows:
        cells[row["disk"], row["size"], row["op"]].append(row)
    shown = []
    for disk, size in dict.fromkeys((row["disk"], row["size"]) for row in rows):
        found = [cells[disk, size, op] for op in ("stop", "memory", "kill")]
        flight = [row["flight"] for some in found for row in some]
        shown.append((disk, size, f"{min(flight)}-{max(flight)}", *(
            f"{statistics.median(row['ms'] for row in some):.0f} "
            f"({max(row['ms'] for row in some)})" for some in found)))
    show("How long a stop, a kill and a change of memory take",
         "A disk of 64 rings with four workers, in each 128 reads of that size, all at "
         "once; after\n0.2 s, with so many in flight, the VMM stops all rings one after "
         "another, or takes a\npart of the guest's memory away, or is killed with -9 "
         "(until its process is gone and\nthe state of every ring is kept). "
         "Milliseconds, median of three and in brackets the worst.\nThe machine is "
         "emulated: times mean little, but for the disk of 100 MB a second, where\nthey "
         "are the disk's. No inner guest: a program is VMM and driver. Nothing is asked.",
         ("back end", "a read", "in flight", "stop", "memory", "kill"), shown)


def medians(rows):
    """{what: median} of rows of the same shape."""
    first = rows[0]
    if isinstance(first, dict):
        return {what: medians([row[what] for row in rows]) for what in first}
    if isinstance(first, list):
        return [medians(list(some)) for some in zip(*rows)]
    return first if isinstance(first, str) else statistics.median(rows)


def lane_verdict(row, waits, bulk, counts, slack=0):
    """What is asked of both together, in the classes that are theirs."""
    mine, alone = row["waits"], waits["waits"]
    bad = [what for what in counts if mine[what] > WAITS_LONGER * alone[what] + slack]
    if mine["p99"] > WAITS_LONGER * alone["p99"]:
        bad.append("p99")
    bad = [f"{what} {mine[what] / alone[what]:.2f}" for what in bad]
    if row["bulk"]["rate"] < BULK_KEEPS * bulk["bulk"]["rate"]:
        bad.append(f"bulk keeps {row['bulk']['rate'] / bulk['bulk']['rate']:.2f}")
    return judged(not bad, ", ".join(bad))


def modes_of(rows):
    """Medians of each mode, on each disk if there are several: (both or one of them,
    the one that waits alone, the other alone)."""
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row.get("disk"), row["mode"], "waits" in row, "bulk" in row].append(row)
    found = [medians(some) for some in groups.values()]

    def alone(row, missing):
        return next(one for one in found if missing not in one and
                    one.get("disk") == row.get("disk"))
    return [(row, alone(row, "bulk"), alone(row, "waits")) for row in found]


def lanes_table(rows):
    """One that waits for each read beside one that does not."""
    for row in rows:
        if "waits" in row:
            row["waits"]["p50"], row["waits"]["p99"] = row["us"]
    shown = []
    for row, waits, bulk in modes_of(rows):
        mine, other = row.get("waits"), row.get("bulk")
        shown.append((
            row["mode"],
            *((number(mine["kicks"]), number(mine["calls"]), *map(number, row["others"]),
               *(f"{mine[what] / waits['waits'][what]:.2f}" for what in ("p50", "p99")))
              if mine else ("-",) * 6),
            *((number(other["kicks"]), number(other["calls"]), number(other["rounds"]),
               f"{other['rate'] / bulk['bulk']['rate']:.2f}") if other else ("-",) * 4),
            number(row["switches"]), number(row["hurries"]),
            lane_verdict(row, waits, bulk, ("kicks", "calls"), 0.01)
            if "two classes" in row["mode"] else "-"))
    show("A guest that waits for each read beside one that does not",
         "Two processes, each VMM and driver in one, split rings, on one null_blk that "
         "takes a\nmillisecond: 4 KiB reads at depth 1, and at depth 64. Kicks and calls "
         "are the exits and\ninterrupts that guests would have had, rounds the worker's, "
         "each per request of that\nguest; between are the other's reads that ended while "
         "one was under way, p50 and p99;\nthen the time it took, as a ratio to alone. Rate "
         "is a ratio to alone, too. Switches are\nall of the machine, guests and all, per "
         "request of both, hurries rounds cut short for\nthe other. Medians of three "
         "rounds. Asked of two classes: kicks, calls and p99 at most "
         f"{WAITS_LONGER}\ntimes those alone, and bulk keeps {BULK_KEEPS:.0%}.",
         ("served by", "kicks", "calls", "between", "p99", "p50", "p99", "bulk: kicks",
          "calls", "rounds", "rate", "switches", "hurries", "verdict"), shown)


def guests_table(rows):
    """The same of inner guests."""
    shown = []
    for row, waits, bulk in modes_of(rows):
        mine, other = row.get("waits"), row.get("bulk")
        shown.append((
            row["disk"], row["mode"],
            *((*(number(mine[what]) for what in ("exits", "interrupts", "switches")),
               *(f"{mine[what] / waits['waits'][what]:.2f}" for what in ("p50", "p99")))
              if mine else ("-",) * 5),
            *((number(other["exits"]), number(other["switches"]),
               f"{other['rate'] / bulk['bulk']['rate']:.2f}") if other else ("-",) * 3),
            number(row["switches"]),
            lane_verdict(row, waits, bulk, ("exits", "interrupts", "switches"))
            if "two classes" in row["mode"] else "-"))
    show("The same of two virtual machines",
         "Two inner guests under KVM, our driver in each, packed rings, a bridge for each, "
         "on two\npartitions of one null_blk that takes so long: 4 KiB reads one after "
         "another, and at depth\n64. The emulated host has two processors: of the disk of "
         "a millisecond these are what both\nguests want. Exits are kvm:kvm_exit's of that guest's "
         "threads, interrupts its disk's,\nswitches those of its QEMU's and its bridge's "
         "threads (a worker of its own is one of them,\na pool's thread is not), each per "
         "request of that guest; at the end all switches of the\nmachine, per request of "
         "both. p50 and p99 are what its reads took, and rate, as ratios to\nalone. "
         "Medians of three rounds. Asked of two classes: exits, interrupts, switches and "
         f"p99 at\nmost {WAITS_LONGER} times those alone, and bulk keeps "
         f"{BULK_KEEPS:.0%}.",
         ("disk", "served by", "exits", "interrupts", "switches", "p50", "p99", "bulk: exits",
          "switches", "rate", "all switches", "verdict"), shown)


def main():
    """Print the tables."""
    build = pathlib.Path(sys.argv[1]).resolve()
    data = merged(build)
    pairs_table(data)
    scaling_table(data)
    remote_table(data)
    confinement_table(data)
    limits_table(collected(build, "limits"))
    latency_table(collected(build, "latency"))
    lanes_table(collected(build, "lanes"))
    guests_table(collected(build, "guests"))
    say_lost()
    summary()
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main_guard(main))
