# SPDX-License-Identifier: GPL-2.0-only
"""Runs scenarios, one after another or a few at once, and says what became of
each."""

import concurrent.futures
import dataclasses
import re
import threading
import time

from . import (emulators, examples, handover, home, initramfs, kernels, machine, modules, packages,
               programs)
from .common import BIN, LabError, RUNS, locked, say
from .limits import ALL_OVER, OVER, PATIENCE
from .run import Run

# What is known to be the emulator's fault, whoever runs in it: Documentation/lab.rst.
EMULATOR = {"Oops: int3": "ran text that was gone", "QEMU exited with -11": "died itself"}
TAIL = 25           # kernel log lines shown when a run fails


def module_paths(scenario, kernel):
    """The modules of ours that a scenario loads, in the order to load them."""
    if not scenario.modules:
        return []
    built = modules.find(modules.build(kernel))
    for name in scenario.examples:
        built |= examples.build(kernel, name)
    return modules.in_order(scenario.modules, built)


def inner_guest(scenario, folder):
    """What a scenario needs to boot guests in its guest, as variables: they run
    the same stock kernel as their host, or the distribution's."""
    if not (scenario.inner_modules or scenario.inner_stock_modules):
        return {}
    kernel = kernels.get(scenario.kernel if scenario.kernel.startswith("stock")
                         else "stock")
    built = modules.find(modules.build(kernel))
    paths = modules.in_order(scenario.inner_modules, built)
    # One without a folder is a program of the lab's.
    files = {name: BIN / path for name, path in scenario.inner_files.items()}
    qemu = emulators.command(scenario.inner_emulator) if scenario.inner_emulator else []
    for name, package in scenario.inner_programs.items():
        files |= programs.fetched(name, package)
    return {"LAB_INNER_KERNEL": str(kernel.image),
            "LAB_INNER_QEMU": " ".join(qemu),
            "LAB_INNER_INITRD": str(initramfs.build_inner(
                kernel, folder, paths, files,
                scenario.inner_stock_modules))}


def boot(scenario, tty="ttyS1"):
    """Everything a boot needs: returns QEMU's arguments."""
    kernel = kernels.get(scenario.kernel)
    # A kernel that was built here has none, and does not wake up from a suspend.
    scenario.shipped = scenario.shipped and kernel.shipped is not None
    if scenario.shipped:
        kernel = dataclasses.replace(kernel, image=kernel.shipped)
    if kernel.name.startswith("debug") and "kvm-amd" in scenario.stock_modules:
        kernels.with_kvm(kernel.name)
    paths = module_paths(scenario, kernel)
    modules.build_tools()
    scenario.env["LAB_BRIDGE"] = str(modules.build_bridge())
    scenario.env["LAB_PATIENCE"] = str(PATIENCE)
    if scenario.packages:
        scenario.env["LAB_PACKAGES"] = str(packages.own(scenario.packages))
    folder = machine.prepare_folder(scenario)
    scenario.env |= inner_guest(scenario, folder)
    scenario.env |= handover.variables(scenario, kernel, folder, paths)
    env = machine.write_env(scenario, kernel, folder, paths, tty)
    if scenario.home:
        initrd = home.make(kernel, folder, scenario, paths)
    elif scenario.root_disk:
        initrd = initramfs.build(kernel, folder, "init-disk",
                                 ("crc32c_generic", "ext4"), paths)
    else:
        initrd = initramfs.build(kernel, folder)
    return machine.command_line(scenario, kernel, initrd, env, tty, folder)


def around_failures(talk):
    """The lines before and after the failures in a guest's output: KUnit
    explains a failure ahead of it, our shell functions below it."""
    hits = [n for n, line in enumerate(talk) if re.match(r" *not ok", line)]
    shown = {n for hit in hits[:3] for n in range(hit - 8, hit + 8)}
    return [talk[n] for n in sorted(shown) if 0 <= n < len(talk)]


# What one run has to tell stays together.
TELL = threading.Lock()


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


def attempt(scenario, live, log_path):
    """Boot a scenario once; returns the finished Run."""
    args = boot(scenario)
    say(f"{scenario.name}: started on the {scenario.kernel} kernel")
    with open(log_path, "w", encoding="utf-8") as log:
        run = Run(scenario, log)
        live.append(run)
        try:
            run.go(args)
        finally:
            live.remove(run)
            for initrd in machine.run_folder(scenario).glob("*.cpio"):
                initrd.unlink()
    return run


def emulator_failed(run):
    """What the emulator did, if it was that which made the run fail; or None."""
    return next((what for sign, what in EMULATOR.items()
                 if any(sign in text for text in run.failures)), None)


def run_one(scenario, live=None):
    """Run one scenario; returns the finished Run. @live, a list, has it while it
    runs. Only a fault that is known to be the emulator's is given another try."""
    live = [] if live is None else live
    name = machine.run_folder(scenario).name
    log_path = RUNS / f"{name}.log"
    started = time.monotonic()
    with locked(RUNS / f"{name}.lock"):
        run = attempt(scenario, live, log_path)
        what = emulator_failed(run)
        if what and not scenario.manual:
            say(f"{scenario.name}: the emulator {what}, which is known; again. "
                f"Its log: {log_path}.stale")
            log_path.rename(f"{log_path}.stale")
            run = attempt(scenario, live, log_path)
    if scenario.must_fail:
        invert(run)
    verdict = "FAILED" if run.failures else "passed"
    skipped = f", {run.tap.skipped} skipped" if run.tap.skipped else ""
    with TELL:
        say(f"{scenario.name}: {verdict} in {time.monotonic() - started:.1f} s: "
            f"{run.tap.passed} passed, {len(run.failures)} failed{skipped}")
        if run.failures:
            explain(run, log_path)
    return run


def end_all(live):
    """Kill the guests of all runs in @live."""
    for run in list(live):
        if run.vm:
            run.vm.process.kill()


class Total:
    """The sum over several scenarios."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.broken = []
        self.live = []      # what runs now, so that it can be stopped

    def _one(self, scenario):
        """A scenario in a thread; returns its Run, None if it could not start."""
        if time.monotonic() >= OVER:
            with TELL:
                say(f"{scenario.name}: FAILED, left out: {ALL_OVER}")
            return None
        try:
            return run_one(scenario, self.live)
        except LabError as error:
            with TELL:
                say(f"{scenario.name}: FAILED before it started")
                print(f"  FAILED: {error}", flush=True)
            return None

    def _count(self, scenario, run):
        if run is None:
            self.failed += 1
        else:
            self.passed += run.tap.passed
            self.failed += len(run.failures)
            self.skipped += run.tap.skipped
        if run is None or run.failures:
            self.broken.append(scenario.name)

    def _some(self, scenarios, jobs):
        """Run @scenarios, @jobs at a time."""
        pool = concurrent.futures.ThreadPoolExecutor(jobs)
        runs = {pool.submit(self._one, one): one for one in scenarios}
        try:
            for done in concurrent.futures.as_completed(runs):
                self._count(runs[done], done.result())
        finally:
            # After an interrupt: QEMU must not outlive us.
            pool.shutdown(wait=False, cancel_futures=True)
            end_all(self.live)
            pool.shutdown()

    def run(self, scenarios, jobs=1):
        """Run them all, whatever fails on the way; with several at a time those
        that may take longest first, so that none of them is left over at the end,
        and the ones that measure last, each alone."""
        if jobs > 1:
            scenarios = sorted(scenarios, key=lambda s: -s.timeout)
        self._some([s for s in scenarios if jobs == 1 or not s.alone], jobs)
        self._some([s for s in scenarios if jobs > 1 and s.alone], 1)

    def conclude(self):
        """Print the sum; returns the exit code it means."""
        if self.skipped:
            print(f"{self.skipped} skipped")
        if self.broken:
            print("failed scenarios: " + " ".join(self.broken))
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0
