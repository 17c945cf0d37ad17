// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands for the function: the guest's pages are pinned, the function is given the
 * command, and when it has answered, the pages are let go of and the guest is told.
 * Which commands there are, and what is right of them, ../vf/command.c knows.
 *
 * Each queue of the guest has one of the function's, with as many commands as may be
 * in flight there, so the function never refuses one for want of room.
 */
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include "rooms.h"

/**
 * parley_emu_lanes_free() - give the memory back
 * @e: the controller, with nothing in flight
 *
 * Context: process context; may sleep.
 */
void parley_emu_lanes_free(struct parley_emu *e)
{
	struct parley_nvme *n = &e->vf->n;
	struct parley_emu_lane *lane;

	for (lane = e->lane; lane < e->lane + PARLEY_NVME_IO_QUEUES; lane++) {
		if (lane->lists)
			n->ops->free(n, lane->nr * PARLEY_EMU_LIST, lane->lists,
				     lane->lists_dma);
		kvfree(lane->req);
		memset(lane, 0, sizeof(*lane));
	}
}

static void pne_give(struct parley_emu_lane *lane, struct parley_emu_req *req)
{
	req->next = lane->free;
	lane->free = req;
}

static int pne_lane_make(struct parley_emu *e, unsigned int i)
{
	struct parley_nvme *n = &e->vf->n;
	struct parley_emu_lane *lane = &e->lane[i];
	unsigned int nr;

	BUILD_BUG_ON((PARLEY_EMU_PAGES - 1) * sizeof(__le64) > PARLEY_EMU_LIST);
	lane->nr = e->vf->queue[i].slots;
	lane->req = kvcalloc(lane->nr, sizeof(*lane->req), GFP_KERNEL);
	lane->lists = n->ops->alloc(n, lane->nr * PARLEY_EMU_LIST, &lane->lists_dma);
	if (!lane->req || !lane->lists)
		return -ENOMEM;
	for (nr = 0; nr < lane->nr; nr++) {
		lane->req[nr].e = e;
		lane->req[nr].list = lane->lists + nr * PARLEY_EMU_LIST;
		lane->req[nr].list_dma = lane->lists_dma + nr * PARLEY_EMU_LIST;
		pne_give(lane, &lane->req[nr]);
	}
	return 0;
}

/**
 * parley_emu_lanes_make() - memory for what can be in flight
 * @e: the controller
 *
 * Context: process context; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_emu_lanes_make(struct parley_emu *e)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < e->nr_queues && !err; i++)
		err = pne_lane_make(e, i);
	if (err)
		parley_emu_lanes_free(e);
	return err;
}

/* ------------------------------------------------------ how it ends */

static void pne_unpin(struct parley_emu *e, struct parley_emu_req *req)
{
	while (req->nr_pages) {
		req->nr_pages--;
		e->ops->unpin(e, req->page[req->nr_pages] & ~(PARLEY_NVME_PAGE - 1ULL),
			      req->in, req->dma[req->nr_pages]);
	}
}

/* What it has of the guest's, and what it knows of that. */
static void pne_release(struct parley_emu *e, struct parley_emu_req *req)
{
	parley_emu_ranges_free(req);
	pne_unpin(e, req);
}

/* In any context: what is left to do has to wait for one that may sleep. */
static void pne_done(struct parley_nvme_io *io, int err, u16 status)
{
	struct parley_emu_req *req = container_of(io, struct parley_emu_req, io);
	struct parley_emu *e = req->e;

	/*
	 * Once it is in the list it may be ended, and the controller may go:
	 * parley_emu_exit() waits for who is still here.  Whoever takes one takes all, so
	 * who was not the first need not call him again.
	 */
	guard(rcu)();
	req->err = err;
	req->status = status;
	if (!llist_add(&req->node, &e->ended))
		return;
	parley_emu_kick(e);
	wake_up(&e->wait);
}

/* Whether there was more of it to do, and the function has that now, or will. */
static bool pne_goes_on(struct parley_emu *e, struct parley_emu_req *req)
{
	int err;

	if (req->err || req->status || e->draining || !parley_emu_ranges_next(e, req))
		return false;
	err = parley_nvme_io_submit(e->vf, req->sq - 1, &req->io);
	if (!err || parley_emu_park(e, req, err))
		return true;
	/* Else it may be over, and is not ours. */
	req->err = err;
	return false;
}

/* Without the function there is no disk; a reset may bring it back, or not. */
static void pne_lost(struct parley_emu *e)
{
	parley_emu_happens(e, PARLEY_EMU_LOST);
	parley_emu_fault(e, "has lost the function behind its disk");
}

/**
 * parley_emu_end() - a command is over, or a part of it
 * @e: the controller
 * @req: the command, with what became of it
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_end(struct parley_emu *e, struct parley_emu_req *req)
{
	lockdep_assert_held(&e->mutex);
	if (pne_goes_on(e, req))
		return;
	pne_release(e, req);
	pne_give(&e->lane[req->sq - 1], req);
	e->sq[req->sq].flying--;
	parley_emu_post(e, req->sq, req->cid,
			req->err ? NVME_SC_INTERNAL : req->status, 0);
	if (req->err)
		pne_lost(e);
}

/**
 * parley_emu_reap() - end what the function has answered
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: whether there was anything.
 */
bool parley_emu_reap(struct parley_emu *e)
{
	struct llist_node *ended = llist_reverse_order(llist_del_all(&e->ended));
	struct parley_emu_req *req, *next;

	lockdep_assert_held(&e->mutex);
	/*
	 * All pages before the first answer, which may have to wait for somebody who takes
	 * them away.  What is parked keeps its own.
	 */
	llist_for_each_entry(req, ended, node)
		if (req->err != -ENETDOWN)
			pne_unpin(e, req);
	llist_for_each_entry_safe(req, next, ended, node)
		if (!parley_emu_park(e, req, req->err))
			parley_emu_end(e, req);
	return ended;
}

/**
 * parley_emu_drain() - wait until the function has answered all of a queue
 * @e: the controller
 * @sq: the queue
 *
 * It does so, or is DEAD, within the time-out of a command, or at once if who runs the
 * guest is gone (lock.c).  What it forgot is not waited for: that is answered as aborted.
 * No other is fetched until the caller says so.
 *
 * Context: process context; @e->mutex held; sleeps.
 * Return: whether there was anything.
 */
bool parley_emu_drain(struct parley_emu *e, u16 sq)
{
	bool flew = e->sq[sq].flying;

	lockdep_assert_held(&e->mutex);
	WRITE_ONCE(e->draining, true);
	for (parley_emu_drop(e, sq); e->sq[sq].flying; parley_emu_drop(e, sq)) {
		parley_emu_await(e);
		parley_emu_reap(e);
	}
	WRITE_ONCE(e->draining, false);
	parley_emu_asks_no_more(e, sq);
	return flew;
}

/* ---------------------------------------------------- how it begins */

static u16 pne_pin(struct parley_emu *e, struct parley_emu_req *req, unsigned int nr)
{
	u64 page;
	int err;

	for (req->nr_pages = 0; req->nr_pages < nr; req->nr_pages++) {
		page = req->page[req->nr_pages] & ~(PARLEY_NVME_PAGE - 1ULL);
		err = e->ops->pin(e, page, req->in, &req->dma[req->nr_pages]);
		if (err)
			return err == -EBUSY ? PARLEY_EMU_WAIT : NVME_SC_DATA_XFER_ERROR;
	}
	return 0;
}

/* The same for the function, at its addresses. */
static void pne_list(struct parley_emu_req *req)
{
	unsigned int i;

	req->io.prp1 = req->dma[0] + req->page[0] % PARLEY_NVME_PAGE;
	req->io.prp2 = req->nr_pages == 2 ? req->dma[1] : req->list_dma;
	for (i = 1; i < req->nr_pages; i++)
		req->list[i - 1] = cpu_to_le64(req->dma[i]);
}

/**
 * parley_emu_most() - most bytes of a command's data
 * @e: the controller
 *
 * Context: any.
 * Return: a power of two of pages, and no more than the function takes.
 */
u32 parley_emu_most(struct parley_emu *e)
{
	return min_t(u32, PARLEY_NVME_PAGE << PARLEY_EMU_MDTS, e->vf->n.id.transfer);
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_most);

static u16 pne_check(struct parley_emu *e, const struct parley_nvme_verb *verb,
		     const struct nvme_command *cmd)
{
	u32 most = verb->data ? parley_emu_most(e) : parley_nvme_verb_most(e->vf, verb);
	u64 block = le64_to_cpu(cmd->rw.slba), all = e->blocks;
	u32 blocks = le16_to_cpu(cmd->rw.length) + 1;

	if (blocks > all || block > all - blocks)
		return PARLEY_EMU_NO(NVME_SC_LBA_RANGE);
	if ((u64)blocks * e->vf->ns.block_size > most)
		return PARLEY_EMU_NO(NVME_SC_INVALID_FIELD);
	return 0;
}

/* Which memory the blocks' data are in, pinned. */
static u16 pne_data(struct parley_emu *e, struct parley_emu_req *req,
		    const struct nvme_command *cmd)
{
	unsigned int nr;
	u16 status;

	status = parley_emu_prp(e, cmd, req->io.blocks * e->vf->ns.block_size, req->page,
				&nr);
	if (!status)
		status = pne_pin(e, req, nr);
	if (!status)
		pne_list(req);
	return status;
}

static u16 pne_blocks(struct parley_emu *e, struct parley_emu_req *req,
		      const struct parley_nvme_verb *verb, const struct nvme_command *cmd)
{
	u16 status = pne_check(e, verb, cmd);

	if (status)
		return status;
	req->in = verb->in;
	req->io.block = e->first + le64_to_cpu(cmd->rw.slba);
	req->io.blocks = le16_to_cpu(cmd->rw.length) + 1;
	/* What is left out is about metadata, or advice. */
	req->io.control = le16_to_cpu(cmd->rw.control) &
			  parley_nvme_verb_control(e->vf, verb);
	return verb->data ? pne_data(e, req, cmd) : 0;
}

/* What the function is to be given; PARLEY_EMU_LATER if that is anything. */
static u16 pne_prepare(struct parley_emu *e, struct parley_emu_req *req,
		       const struct parley_nvme_verb *verb, const struct nvme_command *cmd)
{
	u16 status = 0;

	switch (verb->about) {
	case PARLEY_NVME_ALL:
		break;
	case PARLEY_NVME_BLOCKS:
		status = pne_blocks(e, req, verb, cmd);
		break;
	case PARLEY_NVME_RANGES:
		status = parley_emu_ranges(e, req, cmd);
		if (!status && !parley_emu_ranges_next(e, req))
			return 0;
		break;
	}
	return status ?: PARLEY_EMU_LATER;
}

static u16 pne_submit(struct parley_emu *e, u16 sq, struct parley_emu_req *req)
{
	int err;

	/* Before the function has it: then it may be over at any time. */
	e->lane[sq - 1].free = req->next;
	e->sq[sq].flying++;
	err = parley_nvme_io_put(e->vf, sq - 1, &req->io);
	if (!err || parley_emu_park(e, req, err))
		return PARLEY_EMU_LATER;
	pne_give(&e->lane[sq - 1], req);
	e->sq[sq].flying--;
	/* It died with nothing under way: nobody has said so yet. */
	if (err == -EIO || err == -ENODEV)
		pne_lost(e);
	return NVME_SC_INTERNAL;
}

/**
 * parley_emu_io() - a command of an I/O queue
 * @e: the controller
 * @sq: the queue
 * @cmd: the command, a copy
 *
 * The function is told of it, and of those after it, by parley_nvme_io_ring().
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: PARLEY_EMU_LATER; PARLEY_EMU_WAIT: it cannot begin now; or its status if it is
 *	over.
 */
u16 parley_emu_io(struct parley_emu *e, u16 sq, const struct nvme_command *cmd)
{
	const struct parley_nvme_verb *verb = parley_nvme_verb(e->vf, cmd->common.opcode);
	struct parley_emu_req *req = e->lane[sq - 1].free;
	u16 status;

	lockdep_assert_held(&e->mutex);
	if (!verb)
		return PARLEY_EMU_NO(NVME_SC_INVALID_OPCODE);
	if (!req)
		return NVME_SC_INTERNAL;
	req->sq = sq;
	req->cid = cmd->common.command_id;
	req->nr_pages = 0;
	req->io = (struct parley_nvme_io) {
		.opcode = cmd->common.opcode,
		.done = pne_done,
	};
	status = pne_prepare(e, req, verb, cmd);
	if (status == PARLEY_EMU_LATER)
		status = pne_submit(e, sq, req);
	if (status != PARLEY_EMU_LATER)
		pne_release(e, req);
	return status;
}
