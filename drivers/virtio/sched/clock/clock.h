/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the clock that the host feeds.  One noun for each file:
 *
 *	line.c		what the host says is checked, and joined to what the clock shows
 *	clock.c		the clock: read by all processors while it gets another line
 *	main.c		the kernel's clocksource, and the device's page
 *	show.c		a view for people
 *	compare.c	and one of the clock beside the kernel's, over a migration
 *
 * The clock is a line: so many nanoseconds for each turn of the counter, from a point on.
 * The host gives another one now and then, and a very different one after the guest has
 * moved.
 */
#ifndef _PARLEY_CLOCK_H
#define _PARLEY_CLOCK_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/irq_work.h>
#include <linux/seqlock.h>
#include <linux/spinlock.h>
#include <linux/time64.h>
#include <parley/sched.h>

struct dentry;

/* All that is believed of a host, in one place.  See Documentation/clock.rst. */
#define PCLK_SHIFT_MAX	32u
#define PCLK_MULT_MAX	(U32_MAX / 2)		/* room to bend a line */
#define PCLK_RATE_ONE	32			/* of a rate: bits of a nanosecond */
#define PCLK_RATE_MIN	BIT_ULL(28)		/* 16 GHz */
#define PCLK_RATE_MAX	(1000ull << 32)		/* 1 MHz */
#define PCLK_RATE_SAME	256			/* within an epoch: one part in so many */
#define PCLK_RATE_OTHER	16			/* from host to host: so many times */
#define PCLK_NS_MAX	BIT_ULL(62)
#define PCLK_TURNS_MAX	BIT_ULL(44)		/* since the host wrote it */
#define PCLK_AGE_MAX	(3600 * NSEC_PER_SEC)	/* the same in time */
#define PCLK_AHEAD_MAX	(10 * NSEC_PER_MSEC)	/* it has not happened yet */
#define PCLK_ERROR_MAX	NSEC_PER_SEC

/* How the clock gets from one line to another. */
#define PCLK_BEND	16			/* faster or slower by one part in so many */
#define PCLK_BEND_MAX	NSEC_PER_SEC		/* farther away is not made up for */
#define PCLK_STEP_MAX	(60 * NSEC_PER_SEC)	/* forward, to another host's line */
#define PCLK_STEP_PAUSE	(10 * NSEC_PER_SEC)	/* from one to the next */
#define PCLK_LEAP_MAX	(3600 * NSEC_PER_SEC)	/* from one reading to the next */

/* Looks at what is being written: of one reader, and at changes of one reading. */
#define PCLK_LOOKS	64
#define PCLK_TRIES	4

/**
 * struct pclk_said - what the host said, of one moment
 * @word: sequence number and epoch
 * @counter: see struct parley_sched_host_clock, as for the rest
 * @ns: the same
 * @error_ns: the same
 * @mult: the same
 * @shift: the same
 */
struct pclk_said {
	u64 word;
	u64 counter;
	u64 ns;
	u64 error_ns;
	u32 mult;
	u32 shift;
};

/**
 * struct pclk_line - the clock for all counters from one on
 * @seen: word of the host's record that was looked at last, good or bad
 * @counter: from here on
 * @ns: it shows this there
 * @span: it is bent for so many turns
 * @straight: what it shows after them
 * @bent: nanoseconds of a turn while it is bent, times 2^@shift
 * @mult: and after that
 * @shift: see @mult
 * @stand_in: its counter is not the processor's, but the kernel's raw clock
 */
struct pclk_line {
	u64 seen;
	u64 counter;
	u64 ns;
	u64 span;
	u64 straight;
	u32 bent;
	u32 mult;
	u32 shift;
	bool stand_in;
};

/* How a line was joined to the one before. */
enum pclk_join {
	PCLK_JOIN_EVEN,		/* they meet */
	PCLK_JOIN_BENT,		/* they will */
	PCLK_JOIN_STEP,		/* forward: it was away for that long */
	PCLK_JOIN_KEPT,		/* never: only the rate is taken */
	PCLK_JOINS
};

/**
 * struct pclk_news - what became of a record
 * @wrong: why it was refused, or NULL
 * @join: else how it was joined
 * @other: to a line of another epoch
 * @ahead: nanoseconds by which the clock was ahead of the host's
 */
struct pclk_news {
	const char *wrong;
	enum pclk_join join;
	bool other;
	s64 ahead;
};

/**
 * struct pclk - a clock
 * @last: the largest value that it has shown
 * @seq: which of @lines is read
 * @lines: the line, twice: one is read while the other one is written
 * @record: what the host writes; NULL without a device
 * @read_counter: of tests; NULL for the processor's
 * @stand_in: the kernel's raw clock
 * @lock: who changes the line; taken in any context but an NMI, with nothing inside
 * @any: there is a line
 * @said: what it is made of
 * @offset: to be added to what the host says
 * @first: rate of the first line of this epoch
 * @stepped: when it stepped last
 * @joins: lines, by how they were joined
 * @epochs: lines of another epoch
 * @refused: records
 * @leaps: of the counter
 * @stood_in: how often the raw clock did
 * @news: the last of it
 * @tell: says so
 */
struct pclk {
	atomic64_t last ____cacheline_aligned;
	seqcount_latch_t seq ____cacheline_aligned;
	struct pclk_line lines[2];
	const struct parley_sched_host_clock *record;
	u64 (*read_counter)(void);
	u64 (*stand_in)(void);

	raw_spinlock_t lock ____cacheline_aligned;	/* see above */
	bool any;
	struct pclk_said said;
	s64 offset;
	u64 first;
	u64 stepped;
	u64 joins[PCLK_JOINS];
	u64 epochs;
	u64 refused;
	u64 leaps;
	u64 stood_in;
	struct pclk_news news;
	struct irq_work tell;
};

/* Nanoseconds of a turn, times 2^PCLK_RATE_ONE; shift is at most that. */
static inline u64 pclk_rate(u32 mult, u32 shift)
{
	return (u64)mult << (PCLK_RATE_ONE - shift);
}

/* line.c */
u64 parley_pclk_line_at(const struct pclk_line *line, u64 counter);
const char *parley_pclk_wrong(const struct pclk_said *said, u64 counter);
const char *parley_pclk_leaps(const struct pclk_said *said, u64 rate, bool other);
enum pclk_join parley_pclk_join(struct pclk_line *line, const struct pclk_said *said,
				u64 counter, u64 shown, bool may_step, s64 *offset,
				s64 *ahead);

/* clock.c */
void parley_pclk_init(struct pclk *clk);
void parley_pclk_exit(struct pclk *clk);
void parley_pclk_page(struct pclk *clk, const struct parley_sched_host_clock *record);
u64 parley_pclk_read(struct pclk *clk);
bool parley_pclk_fed(struct pclk *clk);
void parley_pclk_resume(struct pclk *clk);
void parley_pclk_stand_in(struct pclk *clk);

/* main.c */
extern struct pclk parley_pclk;

/* show.c */
void parley_pclk_show_init(void);
void parley_pclk_show_exit(void);

/* compare.c */
void parley_pclk_compare_init(struct dentry *dir);

#endif /* _PARLEY_CLOCK_H */
