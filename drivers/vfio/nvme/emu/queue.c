// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's queues: where they may be, what is in them, and how answers get there.
 *
 * A command is fetched only if its answer will find room: the guest's doorbell says
 * what it has read, and what commands in flight will take is counted.  So a queue
 * never runs over, whatever the guest does.
 */
#include <linux/jiffies.h>
#include <parley/compat.h>
#include "rooms.h"

/**
 * parley_emu_area() - whether an area of the guest's memory begins a page and does
 *	not wrap
 * @base: where it is
 * @size: bytes, not 0
 *
 * Context: any.
 * Return: true if it begins a page and does not go beyond all addresses.
 */
bool parley_emu_area(u64 base, u64 size)
{
	return !(base % PARLEY_NVME_PAGE) && base <= U64_MAX - (size - 1);
}

/**
 * parley_emu_fault() - the guest broke the rules: nothing more until it resets
 * @e: the controller
 * @why: for the log
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_fault(struct parley_emu *e, const char *why)
{
	lockdep_assert_held(&e->mutex);
	if (e->csts & NVME_CSTS_CFS)
		return;
	WRITE_ONCE(e->csts, e->csts | NVME_CSTS_CFS);
	dev_warn_ratelimited(e->vf->n.dev, "a guest %s: its controller does nothing until it is reset\n",
			     why);
}

static u16 pne_check(u64 base, u32 size, size_t entry)
{
	if (size < 2 || size > PARLEY_EMU_ENTRIES)
		return PARLEY_EMU_NO(NVME_SC_QUEUE_SIZE);
	if (!parley_emu_area(base, size * entry))
		return PARLEY_EMU_NO(NVME_SC_PRP_INVALID_OFFSET);
	return 0;
}

/**
 * parley_emu_sq_make() - a submission queue
 * @e: the controller
 * @id: its number, which is free
 * @base: where it is
 * @size: entries
 * @cq: the completion queue, which is there
 *
 * Context: process context; @e->mutex held.
 * Return: 0 or the status of the command that asked for it.
 */
u16 parley_emu_sq_make(struct parley_emu *e, u16 id, u64 base, u32 size, u16 cq)
{
	u16 status = pne_check(base, size, sizeof(struct nvme_command));

	lockdep_assert_held(&e->mutex);
	if (status)
		return status;
	WRITE_ONCE(e->doorbell[2 * id], 0);
	e->sq[id] = (struct parley_emu_sq) {
		.there = true,
		.base = base,
		.size = size,
		.cq = cq,
	};
	e->cq[cq].users++;
	parley_emu_sq_pages(e, id);
	parley_emu_shadow_queue(e, id, false);
	return 0;
}

/**
 * parley_emu_cq_make() - a completion queue
 * @e: the controller
 * @id: its number, which is free
 * @base: where it is
 * @size: entries
 * @vector: its interrupt
 * @interrupts: the guest wants them
 *
 * Context: process context; @e->mutex held.
 * Return: 0 or the status of the command that asked for it.
 */
u16 parley_emu_cq_make(struct parley_emu *e, u16 id, u64 base, u32 size, u16 vector,
		       bool interrupts)
{
	u16 status = pne_check(base, size, sizeof(struct nvme_completion));

	lockdep_assert_held(&e->mutex);
	if (status)
		return status;
	WRITE_ONCE(e->doorbell[2 * id + 1], 0);
	e->cq[id] = (struct parley_emu_cq) {
		.there = true,
		.base = base,
		.size = size,
		.phase = 1,
		.vector = vector,
		.interrupts = interrupts,
	};
	parley_emu_cq_page(e, id);
	parley_emu_shadow_queue(e, id, true);
	return 0;
}

/**
 * parley_emu_room() - whether one more answer will find room
 * @e: the controller
 * @id: the completion queue
 *
 * A doorbell that cannot be is a fault.
 *
 * Context: process context; @e->mutex held.
 * Return: whether it will.
 */
bool parley_emu_room(struct parley_emu *e, u16 id)
{
	struct parley_emu_cq *cq = &e->cq[id];
	u32 head = parley_emu_bell(e, id, true), full;

	lockdep_assert_held(&e->mutex);
	if (head >= cq->size) {
		parley_emu_fault(e, "rang a completion queue's doorbell beyond its end");
		return false;
	}
	full = (cq->tail + cq->size - head) % cq->size;
	cq->seen = head;
	cq->full = full + cq->owed + 1 >= cq->size;
	return !cq->full;
}

/* Maybe it was shut down: then it still answers admin commands. */
static bool pne_works(const struct parley_emu *e)
{
	return (e->csts & (NVME_CSTS_RDY | NVME_CSTS_CFS)) == NVME_CSTS_RDY;
}

/**
 * parley_emu_fetch() - the next command of a queue, if there is one and room for
 *	its answer
 * @e: the controller
 * @id: the queue
 * @cmd: a copy of it
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: whether there is one.
 */
bool parley_emu_fetch(struct parley_emu *e, u16 id, struct nvme_command *cmd)
{
	struct parley_emu_sq *sq = &e->sq[id];
	u32 tail;

	lockdep_assert_held(&e->mutex);
	if (!sq->there || e->stopped || READ_ONCE(e->left) || !pne_works(e))
		return false;
	tail = parley_emu_bell(e, id, false);
	if (e->csts & NVME_CSTS_CFS)
		return false;
	if (tail >= sq->size) {
		parley_emu_fault(e, "rang a submission queue's doorbell beyond its end");
		return false;
	}
	if (sq->head == tail)
		parley_emu_asks_no_more(e, id);
	if (sq->head == tail || parley_emu_waits(e, id) || !parley_emu_room(e, sq->cq))
		return false;
	if (parley_emu_entry_read(e, id, cmd)) {
		parley_emu_fault(e, "has a submission queue where it has no memory");
		return false;
	}
	/* Else it is read anew when it may, and only that counts. */
	if (!parley_emu_admit(e, id, cmd))
		return false;
	sq->head = (sq->head + 1) % sq->size;
	e->cq[sq->cq].owed++;
	return true;
}

/**
 * parley_emu_unfetch() - the command that was fetched last cannot begin now
 * @e: the controller
 * @id: the queue
 * @cmd: the command
 *
 * It is as if it had not been fetched, and is read anew after a while.
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_unfetch(struct parley_emu *e, u16 id, const struct nvme_command *cmd)
{
	unsigned long wait = msecs_to_jiffies(PARLEY_EMU_WAIT_MS);
	struct parley_emu_sq *sq = &e->sq[id];

	lockdep_assert_held(&e->mutex);
	sq->head = (sq->head + sq->size - 1) % sq->size;
	e->cq[sq->cq].owed--;
	parley_emu_unpay(e, id);
	sq->waits = true;
	sq->waiting = *cmd;
	sq->until = jiffies + wait;
	/* Not before it; who has waited longer is looked at then as well. */
	mod_delayed_work(system_dfl_wq, &e->wait_over, wait + 1);
}

/**
 * parley_emu_post() - the answer to a command that was fetched
 * @e: the controller
 * @sq: where it was fetched
 * @cid: the guest's number for it
 * @status: 0 or what went wrong
 * @result: for the guest
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_post(struct parley_emu *e, u16 sq, u16 cid, u16 status, u32 result)
{
	struct parley_emu_cq *cq = &e->cq[e->sq[sq].cq];
	struct nvme_completion cqe = {
		.result.u32 = cpu_to_le32(result),
		.sq_head = cpu_to_le16(e->sq[sq].head),
		.sq_id = cpu_to_le16(sq),
		.command_id = cid,
		.status = cpu_to_le16(status << 1 | cq->phase),
	};

	lockdep_assert_held(&e->mutex);
	cq->owed--;
	/* Nobody is left to read it, nor may his memory be. */
	if (READ_ONCE(e->left))
		return;
	if (parley_emu_entry_write(e, e->sq[sq].cq, &cqe)) {
		parley_emu_fault(e, "has a completion queue where it has no memory");
		return;
	}
	if (++cq->tail == cq->size) {
		cq->tail = 0;
		cq->phase ^= 1;
	}
	cq->told = true;
}

/**
 * parley_emu_interrupts() - tell the guest of the answers that it has
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_interrupts(struct parley_emu *e)
{
	struct parley_emu_cq *cq;

	lockdep_assert_held(&e->mutex);
	if (e->stopped)
		return;
	for (cq = e->cq; cq < e->cq + PARLEY_EMU_QUEUES; cq++) {
		if (cq->told && cq->interrupts)
			e->ops->interrupt(e, cq->vector);
		cq->told = false;
	}
	parley_emu_line(e);
}

/* It has answers that the guest has not taken, and wants to hear of. */
static bool pne_raises(struct parley_emu *e, u16 id)
{
	struct parley_emu_cq *cq = &e->cq[id];

	return cq->there && cq->interrupts && !(e->masked & BIT(cq->vector)) &&
	       cq->tail != parley_emu_bell_taken(e, id);
}

/**
 * parley_emu_line() - raise the interrupt line, or lower it
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_line(struct parley_emu *e)
{
	bool raised = false;
	u16 id;

	lockdep_assert_held(&e->mutex);
	/* Who is stopped is told of what there is when it goes on. */
	for (id = 0; id < PARLEY_EMU_QUEUES && e->wired && !e->stopped && !raised; id++)
		raised = pne_raises(e, id);
	if (raised == e->raised)
		return;
	WRITE_ONCE(e->raised, raised);
	e->ops->line(e, raised);
}
