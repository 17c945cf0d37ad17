/* SPDX-License-Identifier: GPL-2.0-only */
/* A device queue that tests of hostile drivers attack. */
#ifndef _PARLEY_CORE_TESTS_PREY_H
#define _PARLEY_CORE_TESTS_PREY_H

#include "hostile.h"

#define SIZE	8u
#define PIECES	4u	/* pieces that a chain may have here */
#define D_NEXT	VRING_DESC_F_NEXT
#define D_WRITE	VRING_DESC_F_WRITE
#define D_TABLE	VRING_DESC_F_INDIRECT
#define CANARY	0x5a5a5a5aul

/* A device queue and what it took last. */
struct prey {
	struct raw *r;		/* its ring, written by hand */
	/* One more than a take may fill, one piece more than a chain may have. */
	struct parley_chain chains[SIZE + 1];
	struct parley_iov iov[SIZE + 1][PIECES + 1];
};

struct prey *parley_prey_open(struct kunit *test, u64 more);
int parley_prey_take(struct prey *v, unsigned int nr);
void parley_prey_complete(struct kunit *test, struct prey *v, unsigned int i);
void parley_prey_is_broken(struct kunit *test, struct prey *v);
void parley_prey_used(struct kunit *test, struct prey *v, unsigned int i,
		      unsigned int id, u32 len);
void parley_prey_table(struct prey *v, u32 off, unsigned int at, u64 addr,
		       u32 len, u16 flags, u16 next);

#endif /* _PARLEY_CORE_TESTS_PREY_H */
