// SPDX-License-Identifier: GPL-2.0-only
/*
 * A front-end with a device that lies: nothing is believed, nothing hangs,
 * nothing is handed back twice, and a reset makes it all good again.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include "mock_priv.h"
#include "tester.h"

static bool works(struct tester *t)
{
	unsigned int i;

	/* Until it was started anew nothing is taken. */
	for (i = 0; i < 1000; i++) {
		if (!tester_echo(t, 0, 2, 1))
			return true;
		msleep(20);
	}
	return false;
}

/*
 * One lie.  The request must not be answered by it, unless the truth came along
 * (@truth) and was seen first.  The model brings the device back by itself.
 */
static void lie_once(struct kunit *test, enum parley_mock_lie lie, bool truth)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct tester *t = tester_of(mock);
	const struct parley_vq_stats *stats =
		parley_drvq_stats(t->pd->queues[0].vq);
	int resets = atomic_read(&mock->resets), err;
	struct tester_req *req;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, tester_echo(t, 0, 2, 70));
	WRITE_ONCE(mock->lie, lie);
	req = tester_flying(test, t, 0, 3);
	err = tester_wait(req);
	if (err)
		KUNIT_EXPECT_EQ(test, -EIO, err);
	else
		KUNIT_EXPECT_TRUE(test, truth && tester_answer_right(req));
	/* The queue breaks: that is how the lie is noticed. */
	for (i = 0; i < 1000 && !READ_ONCE(stats->errors); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, 1ull, READ_ONCE(stats->errors));

	/* Honest again after a reset. */
	WRITE_ONCE(mock->lie, PARLEY_MOCK_HONEST);
	KUNIT_EXPECT_TRUE(test, works(t));
	KUNIT_EXPECT_GT(test, atomic_read(&mock->resets), resets);
	KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 0, 2, 70));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&req->acks));
}

static void bad_44_used_length_beyond_the_buffer(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_LEN, false);
}

static void used_id_outside_the_ring(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_ID_RANGE, false);
}

static void used_id_of_no_request(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_ID_FREE, false);
}

static void bad_43_completed_twice(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_TWICE, true);
}

static void bad_06_more_completions_than_the_ring_has(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_JUMP, true);
}

/* Takes free pages, fills them, and gives them back. */
static void dirty_the_allocator(struct kunit *test)
{
	struct page *pages[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pages[i]);
		memset(page_address(pages[i]), 0xa5, PAGE_SIZE);
	}
	for (i = 0; i < ARRAY_SIZE(pages); i++)
		__free_page(pages[i]);
}

/* Catalogue 49: shared pages carry nothing that was in them before. */
static void bad_49_no_stale_data_in_shared_pages(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock;

	dirty_the_allocator(test);
	mock = tester_mock_of(test, ring->features, 4);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&mock->dirty));
	KUNIT_EXPECT_EQ(test, 0, tester_echo(tester_of(mock), 0, 2, 10));
}

/* Catalogue 50: interrupts without a reason cost a look, and are counted. */
static void bad_50_event_storm(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct tester *t = tester_of(mock);
	struct parley_queue *queue = &t->pd->queues[0];
	unsigned int i;
	int calls;

	KUNIT_ASSERT_EQ(test, 0, tester_echo(t, 0, 1, 10));
	calls = atomic_read(&t->calls);
	for (i = 0; i < 2000; i++)
		parley_loopback_call(mock->queues[0]->lq);
	/* Not one of them reached the front-end. */
	msleep(20);
	KUNIT_EXPECT_EQ(test, calls, atomic_read(&t->calls));
	KUNIT_EXPECT_GT(test, queue->spurious, 0ull);
	/* And in the middle of one, work is done. */
	WRITE_ONCE(mock->lie, PARLEY_MOCK_STORM);
	KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 0, 2, 100));
	KUNIT_EXPECT_LE(test, atomic_read(&t->calls), calls + 100);
}

static struct kunit_case hostile_cases[] = {
	KUNIT_CASE_PARAM(bad_44_used_length_beyond_the_buffer, tester_format_gen),
	KUNIT_CASE_PARAM(used_id_outside_the_ring, tester_format_gen),
	KUNIT_CASE_PARAM(used_id_of_no_request, tester_format_gen),
	KUNIT_CASE_PARAM(bad_43_completed_twice, tester_format_gen),
	KUNIT_CASE_PARAM(bad_06_more_completions_than_the_ring_has,
			 tester_format_gen),
	KUNIT_CASE_PARAM(bad_49_no_stale_data_in_shared_pages,
			 tester_format_gen),
	KUNIT_CASE_PARAM(bad_50_event_storm, tester_format_gen),
	{}
};

static struct kunit_suite hostile_suite = {
	.name = "parley_hostile_device",
	.suite_init = tester_suite_init,
	.suite_exit = tester_suite_exit,
	.init = tester_case_init,
	.test_cases = hostile_cases,
};

kunit_test_suite(hostile_suite);
