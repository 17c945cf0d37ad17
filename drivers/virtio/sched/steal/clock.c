// SPDX-License-Identifier: GPL-2.0-only
/*
 * The effective clocks: the monotonic clock minus what was stolen.
 *
 * A clock is what it said last, and only goes forward.  What was stolen becomes known
 * late, so now and then it must stand.  That it does not stand for ever after a source
 * has said nonsense is the one rule by which a source is believed: what would hold a
 * clock back for more than PARLEY_STEAL_LATE is refused.  An honest source can only say
 * such a thing if a processor was away for longer than that, and somebody looked at its
 * clock between its return and its next tick.
 */
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <kunit/visibility.h>
#include <parley/export.h>

#include "steal.h"
#include "trace.h"

DEFINE_PER_CPU(struct steal_cpu, parley_steal_cpu);

/*
 * struct steal_all - the mean of those that are online
 * @rest: what the last division left, so that nothing is lost over time
 */
static struct steal_all {
	raw_spinlock_t lock;	/* taken before those of the processors */
	struct steal_sum sum;
	u32 rest;
} steal_all = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(steal_all.lock),
};

/* Count what was stolen before @now, and let the clock go on. */
static u64 steal_count(struct steal_sum *sum, u64 now, u64 stolen)
{
	/* now - stolen never was more than LATE behind the clock, so this is no underflow. */
	u64 most = now + PARLEY_STEAL_LATE - sum->clock - sum->stolen;
	u64 believed = min(stolen, most);

	sum->refused += stolen - believed;
	sum->stolen += believed;
	/* Of a source that claims more than there was since boot. */
	if (now > sum->stolen)
		sum->clock = max(sum->clock, now - sum->stolen);
	return believed;
}

static void steal_tell(const struct steal_sum *sum, u64 now, struct parley_steal *told)
{
	*told = (struct parley_steal){
		.mono = now, .stolen = sum->stolen, .clock = sum->clock,
	};
}

static void steal_look(int cpu, struct parley_steal *told)
{
	struct steal_cpu *c = per_cpu_ptr(&parley_steal_cpu, cpu);
	u64 raw, stolen = 0, believed, now;

	scoped_guard(raw_spinlock_irqsave, &c->lock) {
		raw = c->source->read(cpu);
		/* After that, so that nothing was stolen later than now. */
		now = ktime_get_ns();
		if ((s64)(raw - c->raw) >= 0)
			stolen = raw - c->raw;
		else
			c->backwards++;
		c->raw = raw;
		believed = steal_count(&c->sum, now, stolen);
		steal_tell(&c->sum, now, told);
	}
	if (stolen)
		trace_parley_steal_taken(cpu, stolen, believed, told);
}

/* Add what was stolen from those that are online; how many are they? */
static u32 steal_look_each(u64 *stolen)
{
	struct parley_steal told;
	struct steal_cpu *c;
	u32 n = 0;
	int cpu;

	for_each_online_cpu(cpu) {
		c = per_cpu_ptr(&parley_steal_cpu, cpu);
		steal_look(cpu, &told);
		*stolen += told.stolen - c->counted;
		c->counted = told.stolen;
		n++;
	}
	return n;
}

static void steal_look_all(struct parley_steal *told)
{
	u64 stolen, now;
	u32 n;

	scoped_guard(raw_spinlock_irqsave, &steal_all.lock) {
		stolen = steal_all.rest;
		n = steal_look_each(&stolen);
		now = ktime_get_ns();
		stolen = div_u64_rem(stolen, n, &steal_all.rest);
		steal_count(&steal_all.sum, now, stolen);
		steal_tell(&steal_all.sum, now, told);
	}
}

/**
 * parley_steal_read - what was stolen, and the effective clock
 * @cpu: number of a processor, online or not, or %PARLEY_STEAL_ALL
 * @now: where to put it
 *
 * For %PARLEY_STEAL_ALL the mean of what was stolen from those processors that are
 * online counts.  It takes a look at each of them.
 *
 * Return: 0, or -EINVAL if there is no such processor.
 */
int parley_steal_read(int cpu, struct parley_steal *now)
{
	if (cpu == PARLEY_STEAL_ALL) {
		steal_look_all(now);
		return 0;
	}
	if (cpu < 0 || cpu >= nr_cpu_ids || !cpu_possible(cpu))
		return -EINVAL;
	steal_look(cpu, now);
	return 0;
}
PARLEY_EXPORT(parley_steal_read);

/**
 * parley_steal_clock - the effective clock
 * @cpu: number of a processor, online or not, or %PARLEY_STEAL_ALL
 *
 * Clocks of different processors differ by what was stolen from them, so a difference is
 * only of use between two times of one clock.  Who may migrate takes a
 * struct parley_steal_wait.
 *
 * Return: the clock, or 0 if there is no such processor.
 */
u64 parley_steal_clock(int cpu)
{
	struct parley_steal now = {};

	parley_steal_read(cpu, &now);
	return now.clock;
}
PARLEY_EXPORT(parley_steal_clock);

/**
 * parley_steal_grain - how late stolen time becomes known
 *
 * Return: what was stolen from a processor is in its clock after so much time in which
 * it runs; 0: at once.
 */
u64 parley_steal_grain(void)
{
	return READ_ONCE(raw_cpu_ptr(&parley_steal_cpu)->source)->grain;
}
PARLEY_EXPORT(parley_steal_grain);

/* ------------------------------------------------------------------- waits */

/* Whoever is moved to another processor after this finds that out at the next look. */
static void steal_wait_at(struct parley_steal_wait *wait, struct parley_steal *now)
{
	wait->cpu = raw_smp_processor_id();
	steal_look(wait->cpu, now);
	wait->seen = now->stolen;
}

/**
 * parley_steal_wait_begin - somebody waits from now on
 * @wait: what is kept of it
 */
void parley_steal_wait_begin(struct parley_steal_wait *wait)
{
	struct parley_steal now;

	steal_wait_at(wait, &now);
	wait->began = now.mono;
	wait->stolen = 0;
	wait->ran = 0;
}
PARLEY_EXPORT(parley_steal_wait_begin);

/* Add what was stolen since the last look, and go where the caller is. */
void parley_steal_wait_look(struct parley_steal_wait *wait)
{
	struct parley_steal now;

	steal_look(wait->cpu, &now);
	wait->stolen += now.stolen - wait->seen;
	wait->seen = now.stolen;
	if (wait->cpu != raw_smp_processor_id())
		steal_wait_at(wait, &now);
}

/**
 * parley_steal_wait_ran - how long it waited, without what was stolen
 * @wait: by parley_steal_wait_begin()
 *
 * Return: a time that never is less than the one returned before.
 */
u64 parley_steal_wait_ran(struct parley_steal_wait *wait)
{
	u64 all;

	parley_steal_wait_look(wait);
	all = ktime_get_ns() - wait->began;
	if (all > wait->stolen)
		wait->ran = max(wait->ran, all - wait->stolen);
	return wait->ran;
}
PARLEY_EXPORT(parley_steal_wait_ran);

/* ------------------------------------------------------------------ source */

/* Once, before there is a source. */
void parley_steal_clock_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		raw_spin_lock_init(&per_cpu_ptr(&parley_steal_cpu, cpu)->lock);
}

static void steal_begin(int cpu, const struct parley_steal_source *source)
{
	struct steal_cpu *c = per_cpu_ptr(&parley_steal_cpu, cpu);
	struct parley_steal told;

	scoped_guard(raw_spinlock_irqsave, &c->lock) {
		WRITE_ONCE(c->source, source);
		c->raw = 0;
		c->sum = (struct steal_sum){};
		c->backwards = 0;
	}
	steal_look(cpu, &told);
}

/* Before anybody else looks: @source counts since boot, if one can believe that. */
void parley_steal_begin(const struct parley_steal_source *source)
{
	struct parley_steal told;
	int cpu;

	scoped_guard(raw_spinlock_irqsave, &steal_all.lock) {
		steal_all.sum = (struct steal_sum){};
		steal_all.rest = 0;
		for_each_possible_cpu(cpu) {
			steal_begin(cpu, source);
			per_cpu(parley_steal_cpu, cpu).counted = 0;
		}
	}
	steal_look_all(&told);
}
EXPORT_SYMBOL_IF_KUNIT(parley_steal_begin);

/* Behind all that uses it: to sparse it is of no address space after this. */
EXPORT_SYMBOL_IF_KUNIT(parley_steal_cpu);
