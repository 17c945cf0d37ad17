# SPDX-License-Identifier: GPL-2.0-only
"""One boot of one scenario: serves the guest, and judges how it went."""

import json
import re

from . import autopsy
from .common import HEARTBEAT, say
from .limits import Clock
from .tap import Tap
from .vm import Vm
from .watch import FATAL, Watch

GRACE = 3           # seconds for the last lines of a log after the end
MANY = 10           # kernel reports listed one by one


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
        self.wake = None        # seconds after which to end the next sleep
        self.vm = None
        self.clock = Clock(scenario.silence, scenario.most)

    # What comes in

    def _write(self, text):
        self.log.write(text + "\n")
        self.log.flush()

    def on_console(self, line):
        """A line of the kernel log."""
        self._write(line)
        self.console.append(line)
        counts = self.watch.feed(line)
        # A kernel that has reported a stall says so again and again.
        if not self.watch.reports:
            self.clock.progress()
        self._steps(line)
        # A panic that the scenario allows is the way into a crash kernel.
        if counts and FATAL.search(line) and not self.fatal:
            # Let the trace come out, then do not wait for what never comes.
            self.fatal = True
            self.vm.later(GRACE, self.vm.process.kill)

    def on_talk(self, line):
        """A line of the guest's script."""
        self.talk.append(line)
        self.clock.progress()
        self._write(f"{self.clock.spent():6.1f}> {line}")
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
        if event["event"] == "SUSPEND" and self.wake is not None:
            self.vm.later(self.wake, lambda: self.vm.execute(
                "system_wakeup", answered=self._step_done))
            self.wake = None
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
        elif verb == "@WAKE" and not (self.scenario.shipped and self.scenario.smp == 1):
            self.vm.tell("ERR who sleeps wakes up with shipped = true and smp = 1 on a "
                         "stock kernel only, see lab.rst")
        elif verb == "@WAKE":
            self.wake = float(rest or 1)
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
            self.vm.later(HEARTBEAT, self._heartbeat)
            why = None
            while not why and not self.vm.serve(self.clock.until()):
                why = self.clock.why()
            if why:
                self.problems.append(f"{why}, QEMU stopped")
                if not autopsy.examine(self.vm, GRACE, self._write):
                    self.problems.append("QEMU itself answered no more; what its "
                                         "threads did is in the log")
        finally:
            code = self.vm.stop()
        for line in self.vm.said:
            self._write("qemu: " + line)
        self._judge(code)

    def _heartbeat(self):
        last = (self.talk or self.console or ["nothing yet"])[-1].strip()
        say(f"{self.scenario.name}: {self.clock.spent():.0f} s, "
            f"{self.tap.passed} passed, last: {last[:60]}")
        self.vm.later(HEARTBEAT, self._heartbeat)

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
        reports = self.watch.reports
        self.problems += [f"kernel: {line}" for line in reports[:MANY]]
        if len(reports) > MANY:
            self.problems.append(f"kernel: {len(reports) - MANY} more reports")
        self.problems += [f"the log lacks: {text}" for text in self.watch.missing]

    @property
    def failures(self):
        """Everything that makes this run a failure."""
        return self.tap.failures + self.problems
