// SPDX-License-Identifier: GPL-2.0-only
/* The host's clock for a guest: lines that follow, hand-over, and its area. */
#include <linux/random.h>
#include <linux/time64.h>
#include <parley/counter.h>
#include "guest.h"

#define SECOND	((u64)NSEC_PER_SEC)
#define GHZ	1000000000ull
#define CLOCK	BIT_ULL(PARLEY_SCHED_F_CLOCK)
#define DAY	(86400 * SECOND)

static u64 line_at(const struct vhs_line *line, u64 counter)
{
	return line->ns + mul_u64_u32_shr(counter - line->counter, line->mult, line->shift);
}

/* A counter that is off by @ppm, seen with some noise: it is found, without a step. */
static void check_follow(struct kunit *test, u64 hz, s64 ppm, u32 noise)
{
	u64 real = hz + (s64)hz * ppm / 1000000, counter = 12345, ns = SECOND, at;
	struct vhs_line line;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, vhs_line_begin(&line, counter, ns, hz));
	for (i = 0; i < 100; i++) {
		counter += real;
		ns += SECOND;
		at = line_at(&line, counter);
		KUNIT_ASSERT_TRUE(test, vhs_line_follow(&line, counter, ns + (noise ?
				  get_random_u32_below(noise) : 0)));
		KUNIT_ASSERT_EQ(test, line_at(&line, counter), at);
	}
	at = line_at(&line, counter + real);
	KUNIT_EXPECT_LE_MSG(test, abs((s64)(at - ns - SECOND)), 100 + 4 * (s64)noise,
			    "%llu Hz, %lld ppm", hz, ppm);
}

static void a_line_follows(struct kunit *test)
{
	static const u64 rates[] = { 1000000, 24000000, GHZ, 2400000001ull, 15 * GHZ };
	static const s64 ppms[] = { 0, 50, -50, 500, -500 };
	unsigned int r, p;

	for (r = 0; r < ARRAY_SIZE(rates); r++)
		for (p = 0; p < ARRAY_SIZE(ppms); p++) {
			check_follow(test, rates[r], ppms[p], 0);
			check_follow(test, rates[r], ppms[p], 1000);
		}
}

static void what_cannot_be_followed(struct kunit *test)
{
	struct vhs_line line, before;

	KUNIT_EXPECT_FALSE(test, vhs_line_begin(&line, 0, 0, 0));
	KUNIT_EXPECT_FALSE(test, vhs_line_begin(&line, 0, 0, 999999));
	KUNIT_EXPECT_FALSE(test, vhs_line_begin(&line, 0, 0, U64_MAX));
	KUNIT_ASSERT_TRUE(test, vhs_line_begin(&line, SECOND, SECOND, GHZ));
	before = line;
	/* A counter that stands or goes back; a clock that is elsewhere. */
	KUNIT_EXPECT_FALSE(test, vhs_line_follow(&line, SECOND, 2 * SECOND));
	KUNIT_EXPECT_FALSE(test, vhs_line_follow(&line, 0, 2 * SECOND));
	KUNIT_EXPECT_FALSE(test, vhs_line_follow(&line, 1ull << 60, 2 * SECOND));
	KUNIT_EXPECT_FALSE(test, vhs_line_follow(&line, 2 * SECOND, 3 * SECOND));
	KUNIT_EXPECT_FALSE(test, vhs_line_follow(&line, 2 * SECOND, SECOND));
	KUNIT_EXPECT_EQ(test, memcmp(&line, &before, sizeof(line)), 0);
	/* A rate that is far off is never followed farther than a guest allows. */
	KUNIT_EXPECT_TRUE(test, vhs_line_follow(&line, 2 * SECOND, 2 * SECOND + 9000000));
	KUNIT_EXPECT_LE(test, line.mult, line.own + line.own / 1000);
}

/* ------------------------------------------------------------------- the device */

static struct parley_sched_host_clock *record(struct guest *g)
{
	return g->reads + PARLEY_SCHED_RECORD;
}

static u64 word(struct guest *g)
{
	return le64_to_cpu(READ_ONCE(record(g)->word));
}

static u32 share(struct guest *g)
{
	return guest_offer(g, PARLEY_SCHED_VERSION, PARLEY_SCHED_AREA_CLOCK, 1);
}

static void an_area_of_its_own(struct kunit *test)
{
	struct guest *g = guest_open(test, 3, GUEST_ALL | CLOCK);
	struct parley_sched_clock c;
	u64 first;

	if (parley_counter_missing() || !parley_counter_hz())
		kunit_skip(test, "no counter");
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(g->dev, &c), -ENODATA);
	KUNIT_EXPECT_EQ(test, guest_offer(g, PARLEY_SCHED_VERSION, PARLEY_SCHED_AREA_CLOCK, 3),
			PARLEY_SCHED_AREA_INVAL);
	KUNIT_EXPECT_TRUE(test, guest_area_back(g));
	KUNIT_ASSERT_EQ(test, share(g), PARLEY_SCHED_AREA_SHARED);
	first = word(g);
	KUNIT_EXPECT_TRUE(test, first && !(first & 1));
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(g->dev, &c), 0);
	/* It is said anew, with the same epoch unless it could not be followed. */
	KUNIT_EXPECT_TRUE(test, vh_until(word(g) != first && !(word(g) & 1)));
	KUNIT_EXPECT_EQ(test, share(g), PARLEY_SCHED_AREA_EXISTS);
	KUNIT_EXPECT_TRUE(test, guest_area_back(g));
	/* And when the queue stops, nothing is. */
	parley_vhost_vq_leave(g->q[PARLEY_SCHED_QUEUE_AREAS].vq);
	g->q[PARLEY_SCHED_QUEUE_AREAS].joined = false;
	KUNIT_EXPECT_TRUE(test, word(g) & 1);
	KUNIT_EXPECT_PTR_EQ(test, g->vm->clock.out, (struct parley_sched_host_clock *)NULL);
}

static void without_its_feature(struct kunit *test)
{
	struct guest *g = guest_open(test, 3, GUEST_ALL);

	KUNIT_EXPECT_EQ(test, share(g), PARLEY_SCHED_AREA_VERSION);
}

/* What one device has read, another one goes on with. */
static void a_clock_is_handed_over(struct kunit *test)
{
	struct guest *from = guest_open(test, 1, CLOCK), *to = guest_open(test, 1, CLOCK);
	struct parley_sched_clock c = { .ns = 1000 * SECOND }, d;
	u64 epoch;

	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(from->dev, &c), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(from->dev, &c), 0);
	KUNIT_EXPECT_GE(test, c.ns, 1000 * SECOND);
	epoch = to->vm->clock.epoch;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(to->dev, &c), 0);
	KUNIT_EXPECT_NE(test, to->vm->clock.epoch, epoch);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(to->dev, &d), 0);
	KUNIT_EXPECT_GE(test, d.ns, c.ns);
	/* As if it had gone on: an hour has passed, by the time of day. */
	c.flags = PARLEY_SCHED_CLOCK_REALTIME;
	c.realtime_ns -= 3600 * SECOND;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(to->dev, &c), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(to->dev, &d), 0);
	KUNIT_EXPECT_GE(test, d.ns, c.ns + 3600 * SECOND);
	/* Not back, and not a day. */
	c.realtime_ns += 7200 * SECOND;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(to->dev, &c), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(to->dev, &d), 0);
	KUNIT_EXPECT_GE(test, d.ns, c.ns);
	c.realtime_ns -= DAY + 7200 * SECOND;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(to->dev, &c), -ERANGE);
	c.flags = 2;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(to->dev, &c), -EINVAL);
	c = (struct parley_sched_clock){ .ns = (1ull << 62) + 1 };
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(to->dev, &c), -EINVAL);
}

static void counters_that_a_guest_has(struct kunit *test)
{
	static const struct { u64 mult; u32 shift; bool good; } tries[] = {
		{ 1, 0, true }, { 16, 0, true }, { 17, 0 }, { 0, 0 }, { 0, 32 },
		{ 1ull << 32, 32, true }, { 1ull << 36, 32, true }, { 17ull << 32, 32 },
		{ 1ull << 28, 32, true }, { (1ull << 28) - 1, 32 }, { 1ull << 48, 48, true },
		{ ~0ull, 63, true }, { 1, 63 }, { 1, 64 }, { 1, ~0u },
	};
	struct guest *g = guest_open(test, 1, CLOCK);
	struct parley_sched_counter of;
	struct parley_sched_clock c = {}, d;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		of = (struct parley_sched_counter){
			.mult = tries[i].mult, .shift = tries[i].shift, .offset = i,
		};
		KUNIT_EXPECT_EQ_MSG(test, parley_vhost_sched_set_counter(g->dev, &of),
				    tries[i].good ? 0 : -EINVAL, "%u", i);
	}
	of = (struct parley_sched_counter){ .mult = 1, .offset = -parley_counter_read() };
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_counter(g->dev, &of), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(g->dev, &c), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(g->dev, &d), 0);
	/* It has gone on since then, and not since the host began. */
	KUNIT_EXPECT_LE(test, d.counter, parley_counter_read() + of.offset);
}

/* One that is set forward to keep up with a rate which is half as much again. */
static void a_counter_that_catches_up(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, CLOCK);
	struct parley_sched_counter of = {
		.mult = 3, .shift = 1, .offset = 1000, .flags = PARLEY_SCHED_COUNTER_NOW,
	};
	struct parley_sched_clock c = { .ns = NSEC_PER_SEC }, d;
	u64 before = parley_counter_read(), after;

	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_counter(g->dev, &of), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_clock(g->dev, &c), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_get_clock(g->dev, &d), 0);
	after = parley_counter_read();
	KUNIT_EXPECT_GE(test, d.counter, before + 1000);
	KUNIT_EXPECT_LE(test, d.counter, after + 1000 + (after - before) / 2 + 1);
	of.flags = PARLEY_SCHED_COUNTER_NOW << 1;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_counter(g->dev, &of), -EINVAL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_line_follows),
	KUNIT_CASE(what_cannot_be_followed),
	KUNIT_CASE(an_area_of_its_own),
	KUNIT_CASE(without_its_feature),
	KUNIT_CASE(a_clock_is_handed_over),
	KUNIT_CASE(counters_that_a_guest_has),
	KUNIT_CASE(a_counter_that_catches_up),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_clock",
	.test_cases = cases,
};

kunit_test_suite(suite);
