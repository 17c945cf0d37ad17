/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of tests, a file each. */
#ifndef _VMM_GROUPS_H
#define _VMM_GROUPS_H

#include "harness.h"

extern const struct group group_abi, group_device, group_data, group_log, group_iotlb,
			  group_hostile, group_life, group_limits, group_place,
			  group_tenants, group_remote, group_latency, group_lanes,
			  group_fuzz;

#endif /* _VMM_GROUPS_H */
