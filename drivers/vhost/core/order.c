// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is served next.
 *
 * Between classes: the first one that has somebody, but of every VH_FLOOR turns one
 * begins at a lower class, each of them in turn.
 *
 * Within a class: deficit round robin (Shreedhar and Varghese, 1995).  In each pass
 * everybody may have cost in proportion to his weight.  Who has credit left is
 * served; what a turn has cost is known afterwards only, so he may end up owing, and
 * sits out as many passes as that takes.  So over any time in which two of them want
 * to be served all along, their costs are as their weights, but for one pass and for
 * one turn: the error does not grow.
 *
 * Passes in which nobody has credit are not walked through but reckoned.  Who is
 * being served by another thread meanwhile gets his credit of them afterwards, one
 * pass at most beyond what he owes; who had nothing to do gets none, but goes on
 * owing.
 */
#include <kunit/visibility.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <parley/export.h>

#include "order.h"

static s64 vh_share_pass(const struct vh_share *s)
{
	return (s64)s->weight * VH_CREDIT;
}

/* Credit of @passes, of which one at most may be saved. */
static void vh_share_grant(struct vh_share *s, u64 passes)
{
	s64 one = vh_share_pass(s);
	u64 wanted = s->credit >= one ? 0 : div64_u64(one - s->credit + one - 1, one);

	s->credit += min(passes, wanted) * one;
	s->credit = min(s->credit, one);
}

/* Passes until it has credit: none, or some. */
static u64 vh_share_waits(const struct vh_share *s)
{
	return s->credit > 0 ? 0 : div64_u64(-s->credit, vh_share_pass(s)) + 1;
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
 * vh_order_join() - somebody new, or with another class or weight
 * @o: order
 * @s: share that is not ready
 * @class: below VH_CLASSES
 * @weight: 1 to VH_WEIGHT_MAX
 */
void vh_order_join(struct vh_order *o, struct vh_share *s, unsigned int class, u32 weight)
{
	*s = (struct vh_share){ .class = class, .weight = weight, .pass = o->pass[class] };
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_join);

/**
 * vh_order_add() - it has something to do
 * @o: order
 * @s: share that is not ready
 * @again: it was served until now, else it had nothing to do
 */
void vh_order_add(struct vh_order *o, struct vh_share *s, bool again)
{
	if (again)
		vh_share_grant(s, o->pass[s->class] - s->pass);
	else
		s->credit = min(s->credit, 0);
	s->pass = o->pass[s->class];
	s->ready = true;
	o->nr_ready++;
	/* It goes on where it was, as long as it has credit. */
	if (again && s->credit > 0)
		list_add(&s->entry, &o->ready[s->class]);
	else
		list_add_tail(&s->entry, &o->ready[s->class]);
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_add);

/** vh_order_del() - it has nothing to do any more, or is being served */
void vh_order_del(struct vh_order *o, struct vh_share *s)
{
	list_del(&s->entry);
	s->ready = false;
	o->nr_ready--;
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_del);

/* Nobody of the class has credit: the passes until the first one has. */
static void vh_order_pass(struct vh_order *o, unsigned int class)
{
	struct vh_share *s;
	u64 passes = U64_MAX;

	list_for_each_entry(s, &o->ready[class], entry)
		passes = min(passes, vh_share_waits(s));
	o->pass[class] += passes;
	list_for_each_entry(s, &o->ready[class], entry) {
		vh_share_grant(s, passes);
		s->pass = o->pass[class];
	}
}

static struct vh_share *vh_order_of_class(struct vh_order *o, unsigned int class)
{
	struct vh_share *s;

	list_for_each_entry(s, &o->ready[class], entry)
		if (s->credit > 0)
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
	unsigned int first, i;

	if (!o->nr_ready)
		return NULL;
	first = vh_order_first(&o->turn);
	for (i = 0; i < VH_CLASSES; i++) {
		unsigned int class = (first + i) % VH_CLASSES;
		struct vh_share *s;

		if (list_empty(&o->ready[class]))
			continue;
		s = vh_order_of_class(o, class);
		if (!s) {
			vh_order_pass(o, class);
			s = vh_order_of_class(o, class);
		}
		vh_order_del(o, s);
		return s;
	}
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_next);

/** vh_order_charge() - a turn has cost so much */
void vh_order_charge(struct vh_order *o, struct vh_share *s, u64 cost)
{
	s->credit -= min_t(u64, cost, S32_MAX);
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
	u64 passes = vh_share_waits(s);

	o->pass[s->class] += passes;
	s->pass = o->pass[s->class];
	vh_share_grant(s, passes);
}
EXPORT_SYMBOL_IF_KUNIT(vh_order_alone);
