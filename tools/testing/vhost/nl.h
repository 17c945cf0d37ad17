/* SPDX-License-Identifier: GPL-2.0-only */
/* The netlink family, as far as an operator with a slow guest needs it. */
#ifndef _VMM_NL_H
#define _VMM_NL_H

#include <linux/parley_netlink.h>
#include "harness.h"

#define NL_NONE		(~0u)	/* oldest_ms of a ring with nothing in flight */

/**
 * struct nl_queue - what queue-get says
 * @state: PARLEY_QUEUE_STATE_*
 * @in_flight: requests
 * @oldest_ms: age of the oldest of them, or NL_NONE
 */
struct nl_queue {
	u32 state;
	u32 in_flight;
	u32 oldest_ms;
};

/* What queue-get says was counted so far. */
struct nl_stats {
	u64 kicks;
	u64 rounds;
	u64 requests;
	u64 calls;
};

/* The same of pool-get. */
struct nl_pool_stats {
	u64 turns;
	u64 wakeups;
	u64 stalls;
	u64 hurries;
};

/* Results are 0 or -errno. */
long nl_dev_get(u32 dev, u32 *running);
long nl_queue_get(u32 dev, u32 index, struct nl_queue *q);
long nl_limit_set(u32 dev, u64 ops);	/* of the device, a second; 0 for none */
long nl_stats_get(u32 dev, u32 index, struct nl_stats *s);
long nl_pool_add(const char *name, u32 threads, bool one_vm);
long nl_pool_set(const char *name, u32 threads);
long nl_pool_remove(const char *name);
long nl_pool_detach(u32 dev);
long nl_pool_attach(const char *name, u32 dev, u32 class);
long nl_pool_get(struct nl_pool_stats *s);	/* of the only one that there is */

#endif /* _VMM_NL_H */
