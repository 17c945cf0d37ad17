// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host says is checked, and joined to what the clock shows.
 *
 * Nothing in here has a state.  What was checked is safe to compute with, once and for
 * all: a line is a multiplication and a shift, there is nothing to divide by, and whatever
 * a counter shows, a line gives some number; what a clock makes of numbers that are too
 * small or too large is in clock.c.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <kunit/visibility.h>
#include "clock.h"

/**
 * parley_pclk_line_at() - what a line says
 * @line: line
 * @counter: for this counter
 *
 * Context: any.
 * Return: nanoseconds.  A counter from before the line is one of a processor that lags
 * behind, or another counter: the line says where it begins.
 */
notrace u64 parley_pclk_line_at(const struct pclk_line *line, u64 counter)
{
	u64 turns = counter - line->counter;

	if ((s64)turns < 0)
		return line->ns;
	if (turns < line->span)
		return line->ns + mul_u64_u32_shr(turns, line->bent, line->shift);
	return line->straight + mul_u64_u32_shr(turns - line->span, line->mult, line->shift);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_line_at);

/* Written in the future, or long ago: of another counter. */
static bool pclk_counter_wrong(const struct pclk_said *said, u64 counter)
{
	u64 turns = counter - said->counter, most = PCLK_AGE_MAX;

	if ((s64)turns < 0) {
		turns = -turns;
		most = PCLK_AHEAD_MAX;
	}
	/* No more than 2^44 turns, of 1000 nanoseconds at most: no overflow. */
	return turns > PCLK_TURNS_MAX ||
	       mul_u64_u32_shr(turns, said->mult, said->shift) > most;
}

/**
 * parley_pclk_wrong() - can that be?
 * @said: what the host said
 * @counter: as it is now
 *
 * Return: NULL, or what is wrong.
 */
const char *parley_pclk_wrong(const struct pclk_said *said, u64 counter)
{
	u64 rate;

	if (said->shift > PCLK_SHIFT_MAX || said->mult > PCLK_MULT_MAX)
		return "numbers that are too large";
	rate = pclk_rate(said->mult, said->shift);
	if (rate < PCLK_RATE_MIN || rate > PCLK_RATE_MAX)
		return "a rate that no counter has";
	if (said->ns > PCLK_NS_MAX)
		return "a time that is too late";
	if (said->error_ns > PCLK_ERROR_MAX)
		return "an error that is too large";
	if (pclk_counter_wrong(said, counter))
		return "another counter than ours";
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_wrong);

/**
 * parley_pclk_leaps() - can it be after what was said before?
 * @said: what the host said; nothing is wrong with it by itself
 * @rate: what it was before: the first one of this epoch, or the last one of another
 * @other: of another
 *
 * Return: NULL, or what is wrong.
 */
const char *parley_pclk_leaps(const struct pclk_said *said, u64 rate, bool other)
{
	u64 now = pclk_rate(said->mult, said->shift);

	/* At most 1000 << 32, so there is room. */
	if (other)
		return now > rate * PCLK_RATE_OTHER || rate > now * PCLK_RATE_OTHER ?
		       "a rate far from the last one" : NULL;
	return abs_diff(now, rate) > rate / PCLK_RATE_SAME ?
	       "another rate, and no other epoch" : NULL;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_leaps);

/* What the host's clock shows for @counter, which is not far from what it said. */
static u64 pclk_said_at(const struct pclk_said *said, u64 counter)
{
	u64 turns = counter - said->counter;

	if ((s64)turns < 0)
		return said->ns - mul_u64_u32_shr(-turns, said->mult, said->shift);
	return said->ns + mul_u64_u32_shr(turns, said->mult, said->shift);
}

/*
 * Let the clock run slower or faster until it is where the host's is.  @ahead is at most
 * a second and the shift at most 32, so the shifted one has 62 bits.
 */
static void pclk_bend(struct pclk_line *line, s64 ahead)
{
	u64 parts = (u64)abs(ahead) << line->shift, turns = parts / line->mult, by;

	line->span = turns * PCLK_BEND;
	if (!line->span)
		return;
	/*
	 * By what makes up for it in that time; about mult / PCLK_BEND.  Rounded so that the
	 * bent line ends below the straight one: by some nanoseconds, after a second.
	 */
	by = ahead > 0 ? DIV_ROUND_UP(parts, line->span) : parts / line->span;
	by = min_t(u64, by, line->mult / (PCLK_BEND / 2));
	line->bent = ahead > 0 ? line->mult - by : line->mult + by;
	line->straight = line->ns - ahead +
			 mul_u64_u32_shr(line->span, line->mult, line->shift);
}

/**
 * parley_pclk_join() - the line that begins where the clock is
 * @line: filled, but for what was seen
 * @said: what the host said, checked
 * @counter: as it is now
 * @shown: what the clock shows for it
 * @may_step: a clock that is behind may go forward at once
 * @offset: what is added to what the host says; changed if the two do not meet
 * @ahead: filled: by how much the clock was ahead
 *
 * The line is never below @shown, from @counter on.
 *
 * Return: how.
 */
enum pclk_join parley_pclk_join(struct pclk_line *line, const struct pclk_said *said,
				u64 counter, u64 shown, bool may_step, s64 *offset, s64 *ahead)
{
	u64 want = pclk_said_at(said, counter) + *offset;

	*ahead = shown - want;
	*line = (struct pclk_line){
		.counter = counter, .ns = shown, .straight = shown,
		.bent = said->mult, .mult = said->mult, .shift = said->shift,
	};
	if (!*ahead)
		return PCLK_JOIN_EVEN;
	if (may_step && *ahead < 0 && *ahead >= -(s64)PCLK_STEP_MAX) {
		line->ns = want;
		line->straight = want;
		return PCLK_JOIN_STEP;
	}
	if (*ahead <= (s64)PCLK_BEND_MAX && *ahead >= -(s64)PCLK_BEND_MAX) {
		pclk_bend(line, *ahead);
		return PCLK_JOIN_BENT;
	}
	*offset += *ahead;
	return PCLK_JOIN_KEPT;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pclk_join);
