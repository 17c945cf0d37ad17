// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in the guest's queues.  Their pages are used directly, if they can be (share.c);
 * while they cannot, each entry is copied like the rest of the guest's memory.
 */
#include <linux/rcupdate.h>
#include <asm/barrier.h>
#include "rooms.h"

/* Halves of an answer; the phase is in the second one. */
#define PNE_HALVES	(sizeof(struct nvme_completion) / sizeof(u64))

/**
 * parley_emu_sq_pages() - use a submission queue's pages directly whenever they can be
 * @e: the controller
 * @id: the queue
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_sq_pages(struct parley_emu *e, u16 id)
{
	struct parley_emu_sq *sq = &e->sq[id];
	unsigned int page;

	for (page = 0; page * PARLEY_NVME_PAGE < sq->size * sizeof(struct nvme_command); page++)
		parley_emu_want(e, &e->pages.sq[id][page], sq->base + page * PARLEY_NVME_PAGE);
}

/**
 * parley_emu_sq_no_pages() - the mirror of parley_emu_sq_pages()
 * @e: the controller
 * @id: the queue, or none
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_sq_no_pages(struct parley_emu *e, u16 id)
{
	unsigned int page;

	for (page = 0; page < PARLEY_EMU_SQ_PAGES; page++)
		parley_emu_unshare(e, &e->pages.sq[id][page]);
}

/**
 * parley_emu_cq_page() - use a completion queue's page directly whenever it can be
 * @e: the controller
 * @id: the queue
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_cq_page(struct parley_emu *e, u16 id)
{
	BUILD_BUG_ON(PARLEY_EMU_ENTRIES * sizeof(struct nvme_completion) > PARLEY_NVME_PAGE);
	parley_emu_want(e, &e->pages.cq[id], e->cq[id].base);
}

/**
 * parley_emu_cq_no_page() - the mirror of parley_emu_cq_page()
 * @e: the controller
 * @id: the queue, or none
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_cq_no_page(struct parley_emu *e, u16 id)
{
	parley_emu_unshare(e, &e->pages.cq[id]);
}

/* If it can be; once, whatever the guest does meanwhile. */
static bool pne_get(struct parley_emu *e, u16 id, u64 *to, u32 offset)
{
	const u64 *from;
	unsigned int i;

	guard(rcu)();
	from = parley_emu_shared(&e->pages.sq[id][offset / PARLEY_NVME_PAGE]);
	if (!from)
		return false;
	from += offset % PARLEY_NVME_PAGE / sizeof(*from);
	for (i = 0; i < sizeof(struct nvme_command) / sizeof(*to); i++)
		to[i] = READ_ONCE(from[i]);
	return true;
}

/**
 * parley_emu_entry_read() - the command at a queue's head
 * @e: the controller
 * @id: the queue
 * @cmd: a copy of it, which the guest cannot reach
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0, or an error if it is where there is no memory.
 */
int parley_emu_entry_read(struct parley_emu *e, u16 id, struct nvme_command *cmd)
{
	u32 offset = e->sq[id].head * sizeof(*cmd);

	lockdep_assert_held(&e->mutex);
	if (pne_get(e, id, (u64 *)cmd, offset))
		return 0;
	return e->ops->read(e, e->sq[id].base + offset, cmd, sizeof(*cmd));
}

/* If it can be; it is told of, since nobody else saw it. */
static bool pne_put(struct parley_emu *e, u16 id, const u64 *half, u32 offset)
{
	u64 *to;

	scoped_guard(rcu) {
		to = parley_emu_shared(&e->pages.cq[id]);
		if (!to)
			return false;
		to += offset / sizeof(*to);
		WRITE_ONCE(to[0], half[0]);
		/* The rest before the phase; the guest reads them in the other order. */
		virt_wmb();
		WRITE_ONCE(to[1], half[1]);
	}
	if (e->ops->wrote)
		e->ops->wrote(e, e->cq[id].base + offset, PNE_HALVES * sizeof(*half));
	return true;
}

/*
 * The byte with the phase comes last: whoever sees it sees all of the answer.  The
 * guest's read barrier after its look at the phase is the other side.
 */
static int pne_copy(struct parley_emu *e, u64 address, const struct nvme_completion *cqe)
{
	const size_t phase = offsetof(struct nvme_completion, status);
	const u8 *bytes = (const u8 *)cqe;
	int err = e->ops->write(e, address, bytes, phase);

	if (!err)
		err = e->ops->write(e, address + phase + 1, bytes + phase + 1, 1);
	/* The rest before the phase; the guest reads them in the other order. */
	virt_wmb();
	return err ?: e->ops->write(e, address + phase, bytes + phase, 1);
}

/**
 * parley_emu_entry_write() - an answer at a queue's tail
 * @e: the controller
 * @id: the queue
 * @cqe: the answer
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0, or an error if it is where there is no memory.
 */
int parley_emu_entry_write(struct parley_emu *e, u16 id, const struct nvme_completion *cqe)
{
	u32 offset = e->cq[id].tail * sizeof(*cqe);
	u64 half[PNE_HALVES];

	lockdep_assert_held(&e->mutex);
	memcpy(half, cqe, sizeof(half));
	if (pne_put(e, id, half, offset))
		return 0;
	return pne_copy(e, e->cq[id].base + offset, cqe);
}
