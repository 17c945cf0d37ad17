# SPDX-License-Identifier: GPL-2.0-only
"""Numbers for people: 10k operations, 100M bytes, 4Ki."""
import re

from .common import Usage

PREFIXES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
            "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
SUFFIX = r"(?: *(?:b|bytes|ops|iops))?(?:/s)?"


def parse(text, most, what, off=("none", "off", "unlimited")):
    """A number with a prefix; what is in `off` means 0."""
    low = text.strip().lower()
    if low in off:
        return 0
    m = re.fullmatch(rf"(\d+(?:\.\d+)?) *([kmgt]i?)?{SUFFIX}", low, re.ASCII)
    if not m:
        raise Usage(f"{what}: '{text}' is no number such as 500, 10k, 2.5M or 64Ki")
    whole, _, part = m[1].partition(".")
    scale = PREFIXES[m[2] or ""]
    value = int(whole) * scale + int(part or 0) * scale // 10**len(part)
    if value > most:
        raise Usage(f"{what}: {text} is more than the {most} that is possible")
    return value


def show(value):
    """Four digits: 999, 10k, 12.35k, 100M; of a rate, 0.5."""
    for prefix, scale in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3), ("", 1)):
        if value >= scale:
            break
    return f"{value / scale:.4g}{prefix}"
