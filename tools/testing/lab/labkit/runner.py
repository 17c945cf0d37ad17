# SPDX-License-Identifier: GPL-2.0-only
"""Runs scenarios one after another and says what became of each."""

import json
import re
import time

from . import initramfs, kernels, machine, modules
from .common import LabError, RUNS, locked, say
from .tap import Tap
from .vm import Vm
from .watch import FATAL, Watch

TAIL = 25           # kernel log lines shown when a run fails
GRACE = 3           # seconds for the last lines of a log after the end


def arguments(text):
    """Arguments of a QMP command: JSON, or words key=value."""
    text = text.strip()
    if text.startswith("{"):
        return json.loads(text)
    found = {}
    for word in text.split():
        key, _, value = word.partition("=")
        found[key] = int(value) if re.fullmatch(r"\d+", value) else value
    return found


class Run:
    """One boot of one scenario.

    The guest's script asks for things by lines that begin with @, see
    Documentation/lab.rst; every other line of it is TAP or a comment.
    """

    def __init__(self, scenario, log):
        self.scenario = scenario
        self.log = log
        self.tap = Tap()
        self.watch = Watch(scenario.allow, scenario.expect_log)
        self.console = []
        self.talk = []
        self.problems = []
        self.status = None      # exit status of the guest's script
        self.fatal = False
        self.events = []        # QMP events nobody waited for yet
        self.waiting = None     # (event name, {field: value}) the guest waits for
        self.vm = None
        self.started = time.monotonic()

    # What comes in

    def _write(self, text):
        self.log.write(text + "\n")
        self.log.flush()

    def on_console(self, line):
        """A line of the kernel log."""
        self._write(line)
        self.console.append(line)
        self.watch.feed(line)
        self._steps(line)
        if FATAL.search(line) and not self.fatal:
            # Let the trace come out, then do not wait for the time limit.
            self.fatal = True
            self.vm.later(GRACE, self.vm.process.kill)

    def on_talk(self, line):
        """A line of the guest's script."""
        self.talk.append(line)
        self._write(f"{time.monotonic() - self.started:6.1f}> {line}")
        self._steps(line)
        if line.startswith("@"):
            self._request(line)
        else:
            self.tap.feed(line)
            # A kernel report read out of debugfs counts like one in the log.
            self.watch.feed(line)

    def on_event(self, event):
        """An event from QEMU."""
        self._write(f"qmp: {json.dumps(event)}")
        self.events.append(event)
        self._wait_over()
        for step in self.scenario.step:
            if step.get("event") == event["event"]:
                self._do(step)

    # Steps of the scenario file

    def _steps(self, line):
        for step in self.scenario.step:
            if "on" in step and re.search(step["on"], line):
                self._do(step)

    def _do(self, step):
        for command in step["do"]:
            self.vm.later(float(step.get("delay", 0)), lambda c=command:
                          self.vm.execute(c["execute"], c.get("arguments"),
                                          self._step_done))

    def _step_done(self, answer):
        if "error" in answer:
            self.problems.append(f"step refused: {answer['error']['desc']}")

    # Requests of the guest's script

    def _request(self, line):
        verb, _, rest = line.partition(" ")
        if verb == "@EXIT":
            self.status = int(rest)
        elif verb == "@QMP":
            command, _, rest = rest.partition(" ")
            try:
                self.vm.execute(command, arguments(rest), self._answer)
            except json.JSONDecodeError as error:
                self.vm.tell(f"ERR {error}")
        elif verb == "@HMP":
            self.vm.execute("human-monitor-command", {"command-line": rest},
                            self._answer)
        elif verb == "@EVENT":
            name, _, rest = rest.partition(" ")
            self.waiting = (name, arguments(rest))
            self._wait_over()
        elif verb == "@WAKE":
            self.scenario.step.append({"event": "SUSPEND", "delay": rest or 1,
                                       "do": [{"execute": "system_wakeup"}]})
            self.vm.tell("OK")
        else:
            self.problems.append(f"unknown request {line!r}")

    def _answer(self, answer):
        if "error" in answer:
            self.vm.tell("ERR " + answer["error"]["desc"])
        else:
            text = answer["return"]
            text = text if isinstance(text, str) else json.dumps(text)
            self.vm.tell("OK " + " | ".join(text.strip().splitlines()))

    def _wait_over(self):
        if not self.waiting:
            return
        name, fields = self.waiting
        for event in self.events:
            data = event.get("data", {})
            if event["event"] == name and fields.items() <= data.items():
                self.events.remove(event)
                self.waiting = None
                self.vm.tell("OK " + json.dumps(data))
                return

    # The run itself

    def go(self, args):
        """Boot, wait for the end, and collect what went wrong."""
        self._write("$ " + " ".join(args))
        self.vm = Vm(args, self.on_console, self.on_talk, self.on_event)
        try:
            limit = time.monotonic() + self.scenario.timeout
            if not self.vm.serve(limit):
                self.problems.append(
                    f"no end after {self.scenario.timeout} s, QEMU stopped")
                self.vm.sysrq("w")
                self.vm.serve(time.monotonic() + GRACE)
        finally:
            code = self.vm.stop()
        for line in self.vm.said:
            self._write("qemu: " + line)
        self._judge(code)

    def _judge(self, code):
        if code and not self.fatal and not self.problems:
            self.problems.append(f"QEMU exited with {code}: "
                                 + " ".join(self.vm.said[-2:]))
        if self.status is None:
            self.problems.append("the guest's script never ended")
        elif self.status:
            self.problems.append(f"the guest's script exited with {self.status}")
        self.tap.finish()
        if not self.tap.passed + self.tap.skipped + len(self.tap.failures):
            self.problems.append("the guest's script reported no test")
        self.problems += [f"kernel: {line}" for line in self.watch.reports]
        self.problems += [f"the log lacks: {text}" for text in self.watch.missing]

    @property
    def failures(self):
        """Everything that makes this run a failure."""
        return self.tap.failures + self.problems


def module_paths(scenario, kernel):
    """The modules of ours that a scenario loads, in the order to load them."""
    if not scenario.modules:
        return []
    built = modules.find(modules.build(kernel))
    return modules.in_order(scenario.modules, built)


def boot(scenario, tty="ttyS1", paths=None):
    """Everything a boot needs: returns QEMU's arguments."""
    kernel = kernels.get(scenario.kernel)
    if paths is None:
        paths = module_paths(scenario, kernel)
    modules.build_tools()
    folder = machine.prepare_folder(scenario)
    env = machine.write_env(scenario, kernel, folder, paths, tty)
    initrd = initramfs.build(kernel)
    return machine.command_line(scenario, kernel, initrd, env, tty, folder)


def around_failures(talk):
    """The lines before and after the failures in a guest's output: KUnit
    explains a failure ahead of it, our shell functions below it."""
    hits = [n for n, line in enumerate(talk) if re.match(r" *not ok", line)]
    shown = {n for hit in hits[:3] for n in range(hit - 8, hit + 8)}
    return [talk[n] for n in sorted(shown) if 0 <= n < len(talk)]


def explain(run, log_path):
    """Tell a person why a run failed."""
    for text in run.failures:
        print(f"  FAILED: {text}")
    for line in around_failures(run.talk):
        print(f"    > {line}")
    print(f"  last lines of the kernel log, the whole is in {log_path}:")
    for line in run.console[-TAIL:]:
        print(f"    {line}")


def invert(run):
    """For tests of the lab itself: the failure it had to see is its success."""
    pattern = run.scenario.must_fail
    seen = [text for text in run.failures if re.search(pattern, text)]
    if seen:
        run.tap.forgive()
        run.problems = []
        run.tap.passed += 1
    else:
        run.problems.append(f"the lab did not report {pattern!r}")


def run_one(scenario, paths=None):
    """Run one scenario; returns the finished Run."""
    name = machine.run_folder(scenario).name
    with locked(RUNS / f"{name}.lock"):
        args = boot(scenario, paths=paths)
        say(f"{scenario.name}: started on the {scenario.kernel} kernel")
        started = time.monotonic()
        log_path = RUNS / f"{name}.log"
        with open(log_path, "w", encoding="utf-8") as log:
            run = Run(scenario, log)
            run.go(args)
    if scenario.must_fail:
        invert(run)
    verdict = "FAILED" if run.failures else "passed"
    skipped = f", {run.tap.skipped} skipped" if run.tap.skipped else ""
    say(f"{scenario.name}: {verdict} in {time.monotonic() - started:.1f} s: "
        f"{run.tap.passed} passed, {len(run.failures)} failed{skipped}")
    if run.failures:
        explain(run, log_path)
    return run


class Total:
    """The sum over several scenarios."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.broken = []

    def run(self, scenarios):
        """Run them all, whatever fails on the way."""
        for scenario in scenarios:
            try:
                run = run_one(scenario)
            except LabError as error:
                say(f"{scenario.name}: FAILED before it started")
                print(f"  FAILED: {error}", flush=True)
                self.failed += 1
                self.broken.append(scenario.name)
                continue
            self.passed += run.tap.passed
            self.failed += len(run.failures)
            self.skipped += run.tap.skipped
            if run.failures:
                self.broken.append(scenario.name)

    def conclude(self):
        """Print the sum; returns the exit code it means."""
        if self.skipped:
            print(f"{self.skipped} skipped")
        if self.broken:
            print("failed scenarios: " + " ".join(self.broken))
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0
