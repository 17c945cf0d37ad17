// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: one request (spec 5.2.6)
 *
 *	header, 16 bytes | data or ranges to the device || data | status, 1 byte
 *
 * How that is cut into descriptors is the driver's affair (spec 2.7.4), so
 * nothing here looks at pieces: the header is the first 16 bytes to read, the
 * status the last byte to write.  The header is read once, into our memory.
 *
 * The used length counts bytes that were surely written, from the start of the
 * writable ones.  So a read that failed counts nothing, although its status
 * byte, which lies behind the data, was written.
 */
#include <linux/ioprio.h>
#include <linux/moduleparam.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "blk.h"

bool vhb_guest_ioprio;
EXPORT_SYMBOL_IF_KUNIT(vhb_guest_ioprio);
module_param_named(guest_ioprio, vhb_guest_ioprio, bool, 0644);
MODULE_PARM_DESC(guest_ioprio,
		 "Give reads and writes the I/O priority that their guest asks for, but never real-time");

/**
 * vhb_status() - the status byte for an error
 * @err: 0 or a negative error
 *
 * The guest knows three answers only.  A full back end is an I/O error to it.
 *
 * Return: VIRTIO_BLK_S_*.
 */
u8 vhb_status(long err)
{
	switch (err) {
	case 0:
		return VIRTIO_BLK_S_OK;
	case -EOPNOTSUPP:
		return VIRTIO_BLK_S_UNSUPP;
	default:
		return VIRTIO_BLK_S_IOERR;
	}
}

static void vhb_end(struct vhb_req *r, u8 status)
{
	r->status = status;
	parley_vhost_req_done(&r->req);
}

/*
 * The header has a word for the I/O priority.  The specification calls it reserved
 * (5.2.6), so who does not speak of it may have left anything there; Linux puts what
 * ioprio_set(2) takes.  A guest gets what any process may choose for itself: real-time
 * becomes the best of best-effort, hints and all else that is odd is not heard.
 */
static u16 vhb_ioprio(const struct vhb_req *r, u32 asked)
{
	const u16 own = parley_vhost_ioprio(r->blk->dev);

	if (likely(!READ_ONCE(vhb_guest_ioprio)) || asked > U16_MAX)
		return own;
	switch (IOPRIO_PRIO_CLASS(asked)) {
	case IOPRIO_CLASS_RT:
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 0);
	case IOPRIO_CLASS_BE:
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, IOPRIO_PRIO_LEVEL(asked));
	case IOPRIO_CLASS_IDLE:
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
	default:
		return own;
	}
}

static void vhb_start_rw(struct vhb_req *r, u64 sector, bool write)
{
	struct vhb *blk = r->blk;
	u32 len = write ? r->req.chain.len_out - sizeof(struct virtio_blk_outhdr)
			: r->req.chain.len_in - 1;

	if (unlikely(len & (SECTOR_SIZE - 1)) ||
	    unlikely(!vhb_on_disk(blk, sector, len >> SECTOR_SHIFT)) ||
	    unlikely(write && blk->be->read_only)) {
		vhb_end(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	if (unlikely(!len)) {
		vhb_end(r, VIRTIO_BLK_S_OK);
		return;
	}
	r->rw = true;
	r->write = write;
	r->pos = sector << SECTOR_SHIFT;
	r->len = len;
	vhb_rw_start(r);
}

/* As much of the serial as the guest has room for. */
static void vhb_start_get_id(struct vhb_req *r)
{
	u32 len = min_t(u32, r->req.chain.len_in - 1, VIRTIO_BLK_ID_BYTES);

	r->payload = parley_vhost_req_write(&r->req, 0, r->blk->be->serial, len);
	vhb_end(r, r->payload == len ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
}

static noinline enum vhb_started vhb_start_other(struct vhb_req *r, u32 type)
{
	switch (type) {
	case VIRTIO_BLK_T_FLUSH:
		if (r->blk->be->read_only)
			vhb_end(r, VIRTIO_BLK_S_OK);
		else
			r->blk->be->ops->flush(r);
		break;
	case VIRTIO_BLK_T_GET_ID:
		vhb_start_get_id(r);
		break;
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
	case VIRTIO_BLK_T_SECURE_ERASE:
		return vhb_admin_clear(r, type);
	default:
		vhb_end(r, VIRTIO_BLK_S_UNSUPP);
	}
	return VHB_STARTED;
}

/**
 * vhb_start() - parse a request and start it
 * @r: request, of which the library's part, @blk and @poll_list are filled
 *
 * Context: in the ring's worker, as submit().
 * Return: VHB_STARTED in most cases, see there.
 */
enum vhb_started vhb_start(struct vhb_req *r)
{
	struct virtio_blk_outhdr hdr;
	u32 type;

	r->result = 0;
	r->status = VIRTIO_BLK_S_OK;
	r->rw = false;
	r->bounced = false;
	r->buffered = false;
	r->cut = false;
	r->plain = false;
	r->flushed = false;
	r->embedded = false;
	r->polling = false;
	r->payload = 0;
	r->more = NULL;
	r->ranges = NULL;
	r->bounce = NULL;
	r->page = NULL;

	/* No room for a status: nothing can be said, so nothing is done. */
	if (unlikely(!r->req.chain.len_in)) {
		parley_vhost_req_done(&r->req);
		return VHB_STARTED;
	}
	if (unlikely(parley_vhost_req_read(&r->req, 0, &hdr, sizeof(hdr)) !=
		     sizeof(hdr))) {
		vhb_end(r, VIRTIO_BLK_S_IOERR);
		return VHB_STARTED;
	}
	r->ioprio = vhb_ioprio(r, vr32_to_cpu(hdr.ioprio));
	type = vr32_to_cpu(hdr.type);
	if (unlikely(type != VIRTIO_BLK_T_IN && type != VIRTIO_BLK_T_OUT))
		return vhb_start_other(r, type);
	vhb_start_rw(r, vr64_to_cpu(hdr.sector), type == VIRTIO_BLK_T_OUT);
	return VHB_STARTED;
}

/**
 * vhb_go_on() - the next step, or the same again in another way
 * @req: request of which vhb_finish() said that it has another one
 *
 * Outside submit(), so the scope of its memory allocations has to be set again.
 *
 * Context: as submit().
 */
void vhb_go_on(struct parley_vhost_req *req)
{
	unsigned int noio = memalloc_noio_save();
	struct vhb_req *r = to_vhb_req(req);

	if (unlikely(r->flushed))
		r->blk->be->ops->flush(r);
	else if (r->rw)
		vhb_rw_step(r);
	else
		vhb_admin_step(r);
	memalloc_noio_restore(noio);
}

/* Everything that a request holds, but its pages. */
static void vhb_let_go(struct vhb_req *r)
{
	if (unlikely(r->bounce))
		vhb_bounce_free(r);
	if (unlikely(r->ranges)) {
		kfree(r->ranges);
		r->ranges = NULL;
	}
}

/* Bytes that are not done yet, as the limits count them; all, if nothing is. */
static u64 vhb_rest(const struct vhb_req *r)
{
	u64 all = r->rw ? r->len : r->cost, rest = r->rw ? r->len - r->done : vhb_clear_cost(r);

	return rest == all ? U64_MAX : rest;
}

/**
 * vhb_finish() - the end of a request, or of one step
 * @req: request
 *
 * Context: in the ring's worker.
 * Return: false if there is another step.
 */
bool vhb_finish(struct parley_vhost_req *req)
{
	struct vhb_req *r = to_vhb_req(req);
	u32 len_in = req->chain.len_in;

	if (unlikely(!(r->rw && !r->flushed ? vhb_rw_finish(r) : vhb_admin_finish(r)))) {
		/* What is not finished is not told. */
		if (!parley_vhost_req_leave(req, vhb_rest(r)))
			return false;
		req->chain.written = 0;
		vhb_let_go(r);
		return true;
	}
	vhb_let_go(r);
	req->chain.written = 0;
	if (unlikely(!len_in))
		return true;
	if (likely(parley_vhost_req_write(req, len_in - 1, &r->status, 1) == 1))
		req->chain.written = r->payload + (r->payload == len_in - 1);
	return true;
}
