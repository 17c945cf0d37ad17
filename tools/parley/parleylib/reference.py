# SPDX-License-Identifier: GPL-2.0-only
"""The reference of a language, as tables for people and for Documentation."""
import textwrap

from . import policy

BEGIN, END = ".. policy reference begins\n", ".. policy reference ends\n"


def default_of(language):
    path = f"{policy.HERE}/{language.name}-default.policy"
    with open(path, "rb") as f:
        return policy.Policy(language, f.read())


def row(language, default, of, op, value):
    """Name, numbers, what can be, in which scopes, what the default policy says."""
    what = op.value(value) if op.field else op.itself
    name = f"{op.name} {op.field}={what.name}" if op.field else op.name
    if op.field:
        numbers = f"{op.first:02x}h, {what.number:02x}h"
    else:
        numbers = f"{op.first:02x}h" + (f"-{op.last:02x}h" if op.last > op.first else "")
    said = {default.verdict(of.name, op.first, value if op.field else 0, s)
            for s in language.all_scopes()}
    scopes = "each" if list(what.scopes) == language.scopes and what.scopes else \
        ", ".join(what.scopes)
    best = next((v for v in reversed(policy.VERDICTS) if v in said), "deny")
    return [name, numbers, ", ".join(what.can), scopes if len(what.can) > 1 else "", best,
            "yes" if op.dangerous else ""]


HEAD = ["operation", "numbers", "can be", "scopes", "by default", "logged"]


def rows(language, of):
    default = default_of(language)
    for op in of.ops:
        if op.field:
            for value in op.values:
                yield row(language, default, of, op, value.number)
        else:
            yield row(language, default, of, op, 0)


def simple_table(head, lines):
    """A table of reStructuredText."""
    lines = [[c or "\\" for c in line] for line in lines]
    widths = [max(len(line[n]) for line in [head, *lines]) for n in range(len(head))]
    rule = "  ".join("=" * w for w in widths)
    yield rule
    yield "  ".join(c.ljust(w) for c, w in zip(head, widths)).rstrip()
    yield rule
    for line in lines:
        yield "  ".join(c.ljust(w) for c, w in zip(line, widths)).rstrip()
    yield rule


def lines_of(name):
    language = policy.installed(name)
    for of in language.sets:
        yield f"Set ``{of.name}`` of the language ``{name}``:"
        yield ""
        yield from simple_table(HEAD, list(rows(language, of)))
        yield ""
    yield from textwrap.wrap(f"Statuses of the language ``{name}``: " + ", ".join(
        f"``{n}`` ({c:x}h)" for n, c in language.statuses.items()) + ".", 88)
    yield ""
    if language.settings:
        yield from simple_table(["setting", "least", "most", "otherwise"],
                                [[n, *map(str, v)] for n, v in language.settings.items()])
        yield ""


def page(text, names):
    """The page with the tables between its marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    tables = "\n".join(line for name in names for line in lines_of(name))
    return before + BEGIN + "\n" + tables + "\n" + END + after
