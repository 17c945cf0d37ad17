# SPDX-License-Identifier: GPL-2.0-only
"""Policies of mediated devices: their language, their text, and checking the one against
the other as drivers/vfio/policy does, fault by fault and word by word."""
import os
import re

# As in include/parley/policy.h.
TEXT, LINE, WORDS, RULES, VALUES, SETTINGS, REASON = 32768, 200, 8, 512, 256, 16, 95
TOLD = 32                   # of a word in a reason
VERDICTS = ("deny", "emulate", "rewrite", "allow")
HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "policies")


class Wrong(Exception):
    """Why a text is no policy: its line (0: all of it) and a reason."""

    def __init__(self, line, reason):
        super().__init__(f"line {line}: {reason[:REASON]}")
        self.line = line


class Value:
    """A value of a field, or an operation without one: what can be, in which scopes."""

    def __init__(self, name, number, can, scopes):
        self.name, self.number = name, number
        self.can, self.scopes = can.split(","), scopes

    def may(self, verdict, scope):
        """In a language without scopes there is none, and it holds for all."""
        return verdict == "deny" or (verdict in self.can and
                                     (scope is None or scope in self.scopes))


class Op:
    def __init__(self, dangerous, words):
        self.name, self.first, self.last = words[0], int(words[1], 0), int(words[2], 0)
        self.dangerous, self.field, self.values = dangerous, None, []
        self.itself = None
        if words[3].endswith("="):
            self.field, self.status = words[3][:-1], int(words[4], 0)
        else:
            self.itself = Value(words[0], self.first, words[3], words[4:])

    def value(self, number):
        return next((v for v in self.values if v.number == number), None)

    def cells(self):
        return range(VALUES) if self.field else range(1)


class Set:
    def __init__(self, words):
        self.name, self.count = words[0], int(words[1])
        self.status, self.scope_status = int(words[2], 0), int(words[3], 0)
        self.ops = []

    def op(self, number):
        return next((o for o in self.ops if o.first <= number <= o.last), None)


class Language:
    """Of a text as parley_policy_tell() writes it; trusted, it comes with the command
    or from the kernel."""

    def __init__(self, text):
        self.scopes, self.statuses, self.settings, self.sets = [], {}, {}, []
        for line in text.splitlines():
            words = line.split("#")[0].split()
            if words:
                getattr(self, "_" + words[0])(*words[1:])

    def _language(self, name):
        self.name = name

    def _scope(self, name):
        self.scopes.append(name)

    def _status(self, name, number):
        self.statuses[name] = int(number, 0)

    def _setting(self, name, *numbers):
        self.settings[name] = [int(n) for n in numbers]

    def _set(self, *words):
        self.sets.append(Set(words))

    def _op(self, *words):
        self.sets[-1].ops.append(Op(False, words))

    def _danger(self, *words):
        self.sets[-1].ops.append(Op(True, words))

    def _value(self, name, number, can, *scopes):
        self.sets[-1].ops[-1].values.append(Value(name, int(number, 0), can, scopes))

    def all_scopes(self):
        return self.scopes or [None]


def installed(name):
    """The language of that name, or None."""
    if re.fullmatch("[a-z0-9-]+", name):
        path = os.path.join(HERE, name + ".language")
        if os.path.exists(path):
            with open(path, encoding="ascii") as f:
                return Language(f.read())
    return None


def number(word):
    """Its value, or None: of digits, or of hexadecimal ones behind 0x; of 64 bits."""
    if len(word) > 20 or not re.fullmatch("[0-9]+|0x[0-9a-fA-F]+", word):
        return None
    value = int(word, 16 if word.startswith("0x") else 10)
    return value if value < 2**64 else None


class Rule:
    def __init__(self, line, verdict, of):
        self.line, self.verdict, self.set = line, verdict, of
        self.first = self.last = self.value = self.scopes = self.status = None


class Policy:
    """Of a text; Wrong if it is none. `rules` and `settings` are what it says."""

    def __init__(self, language, text):
        self.language, self.rules, self.settings = language, [], {}
        self.line, self.begun, self.ended, self.cells = 0, False, False, {}
        self.source = b""
        if len(text) > TEXT:
            raise self.wrong(f"more than {TEXT} bytes")
        lines = text.split(b"\n")
        for line in lines if lines[-1] else lines[:-1]:
            self.line += 1
            self.take(line)
            # Up to the end, as it was: so lines are those of the file for the kernel, too.
            if not self.source.endswith(b"\nend\n"):
                self.source += (b"end" if self.ended else line) + b"\n"
        if not self.ended:
            raise self.wrong("there is no end: the last line is: end")
        for rule in self.rules:
            self.line = rule.line
            self.apply(rule)

    def wrong(self, reason):
        return Wrong(self.line, reason)

    def take(self, line):
        if len(line) > LINE:
            raise self.wrong(f"more than {LINE} characters")
        if re.search(rb"[^\t -~]", line):
            raise self.wrong("a character that is not of plain text")
        words = [w for w in re.split("[ \t]+", line.decode().split("#")[0]) if w]
        if not words:
            return
        if len(words) > WORDS:
            raise self.wrong(f"more than {WORDS} words")
        if self.ended:
            raise self.wrong("nothing comes after the end")
        if not self.begun or words[0] == "language":
            self.take_language(words)
        elif words[0] == "set":
            self.take_setting(words)
        elif words[0] != "end":
            self.take_rule(words)
        else:
            self.ended = True
            if len(words) != 1:
                raise self.wrong("nothing comes after the end")

    def take_language(self, words):
        if self.begun or words != ["language", self.language.name]:
            raise self.wrong(f"the first line, and no other, is: language {self.language.name}")
        self.begun = True

    def take_setting(self, words):
        if len(words) != 3:
            raise self.wrong("what is set has a name and a number")
        name = words[1]
        if name not in self.language.settings:
            raise self.wrong(f"no such setting: {name[:TOLD]}")
        if name in self.settings:
            raise self.wrong(f"{name} is set already")
        value = number(words[2])
        if value is None:
            raise self.wrong(f"not a number: {words[2][:TOLD]}")
        least, most, _ = self.language.settings[name]
        if not least <= value <= most:
            raise self.wrong(f"{name} is from {least} to {most}")
        self.settings[name] = value

    def take_rule(self, words):
        if words[0] not in VERDICTS:
            raise self.wrong(f"no such verdict: {words[0][:TOLD]}")
        if len(words) < 3:
            raise self.wrong("a rule has a verdict, a set and an operation")
        of = next((s for s in self.language.sets if s.name == words[1]), None)
        if of is None:
            raise self.wrong(f"no such set: {words[1][:TOLD]}")
        rule = Rule(self.line, words[0], of)
        self.take_operation(rule, words[2])
        said = set()
        for word in words[3:]:
            self.take_term(rule, word, said)
        if len(self.rules) == RULES:
            raise self.wrong(f"more than {RULES} rules")
        self.rules.append(rule)

    def take_operation(self, rule, word):
        op = next((o for o in rule.set.ops if o.name == word), None)
        if op:
            rule.first, rule.last = op.first, op.last
            return
        first, dash, last = word.partition("-")
        rule.first = number(first)
        rule.last = number(last) if dash else rule.first
        if rule.first is None or rule.last is None or \
                not rule.first <= rule.last < rule.set.count:
            raise self.wrong(f"no such operation: {word[:TOLD]}")

    def take_term(self, rule, whole, said):
        op = rule.set.op(rule.first)
        name, equals, what = whole.partition("=")
        if not equals or not (name == "status" or (name == "scope" and self.language.scopes) or (
                rule.first == rule.last and op and op.field == name)):
            raise self.wrong(f"not understood: {whole[:TOLD]}")
        if name in said:
            raise self.wrong(f"said twice: {name[:TOLD]}")
        said.add(name)
        if name == "status":
            self.take_status(rule, what)
        elif name == "scope":
            self.take_scopes(rule, what)
        else:
            self.take_value(rule, op, what)

    def take_status(self, rule, what):
        if rule.verdict != "deny":
            raise self.wrong("only what is denied has a status")
        if what not in self.language.statuses:
            raise self.wrong(f"no such status: {what[:TOLD]}")
        rule.status = what

    def take_scopes(self, rule, what):
        rule.scopes = []
        for scope in what.split(","):
            if scope not in self.language.scopes:
                raise self.wrong(f"no such scope: {scope[:TOLD]}")
            if scope in rule.scopes:
                raise self.wrong(f"said twice: {scope[:TOLD]}")
            rule.scopes.append(scope)

    def take_value(self, rule, op, what):
        value = next((v.number for v in op.values if v.name == what), None)
        if value is None:
            value = number(what)
            if value is None or value >= VALUES:
                raise self.wrong(f"no such {op.field}: {what[:TOLD]}")
        rule.value = value

    # What the tables of the kernel are: a rule for each operation, value and scope.

    def keys(self, rule):
        for at in range(rule.first, rule.last + 1):
            op = rule.set.op(at)
            values = op.cells() if op else range(1)
            for value in values if rule.value is None else (rule.value,):
                for scope in self.language.all_scopes():
                    if rule.scopes is None or scope in rule.scopes:
                        yield op, at, value, scope

    def apply(self, rule):
        may = cannot = 0
        for op, at, value, scope in self.keys(rule):
            of = op and (op.value(value) if op.field else op.itself)
            if rule.verdict != "deny" and not (of and of.may(rule.verdict, scope)):
                cannot += 1
                continue
            may += 1
            key = (rule.set.name, at, value, scope)
            if key in self.cells:
                raise self.wrong(f"line {self.cells[key].line} says it already")
            self.cells[key] = rule
        if cannot and may:
            raise self.wrong(f"there is no way to {rule.verdict} each of it: "
                             f"say of {rule.set.name} which")
        if cannot:
            raise self.wrong(f"there is no way to {rule.verdict} that of {rule.set.name}")

    def verdict(self, of, op, value, scope):
        """The rule's, or deny if there is none."""
        rule = self.cells.get((of, op, value, scope))
        return rule.verdict if rule else "deny"

    # In normal form, as parley_policy_show().

    def text(self):
        yield f"language {self.language.name}"
        for name in self.language.settings:
            if name in self.settings:
                yield f"set {name} {self.settings[name]}"
        for rule in self.rules:
            yield self.rule_text(rule)
        yield "end"

    def rule_text(self, rule):
        op = rule.set.op(rule.first)
        words = [rule.verdict, rule.set.name]
        if op and (op.first, op.last) == (rule.first, rule.last):
            words.append(op.name)
        elif rule.first == rule.last:
            words.append(f"{rule.first:#x}")
        else:
            words.append(f"{rule.first:#x}-{rule.last:#x}")
        if rule.value is not None:
            of = op.value(rule.value)
            words.append(f"{op.field}={of.name if of else format(rule.value, '#x')}")
        if rule.scopes is not None and len(rule.scopes) < len(self.language.scopes):
            words.append("scope=" + ",".join(s for s in self.language.scopes
                                             if s in rule.scopes))
        if rule.status is not None:
            code = self.language.statuses[rule.status]
            words.append("status=" + next(n for n, c in self.language.statuses.items()
                                          if c == code))
        return " ".join(words)


def language_of(text):
    """The name that the first line of a text says, or None."""
    for line in text.split(b"\n"):
        words = line.decode("ascii", "replace").split("#")[0].split()
        if words:
            return words[1] if len(words) == 2 and words[0] == "language" else None
    return None
