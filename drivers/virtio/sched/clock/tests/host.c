// SPDX-License-Identifier: GPL-2.0-only
#include <linux/slab.h>
#include <parley/counter.h>
#include "host.h"

u64 pclk_fake_counter;

u64 pclk_read_fake(void)
{
	return READ_ONCE(pclk_fake_counter);
}

void pclk_host_write(struct pclk_host *h, u64 counter, u64 ns, u32 mult, u32 shift)
{
	u64 epoch = (u64)h->epoch << PARLEY_SCHED_C_EPOCH;

	WRITE_ONCE(h->page->word, cpu_to_le64(epoch | (h->seq + 1)));
	virt_wmb();	/* as the host's */
	WRITE_ONCE(h->page->counter, cpu_to_le64(counter));
	WRITE_ONCE(h->page->ns, cpu_to_le64(ns));
	WRITE_ONCE(h->page->mult, cpu_to_le32(mult));
	WRITE_ONCE(h->page->shift, cpu_to_le32(shift));
	virt_wmb();	/* as the host's */
	h->seq += 2;
	WRITE_ONCE(h->page->word, cpu_to_le64(epoch | h->seq));
}

/* The host shows @ns now. */
void pclk_host_says(struct pclk_host *h, u64 hz, u64 ns)
{
	u64 mult = (GHZ << 32) / hz, now;
	u32 shift = 32;

	for (; mult > PCLK_MULT_MAX; mult >>= 1)
		shift--;
	h->hz = hz;
	now = h->clk.read_counter ? h->clk.read_counter() : parley_counter_read();
	pclk_host_write(h, now, ns, mult, shift);
}

void pclk_host_free(void *arg)
{
	struct pclk_host *h = arg;

	parley_pclk_page(&h->clk, NULL);
	parley_pclk_exit(&h->clk);
	kfree(h->page);
	kfree(h);
}

struct pclk_host *pclk_host_new(struct kunit *test)
{
	struct pclk_host *h = kzalloc(sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	parley_pclk_init(&h->clk);
	h->page = kzalloc(sizeof(*h->page), GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, pclk_host_free, h));
	KUNIT_ASSERT_NOT_NULL(test, h->page);
	h->epoch = 7;
	parley_pclk_page(&h->clk, h->page);
	return h;
}

/* With a counter that the test turns, which shows @counter, and the clock @ns. */
struct pclk_host *pclk_host(struct kunit *test, u64 hz, u64 counter, u64 ns)
{
	struct pclk_host *h = pclk_host_new(test);

	pclk_fake_counter = counter;
	h->clk.read_counter = pclk_read_fake;
	pclk_host_says(h, hz, ns);
	return h;
}

u64 pclk_now(struct pclk_host *h)
{
	return parley_pclk_read(&h->clk);
}

void pclk_turn(struct pclk_host *h, u64 ns)
{
	pclk_fake_counter += ns / GHZ * h->hz + ns % GHZ * h->hz / GHZ;
}

void pclk_expect_near(struct kunit *test, u64 got, u64 wanted, s64 by)
{
	s64 off = got - wanted;

	KUNIT_EXPECT_TRUE_MSG(test, off <= by && off >= -by, "%llu, not %llu", got, wanted);
}
