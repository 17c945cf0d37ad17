# SPDX-License-Identifier: GPL-2.0-only
"""Scenario files: what to boot, what to plug in, what to run.

Documentation/lab.rst describes the keys. A file with a [matrix] stands for
one scenario for each combination of its lists, one with [[variant]] tables
for one scenario for each of them.
"""

import dataclasses
import itertools
import pathlib
import string
import tomllib

from .common import GUEST, LabError, SCENARIOS
from .limits import ENOUGH, SILENCE


@dataclasses.dataclass
class Scenario:
    """One run, with every ${parameter} already put in."""
    name: str
    summary: str = ""
    kernel: str = "stock"
    smp: int = 2
    mem: str = "1G"
    machine: str = "q35"
    cpu: str = "max"
    accel: str = "tcg,thread=multi"
    emulator: str = ""          # the least version of QEMU, if the machine's may not do
    timeout: int = 60           # what it needs on a slow day
    silence: int = SILENCE
    script: str = ""
    append: str = ""
    loglevel: int = 5
    manual: bool = False
    alone: bool = False         # it measures: no other beside it
    root_disk: bool = False
    shipped: bool = False       # it boots the bzImage, which does more than the kernel in it
    home: str = ""              # generator of the initramfs of a guest with its own Debian
    modules: list = dataclasses.field(default_factory=list)
    stock_modules: list = dataclasses.field(default_factory=list)
    examples: list = dataclasses.field(default_factory=list)    # of tools/examples
    packages: list = dataclasses.field(default_factory=list)
    handover: bool = False      # other kernels follow the first one by kexec
    ticks: bool = False         # its clock comes by itself, as inner guests of ours want it
    inner_emulator: str = ""    # the least version of QEMU for guests of its own
    inner_modules: list = dataclasses.field(default_factory=list)
    inner_stock_modules: list = dataclasses.field(default_factory=list)
    inner_files: dict = dataclasses.field(default_factory=dict)
    inner_programs: dict = dataclasses.field(default_factory=dict)
    env: dict = dataclasses.field(default_factory=dict)
    qemu: list = dataclasses.field(default_factory=list)
    drive: list = dataclasses.field(default_factory=list)
    device: list = dataclasses.field(default_factory=list)
    step: list = dataclasses.field(default_factory=list)
    allow: list = dataclasses.field(default_factory=list)
    expect_log: list = dataclasses.field(default_factory=list)
    must_fail: str = ""
    parameters: dict = dataclasses.field(default_factory=dict)

    @property
    def most(self):
        """The seconds after which it is stopped, whatever it says."""
        return self.timeout * ENOUGH

    @property
    def script_path(self):
        """The guest script: named, or called like the scenario file."""
        return GUEST / (self.script or self.name.split("[")[0] + ".sh")


NUMBERS = {"smp", "timeout", "silence", "loglevel"}
FIELDS = {field.name for field in dataclasses.fields(Scenario)}


def substitute(value, parameters):
    """@value with ${name} replaced in every string inside it."""
    if isinstance(value, str):
        return string.Template(value).safe_substitute(parameters)
    if isinstance(value, list):
        return [substitute(item, parameters) for item in value]
    if isinstance(value, dict):
        return {k: substitute(v, parameters) for k, v in value.items()}
    return value


def combinations(matrix, variants):
    """Every (label, parameters): one value from each list of @matrix, and one
    table of @variants, which is labelled by its "name"."""
    values = ([str(v) for v in choices] for choices in matrix.values())
    for picked in itertools.product(*values):
        point = dict(zip(matrix, picked))
        words = [f"{k}={v}" for k, v in point.items()]
        for variant in variants or [{}]:
            named = words + [variant["name"]] if variant else words
            rest = {k: str(v) for k, v in variant.items() if k != "name"}
            yield ",".join(named), point | rest


def read_file(path):
    """What one file says, behind what the files say that it includes."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"{path}: {error}") from error
    for name in table.pop("include", []):
        for key, said in read_file(path.parent / "include" / f"{name}.toml").items():
            own = table.get(key)
            if isinstance(said, list):
                table[key] = said + (own or [])
            elif own is None:
                table[key] = said
    return table


def repeated(repeat):
    """Arguments of QEMU's that a file says once, with ${n} in them."""
    return [substitute(word, {"n": str(n)})
            for n in range(repeat.get("first", 1), repeat.get("last", 0) + 1)
            for word in repeat["qemu"]]


def load_file(path, script=None):
    """The scenarios that one file stands for; @script is run in the place of theirs."""
    table = read_file(path)
    matrix = table.pop("matrix", {})
    variants = table.pop("variant", [])
    table["qemu"] = table.get("qemu", []) + repeated(table.pop("repeat", {}))
    unknown = set(table) - FIELDS
    if unknown:
        raise LabError(f"{path}: unknown keys {', '.join(sorted(unknown))}")
    found = []
    for label, parameters in combinations(matrix, variants):
        name = f"{path.stem}[{label}]" if label else path.stem
        keys = substitute(table, parameters) | ({"script": script} if script else {})
        keys |= {k: int(keys[k]) for k in NUMBERS & keys.keys()}
        scenario = Scenario(name=name, parameters=parameters, **keys)
        if not scenario.script_path.exists():
            raise LabError(f"{path}: no guest script {scenario.script_path}")
        found.append(scenario)
    return found


def load_all(script=None):
    """Every scenario of the house, by name."""
    files = sorted(pathlib.Path(SCENARIOS).glob("*.toml"))
    return {s.name: s for path in files for s in load_file(path, script)}


def select(names, script=None):
    """The scenarios that @names mean; none means all that are not manual. @script
    is run in the place of theirs.

    A name may be a whole matrix (the file's name), one of its combinations,
    or a pattern with a * at its end.
    """
    every = load_all(script)
    if not names:
        return [s for s in every.values() if not s.manual]
    chosen = []
    for name in names:
        hits = [s for s in every.values()
                if name in (s.name, s.name.split("[")[0]) or
                (name.endswith("*") and s.name.startswith(name[:-1]))]
        if not hits:
            raise LabError(f"no scenario {name!r}; `lab list` shows them")
        chosen += [s for s in hits if s not in chosen]
    return chosen
