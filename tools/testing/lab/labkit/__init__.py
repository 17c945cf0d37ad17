# SPDX-License-Identifier: GPL-2.0-only
"""The lab: boots kernels with Parley's modules in QEMU and judges what happens."""
