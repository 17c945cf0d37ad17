// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types of devices: which of them a function has.
 */
#include <kunit/test.h>
#include "../mdev.h"

static struct parley_mdev_types *types_of(struct kunit *test, unsigned int queues)
{
	struct parley_mdev_types *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	parley_mdev_types_fill(t, queues);
	return t;
}

static void the_first_is_there_whatever_the_function_has(struct kunit *test)
{
	struct parley_mdev_types *t;
	unsigned int queues;

	for (queues = 1; queues <= PARLEY_NVME_IO_QUEUES; queues++) {
		t = types_of(test, queues);
		KUNIT_ASSERT_GT(test, t->nr, 0);
		/* What scripts, and definitions of mdevctl and libvirt, call it. */
		KUNIT_EXPECT_STREQ(test, "1", t->list[0]->sysfs_name);
		KUNIT_EXPECT_EQ(test, PARLEY_NVME_IO_QUEUES,
				parley_mdev_kind_of(t->list[0])->queues);
	}
}

static void a_function_has_those_that_it_has_queues_for(struct kunit *test)
{
	static const unsigned int nr[] = { 0, 6, 7, 7, 8, 8, 8, 8, 8 };
	struct parley_mdev_types *t;
	unsigned int queues, i;

	for (queues = 1; queues < ARRAY_SIZE(nr); queues++) {
		t = types_of(test, queues);
		KUNIT_EXPECT_EQ_MSG(test, nr[queues], t->nr, "%u queues", queues);
		for (i = 1; i < t->nr; i++) {
			if (parley_mdev_kind_of(t->list[i])->queues < PARLEY_NVME_IO_QUEUES)
				KUNIT_EXPECT_LE(test, parley_mdev_kind_of(t->list[i])->queues,
						queues);
		}
	}
}

/* The kernel makes a folder of each: no name comes twice, none is empty. */
static void names_tell_them_apart(struct kunit *test)
{
	struct parley_mdev_types *t = types_of(test, PARLEY_NVME_IO_QUEUES);
	unsigned int i, k;

	KUNIT_EXPECT_EQ(test, PARLEY_MDEV_TYPES, t->nr);
	for (i = 0; i < t->nr; i++) {
		KUNIT_EXPECT_TRUE(test, *t->list[i]->sysfs_name && *t->list[i]->pretty_name);
		KUNIT_EXPECT_GT(test, parley_mdev_kind_of(t->list[i])->queues, 0);
		KUNIT_EXPECT_LE(test, parley_mdev_kind_of(t->list[i])->grid_us,
				PARLEY_EMU_GRID_MAX_US);
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_STRNEQ(test, t->list[k]->sysfs_name,
					    t->list[i]->sysfs_name);
	}
}

static struct kunit_case types_cases[] = {
	KUNIT_CASE(the_first_is_there_whatever_the_function_has),
	KUNIT_CASE(a_function_has_those_that_it_has_queues_for),
	KUNIT_CASE(names_tell_them_apart),
	{}
};

static struct kunit_suite types_suite = {
	.name = "parley_nvme_mdev_types",
	.test_cases = types_cases,
};

kunit_test_suite(types_suite);
