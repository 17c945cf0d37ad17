// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was stolen from each processor.
 *
 * The hypervisor's number is not believed as it is.  It may jump with a migration, fall
 * (it has, on several hypervisors), wrap, or be missing for a while.  So only what it
 * grew between two looks counts, and of that not more than the time between them: that
 * much and nothing else makes the effective clock of a processor stand still at worst,
 * and never go back.
 *
 * For that the number and the clock must be of one moment.  With
 *
 *	what is said first, then the clock
 *
 * all that was said happened before; and if the same is said once more afterwards,
 * nothing was added in between that would be missed here and be too much at the next
 * look.
 *
 * Only the processor itself looks at what was stolen from it: it runs, so all that was
 * has been said.  Another one may peek, and what it finds is not kept.  For if the
 * processor is away just then, what is being stolen from it will be said later, and if
 * the peek counted as a look it would be too much for the time since then.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <kunit/visibility.h>
#include <parley/export.h>

#include "hv.h"
#include "steal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The host may take the processor away between any two instructions, but not each time. */
#define STEAL_TRIES	8

/* The lock is a leaf; interrupts are off.  Who holds it on another processor peeks. */
struct steal_cpu {
	raw_spinlock_t lock;
	struct parley_steal of;
};

static DEFINE_PER_CPU_ALIGNED(struct steal_cpu, steal_cpus);
static int steal_state;

/* Tests make a time of their own.  KUnit's stubs take locks that are not for here. */
#if IS_ENABLED(CONFIG_KUNIT)
u64 (*parley_steal_mono)(void) = ktime_get_ns;
EXPORT_SYMBOL_IF_KUNIT(parley_steal_mono);
#else
#define parley_steal_mono()	ktime_get_ns()
#endif

/*
 * A look found that at @mono the number was @raw, or none was @told.  Returns by how
 * much more time was stolen than we knew.
 */
VISIBLE_IF_KUNIT u64 parley_steal_step(struct parley_steal *s, u64 mono, bool told, u64 raw)
{
	bool before = s->told;
	u64 passed, more;
	s64 said;

	/* Another processor's clock may be behind by a hair. */
	mono = max(mono, s->mono);
	passed = mono - s->mono;
	/* Signed, so that it is small when the number wraps. */
	said = raw - s->raw;
	s->mono = mono;
	s->told = told;
	if (!told)
		return 0;
	s->raw = raw;
	/* What was said for the first time tells of a past that nobody asked about. */
	if (!before || !said)
		return 0;
	if (said < 0) {
		s->backwards++;
		return 0;
	}
	more = min_t(u64, said, passed);
	s->excess += said - more;
	s->stolen += more;
	s->longest = max(s->longest, more);
	s->times++;
	return more;
}
EXPORT_SYMBOL_IF_KUNIT(parley_steal_step);

static bool steal_ask(int cpu, u64 *raw)
{
	return parley_hv_can(PARLEY_HV_STEAL) && parley_hv.ops->stolen(cpu, raw);
}

/* The number and the time, of one moment; is there a number? */
static bool steal_sample(int cpu, u64 *raw, u64 *mono)
{
	unsigned int tries;
	u64 again = 0;

	*raw = 0;
	for (tries = 0; tries < STEAL_TRIES; tries++) {
		bool told = steal_ask(cpu, raw);

		*mono = parley_steal_mono();
		if (!told || (steal_ask(cpu, &again) && again == *raw))
			return told;
	}
	return true;
}

/* What was stolen from this processor until now.  Preemption is off, and no NMI is on. */
struct parley_steal_at parley_steal_look(void)
{
	int cpu = smp_processor_id();
	struct steal_cpu *sc = per_cpu_ptr(&steal_cpus, cpu);
	struct parley_steal_at at;
	u64 raw, mono, more;
	bool told;

	scoped_guard(raw_spinlock_irqsave, &sc->lock) {
		told = steal_sample(cpu, &raw, &mono);
		more = parley_steal_step(&sc->of, mono, told, raw);
		at.mono = sc->of.mono;
		at.stolen = sc->of.stolen;
	}
	if (more)
		trace_parley_steal(cpu, more, at.stolen);
	return at;
}

/* What is known of another processor by now, of which nothing is kept. */
struct parley_steal_at parley_steal_peek(int cpu)
{
	struct steal_cpu *sc = per_cpu_ptr(&steal_cpus, cpu);
	struct parley_steal copy;
	u64 raw, mono;
	bool told;

	scoped_guard(raw_spinlock_irqsave, &sc->lock) {
		copy = sc->of;
		told = steal_sample(cpu, &raw, &mono);
	}
	parley_steal_step(&copy, mono, told, raw);
	return (struct parley_steal_at){ .mono = copy.mono, .stolen = copy.stolen };
}

static void steal_look_and_copy(void *copy)
{
	struct steal_cpu *sc = this_cpu_ptr(&steal_cpus);

	parley_steal_look();
	scoped_guard(raw_spinlock_irqsave, &sc->lock)
		*(struct parley_steal *)copy = sc->of;
}

/* All that is known of a processor, which is made to look.  Of one that is gone, nothing. */
struct parley_steal parley_steal_copy(int cpu)
{
	struct parley_steal copy = {};

	smp_call_function_single(cpu, steal_look_and_copy, &copy, true);
	return copy;
}
EXPORT_SYMBOL_IF_KUNIT(parley_steal_copy);

/**
 * parley_steal_known - does the hypervisor tell what it steals?
 *
 * Context: any but an NMI.
 *
 * Return: true if it does, of the processor that this is called on.
 */
bool parley_steal_known(void)
{
	u64 raw;

	return steal_ask(raw_smp_processor_id(), &raw);
}
PARLEY_EXPORT(parley_steal_known);

/**
 * parley_stolen_ns - time that was stolen from a processor
 * @cpu: its number, of a possible processor
 *
 * Since the module was loaded: time in which the processor had something to do and the
 * host ran others.  Of one that is away now, until it last ran.
 *
 * Context: any but an NMI.
 *
 * Return: nanoseconds, 0 where nobody tells.  Not less than before, unless it is of
 * another processor and the hypervisor takes back what it has said.
 */
u64 parley_stolen_ns(int cpu)
{
	guard(preempt)();
	return cpu == smp_processor_id() ? parley_steal_look().stolen :
					   parley_steal_peek(cpu).stolen;
}
PARLEY_EXPORT(parley_stolen_ns);

/**
 * parley_effective_ns - the effective clock of this processor
 *
 * CLOCK_MONOTONIC without what was stolen.  On one processor it never goes back, and
 * between two calls it advances by no more than CLOCK_MONOTONIC does.  The clocks of two
 * processors have nothing to do with each other: who may be on another one with the next
 * call uses a struct parley_effclock.
 *
 * Context: any but an NMI.
 *
 * Return: nanoseconds.
 */
u64 parley_effective_ns(void)
{
	struct parley_steal_at at;

	guard(preempt)();
	at = parley_steal_look();
	return at.mono - at.stolen;
}
PARLEY_EXPORT(parley_effective_ns);

/*
 * On each processor when it comes.  While it was away nothing was stolen from it, so
 * what is said next is said for the first time.
 */
static int steal_online(unsigned int cpu)
{
	struct steal_cpu *sc = per_cpu_ptr(&steal_cpus, cpu);

	if (parley_hv_can(PARLEY_HV_STEAL))
		parley_hv.ops->tell(cpu);
	scoped_guard(raw_spinlock_irqsave, &sc->lock)
		sc->of.told = false;
	guard(preempt)();
	parley_steal_look();
	return 0;
}

#if IS_ENABLED(CONFIG_KUNIT)
/* Begin anew, for a test with a hypervisor and a time of its own. */
void parley_steal_forget(void)
{
	struct steal_cpu *sc;
	u64 raw, mono;
	bool told;
	int cpu;

	for_each_possible_cpu(cpu) {
		sc = per_cpu_ptr(&steal_cpus, cpu);
		scoped_guard(raw_spinlock_irqsave, &sc->lock) {
			sc->of = (struct parley_steal){};
			told = steal_sample(cpu, &raw, &mono);
			parley_steal_step(&sc->of, mono, told, raw);
		}
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_steal_forget);
#endif

/* After the hypervisor was chosen. */
int parley_steal_init(void)
{
	int cpu, state;

	for_each_possible_cpu(cpu)
		raw_spin_lock_init(&per_cpu_ptr(&steal_cpus, cpu)->lock);
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "parley/sched:steal", steal_online, NULL);
	if (state < 0)
		return state;
	steal_state = state;
	return 0;
}

void parley_steal_exit(void)
{
	cpuhp_remove_state_nocalls(steal_state);
}
