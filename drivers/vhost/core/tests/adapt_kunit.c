// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moderation that learns: what the learner is told, and what becomes of its answers.
 * A learner of our own answers; the kernel's does where there is one.
 */
#include "../notify.h"
#include "toy.h"

/**
 * struct fake - a learner
 * @asked: how often
 * @sample: what it was told last
 * @answer: the step that it wants
 */
static struct fake {
	unsigned int asked;
	struct dim_sample sample;
	u8 answer;
} fake;

static void fake_dim(struct dim *dim, struct dim_sample sample)
{
	fake.asked++;
	fake.sample = sample;
	if (dim->state == DIM_START_MEASURE) {
		dim->start_sample = sample;
		dim->state = DIM_MEASURE_IN_PROGRESS;
	} else if (dim->state == DIM_MEASURE_IN_PROGRESS) {
		dim->profile_ix = fake.answer;
		dim->state = DIM_APPLY_NEW_PROFILE;
		schedule_work(&dim->work);
	}
}

static void (*real_dim)(struct dim *dim, struct dim_sample sample);

static void fake_end(void *unused)
{
	vh_dim = real_dim;
}

static struct toy_ring *learning(struct kunit *test, bool faked)
{
	struct toy_ring *r;

	/* Before the ring, which goes before it. */
	if (faked) {
		fake = (struct fake){};
		real_dim = vh_dim;
		vh_dim = fake_dim;
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_end, NULL), 0);
	}
	r = toy_ring_open(test, toy_open(test), 0, TOY_EVENT, 512);
	scoped_guard(mutex, &r->vq->mutex)
		KUNIT_ASSERT_EQ(test, vh_adapt_set(r->vq, true), 0);
	return r;
}

/* @calls more, each for @nr completions, of which the last is at @now. */
static void published(struct toy_ring *r, unsigned int calls, unsigned int nr, ktime_t now)
{
	guard(mutex)(&r->vq->mutex);
	while (calls--) {
		r->vq->stats.calls++;
		vh_adapt(r->vq, nr, now);
	}
}

/* It is asked at first, and after every 64 calls, those of the timer among them. */
static void adapt_measures(struct kunit *test)
{
	struct toy_ring *r = learning(test, true);
	struct vh_moderation *m = &r->vq->moderation;

	published(r, 1, 3, 1000);
	KUNIT_EXPECT_EQ(test, fake.asked, 1);
	KUNIT_EXPECT_EQ(test, fake.sample.pkt_ctr, 3);
	published(r, DIM_NEVENTS - 1, 2, 2000);
	KUNIT_EXPECT_EQ(test, fake.asked, 1);
	m->fired++;
	scoped_guard(mutex, &r->vq->mutex)
		vh_adapt(r->vq, 5, 3000);
	KUNIT_EXPECT_EQ(test, fake.asked, 2);
	KUNIT_EXPECT_EQ(test, fake.sample.time, 3000);
	KUNIT_EXPECT_EQ(test, fake.sample.event_ctr, 1 + DIM_NEVENTS);
	KUNIT_EXPECT_EQ(test, fake.sample.pkt_ctr, 3 + 2 * (DIM_NEVENTS - 1) + 5);
	KUNIT_EXPECT_EQ(test, fake.sample.byte_ctr, fake.sample.pkt_ctr);
	/* The next one begins when its answer is in force. */
	flush_work(&m->dim.work);
	published(r, 1, 1, 4000);
	KUNIT_EXPECT_EQ(test, fake.asked, 3);
	published(r, DIM_NEVENTS - 1, 1, 4000);
	KUNIT_EXPECT_EQ(test, fake.asked, 3);
	published(r, 1, 1, 4000);
	KUNIT_EXPECT_EQ(test, fake.asked, 4);
}

/* The counter of the library has 16 bits. */
static void adapt_wraps(struct kunit *test)
{
	struct toy_ring *r = learning(test, true);

	r->vq->stats.calls = 0xfffful - DIM_NEVENTS / 2;
	published(r, 1, 1, 0);
	published(r, DIM_NEVENTS - 1, 1, 0);
	KUNIT_EXPECT_EQ(test, fake.asked, 1);
	published(r, 1, 1, 0);
	KUNIT_EXPECT_EQ(test, fake.asked, 2);
}

/* Each answer is a rule for the calls from then on. */
static void adapt_applies(struct kunit *test)
{
	const u32 reqs[] = { 0, 4, 8, 16, 32 }, us[] = { 0, 8, 16, 32, 64 };
	struct toy_ring *r = learning(test, true);
	struct vh_moderation *m = &r->vq->moderation;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, m->max_reqs, 0);
	for (i = 0; i < NET_DIM_PARAMS_NUM_PROFILES; i++) {
		fake.answer = i;
		published(r, 1 + DIM_NEVENTS, 1, 0);
		flush_work(&m->dim.work);
		KUNIT_EXPECT_EQ(test, m->max_reqs, reqs[i]);
		KUNIT_EXPECT_EQ(test, m->max_us, us[i]);
	}
	/* Nothing is learnt any more, and the rule is anybody's. */
	fake.answer = 0;
	published(r, 1, 1, 0);
	scoped_guard(mutex, &r->vq->mutex) {
		for (i = 0; i < DIM_NEVENTS; i++) {
			r->vq->stats.calls++;
			vh_adapt(r->vq, 1, 0);
		}
		KUNIT_EXPECT_EQ(test, vh_adapt_set(r->vq, false), 0);
		KUNIT_EXPECT_FALSE(test, work_busy(&m->dim.work));
		m->max_reqs = 5;
	}
	i = fake.asked;
	toy_send(r, 100);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 100));
	KUNIT_EXPECT_EQ(test, fake.asked, i);
	KUNIT_EXPECT_EQ(test, m->max_reqs, 5);
}

/* Requests as a guest sends them: every call is counted, none is lost. */
static void adapt_in_traffic(struct kunit *test)
{
	struct toy_ring *r = learning(test, true);
	u32 before;
	int i;

	for (i = 0; i < 300; i++) {
		fake.answer = get_random_u32_below(NET_DIM_PARAMS_NUM_PROFILES);
		toy_send(r, 1 + get_random_u32_below(40));
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
	}
	scoped_guard(mutex, &r->vq->mutex) {
		before = r->vq->moderation.done;
		KUNIT_EXPECT_EQ(test, before, r->vq->stats.requests);
	}
	KUNIT_EXPECT_GT(test, fake.asked, 0);
}

/*
 * 64 calls of a guest, as long as they take: with @late, which waits for each request
 * of 50 microseconds; else with many in flight, 100 in a millisecond.
 */
static void guest_goes_on(struct toy_ring *r, bool late)
{
	struct vh_moderation *m = &r->vq->moderation;
	unsigned int nr = late ? 1 : max(m->max_reqs, 1u);
	u64 us = DIM_NEVENTS * (late ? 50 + (u64)m->max_us : 10ull * nr);
	ktime_t now = ktime_add_us(m->dim.start_sample.time, us);

	published(r, DIM_NEVENTS, nr, now);
	flush_work(&m->dim.work);
	if (m->dim.state == DIM_START_MEASURE)
		published(r, 1, 0, now);
	m->dim.start_sample.time = now;
}

/* The kernel's learner does what it is there for. */
static void adapt_learns(struct kunit *test)
{
	struct vh_moderation *m;
	struct toy_ring *r;
	unsigned int i, late = 0;

	if (!vh_dim)
		kunit_skip(test, "no CONFIG_DIMLIB");
	r = learning(test, false);
	m = &r->vq->moderation;
	published(r, 1, 0, 0);
	m->dim.start_sample.time = ktime_get();
	for (i = 0; i < 40; i++)
		guest_goes_on(r, false);
	KUNIT_EXPECT_EQ(test, m->max_reqs, 32);
	for (i = 0; i < 200; i++) {
		guest_goes_on(r, true);
		late += m->max_us > 0;
	}
	/* Few of the measurements are spent on looking whether it is as it was. */
	KUNIT_EXPECT_LT(test, late, 50);
}

/* Without one it is refused. */
static void adapt_refused(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 16);

	real_dim = vh_dim;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_end, NULL), 0);
	vh_dim = NULL;
	guard(mutex)(&r->vq->mutex);
	KUNIT_EXPECT_EQ(test, vh_adapt_set(r->vq, true), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, r->vq->moderation.adaptive);
	KUNIT_EXPECT_EQ(test, vh_adapt_set(r->vq, false), 0);
}

static struct kunit_case adapt_cases[] = {
	KUNIT_CASE(adapt_measures),
	KUNIT_CASE(adapt_wraps),
	KUNIT_CASE(adapt_applies),
	KUNIT_CASE(adapt_in_traffic),
	KUNIT_CASE(adapt_learns),
	KUNIT_CASE(adapt_refused),
	{}
};

static struct kunit_suite adapt_suite = {
	.name = "parley_vhost_notify_adapt",
	.test_cases = adapt_cases,
};

kunit_test_suite(adapt_suite);
