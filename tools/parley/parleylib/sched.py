# SPDX-License-Identifier: GPL-2.0-only
"""What the host steals of this machine's vCPUs: shown, and governed.

Decisions are in governor.py, what is done about them in partition.py. Here is what stands
between: a loop, a log, and a record of what is to be undone, which the next start or
--restore finds if this process was killed."""
import contextlib
import fcntl
import json
import os
import signal
import tempfile
import time

from . import governor
from .common import DONE, Absent, Failure, Usage, complain, print_json, read, say, table
from .partition import Partition
from .vcpus import KernelThreads, bound_within, interrupts, online, show, stolen

RUN = "/run/parley"
RECORD, LOCK = f"{RUN}/governor.json", f"{RUN}/governor.lock"
END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
LOOK = 1                        # seconds, where no governor looks already
ANOTHER = "another governor runs"


def sched(args):
    said = [o.replace("_", "-") for o in ("once", "dry_run", "restore", "status", "bound")
            if getattr(args, o)]
    said += [n.name for n in governor.NUMBERS if getattr(args, key(n)) is not None]
    if args.hand_over and args.what != "clock":
        raise Usage("--hand-over is for parley sched clock")
    if args.what == "register":
        if not args.qmp or set(said) - {"once", "interval"} or len(said) > 1:
            raise Usage("parley sched register --qmp PATH [--nodes LIST] [--once|--interval S]")
        from . import register          # pylint: disable=C0415
        return register.register(args)
    if args.nodes:
        raise Usage("--nodes is for parley sched register")
    if args.what == "clock":
        if not args.qmp or said:
            raise Usage("parley sched clock --qmp PATH [--hand-over NS@REALTIME]")
        from . import clock             # pylint: disable=C0415
        return clock.clock(args)
    if args.qmp:
        raise Usage("--qmp is for parley sched register and clock")
    if args.what != "governor":
        if said:
            raise Usage(f"--{said[0]} is for parley sched governor")
        return show_status(args)
    if (args.status or args.restore) and len(said) > 1:
        raise Usage("--status and --restore stand alone")
    if args.status:
        return show_status(args)
    return restore(args) if args.restore else govern(args)


def key(number):
    return number.name.replace("-", "_")


def rules(args):
    return governor.rules(**{key(n): getattr(args, key(n)) for n in governor.NUMBERS})


# The record

def load():
    try:
        return json.loads(read(RECORD, "{}"))
    except ValueError:
        return {}               # it is written as a whole, so this is nobody's of ours


def save(data):
    fd, new = tempfile.mkstemp(prefix="governor.", dir=RUN)
    with open(fd, "w", encoding="utf-8") as f:
        json.dump(data, f)
    os.chmod(new, 0o644)
    os.replace(new, RECORD)


def runs():
    """Whether a governor does, as whoever has the lock is one."""
    try:
        with open(LOCK, encoding="ascii") as f:
            fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


@contextlib.contextmanager
def alone():
    """No other governor runs while this is inside."""
    if os.geteuid():
        raise Failure("only root can move tasks of others; try sudo, or --dry-run")
    os.makedirs(RUN, exist_ok=True)
    with open(LOCK, "w", encoding="ascii") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            raise Failure(f"{ANOTHER}, as process {load().get('pid', '?')}") from e
        yield


# What is done

class Hands:
    """The partition, and what has to be known to undo it."""

    def __init__(self, known):
        self.partition = Partition()
        self.threads = KernelThreads(known.get("threads", ()))
        self.switched_on = known.get("switched_on", False)

    def begin(self, write):
        """`write` is called when it is known what has to be undone, and before it is done."""
        self.switched_on = self.switched_on or not self.partition.switched_on()
        if not self.partition.away():
            self.threads.remember(self.partition.usable())
        write()
        self.partition.make()

    def known(self):
        return {"switched_on": self.switched_on, "threads": self.threads.known}

    def usable(self):
        return self.partition.usable()

    def away(self):
        return self.partition.away()

    def take(self, cpus):
        self.partition.take(cpus)
        self.threads.put_back(self.usable() - cpus)

    def undo(self):
        """Returns which vCPUs came back."""
        away = self.away()
        self.partition.remove(self.switched_on)
        self.threads.put_back(self.usable())
        with contextlib.suppress(FileNotFoundError):
            os.unlink(RECORD)
        return away


class NoHands:
    """For --dry-run: what would be away is nowhere but here."""

    def __init__(self):
        self.gone = set()

    def known(self):
        return {}

    def usable(self):
        return online()

    def away(self):
        return self.gone & online()

    def take(self, cpus):
        self.gone = set(cpus)


def tell(args, text, **more):
    """A line for people, or for programs."""
    if args.json:
        print_json({"text": text, **more}, one_line=True)
    else:
        say(f"governor: {text}")


class Loop:
    """Looks, decides, acts, tells."""

    def __init__(self, args, hands, known=None):
        self.args, self.hands = args, hands
        self.governor = governor.Governor(rules(args), known)
        self.told = {}          # of which vCPUs it was said that they stay, and why
        self.found = {}         # (vCPU, those away): until when, and which task is bound there

    def write(self):
        """The record, for --status as well."""
        if self.args.dry_run:
            return
        now, g = time.monotonic(), self.governor
        save({"pid": os.getpid(), "rules": g.rules._asdict(), "vcpus": g.known(),
              "shares": {c: g.share(c) for c in g.usable}, "blocked": g.blocked, "time": now,
              **self.hands.known()})

    def tell(self, vcpu, text, **more):
        tell(self.args, text, vcpu=vcpu, **more)

    def round(self):
        """Returns the decision."""
        now, g = time.monotonic(), self.governor
        g.look(now, stolen(), self.hands.usable())
        for c in g.adopt(self.hands.away(), now):
            self.tell(c, f"vCPU {c} is {g.state(c, now)} now, by somebody else's hand")
        decision = g.decide(now, self.keep)
        for c, why in g.blocked.items():
            if self.told.get(c) != why:
                self.told[c] = why
                self.tell(c, f"vCPU {c} stays, with {g.share(c):.1f} % stolen: {why}",
                          what="stay", steal=g.share(c))
        if decision:
            self.act(decision, now)
        self.write()
        return decision

    def keep(self, vcpu):
        """Why tasks cannot leave it: one is bound to it, and would be where it must not. To
        look at all tasks is work, so what was found counts for a window."""
        if self.args.bound == "move":
            return None
        cpus = frozenset(self.governor.away() | {vcpu})
        now = time.monotonic()
        until, task = self.found.get((vcpu, cpus), (now, None))
        if until <= now:
            task = bound_within(cpus)
            self.found = {(vcpu, cpus): (now + self.governor.rules.window, task)}
        return f"{task.name} ({task.tid}) is bound to it" if task else None

    def act(self, decision, now):
        g, c = self.governor, decision.vcpu
        wanted = g.away() ^ {c}
        try:
            self.hands.take(wanted)
        except Failure as e:
            g.refused(decision, now)
            self.tell(c, f"vCPU {c} should {decision.what}: {e}", what="refused")
            return
        g.done(decision, now)
        self.told = {}
        would = "would be" if self.args.dry_run else "is"
        if decision.what == "leave":
            text = f"vCPU {c} {would} left: {decision.why}; {show(g.in_use())} in use, back " \
                f"on trial in {g.vcpus[c].hold:g} s"
        else:
            text = f"vCPU {c} {would} back: {decision.why}; {show(g.in_use())} in use"
        self.tell(c, text, what=decision.what, steal=decision.share, in_use=sorted(g.in_use()))

    def pause(self):
        """Until the next round; returns whether there is to be none."""
        return signal.sigtimedwait(END, self.governor.rules.interval) is not None

    def until_told(self):
        self.round()
        while not self.pause():
            self.round()

    def until_decided(self):
        """One window, and what follows from it; None if nothing does."""
        decision = self.round()
        while not decision and not self.governor.ready() and not self.pause():
            decision = self.round()
        return decision

    def go(self):
        if not self.args.once:
            self.until_told()
        elif not self.until_decided():
            self.tell(None, f"nothing to do: at most {self.most():.1f} % stolen in "
                      f"{self.governor.rules.window:g} s")

    def most(self):
        return max((self.governor.share(c) or 0 for c in self.governor.usable), default=0)


def greet(loop):
    g = loop.governor
    g.look(time.monotonic(), counted := stolen(), loop.hands.usable())
    loop.tell(None, f"{len(g.usable)} vCPUs, of which {g.least()} stay in use; left from "
              f"{g.rules.high:g} % on, over {g.rules.window:g} s")
    if not any(counted.values()):
        loop.tell(None, "nothing was stolen since the machine began: either its host never "
                  "did, or does not tell")


def govern(args):
    rules(args)                 # wrong numbers are told before anything else
    signal.pthread_sigmask(signal.SIG_BLOCK, END)
    try:
        if args.dry_run:
            loop = Loop(args, NoHands())
            greet(loop)
            loop.go()
            return DONE
        with alone():
            return govern_alone(args)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, END)


def govern_alone(args):
    """A call with --once goes on from what the last one left, and leaves it; any other
    begins and ends with everything as it was."""
    before = load()
    hands = Hands(before)
    if not args.once and (before or hands.away()):
        back = hands.undo()
        tell(args, f"undone what another one left: {show(back) or 'nothing'} was away")
        before, hands = {}, Hands({})
    loop = Loop(args, hands, before.get("vcpus"))
    try:
        hands.begin(loop.write)
        greet(loop)
        loop.go()
    except BaseException:
        undo(args, hands)
        raise
    if not args.once:
        undo(args, hands)
    return DONE


def undo(args, hands):
    tell(args, f"ends; {show(hands.undo()) or 'nothing'} was away")


def restore(args):
    """What a governor left that was killed."""
    with alone():
        known = load()
        hands = Hands(known)
        there = bool(known) or os.path.isdir(hands.partition.outer)
        back = hands.undo()
    if args.json:
        print_json({"restored": sorted(back)})
    elif there:
        say(f"undone; {show(back) or 'nothing'} was away")
    else:
        say("there is nothing to undo")
    return DONE


# What is shown

def away_now():
    """By the kernel; none where there can be none."""
    with contextlib.suppress(Absent):
        return Partition().away()
    return set()


def facts():
    """One for each vCPU that is online: by what a governor saw, or by a look of our own."""
    data, now, away, running = load(), time.monotonic(), away_now(), runs()
    numbers = data.get("rules")
    g = governor.Governor(governor.Rules(**numbers) if numbers else governor.rules(),
                          data.get("vcpus"))
    counted, uptime = stolen(), float(read("/proc/uptime", "0").split()[0])
    shares = {int(c): s for c, s in data.get("shares", {}).items()}
    if not running:
        time.sleep(LOOK)
        later = stolen()
        shares = {c: min(100, 100 * (later[c] - counted[c]) / LOOK)
                  for c in counted if c in later}
    irqs = interrupts()
    for c in sorted(counted):
        v = g.vcpus.get(c, governor.Vcpu())
        since = v.until - v.hold if v.until is not None else v.back
        yield {"vcpu": c, "steal": shares.get(c),
               "steal_since_boot": 100 * counted[c] / uptime if uptime else None,
               "state": governor.AWAY if c in away else g.state(c, now),
               "since": since and now - since,
               "back_in": v.until and max(0.0, v.until - now), "left": v.left,
               "interrupts": irqs.get(c, 0),
               "stays": data.get("blocked", {}).get(str(c)) if running else None}


def show_status(args):
    found = list(facts())
    if args.json:
        print_json(found)
        return DONE
    print("\n".join(lines(found)))
    if (away := away_now()) and not runs():
        complain(f"vCPUs {show(away)} are away, and no governor runs: parley sched governor "
                 "--restore brings them back")
    return DONE


def lines(found):
    head = ["VCPU", "STEAL", "SINCE-BOOT", "STATE", "FOR", "BACK-IN", "LEFT", "INTERRUPTS"]

    def number(value, unit):
        return "-" if value is None else f"{value:.1f}{unit}"

    rows = [[f["vcpu"], number(f["steal"], "%"), number(f["steal_since_boot"], "%"), f["state"],
             number(f["since"], "s"), number(f["back_in"], "s"), f["left"], f["interrupts"]]
            for f in found]
    yield from table(head, rows, [h for h in head if h != "STATE"])
    for f in found:
        if f["stays"]:
            yield f"vCPU {f['vcpu']} stays: {f['stays']}"
