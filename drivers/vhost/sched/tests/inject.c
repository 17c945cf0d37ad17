// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failing allocations, as the tests of other rooms have them.
 */
#include "../../../virtio/transport/tests/inject.c"
