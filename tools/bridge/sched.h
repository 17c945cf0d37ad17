/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scheduling devices: so many vCPUs, and what their guest may ask for.  Which threads the
 * vCPUs are says somebody else, who may schedule them: processes that serve a guest have
 * no privilege, and believe nobody.  See Documentation/sched.rst.
 */
#ifndef BRIDGE_SCHED_H
#define BRIDGE_SCHED_H

#include "kind.h"

#define SCHED_QUEUES	2
#define SCHED_MIB	4	/* of shared memory: enough for any number of vCPUs */

extern const struct kind sched_kind;

#endif
