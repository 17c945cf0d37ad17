# SPDX-License-Identifier: GPL-2.0-only
"""Verbs and their options. What a verb needs is imported when it is called."""
import argparse

from . import atboot, guest, move
from .common import DONE, ABSENT, FAILED, USAGE, Failure, Usage, complain, print_json
from .version import VERSION

RATE = "500, 10k, 2.5M, 64Ki; 0 or 'none' for no limit"
EPILOG = f"""exit codes: {DONE} done, {FAILED} failed or refused, {USAGE} wrong usage,
{ABSENT} a module, library or interface is not there.
`parley VERB --help` tells more about a verb; the manual page is parley(8)."""


def status(args):
    from . import host                  # pylint: disable=C0415
    if args.device is not None:
        return host.status(args)
    facts = [{**d.facts(), "at_boot": atboot.covers(d)} for d in guest.devices()]
    devices, queues, named, missing = host.status_of_all()
    if args.json:
        print_json(facts + [host.facts(d, queues, named) for d in devices])
    else:
        print("\n".join(guest.status_lines(facts)))
        if devices:
            print("\n" + "\n".join(host.status_lines(devices, queues, named)))
    if missing:
        complain(missing)
    return DONE


def stats(args):
    if args.count is not None and args.watch is None:
        raise Usage("--count says how often to --watch; give that as well")
    if args.queue is not None and args.device is None:
        raise Usage("--queue needs the device before it")
    if args.openmetrics and (args.json or args.watch is not None):
        raise Usage("--openmetrics is one answer; whoever reads it asks again")
    from . import stats as module       # pylint: disable=C0415
    return module.stats(args)


def backends(args):
    if args.name is not None and args.forget is None:
        raise Usage("--name says of which closed device to --forget; give that as well")
    from . import host                  # pylint: disable=C0415
    return host.backends(args)


def setting(name):
    def call(args):
        from . import settings          # pylint: disable=C0415
        return getattr(settings, name)(args)
    return call


def pool(args):
    from . import pool as module        # pylint: disable=C0415
    return module.pool(args)


def vf(args):
    """The first word says what of virtual functions; each has a module of its own."""
    from importlib import import_module # pylint: disable=C0415
    import_module(f".{VF[args.what][0]}", __package__).vf(args)


def sched(args):
    from . import sched as module       # pylint: disable=C0415
    return module.sched(args)


def loopback(args):
    from . import loopback as module    # pylint: disable=C0415
    return module.loopback(args)


# Verbs about virtual functions: their module, whose vf() is called, and what they do.
VF = {
    "list": ("vf", "NVMe disks, their functions, namespaces, owners and devices"),
    "show": ("vf", "one function, by its address or the UUID of its device"),
    "check": ("vf", "what DISK has of what is needed"),
    "take": ("vf", "DISK from the kernel's driver, unless it is used"),
    "release": ("vf", "[DISK], back to the kernel's driver"),
    "pool": ("vf", "[DISK] N [SIZE], so many functions, each with a namespace"),
    "birth": ("vf", "[DISK] [SIZE], a device for a guest"),
    "death": ("vf", "UUID or FUNCTION, its end, and that of its data"),
    "erase": ("vf", "FUNCTION or UUID, what is in its namespace"),
    "plan": ("vf", "[DISK], what pool and on demand cost, as measured"),
    "policy": ("policies", "what guests may ask their devices for: check FILE, "
               "load PARENT TYPE FILE, show PARENT TYPE, audit PARENT TYPE; of a Bluetooth "
               "controller load hci0 FILE, show hci0, audit hci0; reference [nvme|hci]"),
}


def complete(what, *more):
    """For bash-completion: words, one a line."""
    if what == "addresses":
        words = [d.address for d in guest.devices()]
    elif what == "types":
        words = guest.FRONT_ENDS
    elif what in ("parents", "kinds"):
        from . import policies          # pylint: disable=C0415
        words = policies.complete(what, more)
    elif what == "vf":
        from . import vfdisk            # pylint: disable=C0415
        words = vfdisk.complete()
    else:
        from . import host              # pylint: disable=C0415
        words = [str(d["id"]) for d in host.status_of_all()[0]]
    print("\n".join(words))


def positive(text):
    value = float(text)
    if not 0.05 <= value <= 86400:
        raise argparse.ArgumentTypeError("between 0.05 and 86400 seconds")
    return value


def natural(text):
    value = int(text, 10)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError("not a number of a device, a queue or a count")
    return value


def count(text):
    if natural(text) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return natural(text)


def device(verb, **more):
    verb.add_argument("device", type=natural, metavar="DEVICE",
                      help="number, as parley status shows it", **more)


def queue(verb, default):
    verb.add_argument("--queue", metavar="N", help=f"a number, or 'all'; {default}")


def moving(verbs, name, text, call):
    verb = verbs.add_parser(name, help=text, description=text)
    verb.add_argument("address", nargs="*", metavar="ADDRESS",
                      help="as parley status and lspci -D show it, such as 0000:00:04.0 (0000: may be left out)")
    kinds = guest.FRONT_ENDS
    verb.add_argument("--all-of-type", metavar="TYPE", choices=kinds,
                      help=f"every device of a type that Parley drives: {', '.join(kinds)}")
    how = verb.add_mutually_exclusive_group()
    how.add_argument("--force", action="store_true",
                     help="also if a file system, swap or another device is on it")
    how.add_argument("--at-boot", action="store_true",
                     help="not now, but at each boot, in the initramfs: also a root disk")
    verb.set_defaults(call=lambda args: move.each(call, args))
    return verb


def showing(verbs):
    verb = verbs.add_parser("status", help="what there is, and who drives it",
                            description="Virtio PCI devices and vhost devices of this machine; "
                            "with a number, one vhost device with its queues.")
    device(verb, nargs="?")
    verb.add_argument("--all", action="store_true", help="also queues that nobody set up")
    verb.set_defaults(call=status)
    yield verb
    verb = verbs.add_parser("stats", help="what vhost devices and their queues did",
                            description="Counts since a device was opened or, with --watch, "
                            "rates a second. FROM-GUEST and TO-GUEST are bytes.")
    device(verb, nargs="?")
    verb.add_argument("--queue", type=natural, metavar="N", help="of this queue only")
    verb.add_argument("--watch", type=positive, metavar="SECONDS", help="again every so often")
    verb.add_argument("--count", type=count, metavar="N", help="so many times")
    verb.add_argument("--workers", action="store_true", help="also what the workers did")
    verb.add_argument("--openmetrics", action="store_true",
                      help="for Prometheus and its like: counts, workers and limits")
    verb.set_defaults(call=stats)
    yield verb
    verb = verbs.add_parser("backends", help="what vhost devices serve, and the limits kept",
                            description="Disks and files that vhost devices serve, and "
                            "limits that are kept for devices which are closed.")
    verb.add_argument("--forget", type=natural, metavar="BACKEND",
                      help="the limits kept for closed devices of this back end")
    verb.add_argument("--name", metavar="NAME", help="only of closed devices of this name")
    verb.set_defaults(call=backends)
    yield verb


def ruling(verbs):
    def add(name, text, default, **more):
        verb = verbs.add_parser(name, help=text, description=f"{text}. Without anything to "
                                "set, shows what is set.")
        device(verb, **more)
        queue(verb, default)
        verb.set_defaults(call=setting(name))
        return verb

    verb = add("limit", "limit a vhost device or its queues",
               "without it, the device's own limit", nargs="?")
    verb.add_argument("--backend", type=natural, metavar="N",
                      help="not a device: all that serve this back end, see parley backends")
    verb.add_argument("--ops", metavar="RATE", help=f"operations a second: {RATE}")
    verb.add_argument("--bytes", metavar="RATE", help="bytes a second")
    verb.add_argument("--ops-burst", metavar="N",
                      help="so many at once; 0 or nothing for a tenth of a second's")
    verb.add_argument("--bytes-burst", metavar="N", help="the same for bytes")
    verb.add_argument("--ops-guaranteed", metavar="RATE",
                      help="operations a second that it gets whatever others do; 0 for none")
    verb.add_argument("--bytes-guaranteed", metavar="RATE", help="the same for bytes")
    verb.add_argument("--off", action="store_true",
                      help="no limit and no guarantee; of a device, none of its queues either")
    yield verb
    verb = add("moderation", "hold calls to the guest back", "without it, all that are set up")
    verb.add_argument("--requests", metavar="N", help="completions for one call")
    verb.add_argument("--us", metavar="N", help="but no later than this, in microseconds")
    verb.add_argument("--adaptive", action="store_true",
                      help="learn both, again and again, from how many requests there are")
    verb.add_argument("--off", action="store_true", help="no moderation")
    yield verb
    verb = add("polling", "look for work before sleeping", "without it, all that are set up")
    verb.add_argument("--us", metavar="N", help="microseconds to look at most")
    verb.add_argument("--budget", metavar="PERCENT",
                      help="of the worker's time that polling in vain may take")
    verb.add_argument("--off", action="store_true", help="never poll")
    yield verb
    verb = add("lane", "choose which queues are served first", "without it, all that are set up")
    verb.add_argument("lane", nargs="?", choices=("latency", "normal", "bulk"))
    yield verb


def pooling(verbs):
    text = "threads that several vhost devices share"
    verb = verbs.add_parser("pool", help=text,
                            usage="parley pool [options] [add NAME | set NAME | remove NAME | "
                            "attach DEVICE NAME | detach DEVICE]",
                            description=f"Pools are {text}. Without an action, shows them.")
    verb.add_argument("action", nargs="?", metavar="ACTION",
                      choices=("add", "set", "remove", "attach", "detach"),
                      help="add, set, remove a pool; attach a device to one, detach it")
    verb.add_argument("words", nargs="*", metavar="WORD",
                      help="the pool's name, the device's number")
    verb.add_argument("--threads", metavar="N", help="so many serve at a time; 1 by default")
    verb.add_argument("--one-vm", action="store_true",
                      help="for devices of one VM, in whose control groups its threads are")
    verb.add_argument("--class", choices=("latency", "normal", "bulk"),
                      help="the device's in the pool; normal by default")
    verb.add_argument("--weight", metavar="N",
                      help="its share within the class, 1 to 1000; 100 by default")
    verb.set_defaults(call=pool)
    return verb


def looping(verbs):
    text = "a vhost disk for this very kernel, without a guest"
    verb = verbs.add_parser("loopback", help=text,
                            usage="parley loopback [options] BACKEND [-- COMMAND...]",
                            description=f"Makes {text}: until it is "
                            "interrupted, or while COMMAND runs, which finds the disk in "
                            "$PARLEY_DISK and the number in $PARLEY_DEVICE, and whose exit "
                            "code is ours.")
    verb.add_argument("backend", metavar="BACKEND", help="a block device or a file to serve")
    verb.add_argument("--queues", type=count, default=1, metavar="N", help="1 by default")
    verb.add_argument("--queue-size", type=count, default=256, metavar="N",
                      help="descriptors of each, 256 by default")
    verb.add_argument("--ring", choices=("split", "packed"),
                      help="by default what the front-end prefers")
    verb.add_argument("--serial", metavar="TEXT", help="at most 20 bytes")
    verb.add_argument("--read-only", action="store_true", help="even if BACKEND is writable")
    verb.add_argument("--poll", action="store_true", help="poll BACKEND for completions")
    verb.add_argument("--block-size", type=int, choices=(512, 4096), metavar="N",
                      help="show blocks of 512 or 4096 bytes")
    verb.add_argument("--buffered", action="store_true",
                      help="through the page cache, without O_DIRECT")
    verb.set_defaults(call=loopback)
    return verb


def functions(verbs):
    text = "virtual functions and their mediated devices"
    verb = verbs.add_parser("vf", help=text, usage="parley vf [options] WHAT [WORD...]",
                            description=f"For {text}. " + " ".join(
                                f"{name}: {what}." for name, (_, what) in VF.items()))
    verb.add_argument("what", metavar="WHAT", choices=tuple(VF), help=", ".join(VF))
    verb.add_argument("words", nargs="*", metavar="WORD",
                      help="DISK and PARENT are PCI addresses, DISK may be left out if "
                      "one is taken; PARENT may be a Bluetooth controller, hci0, which has no "
                      "TYPE; TYPE is as in mdev_supported_types")
    verb.add_argument("--on-demand", action="store_true",
                      help="functions of a pool get what they need when a guest is born")
    verb.add_argument("--uuid", metavar="UUID", help="whose device it is: he finds his data again")
    verb.add_argument("--beside", metavar="UUID",
                      help="a second device for the guest who has this one, to move to")
    verb.add_argument("--how", choices=("write-zeroes", "deallocate-and-verify", "format"),
                      help="to erase; with birth, also what nobody knows the owner of")
    verb.add_argument("--keep", action="store_true", help="the data of a guest that dies")
    verb.add_argument("--delete", action="store_true",
                      help="the namespace of a guest that dies, where they are --on-demand")
    verb.add_argument("--type", metavar="TYPE", default="1",
                      help="of a device, or the devices that a --policy is for: q1, p, ...; 1 by "
                      "default")
    verb.add_argument("--policy", metavar="FILE",
                      help="of a pool: what guests may ask for, also after a boot; none: "
                      "forget it")
    verb.add_argument("--all", action="store_true",
                      help="of an audit, also what was never asked for")
    verb.set_defaults(call=vf)
    return verb


def number(n):
    """Reads one of the governor's; it is checked where the others are known as well."""
    def parse(text):
        value = float(text) if n.unit != "vCPUs" else int(text, 10)
        if not n.least <= value <= n.most:
            raise argparse.ArgumentTypeError(f"{n.least:g} to {n.most:g} {n.unit}")
        return value
    return parse


def node_list(text):
    """Nodes of the host, by those of a guest."""
    try:
        nodes = [int(word, 10) for word in text.split(",")]
    except ValueError:
        nodes = []
    if not 1 <= len(nodes) <= 64 or min(nodes) < -1 or max(nodes) > 0xffff:
        raise argparse.ArgumentTypeError("1 to 64 numbers of nodes, or -1, as 1,0")
    return nodes


def moment(text):
    """Two numbers of nanoseconds."""
    ns, at, realtime = text.partition("@")
    if not (at and ns.isdecimal() and realtime.isdecimal() and
            int(ns) <= 1 << 62 and int(realtime) < 1 << 63):
        raise argparse.ArgumentTypeError("two numbers: NS@REALTIME")
    return int(ns), int(realtime)


def scheduling(verbs):
    from .governor import NUMBERS       # pylint: disable=C0415
    text = "what the host steals of each vCPU, tasks that leave those; vCPUs of a VM"
    verb = verbs.add_parser("sched", help=text,
                            usage="parley sched [--json] | parley sched governor [options] | "
                            "parley sched register --qmp PATH [--nodes LIST] "
                            "[--once|--interval S] | "
                            "parley sched clock --qmp PATH [--hand-over NS@REALTIME]",
                            description="Shows what the host steals of each vCPU. With the "
                            "word governor: lets tasks "
                            "leave vCPUs that much is stolen of, and brings them back later, "
                            "until it is interrupted; then all is as it was. With register, "
                            "on a host: tells the scheduling device that serves a QEMU which "
                            "threads its vCPUs are, until it is interrupted. With clock, on a "
                            "host: tells it what the guest's counter shows, and says what its "
                            "clock does, or hands that over.")
    verb.add_argument("what", nargs="?", metavar="WHAT", choices=("governor", "register", "clock"),
                      help="governor: not only show, but act; register: threads of a VM; "
                      "clock: its counter")
    verb.add_argument("--qmp", metavar="PATH", help="socket of QEMU's monitor")
    verb.add_argument("--nodes", metavar="LIST", type=node_list,
                      help="to register: the host's NUMA node with the memory of each of the "
                      "VM's, as 1,0; -1 for none in particular. vCPUs go where their memory is")
    verb.add_argument("--hand-over", type=moment, metavar="NS@REALTIME",
                      help="what the clock showed, and the time of day then, as clock said it "
                      "on the host before")
    verb.add_argument("--once", action="store_true",
                      help="one window and one decision, which lasts, and the next call goes "
                      "on; or register what there is now, and end")
    verb.add_argument("--dry-run", action="store_true", help="say what would be done")
    verb.add_argument("--status", action="store_true", help="the table that sched alone shows")
    verb.add_argument("--restore", action="store_true",
                      help="undo what a governor left that was killed")
    verb.add_argument("--bound", choices=("keep", "move"),
                      help="a vCPU to which a task is bound is kept in use, or its tasks are "
                      "moved and come back; keep by default")
    for n in NUMBERS:
        verb.add_argument(f"--{n.name}", type=number(n), metavar="N",
                          help=f"{n.text} ({n.unit}, {n.default} by default)".replace("%", "%%"))
    verb.set_defaults(call=sched)
    return verb


class Verb(argparse.ArgumentParser):
    """Lets options stand between the words, as in: lane 3 --queue 0 bulk."""
    inside = False

    def parse_known_args(self, args=None, namespace=None):
        if self.inside:
            return super().parse_known_args(args, namespace)
        self.inside = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.inside = False


def parser():
    top = argparse.ArgumentParser(
        prog="parley", epilog=EPILOG, allow_abbrev=False,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=28),
        description="Parley's devices on both sides: virtio PCI devices of this machine as a "
        "guest,\nvhost devices of this machine as a host.")
    top.add_argument("--version", action="version", version=f"parley {VERSION}")
    verbs = top.add_subparsers(metavar="VERB", required=True, parser_class=Verb)
    every = [*showing(verbs), *ruling(verbs), pooling(verbs),
             moving(verbs, "takeover", "move virtio PCI devices from virtio-pci to Parley",
                    move.takeover),
             moving(verbs, "giveback", "move them back", move.giveback), looping(verbs),
             functions(verbs), scheduling(verbs)]
    for verb in every:
        verb.add_argument("--json", action="store_true", help="for programs")
    return top


def main(arguments):
    command = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, command = arguments[:at], arguments[at + 1:]
    try:
        if arguments[:1] == ["complete"]:   # not for people
            return complete(*arguments[1:])
        args = parser().parse_args(arguments)
        args.command = command
        if command and args.call is not loopback:
            raise Usage("only loopback runs a command")
        return args.call(args) or DONE
    except Failure as e:
        complain(e)
        return e.code
    except KeyboardInterrupt:
        return 130
