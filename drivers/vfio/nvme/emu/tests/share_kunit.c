// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that the guest and its controller use both, and what becomes of them when they
 * are taken away.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include "guest.h"

static int share(struct guest *g, struct parley_emu_share *s, unsigned int page)
{
	guard(mutex)(&g->e.mutex);
	return parley_emu_share(&g->e, s, GUEST_AT(page));
}

static void unshare(struct guest *g, struct parley_emu_share *s)
{
	guard(mutex)(&g->e.mutex);
	parley_emu_unshare(&g->e, s);
}

static void a_shared_page_is_the_guests_own(struct kunit *test)
{
	struct guest *g = guest_new(test);
	struct parley_emu_share s = {};

	KUNIT_EXPECT_EQ(test, 0, share(g, &s, GUEST_DATA));
	KUNIT_EXPECT_PTR_EQ(test, guest_at(g, GUEST_DATA), parley_emu_shared(&s));
	KUNIT_EXPECT_EQ(test, 1, g->shared[GUEST_DATA]);
	unshare(g, &s);
	KUNIT_EXPECT_NULL(test, parley_emu_shared(&s));
	KUNIT_EXPECT_EQ(test, 0, g->shared[GUEST_DATA]);
	/* Twice does no harm. */
	unshare(g, &s);
	KUNIT_EXPECT_TRUE(test, list_empty(&g->e.shares));
}

static void what_is_no_memory_is_not_shared(struct kunit *test)
{
	struct guest *g = guest_new(test);
	struct parley_emu_share s = {};

	KUNIT_EXPECT_EQ(test, -EFAULT, share(g, &s, GUEST_PAGES));
	KUNIT_EXPECT_NULL(test, parley_emu_shared(&s));
	/* Nor is it given back. */
	KUNIT_EXPECT_FALSE(test, s.there);
	unshare(g, &s);
	KUNIT_EXPECT_TRUE(test, list_empty(&g->e.shares));
}

static void what_is_taken_away_is_used_no_more(struct kunit *test)
{
	struct guest *g = guest_new(test);
	struct parley_emu_share s = {}, t = {}, u = {};

	KUNIT_EXPECT_EQ(test, 0, share(g, &s, 10));
	KUNIT_EXPECT_EQ(test, 0, share(g, &t, 11));
	KUNIT_EXPECT_EQ(test, 0, share(g, &u, 12));
	guest_take_away(g, 11, 1);
	KUNIT_EXPECT_NOT_NULL(test, parley_emu_shared(&s));
	KUNIT_EXPECT_NULL(test, parley_emu_shared(&t));
	KUNIT_EXPECT_NOT_NULL(test, parley_emu_shared(&u));
	unshare(g, &t);
	guest_take_away(g, 0, GUEST_PAGES);
	KUNIT_EXPECT_NULL(test, parley_emu_shared(&s));
	KUNIT_EXPECT_NULL(test, parley_emu_shared(&u));
	KUNIT_EXPECT_TRUE(test, list_empty(&g->e.shares));
}

/* Between the gate's yes and our note of it. */
static void what_goes_while_it_is_shared_is_not_used(struct kunit *test)
{
	struct guest *g = guest_new(test);
	struct parley_emu_share s = {};

	g->share_taken = true;
	KUNIT_EXPECT_EQ(test, -EBUSY, share(g, &s, 10));
	KUNIT_EXPECT_NULL(test, parley_emu_shared(&s));
	KUNIT_EXPECT_TRUE(test, list_empty(&g->e.shares));
}

struct share_user {
	struct parley_emu_share *s;
	bool in;
	bool done;
};

static int share_thread(void *data)
{
	struct share_user *u = data;

	scoped_guard(rcu) {
		WRITE_ONCE(u->in, parley_emu_shared(u->s));
		mdelay(50);
		WRITE_ONCE(u->done, true);
	}
	while (!kthread_should_stop())
		usleep_range(500, 1000);
	return 0;
}

static void who_uses_it_is_waited_for(struct kunit *test)
{
	struct guest *g = guest_new(test);
	struct parley_emu_share s = {};
	struct share_user u = { .s = &s };
	struct task_struct *thread;

	KUNIT_ASSERT_EQ(test, 0, share(g, &s, 10));
	thread = kthread_run(share_thread, &u, "parley-user");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	while (!READ_ONCE(u.in))
		usleep_range(500, 1000);
	guest_take_away(g, 10, 1);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(u.done));
	kthread_stop(thread);
}

static struct kunit_case share_cases[] = {
	KUNIT_CASE(a_shared_page_is_the_guests_own),
	KUNIT_CASE(what_is_no_memory_is_not_shared),
	KUNIT_CASE(what_is_taken_away_is_used_no_more),
	KUNIT_CASE(what_goes_while_it_is_shared_is_not_used),
	KUNIT_CASE(who_uses_it_is_waited_for),
	{}
};

static struct kunit_suite share_suite = {
	.name = "parley_nvme_emu_share",
	.test_cases = share_cases,
};

kunit_test_suite(share_suite);
