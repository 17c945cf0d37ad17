// SPDX-License-Identifier: GPL-2.0-only
/* Numbers of threads, with users that there are not. */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/slab.h>
#include "guest.h"

struct taken {
	struct vhs_user *of[VHS_THREADS_MAX];
	unsigned int nr;
};

static bool nobody(void)
{
	return false;
}

static int take(struct taken *t, unsigned int id)
{
	struct vhs_user *user;

	guard(mutex)(&vhs_threads_lock);
	user = vhs_quota_get(KUIDT_INIT(id));
	if (IS_ERR(user))
		return PTR_ERR(user);
	t->of[t->nr++] = user;
	return 0;
}

static void give_back(struct taken *t, unsigned int nr)
{
	guard(mutex)(&vhs_threads_lock);
	while (nr--)
		vhs_quota_put(t->of[--t->nr]);
}

static void give_all_back(void *arg)
{
	struct taken *t = arg;

	give_back(t, t->nr);
	kvfree(t);
}

static struct taken *nothing_taken(struct kunit *test)
{
	struct taken *t = kvzalloc(sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, give_all_back, t));
	return t;
}

/* Until there is no more; how many that were. */
static unsigned int take_all(struct kunit *test, struct taken *t, unsigned int id)
{
	unsigned int before = t->nr;
	int err = 0;

	while (!err)
		err = take(t, id);
	KUNIT_EXPECT_EQ(test, err, -ENOSPC);
	return t->nr - before;
}

static void a_user_has_a_part(struct kunit *test)
{
	struct taken *t = nothing_taken(test);
	unsigned int id;

	kunit_activate_static_stub(test, vhs_quota_beyond, nobody);
	KUNIT_EXPECT_EQ(test, take_all(test, t, 1), VHS_THREADS_USER);
	/* One that is given back is there for him again, and only one. */
	give_back(t, 1);
	KUNIT_EXPECT_EQ(test, take_all(test, t, 1), 1);
	/* He has taken nothing from others, and all together have their own part. */
	for (id = 2; id <= VHS_THREADS_USERS / VHS_THREADS_USER; id++)
		KUNIT_EXPECT_EQ(test, take_all(test, t, id), VHS_THREADS_USER);
	KUNIT_EXPECT_EQ(test, take_all(test, t, id), 0);
	KUNIT_EXPECT_EQ(test, t->nr, VHS_THREADS_USERS);
	/* Who gives all back is known no more, and may begin anew. */
	give_back(t, VHS_THREADS_USER);
	KUNIT_EXPECT_EQ(test, take_all(test, t, id), VHS_THREADS_USER);
}

static void who_schedules_others_has_all(struct kunit *test)
{
	struct taken *t = nothing_taken(test);

	KUNIT_EXPECT_EQ(test, take_all(test, t, 1), VHS_THREADS_MAX);
	KUNIT_EXPECT_EQ(test, take_all(test, t, 2), 0);
	give_back(t, 1);
	KUNIT_EXPECT_EQ(test, take_all(test, t, 2), 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_user_has_a_part),
	KUNIT_CASE(who_schedules_others_has_all),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_quota",
	.test_cases = cases,
};

kunit_test_suite(suite);
