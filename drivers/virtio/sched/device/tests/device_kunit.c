// SPDX-License-Identifier: GPL-2.0-only
/*
 * The front-end of the scheduling device with hosts that do as they please.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <parley/export.h>
#include <parley/pvlock.h>
#include "../../hv.h"
#include "host.h"

#define PAUSE_MS	50u	/* of the driver, between two tries */

static bool bound(struct host *h)
{
	return parley_loopback_device(h->lb)->dev.driver;
}

static struct parley_sched_host_record *record(unsigned int vcpu)
{
	return psd_record(parley_psd_one, vcpu);
}

/* ------------------------------------------------------------ configurations */

static void configurations_of_others(struct kunit *test)
{
	static const struct { u16 min, max; u32 nr; bool good; } tries[] = {
		{ 1, 1, VCPUS, true }, { 0, 7, 1, true }, { 1, 1, PARLEY_SCHED_VCPUS_MAX, true },
		{ 2, 3, VCPUS }, { 0, 0, VCPUS }, { 0xffff, 0, VCPUS },
		{ 1, 1, 0 }, { 1, 1, PARLEY_SCHED_VCPUS_MAX + 1 }, { 1, 1, ~0u },
	};
	struct host *h;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		h = host_new(test, tries[i].min, tries[i].max, tries[i].nr);
		KUNIT_EXPECT_EQ_MSG(test, bound(h), tries[i].good, "%u", i);
		host_close(test, h);
		KUNIT_EXPECT_PTR_EQ(test, parley_psd_one, (struct psd *)NULL);
	}
}

static void there_is_one(struct kunit *test)
{
	struct host *h = host_open(test), *second = host_new(test, 1, 1, VCPUS);
	struct psd *psd = parley_psd_one;

	KUNIT_EXPECT_FALSE(test, bound(second));
	host_close(test, second);
	KUNIT_EXPECT_PTR_EQ(test, parley_psd_one, psd);
	host_close(test, h);
}

/* ------------------------------------------------------------------- records */

static void what_the_host_says_is_seen(struct kunit *test)
{
	struct parley_sched_view v;
	struct host *h = host_open(test);
	u32 state;

	for (state = 0; state <= 7; state++) {
		record(1)->word = cpu_to_le64(state | PARLEY_SCHED_W_BOOSTED | 7ull << 32);
		KUNIT_EXPECT_EQ(test, parley_hv.ops->preempted(1),
				state == PARLEY_SCHED_PREEMPTED);
		KUNIT_EXPECT_FALSE(test, parley_hv.ops->preempted(0));
		KUNIT_EXPECT_EQ(test, parley_sched_view(1, &v), 0);
		KUNIT_EXPECT_EQ(test, v.state, state);
		KUNIT_EXPECT_TRUE(test, v.boosted);
		KUNIT_EXPECT_EQ(test, v.changes, 7);
	}
	record(2)->stolen_ns = cpu_to_le64(0x0123456789abcdefull);
	KUNIT_EXPECT_EQ(test, parley_sched_view(2, &v), 0);
	KUNIT_EXPECT_EQ(test, v.stolen_ns, 0x0123456789abcdefull);
	/* Beyond the host's number, and before any. */
	KUNIT_EXPECT_EQ(test, parley_sched_view(VCPUS, &v), -ENODEV);
	KUNIT_EXPECT_FALSE(test, parley_hv.ops->preempted(VCPUS));
	host_close(test, h);
	KUNIT_EXPECT_EQ(test, parley_sched_view(1, &v), -ENODEV);
}

/* It stops in the middle: a reader does not wait for it. */
static void a_record_that_is_never_finished(struct kunit *test)
{
	struct parley_sched_view v;
	struct host *h = host_open(test);

	record(0)->seq = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, parley_sched_view(0, &v), -EAGAIN);
	record(0)->seq = cpu_to_le32(~0);
	KUNIT_EXPECT_EQ(test, parley_sched_view(0, &v), -EAGAIN);
	record(0)->seq = cpu_to_le32(2);
	KUNIT_EXPECT_EQ(test, parley_sched_view(0, &v), 0);
	memset(parley_psd_one->vcpus.reads, 0xff, parley_psd_one->vcpus.bytes);
	KUNIT_EXPECT_EQ(test, parley_sched_view(0, &v), -ENODEV);
	host_close(test, h);
}

static void a_host_that_refuses(struct kunit *test)
{
	struct host *h = host_open(test);
	struct parley_sched_view v;

	h->back = true;
	h->answer = PARLEY_SCHED_AREA_INVAL;
	/* As it does when it takes memory away. */
	parley_loopback_needs_reset(h->lb);
	KUNIT_EXPECT_TRUE(test, until(atomic_read(&h->areas) == 2));
	KUNIT_EXPECT_TRUE(test, until(READ_ONCE(parley_psd_one->vcpus.refused)));
	KUNIT_EXPECT_EQ(test, parley_sched_view(0, &v), -ENODEV);
	KUNIT_EXPECT_NULL(test, memchr_inv(parley_psd_one->vcpus.reads, 0,
					   parley_psd_one->vcpus.bytes));
	/* It is not asked again. */
	msleep(200);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->areas), 2);
	host_close(test, h);
}

/* Given back without end: it is put again, but not without a pause. */
static void a_host_that_gives_back(struct kunit *test)
{
	struct host *h = host_open(test);
	struct parley_sched_view v;
	int before, pauses;
	unsigned long begin;

	h->back = true;
	h->answer = PARLEY_SCHED_AREA_AGAIN;
	parley_loopback_needs_reset(h->lb);
	KUNIT_EXPECT_TRUE(test, until(atomic_read(&h->areas) >= 4));
	begin = jiffies;
	before = atomic_read(&h->areas);
	msleep(500);
	before = atomic_read(&h->areas) - before;
	pauses = jiffies_to_msecs(jiffies - begin) / PAUSE_MS;
	KUNIT_EXPECT_LE(test, before, pauses + 2);
	KUNIT_EXPECT_EQ(test, parley_sched_view(0, &v), -ENODEV);
	WRITE_ONCE(h->answer, PARLEY_SCHED_AREA_SHARED);
	WRITE_ONCE(h->back, false);
	KUNIT_EXPECT_TRUE(test, until(!parley_sched_view(0, &v)));
	host_close(test, h);
}

static void a_reset_shares_again(struct kunit *test)
{
	struct host *h = host_open(test);
	struct parley_sched_view v;
	int i;

	for (i = 2; i < 5; i++) {
		record(0)->word = cpu_to_le64(PARLEY_SCHED_PREEMPTED);
		parley_loopback_needs_reset(h->lb);
		KUNIT_EXPECT_TRUE(test, until(atomic_read(&h->areas) == i));
		KUNIT_EXPECT_TRUE(test, until(!parley_sched_view(0, &v)));
		KUNIT_EXPECT_EQ(test, v.state, PARLEY_SCHED_UNKNOWN);
	}
	host_close(test, h);
}

/* ------------------------------------------------------------------- requests */

static void ask_for(int cpu)
{
	guard(preempt)();
	parley_hv.ops->yield(cpu);
}

static struct psd_yield *mine(void)
{
	return &parley_psd_one->yields[raw_smp_processor_id()];
}

static void a_yield_reaches_the_host(struct kunit *test)
{
	struct host *h = host_open(test);
	u64 refused, needless, ok;

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	h->reply = PARLEY_SCHED_S_OK;
	ask_for(3);
	KUNIT_EXPECT_TRUE(test, until(atomic64_read(&mine()->ok) == 1));
	KUNIT_EXPECT_EQ(test, le16_to_cpu(h->last.op), PARLEY_SCHED_OP_YIELD);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(h->last.vcpu), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(h->last.target), 3);
	/* And it is said of the other one that it holds a lock. */
	KUNIT_EXPECT_TRUE(test, le64_to_cpu(psd_said(parley_psd_one, 3)->word) &
				PARLEY_SCHED_H_HOLDER);
	/* Answers that there are not. */
	h->reply = ~0;
	ask_for(3);
	KUNIT_EXPECT_TRUE(test, until(atomic64_read(&mine()->refused) == 1));
	h->reply = PARLEY_SCHED_S_NEEDLESS;
	ask_for(3);
	KUNIT_EXPECT_TRUE(test, until(atomic64_read(&mine()->needless) == 1));
	/* A processor that the host does not know. */
	ask_for(VCPUS);
	msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->asked), 3);
	ok = atomic64_read(&mine()->ok);
	refused = atomic64_read(&mine()->refused);
	needless = atomic64_read(&mine()->needless);
	KUNIT_EXPECT_EQ(test, mine()->sent, ok + refused + needless);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	host_close(test, h);
}

/* Nobody waits for an answer, and there is one request of a processor at a time. */
static void a_host_that_does_not_answer(struct kunit *test)
{
	struct host *h = host_open(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	h->mute = true;
	for (i = 0; i < 100; i++)
		ask_for(1);
	KUNIT_EXPECT_TRUE(test, until(atomic_read(&h->asked) == 1));
	KUNIT_EXPECT_EQ(test, mine()->sent, 1);
	KUNIT_EXPECT_EQ(test, mine()->skipped, 99);
	/* A reset ends it, and the next one goes. */
	h->mute = false;
	parley_loopback_needs_reset(h->lb);
	KUNIT_EXPECT_TRUE(test, until(atomic_read(&h->areas) == 2));
	ask_for(1);
	KUNIT_EXPECT_TRUE(test, until(atomic64_read(&mine()->ok) == 1));
	KUNIT_EXPECT_EQ(test, atomic_read(&h->asked), 2);
	/* And the end with one under way. */
	h->mute = true;
	ask_for(1);
	KUNIT_EXPECT_TRUE(test, until(atomic_read(&h->asked) == 3));
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	host_close(test, h);
}

/* What this processor says is that it is busy, so it has to be. */
static void compute(void)
{
	u64 end = ktime_get_ns() + 100 * NSEC_PER_USEC;

	while (ktime_get_ns() < end)
		cpu_relax();
}

/* Only what is preempted is asked for, and nothing is said of locks. */
static void a_boost_reaches_the_host(struct kunit *test)
{
	struct host *h = host_open(test);

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	h->reply = PARLEY_SCHED_S_OK;
	WRITE_ONCE(record(3)->word, cpu_to_le64(PARLEY_SCHED_RUNNING));
	parley_sched_boost(3);
	WRITE_ONCE(record(3)->word, cpu_to_le64(PARLEY_SCHED_ASLEEP));
	parley_sched_boost(3);
	parley_sched_boost(VCPUS);
	msleep(20);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->asked), 0);
	WRITE_ONCE(record(3)->word, cpu_to_le64(PARLEY_SCHED_PREEMPTED));
	parley_sched_boost(3);
	KUNIT_EXPECT_TRUE(test, until(atomic64_read(&mine()->ok) == 1));
	KUNIT_EXPECT_EQ(test, le16_to_cpu(h->last.op), PARLEY_SCHED_OP_BOOST);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(h->last.target), 3);
	KUNIT_EXPECT_FALSE(test, le64_to_cpu(psd_said(parley_psd_one, 3)->word) &
				 PARLEY_SCHED_H_HOLDER);
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	host_close(test, h);
}

/* A node is spoken of when it was seen much more often than others, and not at once. */
static void a_node_has_a_majority(struct kunit *test)
{
	int node = -1, i, said = -1;
	u16 votes = 0;

	for (i = 0; i < 7; i++)
		KUNIT_EXPECT_EQ(test, parley_psd_node_vote(&node, &votes, 1), -1);
	for (i = 0; i < 40; i++)
		said = parley_psd_node_vote(&node, &votes, 1);
	KUNIT_EXPECT_EQ(test, said, 1);
	/* One in four is another: the majority stays. */
	for (i = 0; i < 400; i++)
		KUNIT_EXPECT_EQ(test, parley_psd_node_vote(&node, &votes, i % 4 ? 1 : 0), 1);
	/* By turns: of neither. */
	for (i = 0; i < 400; i++)
		said = parley_psd_node_vote(&node, &votes, i % 3);
	KUNIT_EXPECT_EQ(test, said, -1);
	for (i = 0; i < 80; i++)
		said = parley_psd_node_vote(&node, &votes, 0);
	KUNIT_EXPECT_EQ(test, said, 0);
	/* The kernel does not say any more. */
	for (i = 0; i < 80; i++)
		said = parley_psd_node_vote(&node, &votes, -1);
	KUNIT_EXPECT_EQ(test, said, -1);
}

static void processors_say_what_they_do(struct kunit *test)
{
	struct host *h = host_open(test);
	u64 word;

	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	/* This one runs this test, and is busy. */
	KUNIT_EXPECT_TRUE(test, until(({
		compute();
		word = le64_to_cpu(READ_ONCE(psd_said(parley_psd_one, 0)->word));
		word & PARLEY_SCHED_H_RUNNABLE;
	})));
	KUNIT_EXPECT_LE(test, word & PARLEY_SCHED_H_RUNNABLE, 16);
	KUNIT_EXPECT_NE(test, word >> PARLEY_SCHED_H_URGENCY & 0xf, PARLEY_SCHED_U_NONE);
	/* What somebody else said of it, it takes back. */
	ask_for(0);
	KUNIT_EXPECT_TRUE(test, until(({
		compute();
		!(le64_to_cpu(READ_ONCE(psd_said(parley_psd_one, 0)->word)) &
		  PARLEY_SCHED_H_HOLDER);
	})));
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	host_close(test, h);
}

/* ---------------------------------------------------------------- hypervisor */

static void the_hypervisor_of_locks(struct kunit *test)
{
	const struct parley_hv before = parley_hv;
	struct host *h = host_open(test);

	if (before.can & PARLEY_HV_SEES)
		kunit_skip(test, "the hypervisor needs no help");
	KUNIT_EXPECT_STREQ(test, parley_hv.ops->name, "parley");
	KUNIT_EXPECT_EQ(test, parley_hv.can, before.can | PARLEY_HV_SEES | PARLEY_HV_YIELD);
	record(2)->word = cpu_to_le64(PARLEY_SCHED_PREEMPTED);
	KUNIT_EXPECT_TRUE(test, parley_hv_preempted(2));
	host_close(test, h);
	KUNIT_EXPECT_PTR_EQ(test, parley_hv.ops, before.ops);
	KUNIT_EXPECT_EQ(test, parley_hv.can, before.can);
	KUNIT_EXPECT_FALSE(test, parley_hv_preempted(2));
}

/**
 * struct crowd - processors that want one lock
 * @lock: it
 * @inside: somebody has it
 * @wrong: how often somebody else had it as well
 * @entered: how often it was had; not atomic
 * @each: and by whom
 */
struct crowd {
	struct parley_pvlock lock;
	bool inside;
	unsigned int wrong;
	unsigned int entered;
	unsigned int each[VCPUS];
};

static struct crowd crowd;

static int crowd_one(void *arg)
{
	unsigned int *mine = arg;

	while (!kthread_should_stop()) {
		parley_pvlock_lock(&crowd.lock);
		crowd.wrong += READ_ONCE(crowd.inside);
		WRITE_ONCE(crowd.inside, true);
		compute();
		crowd.entered++;
		WRITE_ONCE(*mine, *mine + 1);
		WRITE_ONCE(crowd.inside, false);
		parley_pvlock_unlock(&crowd.lock);
		cond_resched();
	}
	return 0;
}

/* A thread on each processor, of the device's vCPUs. */
static void crowd_start(struct kunit *test, struct task_struct *threads[VCPUS])
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (cpu >= VCPUS)
			return;
		threads[cpu] = kthread_create(crowd_one, &crowd.each[cpu], "parley-crowd");
		if (IS_ERR(threads[cpu])) {
			KUNIT_FAIL(test, "no thread");
			threads[cpu] = NULL;
			return;
		}
		kthread_bind(threads[cpu], cpu);
		wake_up_process(threads[cpu]);
	}
}

/* On a slow machine it takes longer than until() waits. */
static bool crowd_gets_in(unsigned int i)
{
	return until(READ_ONCE(crowd.each[i]) > 50) || until(READ_ONCE(crowd.each[i]) > 50) ||
	       until(READ_ONCE(crowd.each[i]) > 50);
}

/*
 * All are said to be preempted while they run, in the middle of whatever they do
 * (CVE-2022-39189).  The host is asked to run them, and that is all that comes of it:
 * nobody is passed over, and nobody gets in who must not.
 */
static void bad_62_preempted_while_it_runs(struct kunit *test)
{
	struct task_struct *threads[VCPUS] = {};
	struct host *h = host_open(test);
	unsigned int i, sum = 0;

	if (strcmp(parley_hv.ops->name, "parley") || num_online_cpus() < 2)
		kunit_skip(test, "the hypervisor needs no help, or nobody has to wait");
	memset(&crowd, 0, sizeof(crowd));
	parley_pvlock_init(&crowd.lock);
	for (i = 0; i < VCPUS; i++)
		record(i)->word = cpu_to_le64(PARLEY_SCHED_PREEMPTED);
	crowd_start(test, threads);
	for (i = 0; i < VCPUS; i++)
		KUNIT_EXPECT_TRUE(test, !threads[i] || crowd_gets_in(i));
	KUNIT_EXPECT_TRUE(test, until(atomic_read(&h->asked)));
	for (i = 0; i < VCPUS; i++) {
		if (threads[i])
			kthread_stop(threads[i]);
		sum += crowd.each[i];
	}
	KUNIT_EXPECT_EQ(test, crowd.wrong, 0);
	KUNIT_EXPECT_EQ(test, crowd.entered, sum);
	kunit_info(test, "%u turns, %d questions\n", sum, atomic_read(&h->asked));
	host_close(test, h);
}

/* It comes and goes while all processors ask. */
static int asker(void *arg)
{
	atomic_t *asked = arg;

	while (!kthread_should_stop()) {
		scoped_guard(preempt) {
			if (parley_hv_preempted(1) && parley_hv_can(PARLEY_HV_YIELD))
				parley_hv.ops->yield(1);
		}
		atomic_inc(asked);
		cond_resched();
	}
	return 0;
}

static void a_device_that_comes_and_goes(struct kunit *test)
{
	struct task_struct *askers[2];
	atomic_t asked = ATOMIC_INIT(0);
	struct host *h;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(askers); i++) {
		askers[i] = kthread_run(asker, &asked, "parley-asker");
		KUNIT_ASSERT_FALSE(test, IS_ERR(askers[i]));
	}
	for (i = 0; i < 20; i++) {
		h = host_open(test);
		record(1)->word = cpu_to_le64(PARLEY_SCHED_PREEMPTED);
		usleep_range(1000, 2000);
		host_close(test, h);
	}
	for (i = 0; i < ARRAY_SIZE(askers); i++)
		kthread_stop(askers[i]);
	KUNIT_EXPECT_GT(test, atomic_read(&asked), 10);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(configurations_of_others),
	KUNIT_CASE(there_is_one),
	KUNIT_CASE(what_the_host_says_is_seen),
	KUNIT_CASE(a_record_that_is_never_finished),
	KUNIT_CASE(a_host_that_refuses),
	KUNIT_CASE(a_host_that_gives_back),
	KUNIT_CASE(a_reset_shares_again),
	KUNIT_CASE(a_yield_reaches_the_host),
	KUNIT_CASE(a_host_that_does_not_answer),
	KUNIT_CASE(a_boost_reaches_the_host),
	KUNIT_CASE(a_node_has_a_majority),
	KUNIT_CASE(processors_say_what_they_do),
	KUNIT_CASE(the_hypervisor_of_locks),
	KUNIT_CASE(bad_62_preempted_while_it_runs),
	KUNIT_CASE(a_device_that_comes_and_goes),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_sched_device",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_SOFTDEP("pre: parley_sched_device");
PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the scheduling device's front-end");
MODULE_LICENSE("GPL");
