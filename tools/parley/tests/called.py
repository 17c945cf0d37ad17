# SPDX-License-Identifier: GPL-2.0-only
"""The command, called in this process."""
import contextlib
import io

from parleylib import cli


def run(*arguments):
    """(exit code, standard output, standard error)"""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main(list(arguments))
        except SystemExit as e:
            code = e.code
    return code, out.getvalue(), err.getvalue()
