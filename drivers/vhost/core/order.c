// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is served next.
 *
 * Between classes: the first one that has somebody.  But who was passed over VH_FLOOR - 1
 * times in a row has the next turn; so a class that gets its turns in between anyway, as
 * beside one with a request now and then, never has one before its time.
 *
 * Within a class: deficit round robin (Shreedhar and Varghese, 1995).  In each pass
 * everybody may have cost in proportion to his weight.  Who has credit left is
 * served; what a turn has cost is known afterwards only, so he may end up owing, and
 * sits out as many passes as that takes.  So over any time in which two of them want
 * to be served all along, their costs are as their weights, but for one pass and for
 * one turn: the error does not grow.
 *
 * Whose weight it is, is an account, which may have many shares: who splits his work
 * into more of them has no more of it, nor less to pay.
 *
 * Passes in which nobody has credit are not walked through but reckoned.  Who is
 * being served by another thread meanwhile gets his credit of them afterwards, one
 * pass at most beyond what he owes; who had nothing to do gets none, but goes on
 * owing.
 */
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <parley/export.h>

#include "order.h"

/**
 * vh_floor_turn() - which class has the next turn?
 * @f: what was passed over
 * @ready: a bit for each class that has somebody, not 0
 *
 * Return: the class, which is served now.
 */
unsigned int vh_floor_turn(struct vh_floor *f, unsigned long ready)
{
	unsigned int class, turn = __ffs(ready), most = VH_FLOOR - 2;

	for_each_set_bit(class, &ready, VH_CLASSES) {
		if (f->passed[class] <= most)
			continue;
		most = f->passed[class];
		turn = class;
	}
	__clear_bit(turn, &ready);
	for (class = 0; class < VH_CLASSES; class++)
		f->passed[class] = ready & BIT(class) ? f->passed[class] + 1 : 0;
	return turn;
}
EXPORT_SYMBOL_IF_KUNIT(vh_floor_turn);

static s64 vh_account_pass(const struct vh_account *a)
{
	return (s64)a->weight * VH_CREDIT;
}

/* Credit of @passes, of which one at most may be saved. */
static void vh_account_grant(struct vh_account *a, u64 passes)
{
	s64 one = vh_account_pass(a);
	u64 wanted = a->credit >= one ? 0 : div64_u64(one - a->credit + one - 1, one);

	a->credit += min(passes, wanted) * one;
	a->credit = min(a->credit, one);
}

/* Credit of the passes that its class has had since the last time. */
static void vh_account_catch_up(const struct vh_order *o, struct vh_account *a)
{
	vh_account_grant(a, o->pass[a->class] - a->pass);
	a->pass = o->pass[a->class];
}

/* Passes until it has credit: none, or some. */
static u64 vh_account_waits(const struct vh_account *a)
{
	return a->credit > 0 ? 0 : div64_u64(-a->credit, vh_account_pass(a)) + 1;
}

/** vh_order_init() - nobody is ready */
void vh_order_init(struct vh_order *o)
{
	unsigned int i;

	*o = (struct vh_order){};
	for (i = 0; i < VH_CLASSES; i++)
		INIT_LIST_HEAD(&o->ready[i]);
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_init);

/**
 * vh_order_join() - somebody new
 * @s: share that is not active
 * @a: its account, whose class, below VH_CLASSES, and weight, 1 to VH_WEIGHT_MAX, are set
 */
void vh_order_join(struct vh_share *s, struct vh_account *a)
{
	*s = (struct vh_share){ .account = a };
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_join);

/**
 * vh_order_add() - it has something to do
 * @o: order
 * @s: share that is not ready
 *
 * Return: true if it was served until now, false if it had nothing to do.
 */
bool vh_order_add(struct vh_order *o, struct vh_share *s)
{
	struct vh_account *a = s->account;
	bool again = s->active;

	if (!again && !a->users++) {
		a->credit = min(a->credit, 0);
		a->pass = o->pass[a->class];
	} else {
		vh_account_catch_up(o, a);
	}
	s->active = true;
	s->ready = true;
	o->nr[a->class]++;
	o->nr_ready++;
	/* It goes on where it was, as long as it has credit. */
	if (again && a->credit > 0)
		list_add(&s->entry, &o->ready[a->class]);
	else
		list_add_tail(&s->entry, &o->ready[a->class]);
	return again;
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_add);

static void vh_order_del(struct vh_order *o, struct vh_share *s)
{
	list_del(&s->entry);
	s->ready = false;
	o->nr[s->account->class]--;
	o->nr_ready--;
}

/** vh_order_idle() - it has nothing to do any more, or goes */
void vh_order_idle(struct vh_order *o, struct vh_share *s)
{
	if (s->ready)
		vh_order_del(o, s);
	s->account->users -= s->active;
	s->active = false;
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_idle);

/** vh_order_ahead() - how many are ready that are as urgent as @class, or more */
unsigned int vh_order_ahead(const struct vh_order *o, unsigned int class)
{
	unsigned int i, n = 0;

	for (i = 0; i <= class; i++)
		n += o->nr[i];
	return n;
}

/* Nobody of the class has credit: the passes until the first one has. */
static void vh_order_pass(struct vh_order *o, unsigned int class)
{
	struct vh_share *s;
	u64 passes = U64_MAX;

	list_for_each_entry(s, &o->ready[class], entry)
		passes = min(passes, vh_account_waits(s->account));
	o->pass[class] += passes;
	/* Another share may have had it done for the account of this one. */
	list_for_each_entry(s, &o->ready[class], entry)
		vh_account_catch_up(o, s->account);
}

static struct vh_share *vh_order_of_class(struct vh_order *o, unsigned int class)
{
	struct vh_share *s;

	list_for_each_entry(s, &o->ready[class], entry)
		if (s->account->credit > 0)
			return s;
	return NULL;
}

/**
 * vh_order_next() - whose turn is it?
 * @o: order
 *
 * Return: the share, not ready any more: to be charged and, if it has more to do,
 * added again.  NULL if none is ready.
 */
struct vh_share *vh_order_next(struct vh_order *o)
{
	unsigned long ready = 0;
	struct vh_share *s;
	unsigned int class;

	if (!o->nr_ready)
		return NULL;
	for (class = 0; class < VH_CLASSES; class++)
		ready |= o->nr[class] ? BIT(class) : 0;
	class = vh_floor_turn(&o->floor, ready);
	s = vh_order_of_class(o, class);
	if (!s) {
		vh_order_pass(o, class);
		s = vh_order_of_class(o, class);
	}
	vh_order_del(o, s);
	return s;
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_next);

/** vh_order_charge() - a turn has cost so much */
void vh_order_charge(struct vh_order *o, struct vh_share *s, u64 cost)
{
	s->account->credit -= min_t(u64, cost, S32_MAX);
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_charge);

/**
 * vh_order_alone() - nobody else wants a turn
 * @o: order in which none is ready
 * @s: share that is being served, and goes on
 *
 * Passes go by, so that who is alone does not owe for it when others come.
 */
void vh_order_alone(struct vh_order *o, struct vh_share *s)
{
	struct vh_account *a = s->account;

	vh_account_catch_up(o, a);
	o->pass[a->class] += vh_account_waits(a);
	vh_account_catch_up(o, a);
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_alone);
