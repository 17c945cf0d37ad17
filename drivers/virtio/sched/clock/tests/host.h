/* SPDX-License-Identifier: GPL-2.0-only */
/* A host in a KUnit test, and a counter that the test turns. */
#ifndef _PARLEY_CLOCK_TESTS_HOST_H
#define _PARLEY_CLOCK_TESTS_HOST_H

#include <kunit/test.h>
#include "../clock.h"

#define SECOND	((u64)NSEC_PER_SEC)
#define MS	((u64)NSEC_PER_MSEC)
#define GHZ	1000000000ull

/**
 * struct pclk_host - a host, and the guest that it feeds
 * @clk: the guest's clock
 * @page: what the host writes
 * @seq: of it
 * @epoch: of its line
 * @hz: of the counter
 */
struct pclk_host {
	struct pclk clk;
	struct parley_sched_host_clock *page;
	u32 seq;
	u32 epoch;
	u64 hz;
};

extern u64 pclk_fake_counter;

u64 pclk_read_fake(void);
void pclk_host_write(struct pclk_host *h, u64 counter, u64 ns, u32 mult, u32 shift);
void pclk_host_says(struct pclk_host *h, u64 hz, u64 ns);
void pclk_host_free(void *arg);
struct pclk_host *pclk_host_new(struct kunit *test);
struct pclk_host *pclk_host(struct kunit *test, u64 hz, u64 counter, u64 ns);
u64 pclk_now(struct pclk_host *h);
void pclk_turn(struct pclk_host *h, u64 ns);
void pclk_expect_near(struct kunit *test, u64 got, u64 wanted, s64 by);

#endif /* _PARLEY_CLOCK_TESTS_HOST_H */
