/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits and guarantees of a disk, as the configuration has them: set by netlink, by
 * the first process, which alone may.
 */
#ifndef BRIDGE_LIMIT_H
#define BRIDGE_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/parley_netlink.h>

#define LIMIT_KINDS	PARLEY_A_LIMITS_MAX	/* one more than there are: no 0 */
#define LIMIT_MESSAGE	256			/* bytes, at most */

/**
 * struct limits - what is to be limited or guaranteed
 * @given: bit PARLEY_A_LIMITS_*: there is such a line; what is absent stays
 * @value: by that number; 0 for no limit
 */
struct limits {
	uint32_t given;
	uint64_t value[LIMIT_KINDS + 1];
};

const char *limit_parse(struct limits *l, const char *key, const char *value);
size_t limit_message(void *buf, uint16_t family, uint32_t device,
		     const struct limits *l);
int limit_set(uint32_t device, const struct limits *l);

#endif
