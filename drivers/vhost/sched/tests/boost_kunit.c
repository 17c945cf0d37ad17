// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time by request: who gets it, how much, and that nobody who lies gets more.
 */
#include <linux/cred.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include "guest.h"

#define YIELD	PARLEY_SCHED_OP_YIELD
#define BOOST	PARLEY_SCHED_OP_BOOST

/* A vCPU with somebody beside it on processor 1. */
static struct guest *crowded(struct kunit *test)
{
	struct guest *g = guest_open(test, 2, GUEST_ALL);

	KUNIT_ASSERT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
	guest_thread(g, 0, 1, true);
	guest_thread(g, 1, 1, true);
	return g;
}

static struct parley_sched_counts counts(struct guest *g)
{
	struct parley_sched_counts c;

	parley_vhost_sched_counts(g->dev, &c);
	return c;
}

/* Ask until it helps: it does not while the vCPU runs. */
static u32 ask_until(struct guest *g, u16 op, u32 target, u32 status)
{
	u64 end = ktime_get_ns() + 30 * NSEC_PER_SEC;
	u32 got;

	do {
		got = guest_ask(g, op, !target, target);
		if (got == status)
			break;
		usleep_range(50, 100);
	} while (ktime_get_ns() < end);
	return got;
}

static bool calm(struct guest *g, unsigned int vcpu)
{
	guard(vhs_boost)(&g->vm->boost);
	return !guest_vcpu(g, vcpu)->boosted;
}

static void a_vcpu_that_waits_is_boosted(struct kunit *test)
{
	/* The first boost may end late by any time, and the second one needs what is left. */
	static const struct parley_sched_budget large = { 250000, 500000 };
	struct guest *g = crowded(test);
	struct parley_sched_counts c;
	u16 op;

	KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_budget(g->dev, &large), 0);
	for (op = YIELD; op <= BOOST; op++) {
		KUNIT_EXPECT_EQ(test, ask_until(g, op, 0, PARLEY_SCHED_S_OK),
				PARLEY_SCHED_S_OK);
		KUNIT_EXPECT_TRUE(test, vh_until(calm(g, 0)));
		KUNIT_EXPECT_EQ(test, task_nice(g->threads[0]), 0);
		KUNIT_EXPECT_FALSE(test, guest_view(g, 0).boosted);
	}
	c = counts(g);
	KUNIT_EXPECT_GE(test, c.boosts, 2);
	KUNIT_EXPECT_EQ(test, c.bad, 0);
	KUNIT_EXPECT_EQ(test, c.boosted_ns, guest_view(g, 0).boosted_ns);
	KUNIT_EXPECT_GT(test, c.boosted_ns, 0);
	KUNIT_EXPECT_EQ(test, guest_view(g, 1).boosted_ns, 0);
}

static void a_vcpu_that_does_not_wait_is_not(struct kunit *test)
{
	struct guest *g = guest_open(test, 3, GUEST_ALL);

	KUNIT_ASSERT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
	guest_thread(g, 0, 1, false);
	guest_thread(g, 1, 1, true);
	KUNIT_ASSERT_TRUE(test, vh_until(parley_sched_state(guest_record(g, 1)) ==
					 PARLEY_SCHED_RUNNING));
	/* Asleep, and without a thread. */
	KUNIT_EXPECT_EQ(test, guest_ask(g, YIELD, 1, 0), PARLEY_SCHED_S_NEEDLESS);
	KUNIT_EXPECT_EQ(test, guest_ask(g, YIELD, 1, 2), PARLEY_SCHED_S_NEEDLESS);
	KUNIT_EXPECT_EQ(test, counts(g).boosts, 0);
	KUNIT_EXPECT_EQ(test, counts(g).needless, 2);
}

static void requests_that_make_no_sense(struct kunit *test)
{
	struct guest *g = guest_open(test, 2, GUEST_ALL);
	struct parley_sched_request r = { .op = cpu_to_le16(BOOST) };
	u8 zero = 0;

	KUNIT_EXPECT_EQ(test, guest_ask(g, YIELD, 0, 2), PARLEY_SCHED_S_INVAL);
	KUNIT_EXPECT_EQ(test, guest_ask(g, YIELD, 2, 0), PARLEY_SCHED_S_INVAL);
	KUNIT_EXPECT_EQ(test, guest_ask(g, YIELD, ~0u, ~0u), PARLEY_SCHED_S_INVAL);
	KUNIT_EXPECT_EQ(test, guest_ask(g, 0, 0, 0), PARLEY_SCHED_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, guest_ask(g, 0xffff, 0, 0), PARLEY_SCHED_S_UNSUPP);
	r.flags = cpu_to_le16(1);
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &r, sizeof(r), 4), PARLEY_SCHED_S_INVAL);
	r.flags = 0;
	/* Too short, longer than need be, and without room for an answer. */
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &zero, 1, 4), PARLEY_SCHED_S_INVAL);
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &r, sizeof(r) - 1, 4),
			PARLEY_SCHED_S_INVAL);
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &r, sizeof(r), 64), PARLEY_SCHED_S_NEEDLESS);
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &r, sizeof(r), 3), ~0u);
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &r, sizeof(r), 0), ~0u);
	KUNIT_EXPECT_EQ(test, counts(g).bad, 8);
	KUNIT_EXPECT_EQ(test, counts(g).requests, 11);
}

static void requests_without_their_feature(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, BIT_ULL(PARLEY_SCHED_F_HINTS));

	KUNIT_EXPECT_EQ(test, guest_ask(g, YIELD, 0, 0), PARLEY_SCHED_S_UNSUPP);
}

/* -------------------------------------------------------------------- liars */

struct lie {
	u64 gained;	/* more than the honest one, in nanoseconds */
	u64 largest;	/* charge of all */
	u64 lasted;
	struct parley_sched_counts counts;
};

/* One of two guests on a processor says without end that it has to run. */
static struct lie lie(struct kunit *test, const struct parley_sched_budget *b)
{
	struct guest *liar = guest_open(test, 1, GUEST_ALL);
	struct guest *honest = guest_open(test, 1, GUEST_ALL);
	u64 begin, ran[2], charged = 0;
	struct lie l = {};

	KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_budget(liar->dev, b), 0);
	KUNIT_ASSERT_EQ(test, guest_share(liar), PARLEY_SCHED_AREA_SHARED);
	guest_thread(liar, 0, 1, true);
	guest_thread(honest, 0, 1, true);
	/* Holder of locks for ever, of any number of threads, and urgent. */
	guest_hint(liar, 0, ~0ull);
	KUNIT_ASSERT_TRUE(test, vh_until(vhs_record_ran(guest_vcpu(honest, 0))));
	begin = ktime_get_ns();
	ran[0] = vhs_record_ran(guest_vcpu(liar, 0));
	ran[1] = vhs_record_ran(guest_vcpu(honest, 0));
	while (ktime_get_ns() - begin < 2 * NSEC_PER_SEC) {
		guest_ask(liar, YIELD, 0, 0);
		l.counts = counts(liar);
		l.largest = max(l.largest, l.counts.boosted_ns - charged);
		charged = l.counts.boosted_ns;
		usleep_range(100, 200);
	}
	ran[0] = vhs_record_ran(guest_vcpu(liar, 0)) - ran[0];
	ran[1] = vhs_record_ran(guest_vcpu(honest, 0)) - ran[1];
	l.lasted = ktime_get_ns() - begin;
	l.gained = ran[0] > ran[1] ? ran[0] - ran[1] : 0;
	l.counts = counts(liar);
	kunit_info(test, "%u us of %u: liar ran %llu us, honest %llu; boosts %llu refused %llu charged %llu us\n",
		   b->budget_us, b->period_us, ran[0] / 1000, ran[1] / 1000, l.counts.boosts,
		   l.counts.refused, l.counts.boosted_ns / 1000);
	guest_close(liar);
	guest_close(honest);
	return l;
}

static void a_liar_gains_its_budget_and_no_more(struct kunit *test)
{
	static const struct parley_sched_budget usual = { 2000, 500000 }, none = { 0, 500000 },
						half = { 250000, 500000 };
	u64 periods, budget = 2 * NSEC_PER_MSEC;
	struct lie l = lie(test, &usual);

	periods = l.lasted / (500 * NSEC_PER_MSEC) + 1;
	KUNIT_EXPECT_GT(test, l.counts.boosts, 0);
	KUNIT_EXPECT_GT(test, l.counts.refused, 10);
	/*
	 * On a machine that is itself emulated one boost may end late by any time, and
	 * nothing is given until that is paid: all charges but one are within the budget.
	 */
	KUNIT_EXPECT_LE(test, l.counts.boosted_ns - l.largest, periods * budget);
	/* What the other one lost is what was charged; the rest is the scheduler's grain. */
	KUNIT_EXPECT_LE(test, l.gained, 2 * l.counts.boosted_ns + 150 * NSEC_PER_MSEC);
	/* Nothing is nothing. */
	l = lie(test, &none);
	KUNIT_EXPECT_EQ(test, l.counts.boosts, 0);
	KUNIT_EXPECT_EQ(test, l.counts.boosted_ns, 0);
	/* And a large budget is seen, so that a larger gain above would have been. */
	l = lie(test, &half);
	KUNIT_EXPECT_GT(test, l.gained, 250 * NSEC_PER_MSEC);
}

/* --------------------------------------------------------------- nice values */

static void what_others_set_stays(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, GUEST_ALL);
	struct vhs_vcpu *vcpu = guest_vcpu(g, 0);
	struct task_struct *task;

	guest_thread(g, 0, 1, false);
	task = g->threads[0];
	scoped_guard(vhs_boost, &g->vm->boost) {
		vcpu->step = 3;
		vhs_nice_apply(vcpu);
		KUNIT_EXPECT_EQ(test, task_nice(task), 3);
		set_user_nice(task, 7);
		vhs_nice_apply(vcpu);
		KUNIT_EXPECT_EQ(test, task_nice(task), 10);
		/* Not beyond the end of the scale, and back from there. */
		set_user_nice(task, MAX_NICE);
		vhs_nice_apply(vcpu);
		KUNIT_EXPECT_EQ(test, task_nice(task), MAX_NICE);
		set_user_nice(task, 2);
		vhs_nice_apply(vcpu);
	}
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
	KUNIT_EXPECT_EQ(test, task_nice(task), 2);
}

/* A thread that may not lower its nice value. */
static int powerless_fn(void *arg)
{
	struct cred *cred = prepare_creds();

	if (cred) {
		cap_clear(cred->cap_effective);
		commit_creds(cred);
	}
	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

static bool is_powerless(struct task_struct *task)
{
	guard(rcu)();
	return cap_isclear(__task_cred(task)->cap_effective);
}

/* A thread of its own, not woken by guest_thread(), is vCPU 0. */
static struct task_struct *powerless(struct kunit *test, struct guest *g)
{
	struct task_struct *task = kthread_run(powerless_fn, NULL, "parley-weak");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	g->threads[0] = get_task_struct(task);
	KUNIT_ASSERT_TRUE(test, vh_until(is_powerless(task)));
	KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, task), 0);
	return task;
}

/* While it is boosted the kernel lets it set what it could not have had: not for long. */
static void a_boost_is_not_kept(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, GUEST_ALL);
	struct vhs_vcpu *vcpu = guest_vcpu(g, 0);
	struct task_struct *task = powerless(test, g);
	static const int tries[] = { -14, -1, 0, 5 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		guard(vhs_boost)(&g->vm->boost);
		vcpu->boosted = true;
		vhs_nice_apply(vcpu);
		set_user_nice(task, tries[i]);
		vhs_nice_apply(vcpu);
		vcpu->boosted = false;
		vhs_nice_apply(vcpu);
		KUNIT_EXPECT_EQ(test, task_nice(task), max(tries[i], 0));
	}
	/* Nor by steps, again and again. */
	for (i = 0; i < 5; i++) {
		guard(vhs_boost)(&g->vm->boost);
		vcpu->step = -6;
		vhs_nice_apply(vcpu);
		set_user_nice(task, task_nice(task) + 1);
		vhs_nice_apply(vcpu);
		KUNIT_EXPECT_EQ(test, task_nice(task), -1);
	}
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
	KUNIT_EXPECT_EQ(test, task_nice(task), 5);
}

struct heir {
	const char *name;
	int step;	/* of the parent, at the time */
	int has;	/* the child inherits */
	int gets;
};

/* The parent's base is 2. */
static const struct heir heirs[] = {
	{ "of one that is not moved", 0, 2, 2 },
	{ "of one whose boost has ended since", 0, -13, 2 },
	{ "of one that is boosted", -15, -13, 2 },
	{ "of one that is boosted, from before", -15, 2, 2 },
	{ "of one that is slowed down", 4, 6, 2 },
	{ "of one that somebody else has slowed down", -15, 9, 9 },
};

static void heir_desc(const struct heir *h, char *desc)
{
	strscpy(desc, h->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(heir, heirs, heir_desc);

static void a_boost_is_not_inherited(struct kunit *test)
{
	const struct heir *h = test->param_value;
	struct guest *g = guest_open(test, 1, GUEST_ALL);
	struct vhs_vcpu *vcpu = guest_vcpu(g, 0);
	struct task_struct *child = kthread_create(powerless_fn, NULL, "parley-heir");

	KUNIT_ASSERT_FALSE(test, IS_ERR(child));
	guest_thread(g, 0, 1, false);
	scoped_guard(vhs_boost, &g->vm->boost) {
		set_user_nice(g->threads[0], 2);
		vcpu->step = h->step;
		vhs_nice_apply(vcpu);
	}
	set_user_nice(child, h->has);
	scoped_guard(preempt)
		vhs_nice_child(vcpu, child);
	KUNIT_EXPECT_EQ(test, task_nice(child), h->gets);
	kthread_stop(child);
}

/* The device goes while its requests are served and a vCPU has time of the budget. */
static void a_release_while_a_yield_is_under_way(struct kunit *test)
{
	unsigned int round, i, boosted = 0;
	struct guest *g;

	for (round = 0; round < 10; round++) {
		struct parley_sched_request r = { .op = cpu_to_le16(YIELD) };
		struct parley_seg seg;
		struct parley_buf buf = { .segs = &seg, .n_out = 1, .cookie = &r };

		g = crowded(test);
		ask_until(g, YIELD, 0, PARLEY_SCHED_S_OK);
		memcpy(g->command, &r, sizeof(r));
		seg = (struct parley_seg){ virt_to_phys(g->command), sizeof(r) };
		for (i = 0; i < 8; i++)
			parley_drvq_submit(g->q[0].drv, &buf, GFP_KERNEL);
		boosted += !calm(g, 0);
		guest_close(g);
		KUNIT_EXPECT_EQ(test, task_nice(g->threads[0]), 0);
		KUNIT_EXPECT_EQ(test, task_nice(g->threads[1]), 0);
		guest_thread_end(g, 0);
		guest_thread_end(g, 1);
	}
	kunit_info(test, "%u of 10 were boosted at the end\n", boosted);
}

/* A vCPU with eight threads beside one with one: time follows threads, where it may. */
static void time_follows_threads(struct kunit *test)
{
	static const struct parley_sched_steps steps = { .down = 6, .up = 3 }, none = {};
	struct guest *g = crowded(test);
	u64 ran[2], least = 2 * NSEC_PER_SEC;

	guest_hint(g, 0, 8);
	guest_hint(g, 1, 1);
	KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_steps(g->dev, &steps), 0);
	KUNIT_EXPECT_TRUE(test, vh_until(task_nice(g->threads[0]) == -6));
	KUNIT_EXPECT_TRUE(test, vh_until(task_nice(g->threads[1]) == 3));
	ran[0] = vhs_record_ran(guest_vcpu(g, 0));
	ran[1] = vhs_record_ran(guest_vcpu(g, 1));
	msleep(1500);
	ran[0] = vhs_record_ran(guest_vcpu(g, 0)) - ran[0];
	ran[1] = vhs_record_ran(guest_vcpu(g, 1)) - ran[1];
	kunit_info(test, "eight threads %llu us, one %llu us\n", ran[0] / 1000, ran[1] / 1000);
	/* Nine steps are 7.4 times the weight. */
	KUNIT_EXPECT_GT(test, ran[0], 3 * ran[1]);
	KUNIT_EXPECT_LT(test, ran[1], least);
	/* Not any more, and at the end. */
	KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_steps(g->dev, &none), 0);
	KUNIT_EXPECT_TRUE(test, vh_until(!task_nice(g->threads[0]) &&
					 !task_nice(g->threads[1])));
	KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_steps(g->dev, &steps), 0);
	KUNIT_EXPECT_TRUE(test, vh_until(task_nice(g->threads[0]) == -6));
	guest_close(g);
	KUNIT_EXPECT_EQ(test, task_nice(g->threads[0]), 0);
	KUNIT_EXPECT_EQ(test, task_nice(g->threads[1]), 0);
}

/* Nobody asks for it; its own word is enough, and the budget holds. */
static void a_holder_that_is_preempted_is_boosted(struct kunit *test)
{
	struct guest *g = crowded(test);
	struct parley_sched_counts c;

	guest_hint(g, 0, PARLEY_SCHED_H_HOLDER);
	KUNIT_EXPECT_TRUE(test, vh_until(counts(g).boosts > 0));
	KUNIT_EXPECT_TRUE(test, vh_until(counts(g).refused > 0));
	c = counts(g);
	KUNIT_EXPECT_EQ(test, c.requests, 0);
	guest_hint(g, 0, 0);
	KUNIT_EXPECT_TRUE(test, vh_until(calm(g, 0)));
	KUNIT_EXPECT_GT(test, guest_view(g, 0).boosted_ns, 0);
	KUNIT_EXPECT_EQ(test, guest_view(g, 1).boosted_ns, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_vcpu_that_waits_is_boosted),
	KUNIT_CASE(a_vcpu_that_does_not_wait_is_not),
	KUNIT_CASE(requests_that_make_no_sense),
	KUNIT_CASE(requests_without_their_feature),
	KUNIT_CASE_SLOW(a_liar_gains_its_budget_and_no_more),
	KUNIT_CASE(what_others_set_stays),
	KUNIT_CASE(a_boost_is_not_kept),
	KUNIT_CASE_PARAM(a_boost_is_not_inherited, heir_gen_params),
	KUNIT_CASE_SLOW(a_release_while_a_yield_is_under_way),
	KUNIT_CASE_SLOW(time_follows_threads),
	KUNIT_CASE(a_holder_that_is_preempted_is_boosted),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_boost",
	.test_cases = cases,
};

kunit_test_suite(suite);
