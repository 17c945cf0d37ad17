# SPDX-License-Identifier: GPL-2.0-only
"""Written by tools/version: the command is installed without the C headers."""
VERSION = "0.2"
