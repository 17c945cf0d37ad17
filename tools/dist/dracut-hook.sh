#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# For dracut, which reads this into its own shell, before udev.
/usr/lib/parley/at-boot
