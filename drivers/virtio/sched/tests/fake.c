// SPDX-License-Identifier: GPL-2.0-only
/* A hypervisor for tests; see fake.h. */
#include <linux/bitops.h>
#include <linux/sched.h>
#include "fake.h"

struct fake fake;

static struct parley_hv fake_before;

static bool fake_preempted(int cpu)
{
	return test_bit(cpu, &fake.preempted);
}

/* Wait here for the test, if it wants that. */
static void fake_stop_at(enum fake_stop where)
{
	if (READ_ONCE(fake.stop) != where)
		return;
	atomic_inc(&fake.stopped);
	if (!fake_until(READ_ONCE(fake.stop) != where))
		atomic_inc(&fake.lost);
}

static void fake_yield(int cpu)
{
	atomic_inc(&fake.yields[cpu]);
	fake_stop_at(FAKE_IN_YIELD);
}

static bool fake_ends(int cpu, int depth)
{
	return atomic_xchg(&fake.kept[cpu], 0) || test_and_clear_bit(depth, &fake.ended[cpu]) ||
	       READ_ONCE(fake.wake);
}

static void fake_sleep(int cpu, int depth)
{
	int n = atomic_inc_return(&fake.halts);
	bool alone = fake.spurious && n % fake.spurious == 0;

	set_bit(cpu, &fake.asleep);
	if (!alone && !fake_until(fake_ends(cpu, depth)))
		atomic_inc(&fake.lost);
	clear_bit(cpu, &fake.asleep);
}

/*
 * As the contract says: no interrupt comes between the look and the sleep, and one that
 * comes later ends it.  Of those only the ones matter whose handlers sleep, and may have
 * had a kick that was for us.
 */
static void fake_halt(const u32 *word, u32 value)
{
	int cpu = smp_processor_id(), depth;
	unsigned long flags;

	local_irq_save(flags);
	fake_stop_at(FAKE_BEFORE_LOOK);
	if (READ_ONCE(*word) == value) {
		fake_stop_at(FAKE_BEFORE_SLEEP);
		depth = fake.depth[cpu]++;
		clear_bit(depth, &fake.ended[cpu]);
		if (!irqs_disabled_flags(flags))
			local_irq_enable();
		fake_sleep(cpu, depth);
		local_irq_disable();
		fake.depth[cpu]--;
		if (depth)
			set_bit(depth - 1, &fake.ended[cpu]);
	}
	local_irq_restore(flags);
}

static void fake_kick(int cpu)
{
	int n = atomic_inc_return(&fake.nr_order);

	if (n <= FAKE_CPUS)
		fake.order[n - 1] = cpu;
	atomic_inc(&fake.kicks[cpu]);
	atomic_set(&fake.kept[cpu], 1);
}

static const struct parley_hv_ops fake_ops = {
	.name = "fake",
	.preempted = fake_preempted,
	.yield = fake_yield,
	.halt = fake_halt,
	.kick = fake_kick,
};

/* From now on, as long as nobody waits for a lock. */
void fake_use(unsigned int can)
{
	parley_hv.ops = &fake_ops;
	parley_hv.can = can;
}

/* Who waits for the test goes on. */
void fake_go(void)
{
	WRITE_ONCE(fake.stop, FAKE_NOWHERE);
}

bool fake_sleeps(int cpu)
{
	return test_bit(cpu, &fake.asleep);
}

unsigned int fake_sum(const atomic_t *counts)
{
	unsigned int sum = 0;
	int i;

	for (i = 0; i < FAKE_CPUS; i++)
		sum += atomic_read(&counts[i]);
	return sum;
}

int fake_init(struct kunit *test)
{
	memset(&fake, 0, sizeof(fake));
	if (nr_cpu_ids > FAKE_CPUS)
		kunit_skip(test, "more than %d processors", FAKE_CPUS);
	fake_before = parley_hv;
	fake_use(FAKE_ALL);
	/* The thread is the test's own and ends with it. */
	return set_cpus_allowed_ptr(current, cpumask_of(0));
}

void fake_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&fake.lost), 0, "a wake-up was lost");
	if (fake_before.ops)
		parley_hv = fake_before;
}

static int waiter_main(void *arg)
{
	struct waiter *w = arg;

	while (!READ_ONCE(w->go))
		cond_resched();
	parley_pvlock_lock(w->lock);
	if (w->places)
		w->place = atomic_inc_return(w->places);
	WRITE_ONCE(w->has, true);
	fake_until(!READ_ONCE(w->hold));
	parley_pvlock_unlock(w->lock);
	complete(&w->done);
	return 0;
}

void waiter_start(struct kunit *test, struct waiter *w, int cpu, struct parley_pvlock *lock)
{
	struct task_struct *task;

	w->lock = lock;
	w->cpu = cpu;
	init_completion(&w->done);
	task = kthread_run_on_cpu(waiter_main, w, cpu, "parley-wait/%u");
	if (IS_ERR(task)) {
		complete(&w->done);
		KUNIT_FAIL(test, "no thread");
	}
}

/* Let it go, for a lock that is held, until it is the last of the queue. */
bool waiter_queued(struct waiter *w)
{
	WRITE_ONCE(w->go, true);
	return fake_until(pvl_cpu_of(READ_ONCE(w->lock->tail) / PVL_CONTEXTS) == w->cpu);
}

bool waiter_done(struct waiter *w)
{
	return wait_for_completion_timeout(&w->done, 3 * FAKE_LOST_MS * HZ / 1000);
}
