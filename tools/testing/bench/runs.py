# SPDX-License-Identifier: GPL-2.0-only
"""Runs of the lab that measure: rows that a guest prints, round by round, also where
the emulator loses some of the runs."""
import collections
import contextlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))

# pylint: disable=wrong-import-position
from labkit import runner
from labkit.common import LabError, say

# With two processors the emulator loses hosts, see Documentation/lab.rst. What
# such a run had come to the end of is kept, and the next goes on from there.
TRIES = 8
LOST = collections.Counter()    # runs of each stage that did not come to their end


def boot(scenario, stage):
    """One run: its rows, and whether it came to its end. What the lab says is none
    of the tables."""
    with contextlib.redirect_stdout(sys.stderr):
        run = runner.run_one(scenario)
    log = pathlib.Path(run.log.name)
    rows = [json.loads(line.partition("# row ")[2])
            for line in log.read_text(encoding="utf-8").splitlines()
            if "# row {" in line]
    if run.failures:
        LOST[stage] += 1
        log = log.rename(f"{log}.lost{LOST[stage]}")
        say(f"this {stage} run did not come to its end; its log: {log}")
    return rows, not run.failures


def give_windows(rows, windows, ended, give):
    """give(row, window) to each of @rows what the plugin counted; a run that was
    lost may have begun one window more."""
    if len(windows) < len(rows) or (ended and len(windows) > len(rows)):
        raise LabError(f"{len(rows)} rows said, {len(windows)} windows counted")
    for row, window in zip(rows, windows):
        give(row, window)


def collect(stage, rounds, describe, after=lambda rows, ended: None):
    """The rows of all @rounds, one for each load; of a run that was lost, those of
    the rounds that it was done with. describe(ROUNDS) is the scenario, and
    after(ROWS, ENDED) is called when it was run."""
    kept, missing = [], rounds
    for _ in range(TRIES):
        rows, ended = boot(describe(missing), stage)
        after(rows, ended)
        done = missing if ended else max((row["round"] for row in rows), default=0)
        kept += [row for row in rows if row["round"] < done]
        missing -= done
        if not missing:
            return kept
    raise LabError(f"{TRIES} runs of {stage}, and {missing} rounds are missing; the "
                   "logs are named above")


def say_lost():
    """Below the tables: how many runs it took."""
    if LOST:
        print("\nRuns that did not come to their end, so that another made the "
              "rounds that were missing:\n" +
              ", ".join(f"{stage} {n}" for stage, n in LOST.items()) + ".")


def number(value):
    """A figure a request, as the tables show it."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3f}"
