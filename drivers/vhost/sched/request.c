// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue 0: requests.
 *
 * They are served in the ring's worker, one after the other.  It is also who yields: it
 * is mostly a thread of the guest's own process, and what it gives away is its own time.
 */
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "sched.h"

#define VHS_IN_FLIGHT	64	/* of the ring; each is served at once */

static u32 vhs_request_boost(struct vhs *vm, u32 index, bool yield)
{
	struct task_struct *task;
	u32 status;

	if (index >= vm->nr)
		return PARLEY_SCHED_S_INVAL;
	status = vhs_boost(&vm->vcpus[array_index_nospec(index, vm->nr)], &task);
	if (!task)
		return status;
	/* What it says is of no account: the scheduler may have been faster. */
	if (yield)
		yield_to(task, true);
	put_task_struct(task);
	return status;
}

/* Is there such a request, for a guest that negotiated this? */
static bool vhs_request_known(struct vhs *vm, u16 op)
{
	switch (op) {
	case PARLEY_SCHED_OP_YIELD:
	case PARLEY_SCHED_OP_BOOST:
		return parley_vhost_has(vm->dev, PARLEY_SCHED_F_YIELD);
	case PARLEY_SCHED_OP_COUNT:
		return parley_vhost_has(vm->dev, PARLEY_SCHED_F_COUNT);
	default:
		return false;
	}
}

static u32 vhs_request_do(struct vhs *vm, const struct parley_sched_request *r, u32 room,
			  struct parley_sched_counted *reply)
{
	u16 op = le16_to_cpu(r->op);

	if (!vhs_request_known(vm, op))
		return PARLEY_SCHED_S_UNSUPP;
	if (r->flags || le32_to_cpu(r->vcpu) >= vm->nr)
		return PARLEY_SCHED_S_INVAL;
	if (op == PARLEY_SCHED_OP_COUNT)
		return room < sizeof(*reply) ? PARLEY_SCHED_S_INVAL :
		       vhs_count_read(vm, le32_to_cpu(r->target), reply);
	return vhs_request_boost(vm, le32_to_cpu(r->target), op == PARLEY_SCHED_OP_YIELD);
}

/* Who leaves no room for the answer does not want it. */
static u32 vhs_request_answer(struct parley_vhost_req *req, u16 op,
			      const struct parley_sched_counted *reply)
{
	size_t len = sizeof(struct parley_sched_reply);

	if (op == PARLEY_SCHED_OP_COUNT && reply->status == cpu_to_le32(PARLEY_SCHED_S_OK))
		len = sizeof(*reply);
	if (req->chain.len_in < len || parley_vhost_req_write(req, 0, reply, len) != len)
		return 0;
	return len;
}

static void vhs_request_serve(struct vhs *vm, struct parley_vhost_req *req)
{
	struct parley_sched_counted reply = {};
	struct parley_sched_request r = {};
	u32 status = PARLEY_SCHED_S_INVAL;

	atomic64_inc(&vm->counts.requests);
	if (parley_vhost_req_read(req, 0, &r, sizeof(r)) == sizeof(r))
		status = vhs_request_do(vm, &r, req->chain.len_in, &reply);
	if (status == PARLEY_SCHED_S_INVAL || status == PARLEY_SCHED_S_UNSUPP)
		atomic64_inc(&vm->counts.bad);
	reply.status = cpu_to_le32(status);
	req->chain.written = vhs_request_answer(req, le16_to_cpu(r.op), &reply);
	parley_vhost_req_done(req);
}

static unsigned int vhs_request_submit(struct parley_vhost_vq *vq,
				       struct parley_vhost_req **reqs, unsigned int nr)
{
	struct vhs *vm = parley_vhost_priv(parley_vhost_vq_dev(vq));
	unsigned int i;

	for (i = 0; i < nr; i++)
		vhs_request_serve(vm, reqs[i]);
	return nr;
}

const struct parley_vhost_queue_ops vhs_request_ops = {
	.req_size	= sizeof(struct parley_vhost_req),
	.pieces		= 8,
	.max_in_flight	= VHS_IN_FLIGHT,
	.submit		= vhs_request_submit,
};
