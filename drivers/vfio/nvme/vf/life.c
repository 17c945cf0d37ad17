// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must be there before what: the order in which a function comes into a guest,
 * and leaves it.
 *
 * A function comes by hot-plug at any time, and goes at any time, and each step of that
 * is somebody else's: PCI's, the driver's, a user's.  So the order is written down in
 * one table, and each step asks it.  A step that is out of order is not done, and says
 * so: it is a fault of ours, and what would follow is memory that the wrong one reaches,
 * or an interrupt that nobody has.
 *
 *	step		needs			because
 *	DOMAIN		-			the IOMMU decides what it reaches
 *	INTERRUPTS	DOMAIN			a message is a write to memory
 *	PRESENT		DOMAIN INTERRUPTS	who is offered it may enable it at once
 *	ENABLED		DOMAIN INTERRUPTS	an enabled controller interrupts
 *	QUEUES		ENABLED INTERRUPTS	they are made with their vectors
 *	MEMORY		DOMAIN PRESENT		the guest's; begins when there are QUEUES
 *
 * As long as a step is there, what it needs is: so undoing has the reverse order.
 * MEMORY needs QUEUES only to begin.  A function that is reset meanwhile loses them and
 * reaches nothing, see again.c, and the guest's memory stays what it is.
 */
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/errno.h>
#include <parley/export.h>
#include "vf.h"

/* Of each step: what it needs as long as it is there, and what to begin. */
static const struct {
	unsigned long needs;
	unsigned long begins;
} parley_life_table[PARLEY_LIFE_STEPS] = {
	[PARLEY_LIFE_INTERRUPTS] = { BIT(PARLEY_LIFE_DOMAIN) },
	[PARLEY_LIFE_PRESENT] = { BIT(PARLEY_LIFE_DOMAIN) | BIT(PARLEY_LIFE_INTERRUPTS) },
	[PARLEY_LIFE_ENABLED] = { BIT(PARLEY_LIFE_DOMAIN) | BIT(PARLEY_LIFE_INTERRUPTS) },
	[PARLEY_LIFE_QUEUES] = { BIT(PARLEY_LIFE_ENABLED) | BIT(PARLEY_LIFE_INTERRUPTS) },
	[PARLEY_LIFE_MEMORY] = { BIT(PARLEY_LIFE_DOMAIN) | BIT(PARLEY_LIFE_PRESENT),
				 BIT(PARLEY_LIFE_QUEUES) },
};

/**
 * parley_life_can_do() - whether a step can be done
 * @there: those that are
 * @step: the step
 *
 * Context: any.
 * Return: true if it is not there, and all is that it needs.
 */
bool parley_life_can_do(unsigned long there, enum parley_life_step step)
{
	unsigned long needs = parley_life_table[step].needs | parley_life_table[step].begins;

	return !(there & BIT(step)) && (there & needs) == needs;
}
EXPORT_SYMBOL_IF_KUNIT(parley_life_can_do);

/**
 * parley_life_can_undo() - whether a step can be undone
 * @there: those that are
 * @step: the step
 *
 * Context: any.
 * Return: true if it is there, and none is that needs it.
 */
bool parley_life_can_undo(unsigned long there, enum parley_life_step step)
{
	unsigned int i;

	for (i = 0; i < PARLEY_LIFE_STEPS; i++)
		if ((there & BIT(i)) && (parley_life_table[i].needs & BIT(step)))
			return false;
	return there & BIT(step);
}
EXPORT_SYMBOL_IF_KUNIT(parley_life_can_undo);

/**
 * parley_life_do() - a step, before it is done
 * @life: of the function
 * @step: the step
 *
 * If it fails it is undone.
 *
 * Context: any, no interrupt.
 * Return: 0, or -EPROTO: it must not be done.
 */
int parley_life_do(struct parley_life *life, enum parley_life_step step)
{
	bool can = false;

	scoped_guard(spinlock, &life->lock) {
		can = parley_life_can_do(life->there, step);
		if (can)
			life->there |= BIT(step);
	}
	return WARN_ON_ONCE(!can) ? -EPROTO : 0;
}
PARLEY_EXPORT(parley_life_do);

/**
 * parley_life_undo() - a step, before it is undone
 * @life: of the function
 * @step: the step
 *
 * Context: any, no interrupt.
 * Return: whether it may be; else it is to be left as it is, whatever that costs.
 */
bool parley_life_undo(struct parley_life *life, enum parley_life_step step)
{
	bool can = false;

	scoped_guard(spinlock, &life->lock) {
		can = parley_life_can_undo(life->there, step);
		if (can)
			life->there &= ~BIT(step);
	}
	return !WARN_ON_ONCE(!can);
}
PARLEY_EXPORT(parley_life_undo);

/**
 * parley_life_has() - whether a step is there
 * @life: of the function
 * @step: the step
 *
 * Context: any, no interrupt.
 * Return: whether it is.
 */
bool parley_life_has(struct parley_life *life, enum parley_life_step step)
{
	bool has = false;

	scoped_guard(spinlock, &life->lock)
		has = life->there & BIT(step);
	return has;
}
EXPORT_SYMBOL_IF_KUNIT(parley_life_has);
