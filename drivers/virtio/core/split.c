// SPDX-License-Identifier: GPL-2.0-only
/* Both roles of the split format. */
#define VQ_FN(verb)	parley_split_##verb

#include "split.h"
#include "trace.h"
#include "driver_body.h"
#include "device_take.h"
#include "device_body.h"
