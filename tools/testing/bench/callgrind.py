#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Read what count's loads cost from callgrind's profiles.

Each profile carries its label (TABLE/COMPETITOR/FORMAT/VALUE/REQUESTS) in its
trigger line; the cost of a verb is that of all calls to its adapter function,
with everything called from there.
"""
import glob
import os
import re
import subprocess
import tempfile

DRIVER = ("put", "reap", "arm")
DEVICE = ("serve", "listen")


def parse(path):
    """Return (label, {verb: instructions}) of one profile."""
    label, costs, verb = None, {}, None
    with open(path, encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("desc: Trigger: Client Request: "):
                label = line.split(": ", 3)[3].strip()
            elif line.startswith("cfn="):
                match = re.match(r"cfn=(?:mainline|bench_parley)_(\w+)$", line)
                verb = match.group(1) if match else None
                if verb not in DRIVER + DEVICE:
                    verb = None
            elif line.startswith("calls="):
                if verb:
                    cost = int(next(lines).split()[1])
                    costs[verb] = costs.get(verb, 0) + cost
                verb = None
    return label, costs


def run(program):
    """Count all loads; return {(table, format, value): {(who, role): n}}."""
    result = {}
    with tempfile.TemporaryDirectory() as tmp:
        subprocess.run(
            ["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
             "--compress-strings=no", "--compress-pos=no",
             "--callgrind-out-file=" + os.path.join(tmp, "profile"), program],
            check=True, timeout=600)
        for path in glob.glob(os.path.join(tmp, "profile.*")):
            label, costs = parse(path)
            if not label:
                continue
            table, who, fmt, value, requests = label.split("/")
            row = result.setdefault((table, fmt, int(value)), {})
            for role, verbs in (("driver", DRIVER), ("device", DEVICE)):
                total = sum(costs.get(verb, 0) for verb in verbs)
                row[who, role] = total / int(requests)
    return result


if __name__ == "__main__":
    import sys
    for key, row in sorted(run(sys.argv[1]).items()):
        print(*key, {"/".join(k): round(v, 1) for k, v in row.items()})
