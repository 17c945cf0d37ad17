// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits: a queue that must wait is not fetched from.
 *
 * Each queue for I/O may have a leaf of a tree of limits.  Before a command leaves its
 * queue the leaf is asked, with what the command says that it moves; if it has to wait,
 * it stays where it is, and is read again when the leaf wakes us: nothing looks meanwhile.
 *
 *	command			costs
 *	about blocks		one operation, and the bytes of these
 *	about ranges		one operation; when it is known what they are, a part of
 *				their bytes is owed, but no more than is paid in a second
 *	all others		one operation
 *	one that has to wait	nothing, until it begins
 *	for its memory
 *	one that is answered	one operation: what it paid for bytes it gets back
 *	here, as one that is
 *	wrong
 *	one that the function	what it had paid: the function worked for it
 *	refuses
 *
 * Admin commands cost nothing: none reaches the hardware, and each waits for the guest.
 */
#include <linux/ktime.h>
#include <parley/compat.h>
#include <parley/limits.h>
#include "rooms.h"

static u64 pne_now(struct parley_emu *e)
{
	return e->config.now ? e->config.now(e) : ktime_get_ns();
}

/* With the tree's lock held, in any context. */
static void pne_wake(void *e)
{
	parley_emu_kick(e);
}

/* The leaf of a queue, if anything on the way to its root is limited. */
static struct parley_limit *pne_limit(struct parley_emu *e, u16 sq)
{
	struct parley_limit *limit = sq && sq <= e->nr_queues ? e->limit[sq - 1] : NULL;

	return limit && parley_limit_active(limit) ? limit : NULL;
}

/**
 * parley_emu_limits_on() - queues have limits from now on
 * @e: the controller, disabled
 *
 * Context: process context.
 */
void parley_emu_limits_on(struct parley_emu *e)
{
	unsigned int i;

	for (i = 0; e->config.limits && i < e->nr_queues; i++) {
		e->limit[i] = e->config.limits[i];
		parley_limit_user(e->limit[i], pne_wake, e);
	}
}

/**
 * parley_emu_limits_off() - the mirror of parley_emu_limits_on()
 * @e: the controller, disabled
 *
 * What is owed stays owed by the leaves.
 *
 * Context: process context.
 */
void parley_emu_limits_off(struct parley_emu *e)
{
	unsigned int i;

	for (i = 0; i < e->nr_queues; i++) {
		if (!e->limit[i])
			continue;
		parley_limit_idle(e->limit[i], pne_now(e));
		parley_limit_user(e->limit[i], NULL, NULL);
		e->limit[i] = NULL;
	}
}

static u64 pne_bytes(struct parley_emu *e, const struct nvme_command *cmd)
{
	const struct parley_nvme_verb *verb = parley_nvme_verb(e->vf, cmd->common.opcode);
	u64 bytes = (le16_to_cpu(cmd->rw.length) + 1ULL) * e->vf->ns.block_size;

	if (!verb || verb->about != PARLEY_NVME_BLOCKS)
		return 0;
	/* More is refused, and nobody is to wait for that. */
	return verb->data && bytes > parley_emu_most(e) ? 0 : bytes;
}

/**
 * parley_emu_waits() - whether a queue was refused its next command, and not woken yet
 * @e: the controller
 * @sq: the queue
 *
 * Context: process context; @e->mutex held.
 * Return: whether there is no need to look at it.
 */
bool parley_emu_waits(struct parley_emu *e, u16 sq)
{
	struct parley_limit *limit = pne_limit(e, sq);

	return limit && parley_limit_waiting(limit);
}

/**
 * parley_emu_admit() - whether a command may be fetched now
 * @e: the controller
 * @sq: where it is
 * @cmd: a copy of it
 *
 * If it may, it is paid for.  Else the controller's work is woken when it may.
 *
 * Context: process context; @e->mutex held.
 * Return: whether it may.
 */
bool parley_emu_admit(struct parley_emu *e, u16 sq, const struct nvme_command *cmd)
{
	struct parley_limit *limit = pne_limit(e, sq);
	u64 bytes;

	lockdep_assert_held(&e->mutex);
	e->sq[sq].paid = 0;
	if (!limit)
		return true;
	bytes = pne_bytes(e, cmd);
	if (!parley_limit_admit(limit, pne_now(e), &bytes, 1))
		return false;
	e->sq[sq].paid = bytes;
	return true;
}

/**
 * parley_emu_charge() - what a command is about, which was read after it was fetched
 * @e: the controller
 * @sq: where it was
 * @bytes: of its ranges
 *
 * Who deallocates writes no more than what is where; PARLEY_EMU_RANGE_PART of it counts.
 * That is a guess, and there is no end to what a guest can deallocate, again and again.
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_charge(struct parley_emu *e, u16 sq, u64 bytes)
{
	struct parley_limit *limit = pne_limit(e, sq);

	lockdep_assert_held(&e->mutex);
	if (limit)
		parley_limit_charge_second(limit, pne_now(e), bytes / PARLEY_EMU_RANGE_PART);
}

/* Of the command that was fetched last: its bytes, and it as an operation or not. */
static void pne_give_back(struct parley_emu *e, u16 sq, u64 operations)
{
	struct parley_limit *limit = pne_limit(e, sq);

	lockdep_assert_held(&e->mutex);
	if (limit && (operations || e->sq[sq].paid))
		parley_limit_refund(limit, pne_now(e), operations, e->sq[sq].paid);
	e->sq[sq].paid = 0;
}

/**
 * parley_emu_refund() - the command that was fetched last moved nothing
 * @e: the controller
 * @sq: where it was
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_refund(struct parley_emu *e, u16 sq)
{
	pne_give_back(e, sq, 0);
}

/**
 * parley_emu_unpay() - the command that was fetched last is in its queue again
 * @e: the controller
 * @sq: where it was
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_unpay(struct parley_emu *e, u16 sq)
{
	pne_give_back(e, sq, 1);
}

/**
 * parley_emu_asks_no_more() - there is no command that waits, or will not be any more
 * @e: the controller
 * @sq: the queue
 *
 * Others get what was set aside for it.
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_asks_no_more(struct parley_emu *e, u16 sq)
{
	struct parley_limit *limit = pne_limit(e, sq);

	lockdep_assert_held(&e->mutex);
	if (limit && (parley_limit_waiting(limit) || parley_limit_spare(limit)))
		parley_limit_idle(limit, pne_now(e));
}
