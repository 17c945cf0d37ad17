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

#define VHS_IN_FLIGHT	4	/* the areas, and others that are refused */

static bool vhs_area_fits(u32 nr, u32 len)
{
	/* A header, which has the size of a record. */
	size_t need = ((size_t)nr + 1) * PARLEY_SCHED_RECORD;

	/* Pages that it does not need are not pinned for it. */
	return len >= need && len <= ALIGN(need, PARLEY_SCHED_AREA_ALIGN);
}

static bool vhs_area_known(const struct vhs *vm, const struct parley_sched_guest_header *h)
{
	u16 kind = le16_to_cpu(h->kind);

	if (le16_to_cpu(h->version) != PARLEY_SCHED_VERSION)
		return false;
	return kind == PARLEY_SCHED_AREA_VCPUS ||
	       (kind == PARLEY_SCHED_AREA_CLOCK &&
		parley_vhost_has(vm->dev, PARLEY_SCHED_F_CLOCK));
}

static u32 vhs_area_nr(const struct vhs *vm, u16 kind)
{
	return kind == PARLEY_SCHED_AREA_VCPUS ? vm->nr : 1;
}

/* Which one is it?  Set for what is SHARED. */
static u32 vhs_area_check(struct vhs *vm, struct parley_vhost_req *req, struct vhs_area **area)
{
	struct parley_sched_guest_header h;
	u32 nr;

	if (parley_vhost_req_read(req, 0, &h, sizeof(h)) != sizeof(h))
		return PARLEY_SCHED_AREA_INVAL;
	if (!vhs_area_known(vm, &h))
		return PARLEY_SCHED_AREA_VERSION;
	nr = vhs_area_nr(vm, le16_to_cpu(h.kind));
	if (le32_to_cpu(h.nr) != nr || !vhs_area_fits(nr, req->chain.len_out) ||
	    !vhs_area_fits(nr, req->chain.len_in))
		return PARLEY_SCHED_AREA_INVAL;
	*area = &vm->areas[le16_to_cpu(h.kind) - 1];
	return (*area)->req ? PARLEY_SCHED_AREA_EXISTS : PARLEY_SCHED_AREA_SHARED;
}

static void vhs_area_let_go(struct vhs_area *area)
{
	parley_vhost_area_put(&area->in);
	parley_vhost_area_put(&area->out);
}

static bool vhs_area_aligned(const struct parley_vhost_area *area)
{
	return IS_ALIGNED((unsigned long)area->kern, PARLEY_SCHED_AREA_ALIGN);
}

static u32 vhs_area_hold(struct vhs_area *area, struct parley_vhost_req *req)
{
	int err = parley_vhost_area_get(req, ITER_SOURCE, &area->in) ?:
		  parley_vhost_area_get(req, ITER_DEST, &area->out);

	if (!err && vhs_area_aligned(&area->in) && vhs_area_aligned(&area->out))
		return PARLEY_SCHED_AREA_SHARED;
	vhs_area_let_go(area);
	return !err || err == -EINVAL ? PARLEY_SCHED_AREA_INVAL : PARLEY_SCHED_AREA_FAILED;
}

static bool vhs_area_is_clock(const struct vhs *vm, const struct vhs_area *area)
{
	return area == &vm->areas[PARLEY_SCHED_AREA_CLOCK - 1];
}

static bool vhs_area_share(struct vhs *vm, struct vhs_area *area)
{
	struct parley_sched_host_record *out = area->out.kern;
	const struct parley_sched_guest_record *in = area->in.kern;
	bool hints = parley_vhost_has(vm->dev, PARLEY_SCHED_F_HINTS);
	unsigned int i;

	/* Behind the headers. */
	if (vhs_area_is_clock(vm, area))
		return vhs_clock_share(vm, area->out.kern + PARLEY_SCHED_RECORD);
	for (i = 0; i < vm->nr; i++)
		vhs_record_share(&vm->vcpus[i], out + 1 + i, hints ? in + 1 + i : NULL);
	return true;
}

static void vhs_area_unshare(struct vhs *vm, struct vhs_area *area)
{
	unsigned int i;

	if (vhs_area_is_clock(vm, area)) {
		vhs_clock_share(vm, NULL);
		return;
	}
	for (i = 0; i < vm->nr; i++)
		vhs_record_share(&vm->vcpus[i], NULL, NULL);
}

static void vhs_area_say(struct vhs_area *area, u32 status)
{
	struct parley_sched_host_header *h = area->out.kern;

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

static u32 vhs_area_begin(struct vhs *vm, struct vhs_area *area, struct parley_vhost_req *req)
{
	u32 status = vhs_area_hold(area, req);

	if (status != PARLEY_SCHED_AREA_SHARED)
		return status;
	if (!vhs_area_share(vm, area)) {
		vhs_area_let_go(area);
		return PARLEY_SCHED_AREA_FAILED;
	}
	area->req = req;
	vhs_area_say(area, PARLEY_SCHED_AREA_SHARED);
	return PARLEY_SCHED_AREA_SHARED;
}

static void vhs_area_take(struct vhs *vm, struct parley_vhost_req *req)
{
	struct vhs_area *area;
	u32 status = vhs_area_check(vm, req, &area);

	if (status == PARLEY_SCHED_AREA_SHARED)
		status = vhs_area_begin(vm, area, req);
	if (status == PARLEY_SCHED_AREA_SHARED) {
		atomic64_inc(&vm->counts.areas);
		return;
	}
	atomic64_inc(&vm->counts.areas_refused);
	vhs_area_refuse(req, status);
}

static bool vhs_area_work(struct parley_vhost_vq *vq)
{
	struct vhs *vm = parley_vhost_priv(parley_vhost_vq_dev(vq));
	struct parley_vhost_req *req;

	while (parley_vhost_pull(vq, &req, 1, 0) == 1)
		vhs_area_take(vm, req);
	return false;
}

static void vhs_area_end(struct vhs *vm, struct vhs_area *area)
{
	struct parley_vhost_req *req = area->req;

	if (!req)
		return;
	vhs_area_unshare(vm, area);
	vhs_area_say(area, PARLEY_SCHED_AREA_AGAIN);
	vhs_area_let_go(area);
	area->req = NULL;
	req->chain.written = sizeof(struct parley_sched_host_header);
	parley_vhost_req_done(req);
}

/* Somebody waits for them: the ring stops, or memory goes that they may lie in. */
static void vhs_area_recall(struct parley_vhost_vq *vq)
{
	struct vhs *vm = parley_vhost_priv(parley_vhost_vq_dev(vq));
	unsigned int i;

	for (i = 0; i < VHS_AREAS; i++)
		vhs_area_end(vm, &vm->areas[i]);
}

const struct parley_vhost_queue_ops vhs_area_ops = {
	.req_size	= sizeof(struct parley_vhost_req),
	.pieces		= 8,
	.max_in_flight	= VHS_IN_FLIGHT,
	.work		= vhs_area_work,
	.recall		= vhs_area_recall,
};
