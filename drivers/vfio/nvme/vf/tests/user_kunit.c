// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom functions are offered to, and how they are given back.
 */
#include <linux/cleanup.h>
#include <linux/workqueue.h>
#include <parley/compat.h>
#include "fake_vf.h"

static unsigned int added, removed;
static int refuses;
/* What was taken, and what taking it again said while it went. */
static struct parley_nvme_vf *taken;
static int again;

static int user_add(struct parley_nvme_vf *vf)
{
	added++;
	return refuses;
}

static void user_leaves(struct work_struct *work)
{
	again = parley_nvme_vf_take(taken, &fake_tenant[0]);
	parley_nvme_vf_give_back(taken);
}

/* Whoever has it is somebody else, and does not hold the device lock. */
static void user_remove(struct parley_nvme_vf *vf)
{
	struct work_struct work;

	removed++;
	if (!taken)
		return;
	INIT_WORK_ONSTACK(&work, user_leaves);
	queue_work(system_dfl_wq, &work);
	flush_work(&work);
	destroy_work_on_stack(&work);
}

static const struct parley_nvme_vf_user user = {
	.add = user_add,
	.remove = user_remove,
};

static void user_begin(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_user_register(&user));
}

/* Whoever else is loaded has no function meanwhile. */
static const struct parley_nvme_vf_user *other;

static int user_init(struct kunit *test)
{
	added = 0;
	removed = 0;
	refuses = 0;
	taken = NULL;
	other = parley_nvme_vf_user_swap(NULL);
	return 0;
}

static void user_exit(struct kunit *test)
{
	parley_nvme_vf_user_swap(other);
}

static void it_is_offered_if_it_is_there_before(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	fake_vf_bound(f);
	user_begin(test);
	KUNIT_EXPECT_EQ(test, 1, added);
	fake_vf_unbound(f);
	KUNIT_EXPECT_EQ(test, 1, removed);
}

static void it_is_offered_if_it_comes_later(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	user_begin(test);
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_vf_user_register(&user));
	KUNIT_EXPECT_EQ(test, 0, added);
	fake_vf_bound(f);
	KUNIT_EXPECT_EQ(test, 1, added);
	fake_vf_unbound(f);
	KUNIT_EXPECT_EQ(test, 1, removed);
}

static void a_user_that_goes_leaves_all(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	fake_vf_bound(f);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_user_register(&user));
	parley_nvme_vf_user_unregister(&user);
	KUNIT_EXPECT_EQ(test, 1, removed);
	fake_vf_unbound(f);
	KUNIT_EXPECT_EQ(test, 1, removed);
}

static void who_did_not_want_it_is_not_asked_to_leave(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	user_begin(test);
	refuses = -ENOMEM;
	fake_vf_bound(f);
	KUNIT_EXPECT_EQ(test, 1, added);
	fake_vf_unbound(f);
	KUNIT_EXPECT_EQ(test, 0, removed);
}

static void it_is_taken_and_given_back(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	user_begin(test);
	fake_vf_bound(f);
	f->vf.next_tenant = PARLEY_NVME_KEEP;
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, f->vf.n.state);
	parley_nvme_vf_give_back(&f->vf);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->vf.n.state);
	KUNIT_EXPECT_TRUE(test, device_trylock(f->c.dev));
	device_unlock(f->c.dev);
	fake_vf_unbound(f);
}

/* Who opens it does not know that it is being reset. */
static void who_resets_it_meanwhile_is_waited_for(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	user_begin(test);
	fake_vf_bound(f);
	f->vf.next_tenant = PARLEY_NVME_KEEP;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	scoped_guard(device, f->c.dev)
		parley_nvme_vf_pause(&f->vf, true);
	KUNIT_EXPECT_EQ(test, -EAGAIN, parley_nvme_vf_memory(&f->vf));
	fake_reset(&f->c);
	scoped_guard(device, f->c.dev)
		KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_resume(&f->vf));
	KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_memory(&f->vf));
	KUNIT_EXPECT_TRUE(test, parley_life_has(&f->vf.life, PARLEY_LIFE_MEMORY));
	KUNIT_EXPECT_TRUE(test, parley_life_undo(&f->vf.life, PARLEY_LIFE_MEMORY));
	parley_nvme_vf_give_back(&f->vf);
	fake_vf_unbound(f);
}

/* Who removes it holds the lock that giving it back wants, and waits for that. */
static void it_is_given_back_to_who_waits_for_that(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	user_begin(test);
	fake_vf_bound(f);
	f->vf.next_tenant = PARLEY_NVME_KEEP;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_take(&f->vf, &fake_tenant[0]));
	taken = &f->vf;
	again = 0;
	fake_vf_unbound(f);
	KUNIT_EXPECT_EQ(test, 1, removed);
	KUNIT_EXPECT_EQ(test, -ENODEV, again);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_OFF, f->vf.n.state);
	KUNIT_EXPECT_FALSE(test, f->c.master);
}

static struct kunit_case user_cases[] = {
	KUNIT_CASE(it_is_offered_if_it_is_there_before),
	KUNIT_CASE(it_is_offered_if_it_comes_later),
	KUNIT_CASE(a_user_that_goes_leaves_all),
	KUNIT_CASE(who_did_not_want_it_is_not_asked_to_leave),
	KUNIT_CASE(it_is_taken_and_given_back),
	KUNIT_CASE(who_resets_it_meanwhile_is_waited_for),
	KUNIT_CASE(it_is_given_back_to_who_waits_for_that),
	{}
};

static struct kunit_suite user_suite = {
	.name = "parley_nvme_vf_user",
	.init = user_init,
	.exit = user_exit,
	.test_cases = user_cases,
};

kunit_test_suite(user_suite);
