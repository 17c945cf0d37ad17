// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O queues: how they come and go, and what is in flight there.
 *
 * A command ends exactly once: when its answer is taken out of the queue, or when
 * the controller is not LIVE any more and can reach no memory.  Who takes the command
 * out of its slot, under the queue's lock, is the one that ends it.
 */
#include <linux/bitops.h>
#include <linux/jiffies.h>
#include <parley/export.h>
#include "vf.h"

/* The number of a command: six bits of slot, nine of count; never 0xffff. */
#define PVF_CID(round, slot)	((((round) << 6) | (slot)) & 0x7fff)
#define PVF_CID_SLOT(cid)	((cid) & (PARLEY_NVME_IO_SLOTS - 1))

static_assert(PARLEY_NVME_IO_SLOTS == 64);
static_assert(sizeof_field(struct parley_nvme_io_queue, taken) * BITS_PER_BYTE ==
	      PARLEY_NVME_IO_SLOTS);

/**
 * parley_nvme_io_init() - no queues yet
 * @vf: the function
 *
 * Context: process context.
 */
void parley_nvme_io_init(struct parley_nvme_vf *vf)
{
	unsigned int i;

	for (i = 0; i < PARLEY_NVME_IO_QUEUES; i++)
		spin_lock_init(&vf->queue[i].lock);
}

/* ------------------------------------------------ queues come and go */

/* How many the controller allows, of as many as there can be. */
static int pvf_ask_number(struct parley_nvme_vf *vf, unsigned int *nr)
{
	struct parley_nvme_req req = {
		.cmd.features = {
			.opcode = nvme_admin_set_features,
			.fid = cpu_to_le32(NVME_FEAT_NUM_QUEUES),
			.dword11 = cpu_to_le32((PARLEY_NVME_IO_QUEUES - 1) * 0x10001),
		},
	};
	int err = parley_nvme_admin(&vf->n, &req);

	if (err)
		return err;
	*nr = min3(req.result & 0xffff, req.result >> 16, PARLEY_NVME_IO_QUEUES - 1u) + 1;
	return 0;
}

static int pvf_create_cq(struct parley_nvme_vf *vf, struct parley_nvme_queue *queue)
{
	struct parley_nvme_req req = {
		.cmd.create_cq = {
			.opcode = nvme_admin_create_cq,
			.prp1 = cpu_to_le64(queue->cq_dma),
			.cqid = cpu_to_le16(queue->id),
			.qsize = cpu_to_le16(queue->depth - 1),
			.cq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG |
						NVME_CQ_IRQ_ENABLED),
			.irq_vector = cpu_to_le16(queue->id % vf->vectors),
		},
	};

	return parley_nvme_admin(&vf->n, &req);
}

static int pvf_create_sq(struct parley_nvme_vf *vf, struct parley_nvme_queue *queue)
{
	struct parley_nvme_req req = {
		.cmd.create_sq = {
			.opcode = nvme_admin_create_sq,
			.prp1 = cpu_to_le64(queue->sq_dma),
			.sqid = cpu_to_le16(queue->id),
			.qsize = cpu_to_le16(queue->depth - 1),
			.sq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG),
			.cqid = cpu_to_le16(queue->id),
		},
	};

	return parley_nvme_admin(&vf->n, &req);
}

static int pvf_delete(struct parley_nvme_vf *vf, u8 opcode, u16 id)
{
	struct parley_nvme_req req = {
		.cmd.delete_queue = {
			.opcode = opcode,
			.qid = cpu_to_le16(id),
		},
	};

	return parley_nvme_admin(&vf->n, &req);
}

static int pvf_open_one(struct parley_nvme_vf *vf, unsigned int i)
{
	struct parley_nvme_io_queue *q = &vf->queue[i];
	u16 depth = min_t(u32, PARLEY_NVME_IO_DEPTH, vf->n.entries);
	int err = parley_nvme_queue_alloc(&vf->n, &q->queue, i + 1, depth);

	if (err)
		return err;
	parley_nvme_queue_clear(&q->queue);
	err = pvf_create_cq(vf, &q->queue);
	if (!err)
		err = pvf_create_sq(vf, &q->queue);
	/* Memory that the controller was told of is kept until it is stopped. */
	if (err)
		return err;
	scoped_guard(spinlock_irqsave, &q->lock)
		q->slots = min(PARLEY_NVME_IO_SLOTS, depth - 1);
	return 0;
}

/**
 * parley_nvme_io_open() - make as many pairs of queues as there can be
 * @vf: the function, LIVE and without any
 *
 * If it fails, the controller has to be stopped; then parley_nvme_io_free() takes
 * back what was allocated.
 *
 * Context: process context; the controller's mutex held; may sleep.
 * Return: 0 if there is at least one, -ENOSPC if there can be none, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_nvme_io_open(struct parley_nvme_vf *vf)
{
	unsigned int nr = 0, i;
	int err;

	lockdep_assert_held(&vf->n.mutex);
	err = pvf_ask_number(vf, &nr);
	while (nr && !parley_nvme_queue_fits(&vf->n, nr))
		nr--;
	if (!err && (!nr || vf->n.entries < 2))
		err = -ENOSPC;
	for (i = 0; i < nr && !err; i++)
		err = pvf_open_one(vf, i);
	vf->nr_queues = err ? 0 : nr;
	if (!err)
		vf->most_queues = nr;
	return err;
}

/**
 * parley_nvme_io_close() - the controller forgets the queues
 * @vf: the function, in any state
 *
 * What is in flight there is answered or, if not, ended when the controller stops.
 *
 * Context: process context; the controller's mutex held; may sleep.
 */
void parley_nvme_io_close(struct parley_nvme_vf *vf)
{
	struct parley_nvme_io_queue *q;
	int err = 0;

	lockdep_assert_held(&vf->n.mutex);
	for (q = vf->queue; q < vf->queue + vf->nr_queues; q++) {
		scoped_guard(spinlock_irqsave, &q->lock)
			q->slots = 0;
		/* One that refuses is reset all the same. */
		if (!err)
			err = pvf_delete(vf, nvme_admin_delete_sq, q->queue.id);
		if (!err)
			err = pvf_delete(vf, nvme_admin_delete_cq, q->queue.id);
	}
	vf->nr_queues = 0;
}

/**
 * parley_nvme_io_free() - give the memory of the queues back
 * @vf: the function, stopped, with all its commands ended
 *
 * Context: process context; the controller's mutex held; may sleep.
 */
void parley_nvme_io_free(struct parley_nvme_vf *vf)
{
	struct parley_nvme_io_queue *q;

	lockdep_assert_held(&vf->n.mutex);
	for (q = vf->queue; q < vf->queue + PARLEY_NVME_IO_QUEUES; q++) {
		scoped_guard(spinlock_irqsave, &q->lock)
			q->slots = 0;
		parley_nvme_queue_free(&vf->n, &q->queue);
	}
	vf->nr_queues = 0;
}

/* ----------------------------------------------------- what is in flight */

/* Take the command out of a slot, and put it before those that are to be ended. */
static void pvf_collect(struct parley_nvme_io_queue *q, struct parley_nvme_io_slot *slot,
			struct parley_nvme_io **ended)
{
	lockdep_assert_held(&q->lock);
	slot->io->next = *ended;
	*ended = slot->io;
	slot->io = NULL;
	q->taken &= ~BIT_ULL(slot - q->slot);
}

static void pvf_end(struct parley_nvme_io *ended, int err)
{
	struct parley_nvme_io *io;

	while ((io = ended)) {
		ended = io->next;
		io->done(io, err, err ? 0 : io->status);
	}
}

/**
 * parley_nvme_io_end() - there will be no answers any more
 * @vf: the function, not LIVE, which reaches no memory
 * @err: why
 *
 * Context: any.
 */
void parley_nvme_io_end(struct parley_nvme_vf *vf, int err)
{
	struct parley_nvme_io_queue *q;
	struct parley_nvme_io *ended;
	unsigned int i;

	for (q = vf->queue; q < vf->queue + PARLEY_NVME_IO_QUEUES; q++) {
		ended = NULL;
		scoped_guard(spinlock_irqsave, &q->lock) {
			for (i = 0; i < PARLEY_NVME_IO_SLOTS; i++)
				if (q->slot[i].io)
					pvf_collect(q, &q->slot[i], &ended);
		}
		pvf_end(ended, err);
	}
}

/* One answer, if there is one. */
static bool pvf_take(struct parley_nvme_io_queue *q, struct parley_nvme_io **ended,
		     const char **fault)
{
	struct parley_nvme_answer answer;
	struct parley_nvme_io_slot *slot;

	lockdep_assert_held(&q->lock);
	if (!parley_nvme_queue_look(&q->queue, &answer, fault))
		return false;
	slot = &q->slot[PVF_CID_SLOT(answer.cid)];
	if (!slot->io || slot->cid != answer.cid) {
		*fault = "answered a command that it was not given";
		return false;
	}
	slot->io->status = answer.status;
	pvf_collect(q, slot, ended);
	parley_nvme_queue_next(&q->queue);
	return true;
}

static bool pvf_reap(struct parley_nvme_vf *vf, struct parley_nvme_io_queue *q)
{
	struct parley_nvme_io *ended = NULL;
	const char *fault = NULL;

	scoped_guard(spinlock_irqsave, &q->lock) {
		/* Who finds it LIVE here is waited for by who ends its commands. */
		if (q->slots && READ_ONCE(vf->n.state) == PARLEY_NVME_LIVE) {
			while (pvf_take(q, &ended, &fault))
				;
			if (ended)
				parley_nvme_queue_taken(&vf->n, &q->queue);
		}
	}
	if (fault)
		parley_nvme_fail(&vf->n, PARLEY_NVME_DEAD, fault);
	pvf_end(ended, 0);
	return ended;
}

/**
 * parley_nvme_io_reap() - take what the controller has answered
 * @vf: the function
 * @vector: of the queues of this interrupt
 *
 * Each answer ends a command, and there are few of those: a controller that writes
 * answers without end is DEAD at the first that nobody waits for.
 *
 * Context: any; this is what the interrupt does.
 * Return: whether there was an answer.
 */
bool parley_nvme_io_reap(struct parley_nvme_vf *vf, unsigned int vector)
{
	/* The numbers of queues begin at 1, and so do those of vectors, but for the last's. */
	unsigned int i = (vector ?: vf->vectors) - 1;
	bool found = false;

	for (; i < PARLEY_NVME_IO_QUEUES; i += vf->vectors)
		found |= pvf_reap(vf, &vf->queue[i]);
	return found;
}
PARLEY_EXPORT(parley_nvme_io_reap);

/**
 * parley_nvme_io_late() - whether a command takes too long
 * @vf: the function
 *
 * Context: any.
 * Return: true if one is beyond its time-out.
 */
bool parley_nvme_io_late(struct parley_nvme_vf *vf)
{
	struct parley_nvme_io_queue *q;
	bool late = false;
	unsigned int i;

	for (q = vf->queue; q < vf->queue + PARLEY_NVME_IO_QUEUES; q++) {
		scoped_guard(spinlock_irqsave, &q->lock) {
			for (i = 0; i < q->slots; i++)
				late |= q->slot[i].io &&
					time_after(jiffies, q->slot[i].end);
		}
	}
	return late;
}

static void pvf_describe(struct parley_nvme_vf *vf, const struct parley_nvme_io *io,
			 struct nvme_command *cmd)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->rw.opcode = io->opcode;
	cmd->rw.nsid = cpu_to_le32(vf->nsid);
	if (io->nr_ranges) {
		cmd->dsm.nr = cpu_to_le32(io->nr_ranges - 1);
		/* Nothing but this: the rest is advice. */
		cmd->dsm.attributes = cpu_to_le32(NVME_DSMGMT_AD);
		cmd->dsm.dptr.prp1 = cpu_to_le64(io->prp1);
	}
	if (!io->blocks)
		return;
	cmd->rw.slba = cpu_to_le64(io->block);
	cmd->rw.length = cpu_to_le16(io->blocks - 1);
	cmd->rw.control = cpu_to_le16(io->control);
	cmd->rw.dptr.prp1 = cpu_to_le64(io->prp1);
	cmd->rw.dptr.prp2 = cpu_to_le64(io->prp2);
}

/* The first slot without a command; PARLEY_NVME_IO_SLOTS: there is none. */
static unsigned int pvf_free(const struct parley_nvme_io_queue *q)
{
	return ~q->taken ? __ffs64(~q->taken) : PARLEY_NVME_IO_SLOTS;
}

static int pvf_put(struct parley_nvme_vf *vf, struct parley_nvme_io_queue *q,
		   struct parley_nvme_io *io, struct nvme_command *cmd)
{
	struct parley_nvme_io_slot *slot;
	int err = parley_nvme_state_error(READ_ONCE(vf->n.state));
	unsigned int nr = pvf_free(q);

	lockdep_assert_held(&q->lock);
	if (err || !q->slots)
		return err ?: -ENETDOWN;
	if (nr >= q->slots)
		return -EBUSY;
	q->taken |= BIT_ULL(nr);
	slot = &q->slot[nr];
	slot->io = io;
	slot->cid = PVF_CID(q->round++, nr);
	slot->end = jiffies + msecs_to_jiffies(vf->io_ms);
	cmd->common.command_id = slot->cid;
	parley_nvme_queue_put(&q->queue, cmd);
	return 0;
}

/**
 * parley_nvme_io_put() - a command for the controller, of which it is told later
 * @vf: the function, which nobody takes back meanwhile
 * @nr: which pair of queues, from 0
 * @io: the command; the room's until @io->done is called, if 0 is returned
 *
 * It is told by parley_nvme_io_ring(), of all at once.
 *
 * Context: any.
 * Return: 0, or
 *	-EINVAL		no such command, block or queue
 *	-EBUSY		as many as can be are under way in this queue
 *	-ENETDOWN	the function is not handed out, or was reset
 *	-EIO		the controller is DEAD
 *	-ENODEV		it is GONE
 */
int parley_nvme_io_put(struct parley_nvme_vf *vf, unsigned int nr, struct parley_nvme_io *io)
{
	struct nvme_command cmd;
	int err = -EINVAL;

	if (nr >= PARLEY_NVME_IO_QUEUES || !parley_nvme_verb_fits(vf, io))
		return err;
	pvf_describe(vf, io, &cmd);
	scoped_guard(spinlock_irqsave, &vf->queue[nr].lock)
		err = pvf_put(vf, &vf->queue[nr], io, &cmd);
	return err;
}
PARLEY_EXPORT(parley_nvme_io_put);

/**
 * parley_nvme_io_ring() - tell the controller what it does not know yet
 * @vf: the function
 * @nr: of which pair of queues, from 0
 *
 * Context: any.
 */
void parley_nvme_io_ring(struct parley_nvme_vf *vf, unsigned int nr)
{
	struct parley_nvme_io_queue *q = &vf->queue[nr];

	scoped_guard(spinlock_irqsave, &q->lock)
		if (q->slots && READ_ONCE(vf->n.state) == PARLEY_NVME_LIVE)
			parley_nvme_queue_ring(&vf->n, &q->queue);
}
PARLEY_EXPORT(parley_nvme_io_ring);

/**
 * parley_nvme_io_submit() - give the controller a command
 * @vf: the function, which nobody takes back meanwhile
 * @nr: which pair of queues, from 0
 * @io: as above
 *
 * Context: any.
 * Return: as parley_nvme_io_put().
 */
int parley_nvme_io_submit(struct parley_nvme_vf *vf, unsigned int nr,
			  struct parley_nvme_io *io)
{
	int err = parley_nvme_io_put(vf, nr, io);

	if (!err)
		parley_nvme_io_ring(vf, nr);
	return err;
}
PARLEY_EXPORT(parley_nvme_io_submit);
