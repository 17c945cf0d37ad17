// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock: read by all processors, in any context, while it gets another line.
 *
 * It never goes backwards, because of one rule and whatever the host, the counter and the
 * lines do: a reading that is less than the largest one of before is not shown, that one
 * is.  So a reading costs an atomic exchange on a word of all processors, as that of the
 * kernel's own clock of KVM does where counters of processors differ; here they may at
 * any time, by moving to a host whose counters do.  With that rule alone, a clock could
 * stand or leap; that it does not is the matter of line.c, and needs no more than that
 * a reader uses a line that was not torn.
 *
 * Who reads has interrupts off.  That is what parley_pclk_page() waits for, also of
 * processors on which RCU does not watch.
 *
 *	reader				who changes the line, under clk->lock
 *	sequence			  W0
 *	  R1				sequence + 1, odd
 *	lines [sequence & 1]		  W1
 *	  R2				lines [0]
 *	sequence, the same?		  W2
 *	counter				sequence + 2, even
 *	the host's word, as seen?	  W3
 *					lines [1]
 *
 * W0 to W3 are the two of each raw_write_seqcount_latch(), R2 is the one of
 * raw_read_seqcount_latch_retry().  R1 is the address, which depends on the sequence; it
 * pairs with W0 and W2: who sees a number sees the line that it names, whole.  R2 pairs
 * with W1 and W3: who saw something of a newer line there sees another number.  A reader
 * that comes upon the writer, as an NMI does, finds the other one whole.
 *
 * Between counter and the host's word there is none: who is moved from one host to another
 * is, between two instructions, and either reads both there or sees another word.  On one
 * host, a line is as good a moment later.
 */
#include <asm/barrier.h>
#include <linux/cpu.h>
#include <linux/irqflags.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <kunit/visibility.h>
#include <parley/counter.h>
#include "clock.h"

static __always_inline u64 pclk_counter(const struct pclk *clk)
{
	if (unlikely(clk->read_counter))
		return clk->read_counter();
	return parley_counter_read();
}

static __always_inline u64 pclk_counter_of(const struct pclk *clk, const struct pclk_line *line)
{
	return unlikely(line->stand_in) ? clk->stand_in() : pclk_counter(clk);
}

static notrace void pclk_line_get(const struct pclk *clk, struct pclk_line *line)
{
	unsigned int seq;

	do {
		seq = raw_read_seqcount_latch(&clk->seq);
		*line = clk->lines[seq & 1];
	} while (raw_read_seqcount_latch_retry(&clk->seq, seq));
}

/* Under clk->lock. */
static void pclk_line_set(struct pclk *clk, const struct pclk_line *line)
{
	lockdep_assert_held(&clk->lock);
	raw_write_seqcount_latch(&clk->seq);
	clk->lines[0] = *line;
	raw_write_seqcount_latch(&clk->seq);
	clk->lines[1] = *line;
}

/* ------------------------------------------------- what the host says */

/* Nothing is said while there is no number, or an odd one. */
static __always_inline bool pclk_word_says(u64 word)
{
	return word && !(word & 1);
}

static __always_inline u64 pclk_word(const struct pclk *clk, u64 otherwise)
{
	const struct parley_sched_host_clock *r = READ_ONCE(clk->record);

	return r ? le64_to_cpu(READ_ONCE(r->word)) : otherwise;
}

static bool pclk_look(const struct parley_sched_host_clock *r, struct pclk_said *said)
{
	said->word = le64_to_cpu(READ_ONCE(r->word));
	if (!pclk_word_says(said->word))
		return false;
	/* Pairs with the last virt_wmb() of the host: what it wrote before is there. */
	virt_rmb();
	said->counter = le64_to_cpu(READ_ONCE(r->counter));
	said->ns = le64_to_cpu(READ_ONCE(r->ns));
	said->error_ns = le64_to_cpu(READ_ONCE(r->error_ns));
	said->mult = le32_to_cpu(READ_ONCE(r->mult));
	said->shift = le32_to_cpu(READ_ONCE(r->shift));
	/* Pairs with its first one: who saw something newer sees another word. */
	virt_rmb();
	return le64_to_cpu(READ_ONCE(r->word)) == said->word;
}

static bool pclk_hear(const struct pclk *clk, struct pclk_said *said)
{
	const struct parley_sched_host_clock *r = READ_ONCE(clk->record);
	unsigned int i;

	for (i = 0; r && i < PCLK_LOOKS; i++) {
		if (pclk_look(r, said))
			return true;
		cpu_relax();
	}
	return false;
}

static bool pclk_other(const struct pclk *clk, const struct pclk_said *said)
{
	return !clk->any || said->word >> PARLEY_SCHED_C_EPOCH !=
			    clk->said.word >> PARLEY_SCHED_C_EPOCH;
}

static const char *pclk_wrong(const struct pclk *clk, const struct pclk_said *said, u64 counter,
			      bool other)
{
	const char *wrong = parley_pclk_wrong(said, counter);
	u64 before = other ? pclk_rate(clk->said.mult, clk->said.shift) : clk->first;

	return wrong ?: clk->any ? parley_pclk_leaps(said, before, other) : NULL;
}

/* --------------------------------------------- what becomes of it, under clk->lock */

static void pclk_refuse(struct pclk *clk, u64 word, const char *wrong)
{
	struct pclk_line line = clk->lines[0];

	line.seen = word;
	pclk_line_set(clk, &line);
	clk->refused++;
	clk->news = (struct pclk_news){ .wrong = wrong };
	irq_work_queue(&clk->tell);
}

/* The first line is where the host's is, and what is shown begins there. */
static void pclk_begin(struct pclk *clk, struct pclk_line *line, const struct pclk_said *said)
{
	s64 ahead;

	parley_pclk_join(line, said, said->counter, said->ns, false, &clk->offset, &ahead);
	atomic64_set(&clk->last, said->ns);
	clk->stepped = said->ns - PCLK_STEP_PAUSE;
	clk->any = true;
}

/* What nobody was shown, a leap of the counter, is of no account. */
static u64 pclk_shown(const struct pclk *clk, u64 counter)
{
	u64 last = atomic64_read(&clk->last);
	u64 shown = parley_pclk_line_at(&clk->lines[0], counter);

	return (s64)(shown - last) < 0 || shown - last > PCLK_LEAP_MAX ? last : shown;
}

static void pclk_go_on(struct pclk *clk, struct pclk_line *line, const struct pclk_said *said,
		       u64 counter)
{
	u64 shown = pclk_shown(clk, clk->lines[0].stand_in ? clk->stand_in() : counter);
	struct pclk_news *news = &clk->news;
	bool may_step;

	may_step = news->other && shown - clk->stepped >= PCLK_STEP_PAUSE;
	news->join = parley_pclk_join(line, said, counter, shown, may_step, &clk->offset,
				      &news->ahead);
	if (news->join == PCLK_JOIN_STEP)
		clk->stepped = line->ns;
	clk->joins[news->join]++;
}

static void pclk_take(struct pclk *clk, const struct pclk_said *said)
{
	u64 counter = pclk_counter(clk);
	bool other = pclk_other(clk, said);
	const char *wrong = pclk_wrong(clk, said, counter, other);
	struct pclk_line line;

	if (wrong) {
		pclk_refuse(clk, said->word, wrong);
		return;
	}
	clk->news = (struct pclk_news){ .other = other };
	if (clk->any)
		pclk_go_on(clk, &line, said, counter);
	else
		pclk_begin(clk, &line, said);
	if (other) {
		clk->first = pclk_rate(said->mult, said->shift);
		clk->epochs++;
	}
	clk->said = *said;
	line.seen = said->word;
	pclk_line_set(clk, &line);
	if (other || clk->news.join == PCLK_JOIN_KEPT)
		irq_work_queue(&clk->tell);
}

/*
 * The host has said something that is not @seen.  Who comes late waits, for as long as
 * it takes to compute: what the line of before says may be far off already.
 *
 * Return: there may be another line.
 */
static noinline notrace bool pclk_change(struct pclk *clk, u64 seen)
{
	struct pclk_said said;
	bool changed = false;

	/* It may have come upon who changes it, and does with the line of before. */
	if (in_nmi())
		return false;
	scoped_guard(raw_spinlock, &clk->lock) {
		if (clk->lines[0].seen != seen) {
			changed = true;
		} else if (pclk_hear(clk, &said) && said.word != seen) {
			pclk_take(clk, &said);
			changed = true;
		}
	}
	return changed;
}

/* ---------------------------------------------------------------- reading */

/* Under clk->lock: the line goes on from what was shown, wherever the counter is. */
static void pclk_line_move(struct pclk *clk, u64 counter)
{
	struct pclk_line line = clk->lines[0];

	line.counter = counter;
	line.ns = atomic64_read(&clk->last);
	line.straight = line.ns;
	line.span = 0;
	pclk_line_set(clk, &line);
}

/* The counter is another one, and there is no word of it. */
static noinline notrace u64 pclk_leap(struct pclk *clk)
{
	u64 counter, far;

	if (in_nmi())
		return atomic64_read(&clk->last);
	scoped_guard(raw_spinlock, &clk->lock) {
		counter = pclk_counter_of(clk, &clk->lines[0]);
		far = parley_pclk_line_at(&clk->lines[0], counter) - atomic64_read(&clk->last);
		/* Unless somebody else has done it. */
		if ((s64)far > (s64)PCLK_LEAP_MAX) {
			pclk_line_move(clk, counter);
			clk->leaps++;
		}
	}
	return atomic64_read(&clk->last);
}

static notrace u64 pclk_never_less(struct pclk *clk, u64 ns)
{
	s64 last = atomic64_read(&clk->last);

	/* Both are numbers of one word, so no order with anything else is needed. */
	do {
		if ((s64)(ns - last) <= 0)
			return last;
		if (unlikely(ns - last > PCLK_LEAP_MAX))
			return pclk_leap(clk);
	} while (!atomic64_try_cmpxchg_relaxed(&clk->last, &last, ns));
	return ns;
}

/**
 * parley_pclk_read() - what the clock shows
 * @clk: clock
 *
 * Context: any.
 * Return: nanoseconds; never less than before, on any processor.
 */
notrace u64 parley_pclk_read(struct pclk *clk)
{
	struct pclk_line line;
	unsigned long flags;
	unsigned int i;
	u64 counter, word, ns;

	local_irq_save(flags);
	for (i = 0; i < PCLK_TRIES; i++) {
		pclk_line_get(clk, &line);
		counter = pclk_counter_of(clk, &line);
		word = pclk_word(clk, line.seen);
		if (likely(word == line.seen) || !pclk_word_says(word) ||
		    !pclk_change(clk, line.seen))
			break;
	}
	ns = pclk_never_less(clk, parley_pclk_line_at(&line, counter));
	local_irq_restore(flags);
	return ns;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_read);

/**
 * parley_pclk_fed() - does the host say something now, and is it believed?
 * @clk: clock
 *
 * Context: any but an NMI.
 * Return: whether both are so.
 */
bool parley_pclk_fed(struct pclk *clk)
{
	unsigned long flags;
	u64 word;

	parley_pclk_read(clk);
	local_irq_save(flags);
	word = pclk_word(clk, 0);
	local_irq_restore(flags);
	return pclk_word_says(word) && word == READ_ONCE(clk->said.word) &&
	       !READ_ONCE(clk->lines[0].stand_in);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_fed);

/**
 * parley_pclk_resume() - the counter has stood, or was set
 * @clk: clock, which goes on from what it showed last
 *
 * Context: any but an NMI.
 */
void parley_pclk_resume(struct pclk *clk)
{
	scoped_guard(raw_spinlock_irqsave, &clk->lock)
		pclk_line_move(clk, pclk_counter_of(clk, &clk->lines[0]));
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_resume);

/* Under clk->lock. */
static void pclk_stand_in(struct pclk *clk)
{
	struct pclk_line line = { .mult = 1, .bent = 1, .stand_in = true };

	if (!clk->any || clk->lines[0].stand_in)
		return;
	line.seen = clk->lines[0].seen;
	line.ns = pclk_shown(clk, pclk_counter(clk));
	line.straight = line.ns;
	line.counter = clk->stand_in();
	pclk_line_set(clk, &line);
	clk->stood_in++;
}

/**
 * parley_pclk_stand_in() - the counter may become another one, and nobody will say so
 * @clk: clock, which goes on from what it shows, as the kernel's raw clock does, until the
 *	host says something.  That clock must not be made of this one
 *
 * Context: any but an NMI.
 */
void parley_pclk_stand_in(struct pclk *clk)
{
	scoped_guard(raw_spinlock_irqsave, &clk->lock)
		pclk_stand_in(clk);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_stand_in);

/* ------------------------------------------------------------------- life */

static void pclk_tell(struct irq_work *work)
{
	static const char *const how[PCLK_JOINS] = {
		[PCLK_JOIN_EVEN] = "meets", [PCLK_JOIN_BENT] = "comes to meet",
		[PCLK_JOIN_STEP] = "goes forward to", [PCLK_JOIN_KEPT] = "only goes at the rate of",
	};
	struct pclk *clk = container_of(work, struct pclk, tell);
	struct pclk_news news;

	scoped_guard(raw_spinlock_irqsave, &clk->lock)
		news = clk->news;
	if (news.wrong)
		pr_warn_ratelimited("parley_clock: the host says %s: not believed\n",
				    news.wrong);
	else
		pr_info_ratelimited("parley_clock: was %lld ns ahead, and %s %s\n", news.ahead,
				    how[news.join],
				    news.other ? "a new clock of the host's" : "the host's clock");
}

/** parley_pclk_init() - a clock without a line; it shows 0 */
void parley_pclk_init(struct pclk *clk)
{
	*clk = (struct pclk){};
	seqcount_latch_init(&clk->seq);
	raw_spin_lock_init(&clk->lock);
	init_irq_work(&clk->tell, pclk_tell);
	clk->stand_in = ktime_get_raw_fast_ns;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_init);

/** parley_pclk_exit() - the mirror; nobody reads it any more */
void parley_pclk_exit(struct pclk *clk)
{
	irq_work_sync(&clk->tell);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_exit);

/**
 * parley_pclk_page() - the host's record is there, or is not any more
 * @clk: clock
 * @record: it, or NULL
 *
 * Context: may sleep.  When this returns, nobody reads the one of before.
 */
void parley_pclk_page(struct pclk *clk, const struct parley_sched_host_clock *record)
{
	/* One that comes up could have looked already, and not be asked yet. */
	guard(cpus_read_lock)();
	WRITE_ONCE(clk->record, record);
	/* All who read have interrupts off, and answer when they are on again. */
	kick_all_cpus_sync();
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_page);
