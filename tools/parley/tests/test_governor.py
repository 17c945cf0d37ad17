# SPDX-License-Identifier: GPL-2.0-only
"""The decisions of the steal governor, against hosts that are scripted: time and steal are
made here. Whatever a host does, an oracle looks on after each step."""
import json
import math
import os
import random
import re
import unittest

from parleylib import governor
from parleylib.common import Usage

PAGE = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                    "../../../Documentation/governor.rst")


class World:
    """vCPUs, a clock, and a host: host(time, vCPU) is the percentage that it steals of the
    time in which the vCPU has work. One that is away has none."""

    def __init__(self, test, host, vcpus=4, keep=lambda vcpu: None, **numbers):
        self.test, self.host, self.keep = test, host, keep
        self.rules = governor.rules(**numbers)
        self.governor = governor.Governor(self.rules)
        self.online = set(range(vcpus))
        self.now = 1000.0
        self.start = self.now
        self.stolen = {c: 0.0 for c in self.online}
        self.log = []                   # (seconds since the start, what, vCPU)

    @property
    def time(self):
        return self.now - self.start

    def step(self):
        """An interval passes, and one decision is taken and done."""
        for c in self.online:
            if c not in self.governor.away():
                self.stolen[c] += self.rules.interval * self.host(self.time, c) / 100
        self.now += self.rules.interval
        self.governor.look(self.now, {c: self.stolen[c] for c in self.online}, self.online)
        decision = self.governor.decide(self.now, self.keep)
        if decision:
            self.governor.done(decision, self.now)
            self.log.append((self.time, decision.what, decision.vcpu))
        self.oracle(decision)

    def oracle(self, decision):
        """What holds at any time, with any host."""
        in_use, least = self.governor.in_use(), self.governor.least()
        self.test.assertTrue(in_use <= self.online)
        self.test.assertGreaterEqual(least, 1)
        if not decision or decision.what == "leave":
            self.test.assertGreaterEqual(len(in_use), min(least, len(self.online)))
        if decision and decision.what == "leave":
            self.test.assertIsNone(self.keep(decision.vcpu))

    def run(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.step()
        return self

    def of(self, what, vcpu=None):
        """When that happened."""
        return [t for t, w, c in self.log if w == what and vcpu in (None, c)]


def quiet(_time, _vcpu):
    return 0


def steals(share, *vcpus, until=math.inf):
    return lambda time, vcpu: share if vcpu in vcpus and time < until else 0


class LeaveTest(unittest.TestCase):
    def test_quiet(self):
        self.assertEqual(World(self, quiet).run(600).log, [])

    def test_lasting_steal(self):
        world = World(self, steals(50, 2)).run(12)
        self.assertEqual(world.log, [(6, "leave", 2)])
        self.assertEqual(world.governor.in_use(), {0, 1, 3})

    def test_a_burst_is_not_lasting(self):
        """Half a second stolen in five is 10 %, however hard it was."""
        world = World(self, lambda t, c: 100 if t % 10 < 0.5 else 0, interval=0.5)
        self.assertEqual(world.run(300).log, [])

    def test_at_the_limit(self):
        for share, left in ((19.9, []), (20, [6.0])):
            self.assertEqual(World(self, steals(share, 1)).run(15).of("leave"), left, share)

    def test_most_first_and_one_a_window(self):
        world = World(self, lambda t, c: (0, 30, 60, 45)[c], least=1).run(18)
        self.assertEqual([c for _, _, c in world.log], [2, 3, 1])
        times = world.of("leave")
        for early, late in zip(times, times[1:]):
            self.assertGreaterEqual(late - early, world.rules.window)

    def test_of_equals_the_last(self):
        self.assertEqual(World(self, steals(40, 0, 1, 2, 3)).run(7).log, [(6, "leave", 3)])

    def test_never_below_the_least(self):
        everywhere = steals(90, *range(8))
        for vcpus, least, left in ((8, 0, 4), (7, 0, 3), (8, 7, 1), (8, 8, 0), (2, 0, 1),
                                   (1, 0, 0), (3, 9, 0), (4, 1, 3)):
            world = World(self, everywhere, vcpus, least=least, hold=900, hold_max=900)
            self.assertEqual(len(world.run(60).governor.away()), left, (vcpus, least))

    def test_kept(self):
        """Where tasks are bound to the vCPU that most is stolen of, the next one is left."""
        world = World(self, lambda t, c: (0, 30, 0, 60)[c],
                      keep=lambda c: "bound" if c == 3 else None).run(30)
        self.assertEqual(world.of("leave", 3), [])
        self.assertEqual(world.of("leave", 1)[:1], [6])
        self.assertEqual(world.governor.blocked, {3: "bound"})

    def test_refused(self):
        """The kernel may refuse one; it is not asked at once again, and others are."""
        world = World(self, lambda t, c: (0, 30, 0, 60)[c])
        while not (world.governor.ready() and world.governor.share(3)):
            world.now += 1
            world.stolen[3] += 0.6
            world.stolen[1] += 0.3
            world.governor.look(world.now, world.stolen, world.online)
        first = world.governor.decide(world.now)
        self.assertEqual((first.what, first.vcpu), ("leave", 3))
        world.governor.refused(first, world.now)
        self.assertEqual(world.run(7).log[0][1:], ("leave", 1))
        self.assertEqual(len(world.run(10).of("leave", 3)), 1)


class ReturnTest(unittest.TestCase):
    def test_comes_back_and_stays(self):
        world = World(self, steals(50, 3, until=12)).run(600)
        self.assertEqual([w for _, w, _ in world.log], ["leave", "return"])
        self.assertEqual(world.of("return"), [16])
        self.assertEqual(world.governor.state(3, world.now), governor.IN_USE)

    def test_hysteresis(self):
        """Between the limits: whoever is in use stays, and whoever is on trial does not."""
        middle = lambda t, c: (50 if t < 6 else 12) if c == 3 else 12
        world = World(self, middle).run(40)
        self.assertEqual({c for _, _, c in world.log}, {3})
        self.assertEqual(world.of("leave", 3)[:2], [6, 21])
        self.assertEqual(World(self, lambda t, c: 12).run(600).log, [])

    def test_trial_passed_in_time(self):
        """Steal that comes after the trial has to be high to count."""
        late = lambda t, c: (50 if t < 6 else 0 if t < 40 else 12) if c == 3 else 0
        self.assertEqual(World(self, late).run(300).of("leave"), [6])

    def test_back_off(self):
        """Holds double up to the most: 10, 20, 40 ... 300, 300."""
        world = World(self, steals(50, 3)).run(3600)
        away = [b - a for a, b in zip(world.of("leave"), world.of("return"))]
        self.assertEqual(away[:7], [10, 20, 40, 80, 160, 300, 300])
        self.assertEqual(set(away[5:]), {300})
        used = sum(b - a for a, b in zip(world.of("return"), world.of("leave")[1:]))
        self.assertLess(used / 3600, 0.04)      # what the trials cost

    def test_trust(self):
        """Who was in use for long begins anew, who was for shorter does not."""
        for pause, hold in ((400, 10), (200, 20)):
            host = lambda t, c, p=pause: 50 if c == 3 and (t < 6 or t > 20 + p) else 0
            world = World(self, host).run(20 + pause + 10)
            self.assertEqual(len(world.of("leave")), 2)
            self.assertEqual(world.governor.vcpus[3].hold, hold, pause)

    def test_stolen_from_even_so(self):
        """What the kernel does there by itself is stolen from: it stays away."""
        world = World(self, steals(50, 3)).run(6)
        self.assertEqual(world.governor.away(), {3})
        for _ in range(60):
            world.stolen[3] += 0.1
            world.now += 1
            world.governor.look(world.now, world.stolen, world.online)
            self.assertIsNone(world.governor.decide(world.now))
        world.host = quiet
        self.assertEqual(len(world.run(7).of("return")), 1)

    def test_first_away_first_back(self):
        world = World(self, quiet)
        known = {c: {"until": until} for c, until in ((1, 900), (2, 800), (3, 850))}
        world.governor = governor.Governor(world.rules, known)
        world.run(20)
        self.assertEqual([c for _, _, c in world.log], [2, 3, 1])

    def test_everybody_gets_a_trial(self):
        """No vCPU is away for ever while another one comes and goes."""
        world = World(self, steals(60, *range(4, 12)), vcpus=12).run(7200)
        for c in range(4, 12):
            if world.governor.vcpus[c].left:
                gaps = zip(world.of("leave", c), world.of("return", c))
                self.assertLess(max(b - a for a, b in gaps), 300 + 12 * 5)
        world.host = quiet
        self.assertEqual(world.run(420).governor.away(), set())


class WorstTest(unittest.TestCase):
    def bounded(self, world, seconds):
        """Each vCPU is left no more often than its holds allow."""
        r = world.rules
        doublings = math.ceil(math.log2(r.hold_max / r.hold)) + 1
        most = doublings + seconds / r.hold_max + seconds / r.trust * doublings
        for c in range(len(world.stolen)):
            self.assertLessEqual(len(world.of("leave", c)), most, c)

    def test_a_host_that_plays(self):
        """It steals whenever that hurts: on trial, and just when trust came back."""
        world = World(self, None)

        def host(_time, vcpu):
            v = world.governor.vcpus.get(vcpu)
            since = world.now - v.back if v and v.back is not None else math.inf
            return 100 if since < 10 or since > world.rules.trust else 0

        world.host = host
        self.bounded(world.run(4 * 3600), 4 * 3600)

    def test_flapping(self):
        """Steal that comes and goes with any period moves tasks seldom."""
        for period in (2, 7, 15, 30, 60, 200):
            world = World(self, lambda t, c, p=period: 80 if c & 1 and t % p < p / 2 else 0)
            self.bounded(world.run(3600), 3600)
            self.assertLess(len(world.log), 2 * 2 * 3600 / 60)

    def test_any_host(self):
        """Random steal, random binding, and vCPUs that are unplugged and plugged."""
        for seed in range(40):
            dice = random.Random(seed)
            bound = set(dice.sample(range(8), dice.randrange(3)))
            world = World(self, lambda t, c, d=dice: d.choice((0, 0, 3, 15, 25, 100)), 8,
                          keep=lambda c, b=bound: "bound" if c in b else None,
                          least=dice.randrange(9), hold=dice.choice((1, 10)),
                          interval=dice.choice((0.5, 1, 5)))
            for _ in range(400):
                c = dice.randrange(8)
                if dice.random() < 0.02 and (c not in world.online or len(world.online) > 1):
                    world.online ^= {c}
                world.step()
            for _ in range(16):         # whatever it was, it is repaired
                world.step()
            self.assertGreaterEqual(len(world.governor.in_use()), world.governor.least())
            self.assertFalse({c for _, w, c in world.log if w == "leave"} & bound)


class PlugTest(unittest.TestCase):
    def test_unplugged(self):
        """Those in use go: others come back at once, without a hold."""
        world = World(self, steals(50, 2, 3)).run(13)
        self.assertEqual(world.governor.away(), {2, 3})
        world.online -= {0, 1}
        world.run(2)
        self.assertEqual(world.governor.in_use(), {3})
        self.assertEqual(world.governor.least(), 1)

    def test_one_that_was_away(self):
        world = World(self, steals(50, 3)).run(7)
        world.online -= {3}
        world.run(1)
        world.online |= {3}
        world.run(1)
        self.assertEqual(world.governor.in_use(), {0, 1, 2, 3})

    def test_somebody_else(self):
        world = World(self, steals(50, 3)).run(7)
        self.assertEqual(world.governor.adopt(set(), world.now), {3})
        self.assertEqual(world.governor.state(3, world.now), governor.TRIAL)
        self.assertEqual(world.governor.adopt({1}, world.now), {1})
        self.assertEqual(world.governor.away(), {1})

    def test_a_clock_that_jumps(self):
        """A pause of the whole guest is no steal of the last window alone."""
        world = World(self, quiet).run(10)
        world.now += 1000
        self.assertEqual(world.run(10).log, [])

    def test_counts_that_run_back(self):
        world = World(self, quiet).run(10)
        world.stolen = {c: -5.0 for c in world.stolen}
        self.assertEqual(world.run(10).log, [])


class KnownTest(unittest.TestCase):
    def test_goes_on(self):
        """Between two calls of --once all that is known lies in a file."""
        world = World(self, steals(50, 3)).run(7)
        text = json.dumps(world.governor.known())
        world.governor = governor.Governor(world.rules, json.loads(text))
        world.run(30)
        self.assertEqual([w for _, w, _ in world.log], ["leave", "return", "leave"])
        self.assertEqual(world.governor.vcpus[3].hold, 20)


class RulesTest(unittest.TestCase):
    def test_defaults(self):
        r = governor.rules()
        self.assertEqual((r.interval, r.window, r.high, r.low), (1, 5, 20, 5))

    def test_documented(self):
        with open(PAGE, encoding="utf-8") as f:
            rows = dict(re.findall(r"^``--(\S+)`` +(\S+ +\d+ +[\d.]+ +\d+)", f.read(), re.M))
        self.assertEqual({name: row.split() for name, row in rows.items()},
                         {n.name: [n.unit, f"{n.default:g}", f"{n.least:g}", f"{n.most:g}"]
                          for n in governor.NUMBERS})

    def test_refused(self):
        for chosen in ({"high": 101}, {"high": 0}, {"low": 20}, {"low": 30}, {"high": 5},
                       {"interval": 6}, {"interval": 0}, {"window": 30}, {"hold": 301},
                       {"hold_max": 5}, {"least": -1}, {"high": math.nan}, {"what": 1}):
            with self.assertRaises(Usage, msg=chosen):
                governor.rules(**chosen)


if __name__ == "__main__":
    unittest.main()
