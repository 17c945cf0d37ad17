# SPDX-License-Identifier: GPL-2.0-only
"""The part that holds the floors of a folder apart, by what its files include."""
import os
import re

from common import c_files, read

# The head of this file has the table: a room each line that is not indented, its
# headers behind a colon, its sources below it; the topmost room first.
TABLES = ["drivers/vhost/core/state.h"]
FILE = re.compile(r"\b\w+\.[ch]\b")


def rooms(text):
    """{file: number of its room, 0 is the topmost}, and what is wrong with the table"""
    numbers, problems, room = {}, [], -1
    inside = False
    for line in text.split("*/", 2)[1].splitlines():
        inside = inside or line.startswith(" * The rooms,")
        if not inside or line.startswith(" * Lock order"):
            inside = False
            continue
        if re.match(r" \* [a-zA-Z ]+(: (\w+\.h(, )?)+)?$", line):
            room += 1
            names = FILE.findall(line)
        else:
            names = FILE.findall(line.split("\t")[1]) if line.startswith(" *\t") else []
        for name in names:
            if name in numbers:
                problems.append(f"{name} is in two rooms")
            numbers[name] = room
    return numbers, problems


def arrows(text):
    """[(line, file)] for each file of the same folder that is included"""
    return [(n, m[1]) for n, line in enumerate(text.splitlines(), 1)
            if (m := re.match(r'#include "([^"/]+)"', line))]


def upward(name, text, numbers):
    """What is wrong with the includes of one file"""
    if name not in numbers:
        return [f"{name}: in no room of the table"]
    return [f"{name}:{line}: {other} is in no room of the table" if other not in numbers else
            f"{name}:{line}: {other} is in a room above"
            for line, other in arrows(text)
            if numbers.get(other, -1) < numbers[name]]


def layers():
    """no file of the vhost library includes what is in a room above its own"""
    for table in TABLES:
        folder = os.path.dirname(table)
        numbers, problems = rooms(read(table))
        files = {os.path.basename(f): f for f in c_files(folder + "/")
                 if os.path.dirname(f) == folder and not f.endswith(".mod.c")}
        problems += [f"{name} is in the table and does not exist"
                     for name in sorted(set(numbers) - set(files))]
        yield table, problems
        for name, f in files.items():
            yield f, upward(name, read(f), numbers)
    # The rule itself: what it would not see, nobody is kept from.
    numbers, problems = rooms("/* x */\n/*\n * The rooms, topmost first.\n *\n"
                              " * attic: a.h\n *\ta.c\tsee c.c\n * cellar: b.h, c.h\n *\tb.c\n"
                              " *\n * Lock order\n *\td.c\n */\n")
    wrong = {"b.c": '#include "a.h"\n', "c.h": '#include "d.h"\n', "d.c": ""}
    right = {"a.c": '#include <a.h>\n#include "b.h"\n#include "a.h"\n', "b.c": '#include "c.h"\n'}
    blind = [f"{name} passes" for name, text in wrong.items() if not upward(name, text, numbers)]
    blind += [f"{name} fails" for name, text in right.items() if upward(name, text, numbers)]
    twice = rooms("/* x */\n/*\n * The rooms,\n * one: a.h\n * two: a.h\n */\n")[1]
    yield "an arrow that points up is seen", blind + problems + ([] if twice else ["a.h twice"])
