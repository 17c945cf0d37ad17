/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring in user memory, with one chain available, whose pages a test can take
 * away under the device queue's hands.
 */
#ifndef _PARLEY_CORE_TESTS_USER_RING_H
#define _PARLEY_CORE_TESTS_USER_RING_H

#include "pair.h"

/*
 * struct user_ring - three areas, a page each
 * @mem: user address of the first
 * @dev: device queue over them
 */
struct user_ring {
	unsigned long mem;
	bool packed;
	struct parley_devq *dev;
	struct parley_region region;
	struct parley_memmap map;
};

void parley_user_ring_open(struct kunit *test, struct user_ring *u, u64 features);
void parley_user_ring_revoke(struct kunit *test, struct user_ring *u);
void parley_user_ring_revoke_all(struct kunit *test, struct user_ring *u);
void parley_user_ring_close(struct user_ring *u);

#endif /* _PARLEY_CORE_TESTS_USER_RING_H */
