# SPDX-License-Identifier: GPL-2.0-only
"""What a guest's Python program asks of the lab, as lib.sh does for scripts: of the QEMU
that the guest itself runs in."""

import json
import os

from .common import LabError


def request(line):
    """The answer to one request."""
    with open(f"/dev/{os.environ['LAB_TTY']}", "r+b", buffering=0) as tty:
        tty.write(line.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            answer += tty.read(1)
    verdict, _, text = answer.decode().strip().partition(" ")
    if verdict != "OK":
        raise LabError(f"{line}: {text}")
    return text


def qmp(command, **arguments):
    """A command to QEMU's monitor."""
    return request(f"@QMP {command} {json.dumps(arguments)}")


def event(name, **fields):
    """Wait until QEMU has told that."""
    return request(f"@EVENT {name} {json.dumps(fields)}")
