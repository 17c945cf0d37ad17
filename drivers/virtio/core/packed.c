// SPDX-License-Identifier: GPL-2.0-only
/* Both roles of the packed format. */
#define VQ_FN(verb)	parley_packed_##verb

#include "packed.h"
#include "trace.h"
#include "driver_body.h"
#include "device_take.h"
#include "device_body.h"
