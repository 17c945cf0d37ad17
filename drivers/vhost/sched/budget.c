// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much time of the host's a guest may ask for: in no period, wherever it begins, more
 * than the limit.
 *
 * A bucket of tokens that fills steadily would allow twice the limit in a period that
 * begins when it is full.  So it is remembered what was spent, in slots of a sixteenth of
 * a period: seventeen of them cover a whole period whatever the time is, and a slot is
 * forgotten when all of it is older.
 *
 * What was overdrawn, because a boost ended late, is a debt.  It is paid with what is
 * forgotten, so it is missing later, to the nanosecond, however long that takes.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "sched.h"

static u64 vhs_budget_spent(const struct vhs_budget *b)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i <= VHS_SLOTS; i++)
		sum += b->spent[i];
	return sum;
}

/* The next slot: what is forgotten with it pays a debt, which is spent now. */
static void vhs_budget_next(struct vhs_budget *b)
{
	u64 *spent = &b->spent[++b->slot % (VHS_SLOTS + 1)];

	*spent = min(*spent, b->debt);
	b->debt -= *spent;
}

/*
 * As long as there is a debt, what is forgotten is spent anew in the same slot: each time
 * round all slots are as before, and the debt less by their sum.  A guest whose budget was
 * taken away pays nothing, and however much time has passed, nobody counts it in slots.
 */
static void vhs_budget_skip(struct vhs_budget *b, u64 slot)
{
	u64 sum = vhs_budget_spent(b), rounds;

	if (!sum) {
		b->slot = slot;
		return;
	}
	rounds = min(div64_u64(b->debt, sum), div_u64(slot - b->slot, VHS_SLOTS + 1));
	b->debt -= rounds * sum;
	b->slot += rounds * (VHS_SLOTS + 1);
}

static void vhs_budget_advance(struct vhs_budget *b, u64 now)
{
	u64 slot = div64_u64(now, b->slot_ns);
	unsigned int i;

	if (b->slot < slot && b->debt)
		vhs_budget_skip(b, slot);
	while (b->slot < slot && b->debt)
		vhs_budget_next(b);
	/* Then they are all empty. */
	for (i = 0; b->slot < slot && i <= VHS_SLOTS; i++)
		vhs_budget_next(b);
	b->slot = max(b->slot, slot);
}

/* More than the limit may not be in the slots: who forgets that gives it away. */
static void vhs_budget_add(struct vhs_budget *b, u64 spent)
{
	u64 before = vhs_budget_spent(b), room = before < b->limit ? b->limit - before : 0;
	u64 now = min(spent, room);

	b->spent[b->slot % (VHS_SLOTS + 1)] += now;
	b->debt += spent - now;
}

/**
 * vhs_budget_set() - how much may be spent from now on
 * @b: budget; all zero if it is new
 * @limit: nanoseconds
 * @period: in so many
 * @now: time in nanoseconds
 *
 * What was spent stays so: to set it again and again gains nothing.
 */
void vhs_budget_set(struct vhs_budget *b, u64 limit, u64 period, u64 now)
{
	u64 spent = 0;

	if (b->slot_ns) {
		vhs_budget_advance(b, now);
		spent = vhs_budget_spent(b) + b->debt;
	}
	memset(b->spent, 0, sizeof(b->spent));
	b->debt = 0;
	b->limit = limit;
	b->slot_ns = div64_u64(period, VHS_SLOTS);
	b->slot = div64_u64(now, b->slot_ns);
	vhs_budget_add(b, spent);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_budget_set);

/**
 * vhs_budget_hold() - take time that is about to be spent
 * @b: budget
 * @now: time
 * @least: less is of no use
 * @most: more is not asked for
 *
 * Return: nanoseconds, at least @least, for vhs_budget_spend(); 0 if they are not there.
 */
u64 vhs_budget_hold(struct vhs_budget *b, u64 now, u64 least, u64 most)
{
	u64 used, left;

	vhs_budget_advance(b, now);
	used = vhs_budget_spent(b) + b->debt + b->held;
	left = used < b->limit ? b->limit - used : 0;
	if (left < least)
		return 0;
	left = min(left, most);
	b->held += left;
	return left;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_budget_hold);

/**
 * vhs_budget_spend() - it was spent
 * @b: budget
 * @now: time
 * @held: what vhs_budget_hold() returned
 * @spent: what was used of it, or more
 */
void vhs_budget_spend(struct vhs_budget *b, u64 now, u64 held, u64 spent)
{
	vhs_budget_advance(b, now);
	b->held -= held;
	vhs_budget_add(b, spent);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_budget_spend);
