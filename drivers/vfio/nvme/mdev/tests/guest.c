// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest is the one of the emulated controller's own tests.
 */
#include "../../emu/tests/guest.c"
