// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pair of queues in memory: commands go into one, answers come out of the other.
 * Which commands there are, and whose answer it is, the user knows; what belongs to
 * the queue itself is checked here.
 */
#include <linux/dma-mapping.h>
#include <parley/export.h>
#include "ctrl.h"

static size_t pnc_sq_size(u16 depth)
{
	return ALIGN(depth * sizeof(struct nvme_command), PARLEY_NVME_PAGE);
}

static size_t pnc_cq_size(u16 depth)
{
	return ALIGN(depth * sizeof(struct nvme_completion), PARLEY_NVME_PAGE);
}

/**
 * parley_nvme_queue_alloc() - memory for a pair of queues
 * @n: the controller
 * @queue: zeroed
 * @id: number of both
 * @depth: entries of each
 *
 * If it fails, what it got is given back by parley_nvme_queue_free() all the same, once
 * the controller, which may have other queues, reaches no memory any more.
 *
 * Context: process context; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_nvme_queue_alloc(struct parley_nvme *n, struct parley_nvme_queue *queue,
			    u16 id, u16 depth)
{
	queue->id = id;
	queue->depth = depth;
	queue->sq = n->ops->alloc(n, pnc_sq_size(depth), &queue->sq_dma);
	queue->cq = n->ops->alloc(n, pnc_cq_size(depth), &queue->cq_dma);
	return queue->sq && queue->cq ? 0 : -ENOMEM;
}
PARLEY_EXPORT(parley_nvme_queue_alloc);

/**
 * parley_nvme_queue_free() - give it back
 * @n: the controller, which does not reach it any more
 * @queue: the queues, or zeroed
 *
 * Context: process context; may sleep.
 */
void parley_nvme_queue_free(struct parley_nvme *n, struct parley_nvme_queue *queue)
{
	if (queue->cq)
		n->ops->free(n, pnc_cq_size(queue->depth), queue->cq, queue->cq_dma);
	if (queue->sq)
		n->ops->free(n, pnc_sq_size(queue->depth), queue->sq, queue->sq_dma);
	memset(queue, 0, sizeof(*queue));
}
PARLEY_EXPORT(parley_nvme_queue_free);

/**
 * parley_nvme_queue_clear() - empty queues, as a controller expects new ones
 * @queue: the queues, which the controller does not know yet
 *
 * Context: any; the user serialises.
 */
void parley_nvme_queue_clear(struct parley_nvme_queue *queue)
{
	memset(queue->cq, 0, pnc_cq_size(queue->depth));
	queue->sq_tail = 0;
	queue->sq_rung = 0;
	queue->cq_head = 0;
	queue->phase = 1;
}
PARLEY_EXPORT(parley_nvme_queue_clear);

static u32 pnc_doorbell(struct parley_nvme *n, u16 id, bool cq)
{
	return NVME_REG_DBS + (2 * id + cq) * n->stride;
}

/**
 * parley_nvme_queue_fits() - whether the registers have doorbells for it
 * @n: the controller, whose capabilities are known
 * @id: number of the queues
 *
 * Context: any.
 * Return: true if they have both.
 */
bool parley_nvme_queue_fits(struct parley_nvme *n, u16 id)
{
	return pnc_doorbell(n, id, true) + sizeof(u32) <= n->bar;
}
PARLEY_EXPORT(parley_nvme_queue_fits);

/**
 * parley_nvme_queue_put() - a command, of which the controller does not know yet
 * @queue: the queues, with room: there is, as long as less commands are in flight
 *	than there are entries
 * @cmd: the command, with its number
 *
 * Context: any; the user serialises.
 */
void parley_nvme_queue_put(struct parley_nvme_queue *queue, const struct nvme_command *cmd)
{
	queue->sq[queue->sq_tail] = *cmd;
	if (++queue->sq_tail == queue->depth)
		queue->sq_tail = 0;
}
PARLEY_EXPORT(parley_nvme_queue_put);

/**
 * parley_nvme_queue_ring() - tell the controller of all that it does not know yet
 * @n: the controller
 * @queue: the queues; if there is nothing to tell, this does nothing
 *
 * Context: any; the user serialises.
 */
void parley_nvme_queue_ring(struct parley_nvme *n, struct parley_nvme_queue *queue)
{
	/* There are less commands than entries: so it is no whole round. */
	if (queue->sq_rung == queue->sq_tail)
		return;
	queue->sq_rung = queue->sq_tail;
	/* Orders the commands before the doorbell by itself. */
	n->ops->write32(n, pnc_doorbell(n, queue->id, false), queue->sq_tail);
}
PARLEY_EXPORT(parley_nvme_queue_ring);

/**
 * parley_nvme_queue_look() - the next answer, if there is one
 * @queue: the queues
 * @answer: a copy of it
 * @fault: set, if it is one that there cannot be
 *
 * All of it is read once, and its last word first: the controller writes that one
 * last.
 *
 * Context: any; the user serialises.
 * Return: whether there is one that can be; it is there until
 *	parley_nvme_queue_next().
 */
bool parley_nvme_queue_look(struct parley_nvme_queue *queue,
			    struct parley_nvme_answer *answer, const char **fault)
{
	struct nvme_completion *cqe = &queue->cq[queue->cq_head];
	u16 status, sq_id, sq_head;

	status = le16_to_cpu(READ_ONCE(cqe->status));
	if ((status & 1) != queue->phase)
		return false;
	/* The rest of the answer after its phase; the controller's order, NVMe 4.6. */
	dma_rmb();
	answer->cid = READ_ONCE(cqe->command_id);
	answer->status = status >> 1;
	answer->result = le32_to_cpu(READ_ONCE(cqe->result.u32));
	sq_id = le16_to_cpu(READ_ONCE(cqe->sq_id));
	sq_head = le16_to_cpu(READ_ONCE(cqe->sq_head));
	if (sq_id == queue->id && sq_head < queue->depth)
		return true;
	*fault = "answered for a queue that it does not have";
	return false;
}
PARLEY_EXPORT(parley_nvme_queue_look);

/**
 * parley_nvme_queue_next() - the answer was one, on to the next
 * @queue: the queues
 *
 * Context: any; the user serialises.
 */
void parley_nvme_queue_next(struct parley_nvme_queue *queue)
{
	if (++queue->cq_head < queue->depth)
		return;
	queue->cq_head = 0;
	queue->phase ^= 1;
}
PARLEY_EXPORT(parley_nvme_queue_next);

/**
 * parley_nvme_queue_taken() - tell the controller which answers were taken
 * @n: the controller
 * @queue: the queues
 *
 * Context: any; the user serialises.
 */
void parley_nvme_queue_taken(struct parley_nvme *n, struct parley_nvme_queue *queue)
{
	n->ops->write32(n, pnc_doorbell(n, queue->id, true), queue->cq_head);
}
PARLEY_EXPORT(parley_nvme_queue_taken);
