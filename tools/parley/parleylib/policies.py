# SPDX-License-Identifier: GPL-2.0-only
"""parley vf policy: policies of mediated devices are checked, loaded, shown, audited."""
import errno
import glob
import os
import re

from . import guest, policy, reference
from .common import Absent, Failure, Usage, print_json, read, say, table

ACTIONS = {"check": "FILE", "load": "PARENT TYPE FILE", "show": "PARENT TYPE",
           "audit": "PARENT TYPE", "reference": "LANGUAGE"}
# Bluetooth controllers, and the type that each of them is.
HCI, HCI_TYPE = "/sys/class/parley_hci", "hci"


def controller(where):
    """The name of a real Bluetooth controller, if it is meant; also by what is made of it."""
    name = re.fullmatch(r"(?:parley_)?(hci\d+)", where)
    return name and name[1]


def folder_of(where):
    """A parent's, by its path, its PCI address, or the controller's name."""
    if "/" in where:
        return where
    if controller(where):
        return f"{HCI}/parley_{controller(where)}"
    return f"{guest.PCI}/devices/{guest.full(where)}"


class Parent:
    """A parent's folder of policies, and one type of device that it can be."""

    def __init__(self, where, kind):
        self.folder = os.path.join(folder_of(where), "parley_policy")
        if not os.path.isdir(self.folder):
            raise Absent(f"{where} has no policies: " + (
                f"modprobe parley_hci, and echo {controller(where)} >{HCI}/add"
                if controller(where) else
                "is it a function that parley_nvme_mdev or its like offers?"))
        # As in mdev_supported_types: behind the driver's name and a dash.
        self.type = kind.rsplit("-", 1)[-1]
        if not os.path.exists(self.path()):
            there = ", ".join(self.types_in(self.folder))
            raise Usage(f"{where} has no type {kind}; it has {there}")

    def path(self, behind=""):
        return os.path.join(self.folder, self.type + behind)

    @staticmethod
    def types_in(folder):
        return sorted(n for n in os.listdir(folder) if "." not in n and n != "language")

    def language(self):
        return policy.Language(read(os.path.join(self.folder, "language"), ""))

    def write(self, text):
        try:
            with open(self.path(), "wb", buffering=0) as f:
                view = memoryview(text)
                while view:
                    view = view[f.write(view):]
        except OSError as e:
            if e.errno == errno.EBUSY:
                raise Failure(f"{self.path()}: somebody else writes a policy at this moment; "
                              "say it again") from e
            why = read(self.path(".error"), "").strip()
            raise Failure(f"the kernel takes no such policy: {why or e.strerror}") from e


def contents(path):
    try:
        with open(path, "rb") as f:
            # One byte more than there can be, to tell.
            return f.read(policy.TEXT + 1)
    except OSError as e:
        raise Failure(f"{path}: {e.strerror}") from e


def checked(path, language=None):
    """A policy of a file; in the language that it says, unless one is given."""
    text = contents(path)
    name = policy.language_of(text)
    if language is None:
        language = policy.installed(name or "nvme")
    if language is None:
        raise Failure(f"{path}: line 1: no language {name} comes with this command")
    try:
        return policy.Policy(language, text)
    except policy.Wrong as e:
        raise Failure(f"{path}: {e}") from e


def text_of(path):
    """What the kernel is given."""
    return checked(path).source.decode("latin-1")


def default(name):
    """What holds in a language until something else is said."""
    return text_of(os.path.join(policy.HERE, f"{name}-default.policy"))


def facts(made):
    verdicts = {v: 0 for v in policy.VERDICTS}
    for rule in made.rules:
        verdicts[rule.verdict] += 1
    return {"language": made.language.name, "rules": len(made.rules),
            "settings": made.settings, "verdicts": verdicts}


def check(args, path):
    made = checked(path)
    if args.json:
        print_json(facts(made))
        return
    counts = ", ".join(f"{n} {v}" for v, n in facts(made)["verdicts"].items() if n)
    say(f"{path}: a policy of {made.language.name}, {len(made.rules)} rules"
        + (f" ({counts})" if counts else ""))


def load(args, where, kind, path):
    parent = Parent(where, kind)
    made = checked(path, parent.language())
    parent.write(made.source)
    if args.json:
        print_json(facts(made))
    else:
        say(f"{where}: " + ("whoever opens it from now on goes by" if controller(where) else
                            f"devices of type {parent.type} that are opened from now on go by")
            + f" {path}")


def show(args, where, kind):
    parent = Parent(where, kind)
    text = read(parent.path(), "")
    if args.json:
        made = policy.Policy(parent.language(), text.encode() + b"\n")
        print_json({**facts(made), "text": text.splitlines()})
    else:
        print(text)


def entries(text):
    """(whose, [entry]) for each policy of an audit file."""
    whose, found = None, []
    for line in text.splitlines():
        words = line.split(None, 2)
        if len(words) == 1:
            if whose:
                yield whose, found
            whose, found = words[0], []
        elif len(words) == 3:
            found.append({"count": int(words[0]), "line": int(words[1]), "rule": words[2]})
    if whose:
        yield whose, found


WHOSE = {"used": "of the device that was opened last", "next": "of those to be opened"}


def audit(args, where, kind):
    parent = Parent(where, kind)
    policies = list(entries(read(parent.path(".audit"), "")))
    if args.json:
        print_json([{"policy": whose, "rules": found} for whose, found in policies])
        return
    for whose, found in policies:
        rows = [[e["count"], e["line"] or "-", e["rule"]] for e in found
                if e["count"] or args.all]
        print(f"Policy {WHOSE.get(whose, whose)}:")
        print("\n".join(table(["COUNT", "LINE", "RULE"], rows, ("COUNT", "LINE"))))


def tell(args, name):
    language = policy.installed(name)
    if language is None:
        raise Usage(f"no language {name} comes with this command")
    if args.json:
        print_json({of.name: [dict(zip(reference.HEAD, row))
                              for row in reference.rows(language, of)]
                    for of in language.sets})
    else:
        # A backslash is what an empty cell is in reStructuredText.
        print("\n".join(line.replace("\\", " ").rstrip()
                        for line in reference.lines_of(name)).rstrip())


def complete(what, more):
    """For bash-completion: the parents of this machine, or the types of one."""
    if what == "parents":
        found = [path.split("/")[-2] for path in
                 sorted(glob.glob(f"{guest.PCI}/devices/*/parley_policy")) +
                 sorted(glob.glob(f"{HCI}/*/parley_policy"))]
        return [controller(name) or name for name in found]
    return Parent.types_in(f"{folder_of(more[0])}/parley_policy")


CALLS = {"check": check, "load": load, "show": show, "audit": audit, "reference": tell}


def vf(args):
    """args.words is what follows "policy"."""
    action, *words = args.words or [""]
    if action not in ACTIONS:
        raise Usage(f"parley vf policy takes {', '.join(ACTIONS)}")
    if action == "reference" and not words:
        words = ["nvme"]
    wanted = ACTIONS[action].split()
    if words and "TYPE" in wanted and len(words) == len(wanted) - 1 and controller(words[0]):
        words.insert(1, HCI_TYPE)
    if len(words) != len(wanted):
        raise Usage(f"parley vf policy {action} takes {ACTIONS[action]}"
                    + ("; of a Bluetooth controller, such as hci0, no TYPE" if "TYPE" in wanted
                       else ""))
    if args.all and action != "audit":
        raise Usage("--all is for vf policy audit")
    CALLS[action](args, *words)
