# SPDX-License-Identifier: GPL-2.0-only
"""Which vCPU tasks leave because too much of it is stolen, and when they come back: the
decisions, and nothing else. Time and steal are handed in, so a test can script both.

A vCPU that nobody uses is not stolen from, so there is no way to see that the host has it
free again but to use it. It comes back after its hold for a trial, in which little steal is
enough to leave it again; and then its hold is twice as long. That bounds how often a vCPU
that the host never gives back is tried, and what the trials cost."""
import collections
import dataclasses
import math

from .common import Usage

Number = collections.namedtuple("Number", "name unit default least most text")
NUMBERS = (
    Number("interval", "s", 1, 0.1, 60, "how often steal is looked at"),
    Number("window", "s", 5, 0.5, 600,
           "steal is averaged over it; a change is followed by a whole one without another"),
    Number("high", "%", 20, 1, 100, "tasks leave a vCPU that so much is stolen of, or more"),
    Number("low", "%", 5, 0.1, 99, "the same while it is on trial"),
    Number("hold", "s", 10, 1, 3600, "how long it is left alone the first time"),
    Number("hold-max", "s", 300, 1, 86400, "and at most, as each trial in vain doubles that"),
    Number("trial", "s", 20, 1, 3600, "how long a trial takes"),
    Number("trust", "s", 300, 1, 86400,
           "after so long in use a vCPU begins with the first hold again"),
    Number("least", "vCPUs", 0, 0, 65536,
           "so many stay in use, whatever is stolen; 0 for half of them"),
)
IN_USE, TRIAL, AWAY = "in use", "on trial", "away"

Rules = collections.namedtuple("Rules", [n.name.replace("-", "_") for n in NUMBERS])
# what: "leave" or "return"; share: percent stolen, None where that is not the reason.
Decision = collections.namedtuple("Decision", "what vcpu share why")


def rules(**chosen):
    """All numbers, those chosen and the others as they are by default; checked."""
    values = {}
    for n in NUMBERS:
        key = n.name.replace("-", "_")
        value = chosen.pop(key, None)
        values[key] = value = n.default if value is None else value
        if not n.least <= value <= n.most:      # a NaN is not, either
            raise Usage(f"--{n.name}: {value:g} is not within {n.least:g} to {n.most:g} {n.unit}")
    if chosen:
        raise Usage(f"there is no number called {', '.join(chosen)}")
    r = Rules(**values)
    for small, large in (("low", "high"), ("interval", "window"), ("hold", "hold_max"),
                         ("window", "trial")):
        if getattr(r, small) > getattr(r, large) or r.low == r.high:
            raise Usage(f"--{small} {getattr(r, small):g} has to be below "
                        f"--{large.replace('_', '-')} {getattr(r, large):g}")
    return r


@dataclasses.dataclass
class Vcpu:
    """What is known of one; times are of the clock that the caller has."""
    until: float | None = None  # it is left alone until then
    hold: float = 0             # how long that was, the last time
    back: float | None = None   # since when it is in use again
    left: int = 0               # how often tasks left it
    refused: float = -math.inf  # until then it is not asked for again


class Governor:
    """look() at each interval, then decide(); what was done is told by done()."""

    def __init__(self, numbers, known=None):
        self.rules = numbers
        self.vcpus = {int(c): Vcpu(**v) for c, v in (known or {}).items()}
        self.usable = frozenset()
        self.blocked = {}               # vCPUs that are stolen from and stay: why
        self._looks = collections.deque()

    def known(self):
        """What a Governor of later goes on with."""
        return {c: dataclasses.asdict(v) for c, v in self.vcpus.items()}

    # What there is

    def away(self):
        return {c for c, v in self.vcpus.items() if v.until is not None}

    def in_use(self):
        return self.usable - self.away()

    def least(self):
        """How many stay in use: never more than there are, and never none of them."""
        there = len(self.usable)
        return min(there, int(self.rules.least) or math.ceil(there / 2))

    def state(self, vcpu, now):
        v = self.vcpus.get(vcpu, Vcpu())
        if v.until is not None:
            return AWAY
        on_trial = v.back is not None and now - v.back < self.rules.trial
        return TRIAL if on_trial else IN_USE

    # Looking

    def look(self, now, stolen, usable):
        """`stolen` are seconds by vCPU, counted since ever; `usable` those that tasks may
        have, away or not. One that went comes as a new one."""
        self.usable = frozenset(usable)
        self.vcpus = {c: v for c, v in self.vcpus.items() if c in self.usable}
        for c in self.usable:
            self.vcpus.setdefault(c, Vcpu())
        self._looks.append((now, dict(stolen)))
        while len(self._looks) > 1 and self._looks[1][0] <= now - self.rules.window:
            self._looks.popleft()

    def ready(self):
        """Whether steal is known over a whole window since the last change."""
        # Clocks are no whole numbers: a thousandth does not make a window too short.
        return bool(self._looks) and \
            self._looks[-1][0] - self._looks[0][0] >= self.rules.window * 0.999

    def share(self, vcpu):
        """Percent of the window that was stolen; None if that is not known."""
        if not self.ready():
            return None
        (start, before), (end, after) = self._looks[0], self._looks[-1]
        if vcpu not in before or vcpu not in after:
            return None
        return min(100.0, max(0.0, 100 * (after[vcpu] - before[vcpu]) / (end - start)))

    # Deciding

    def decide(self, now, keep=lambda vcpu: None):
        """At most one change. `keep` says why tasks cannot leave a vCPU, None if they can."""
        self.blocked = {}
        if len(self.in_use()) < self.least():
            return self._too_few()
        if not self.ready():
            return None
        return self._leave(now, keep) or self._return(now)

    def _too_few(self):
        """vCPUs were unplugged: whichever was stolen from least comes back at once."""
        away = sorted(self.away(), key=lambda c: (self.vcpus[c].hold, self.vcpus[c].until, c))
        if not away:
            return None
        return Decision("return", away[0], None, f"only {len(self.in_use())} in use, and "
                        f"{self.least()} is the least")

    def bar(self, vcpu, now):
        """What may be stolen of it."""
        return self.rules.low if self.state(vcpu, now) == TRIAL else self.rules.high

    def _leave(self, now, keep):
        """The one most is stolen of; of several, the last, as the first has most to do for
        the kernel itself."""
        shares = {c: self.share(c) for c in self.in_use()}
        stolen = [c for c, s in shares.items() if s is not None and s >= self.bar(c, now)]
        few = f"{self.least()} stay in use" if len(self.in_use()) <= self.least() else None
        for c in sorted(stolen, key=lambda c: (-shares[c], -c)):
            why = few or self._refused(c, now) or keep(c)
            if not why:
                return Decision("leave", c, shares[c], f"{shares[c]:.1f} % stolen in "
                                f"{self.rules.window:g} s, {self.bar(c, now):g} % is the limit")
            self.blocked[c] = why
        return None

    def _return(self, now):
        """Whose hold ended first; but one that is stolen from even so, by what the kernel
        itself does there, waits."""
        due = [c for c in self.away() if self.vcpus[c].until <= now and
               (self.share(c) or 0) < self.rules.low]
        if not due:
            return None
        c = min(due, key=lambda c: (self.vcpus[c].until, c))
        return Decision("return", c, self.share(c), f"after {self.vcpus[c].hold:g} s, on trial "
                        f"for {self.rules.trial:g} s with {self.rules.low:g} % as the limit")

    def done(self, decision, now):
        """It happened. Steal from before it says nothing about after."""
        v = self.vcpus[decision.vcpu]
        if decision.what == "leave":
            v.hold = self._hold(v, now)
            v.until, v.back = now + v.hold, None
            v.left += 1
        else:
            v.until, v.back = None, now
        self._begin()

    def refused(self, decision, now):
        """It could not be done: not again before a while."""
        v = self.vcpus[decision.vcpu]
        if decision.what == "leave":
            v.refused = now + self.rules.hold
        else:
            v.until = now + self.rules.hold
        self._begin()

    def _begin(self):
        """A window, with what was seen last."""
        while len(self._looks) > 1:
            self._looks.popleft()

    def _refused(self, vcpu, now):
        return "it could not be had just now" if now < self.vcpus[vcpu].refused else None

    def adopt(self, away, now):
        """Somebody else changed which ones are away: so it is. Returns those that changed."""
        changed = self.away() ^ (away & self.usable)
        for c in changed:
            self.done(Decision("return" if c in self.away() else "leave", c, None, ""), now)
        return changed

    def _hold(self, v, now):
        """For how long: twice the last one, if it did not earn trust since."""
        if v.back is None or now - v.back >= self.rules.trust:
            return self.rules.hold
        return min(2 * v.hold, self.rules.hold_max)
