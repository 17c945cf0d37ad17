// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue 1: areas that guests share.
 *
 * An area is a request that does not end while it is shared, see
 * parley_vhost_area_get().  What a guest wrote into its header is read once; what is
 * checked is what is used.
 */
#include <asm/barrier.h>
#include <linux/align.h>

#include "sched.h"

#define VHS_IN_FLIGHT	4	/* the area, and others that are refused */

/* Bytes of a header and records for all vCPUs. */
static size_t vhs_area_bytes(const struct vhs *vm)
{
	return (size_t)(vm->nr + 1) * PARLEY_SCHED_RECORD;
}

static bool vhs_area_fits(const struct vhs *vm, u32 len)
{
	size_t need = vhs_area_bytes(vm);

	/* Pages that it does not need are not pinned for it. */
	return len >= need && len <= ALIGN(need, PARLEY_SCHED_AREA_ALIGN);
}

static u32 vhs_area_check(const struct vhs *vm, struct parley_vhost_req *req)
{
	struct parley_sched_guest_header h;

	if (!vhs_area_fits(vm, req->chain.len_out) || !vhs_area_fits(vm, req->chain.len_in) ||
	    parley_vhost_req_read(req, 0, &h, sizeof(h)) != sizeof(h))
		return PARLEY_SCHED_AREA_INVAL;
	if (le16_to_cpu(h.version) != PARLEY_SCHED_VERSION ||
	    le16_to_cpu(h.kind) != PARLEY_SCHED_AREA_VCPUS)
		return PARLEY_SCHED_AREA_VERSION;
	if (le32_to_cpu(h.nr) != vm->nr)
		return PARLEY_SCHED_AREA_INVAL;
	return vm->area_req ? PARLEY_SCHED_AREA_EXISTS : PARLEY_SCHED_AREA_SHARED;
}

static void vhs_area_let_go(struct vhs *vm)
{
	parley_vhost_area_put(&vm->area_in);
	parley_vhost_area_put(&vm->area_out);
}

static bool vhs_area_aligned(const struct parley_vhost_area *area)
{
	return IS_ALIGNED((unsigned long)area->kern, PARLEY_SCHED_AREA_ALIGN);
}

static u32 vhs_area_hold(struct vhs *vm, struct parley_vhost_req *req)
{
	int err = parley_vhost_area_get(req, ITER_SOURCE, &vm->area_in) ?:
		  parley_vhost_area_get(req, ITER_DEST, &vm->area_out);

	if (!err && vhs_area_aligned(&vm->area_in) && vhs_area_aligned(&vm->area_out))
		return PARLEY_SCHED_AREA_SHARED;
	vhs_area_let_go(vm);
	return !err || err == -EINVAL ? PARLEY_SCHED_AREA_INVAL : PARLEY_SCHED_AREA_FAILED;
}

static void vhs_area_share(struct vhs *vm)
{
	struct parley_sched_host_record *out = vm->area_out.kern;
	const struct parley_sched_guest_record *in = vm->area_in.kern;
	bool hints = parley_vhost_has(vm->dev, PARLEY_SCHED_F_HINTS);
	unsigned int i;

	/* Behind the headers, which have the size of a record. */
	for (i = 0; i < vm->nr; i++)
		vhs_record_share(&vm->vcpus[i], out + 1 + i, hints ? in + 1 + i : NULL);
}

static void vhs_area_say(struct vhs *vm, u32 status)
{
	struct parley_sched_host_header *h = vm->area_out.kern;

	/* Pairs with the acquire of who reads the status: the records are there. */
	virt_store_release(&h->status, cpu_to_le32(status));
}

static void vhs_area_refuse(struct parley_vhost_req *req, u32 status)
{
	struct parley_sched_host_header h = { .status = cpu_to_le32(status) };
	size_t len = min_t(size_t, req->chain.len_in, sizeof(h));

	req->chain.written = parley_vhost_req_write(req, 0, &h, len);
	parley_vhost_req_done(req);
}

static void vhs_area_take(struct vhs *vm, struct parley_vhost_req *req)
{
	u32 status = vhs_area_check(vm, req);

	if (status == PARLEY_SCHED_AREA_SHARED)
		status = vhs_area_hold(vm, req);
	if (status != PARLEY_SCHED_AREA_SHARED) {
		atomic64_inc(&vm->counts.areas_refused);
		vhs_area_refuse(req, status);
		return;
	}
	atomic64_inc(&vm->counts.areas);
	vm->area_req = req;
	vhs_area_share(vm);
	vhs_area_say(vm, PARLEY_SCHED_AREA_SHARED);
}

static bool vhs_area_work(struct parley_vhost_vq *vq)
{
	struct vhs *vm = parley_vhost_priv(parley_vhost_vq_dev(vq));
	struct parley_vhost_req *req;

	while (parley_vhost_pull(vq, &req, 1, 0) == 1)
		vhs_area_take(vm, req);
	return false;
}

/* Somebody waits for it: the ring stops, or memory goes that it may lie in. */
static void vhs_area_recall(struct parley_vhost_vq *vq)
{
	struct vhs *vm = parley_vhost_priv(parley_vhost_vq_dev(vq));
	struct parley_vhost_req *req = vm->area_req;
	unsigned int i;

	if (!req)
		return;
	for (i = 0; i < vm->nr; i++)
		vhs_record_share(&vm->vcpus[i], NULL, NULL);
	vhs_area_say(vm, PARLEY_SCHED_AREA_AGAIN);
	vhs_area_let_go(vm);
	vm->area_req = NULL;
	req->chain.written = sizeof(struct parley_sched_host_header);
	parley_vhost_req_done(req);
}

const struct parley_vhost_queue_ops vhs_area_ops = {
	.req_size	= sizeof(struct parley_vhost_req),
	.pieces		= 8,
	.max_in_flight	= VHS_IN_FLIGHT,
	.work		= vhs_area_work,
	.recall		= vhs_area_recall,
};
