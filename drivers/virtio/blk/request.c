// SPDX-License-Identifier: GPL-2.0-only
/*
 * One request: built from what the block layer wants, checked against what the
 * device says it did.
 *
 * On the ring a request is (spec 5.2.6)
 *
 *	header | data or ranges to the device | data from the device | status
 *
 * The pieces of data come straight from the request's bio vectors: each is
 * physically contiguous, and the block layer has already counted them against
 * the limits, so there is no scatterlist and nothing to allocate.
 */
#include "blk.h"

/* Reads and writes are the hot path: their type is the operation itself. */
static_assert((__force u32)REQ_OP_READ == VIRTIO_BLK_T_IN);
static_assert((__force u32)REQ_OP_WRITE == VIRTIO_BLK_T_OUT);
/* A request begins a cache line, and ours comes right behind it. */
static_assert((sizeof(struct request) + offsetof(struct parley_blk_req, in)) %
	      ARCH_DMA_MINALIGN == 0);

int parley_blk_init_request(struct blk_mq_tag_set *set, struct request *rq,
			    unsigned int hctx, int node)
{
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);

	req->phys = virt_to_phys(req);
	req->ranges = NULL;
	return 0;
}

/**
 * parley_blk_status() - what a status byte means
 * @status: from the device
 *
 * Return: the block layer's name for it; a value that the specification does
 * not know is an I/O error.
 */
VISIBLE_IF_KUNIT blk_status_t parley_blk_status(u8 status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return BLK_STS_OK;
	case VIRTIO_BLK_S_UNSUPP:
		return BLK_STS_NOTSUPP;
	case VIRTIO_BLK_S_ZONE_OPEN_RESOURCE:
		return BLK_STS_ZONE_OPEN_RESOURCE;
	case VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE:
		return BLK_STS_ZONE_ACTIVE_RESOURCE;
	case VIRTIO_BLK_S_IOERR:
	case VIRTIO_BLK_S_ZONE_UNALIGNED_WP:
	case VIRTIO_BLK_S_ZONE_INVALID_CMD:
	default:
		return BLK_STS_IOERR;
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_status);

/*
 * Devices in wide use count oddly: the data without the status, the status
 * alone, or nothing at all, whatever they wrote.  Such a count says nothing about
 * the data, so the status decides, which was preset.  Any other count that is
 * too small says that some of the data was not written.
 */
static bool parley_blk_odd_but_known(struct parley_blk *blk,
				     const struct parley_blk_req *req, u32 written)
{
	if (written > sizeof(req->in.status) && written != req->written_min - 1)
		return false;
	if (!xchg(&blk->counts_oddly, true))
		dev_notice(&blk->pd->dev, "device counts %u of %u bytes as written, which is against the specification; its status bytes are believed all the same\n",
			   written, req->written_min);
	return true;
}

/**
 * parley_blk_judge() - did a completed request succeed?
 * @blk: disk
 * @req: the request
 * @written: bytes that the device says it wrote
 *
 * A success that wrote a part of the data is none: the rest of the buffer holds
 * what was there before, and must not be handed out as data.  Nor is a status
 * that the device never wrote.
 *
 * Context: any.
 * Return: BLK_STS_OK, or why not.
 */
blk_status_t parley_blk_judge(struct parley_blk *blk,
			      const struct parley_blk_req *req, u32 written)
{
	/* Once: the device may change it under us. */
	u8 status = READ_ONCE(req->in.bytes[req->in_len - 1]);

	if (unlikely(status != VIRTIO_BLK_S_OK))
		return parley_blk_status(status);
	if (likely(written >= req->written_min) ||
	    parley_blk_odd_but_known(blk, req, written))
		return BLK_STS_OK;
	dev_err_ratelimited(&blk->pd->dev, "device says success, and that it wrote %u of %u bytes: an error\n",
			    written, req->written_min);
	return BLK_STS_IOERR;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_judge);

/**
 * parley_blk_judge_append() - where did an append go?
 * @blk: disk
 * @rq: append that succeeded; its sector becomes that of the data
 *
 * Return: BLK_STS_OK, or BLK_STS_IOERR if the data cannot be there.
 */
blk_status_t parley_blk_judge_append(struct parley_blk *blk, struct request *rq)
{
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);
	u64 zone = round_down(blk_rq_pos(rq), blk->zone_sectors);
	/* Once: the device may change it under us. */
	u64 at = le64_to_cpu(READ_ONCE(*(__le64 *)req->in.bytes)) - zone;

	static_assert(offsetof(struct parley_blk_req, in) % sizeof(u64) == 0);

	if (at > blk->zone_sectors ||
	    blk_rq_sectors(rq) > blk->zone_sectors - at) {
		dev_err_ratelimited(&blk->pd->dev,
				    "append to the zone at sector %llu: device says it went to sector %llu\n",
				    zone, at + zone);
		return BLK_STS_IOERR;
	}
	rq->__sector = zone + at;
	return BLK_STS_OK;
}

void parley_blk_free_ranges(struct parley_blk_req *req)
{
	if (unlikely(req->ranges)) {
		kfree(req->ranges);
		req->ranges = NULL;
	}
}

static void parley_blk_set_range(struct virtio_blk_discard_write_zeroes *range,
				 sector_t sector, unsigned int bytes, u32 flags)
{
	range->sector = cpu_to_le64(sector);
	range->num_sectors = cpu_to_le32(bytes >> SECTOR_SHIFT);
	range->flags = cpu_to_le32(flags);
}

/* The block layer merges discards that do not touch: one range for each bio. */
static blk_status_t parley_blk_prepare_discard(struct request *rq,
					       struct parley_blk_req *req)
{
	unsigned int nr = blk_rq_nr_discard_segments(rq), n = 0;
	struct bio *bio;

	if (nr <= 1 || queue_max_discard_segments(rq->q) == 1) {
		parley_blk_set_range(&req->range, blk_rq_pos(rq), blk_rq_bytes(rq), 0);
		req->nr_ranges = 1;
		return BLK_STS_OK;
	}
	req->ranges = kmalloc_array(nr, sizeof(*req->ranges), GFP_ATOMIC);
	if (!req->ranges)
		return BLK_STS_RESOURCE;
	__rq_for_each_bio(bio, rq) {
		if (WARN_ON_ONCE(n == nr))
			break;
		parley_blk_set_range(&req->ranges[n++], bio->bi_iter.bi_sector,
				     bio->bi_iter.bi_size, 0);
	}
	req->nr_ranges = n;
	return BLK_STS_OK;
}

static void parley_blk_prepare_range(struct request *rq, struct parley_blk_req *req,
				     u32 flags)
{
	parley_blk_set_range(&req->range, blk_rq_pos(rq), blk_rq_bytes(rq), flags);
	req->nr_ranges = 1;
}

/* Everything but reads and writes. */
static noinline blk_status_t parley_blk_prepare_other(struct parley_blk *blk,
						      struct request *rq,
						      struct parley_blk_req *req,
						      u32 *type, sector_t *sector)
{
	*sector = 0;
	switch (req_op(rq)) {
	case REQ_OP_FLUSH:
		*type = VIRTIO_BLK_T_FLUSH;
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
		*type = VIRTIO_BLK_T_DISCARD;
		return parley_blk_prepare_discard(rq, req);
	case REQ_OP_SECURE_ERASE:
		*type = VIRTIO_BLK_T_SECURE_ERASE;
		parley_blk_prepare_range(rq, req, 0);
		return BLK_STS_OK;
	case REQ_OP_WRITE_ZEROES:
		*type = VIRTIO_BLK_T_WRITE_ZEROES;
		parley_blk_prepare_range(rq, req, blk->unmap_zeroes &&
					 !(rq->cmd_flags & REQ_NOUNMAP) ?
					 VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0);
		return BLK_STS_OK;
	case REQ_OP_ZONE_RESET_ALL:
		*type = VIRTIO_BLK_T_ZONE_RESET_ALL;
		return BLK_STS_OK;
	case REQ_OP_ZONE_APPEND:
		*type = VIRTIO_BLK_T_ZONE_APPEND;
		/* What the device does not write lies in no zone. */
		req->in.append.sector = cpu_to_le64(U64_MAX);
		req->in_len = sizeof(req->in.append);
		req->written_min = sizeof(req->in.append);
		break;
	case REQ_OP_ZONE_OPEN:
		*type = VIRTIO_BLK_T_ZONE_OPEN;
		break;
	case REQ_OP_ZONE_CLOSE:
		*type = VIRTIO_BLK_T_ZONE_CLOSE;
		break;
	case REQ_OP_ZONE_FINISH:
		*type = VIRTIO_BLK_T_ZONE_FINISH;
		break;
	case REQ_OP_ZONE_RESET:
		*type = VIRTIO_BLK_T_ZONE_RESET;
		break;
	default:
		return BLK_STS_NOTSUPP;
	}
	*sector = blk_rq_pos(rq);
	return BLK_STS_OK;
}

/**
 * parley_blk_prepare() - fill the header of a request
 * @blk: disk
 * @rq: request; a REQ_OP_DRV_IN comes with type and sector filled in
 *
 * Return: BLK_STS_OK, BLK_STS_RESOURCE if memory is short, or an error.
 */
blk_status_t parley_blk_prepare(struct parley_blk *blk, struct request *rq)
{
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);
	enum req_op op = req_op(rq);
	sector_t sector = blk_rq_pos(rq);
	u32 type = (__force u32)op;

	req->in_len = sizeof(req->in.status);
	req->written_min = sizeof(req->in.status);
	req->nr_ranges = 0;
	if (likely(op == REQ_OP_READ)) {
		req->written_min += blk_rq_bytes(rq);
	} else if (unlikely(op == REQ_OP_DRV_IN)) {
		req->in.status = PARLEY_BLK_S_UNWRITTEN;
		return BLK_STS_OK;
	} else if (unlikely(op != REQ_OP_WRITE)) {
		blk_status_t sts = parley_blk_prepare_other(blk, rq, req, &type, &sector);

		if (sts)
			return sts;
	}
	req->in.bytes[req->in_len - 1] = PARLEY_BLK_S_UNWRITTEN;
	req->hdr.type = cpu_to_vr32(type);
	req->hdr.ioprio = cpu_to_vr32(req_get_ioprio(rq));
	req->hdr.sector = cpu_to_vr64(sector);
	return BLK_STS_OK;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_prepare);

static void parley_blk_set_seg(struct parley_seg *seg, const struct bio_vec *bv)
{
	seg->addr = page_to_phys(bv->bv_page) + bv->bv_offset;
	seg->len = bv->bv_len;
}

/* A vector longer than the device's size_max goes out in several pieces. */
static int parley_blk_describe_vectors(struct request *rq, struct parley_seg *segs,
				       unsigned int max)
{
	u32 piece = queue_max_segment_size(rq->q);
	struct req_iterator iter;
	struct bio_vec bv;
	unsigned int n = 0;

	rq_for_each_bvec(bv, rq, iter) {
		struct parley_seg rest;

		/* The iterator steps by bv_len, so @bv stays as it is. */
		parley_blk_set_seg(&rest, &bv);
		while (rest.len) {
			if (unlikely(n == max))
				return -EMSGSIZE;
			segs[n].addr = rest.addr;
			segs[n].len = min(rest.len, piece);
			rest.addr += segs[n].len;
			rest.len -= segs[n].len;
			n++;
		}
	}
	return n;
}

static int parley_blk_describe_data(struct request *rq, struct parley_seg *segs,
				    unsigned int max)
{
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);

	if (unlikely(req->nr_ranges)) {
		segs->addr = req->ranges ? virt_to_phys(req->ranges) :
			req->phys + offsetof(struct parley_blk_req, range);
		segs->len = req->nr_ranges * sizeof(req->range);
		return 1;
	}
	/* Flushes and zone commands: some of them count a segment, none has. */
	if (!blk_rq_bytes(rq))
		return 0;
	if (likely(blk_rq_nr_phys_segments(rq) == 1 && max)) {
		struct bio_vec bv = req_bvec(rq);

		parley_blk_set_seg(segs, &bv);
		return 1;
	}
	return parley_blk_describe_vectors(rq, segs, max);
}

/**
 * parley_blk_describe() - the pieces of a prepared request
 * @rq: request
 * @segs: filled
 * @max: entries of @segs, at least PARLEY_BLK_EXTRA_SEGS + 1
 * @buf: filled; refers to @segs
 *
 * Return: entries of @segs used, or -EMSGSIZE.
 */
int parley_blk_describe(struct request *rq, struct parley_seg *segs,
			unsigned int max, struct parley_buf *buf)
{
	struct parley_blk_req *req = blk_mq_rq_to_pdu(rq);
	bool out = op_is_write(req_op(rq));
	int n;

	segs[0].addr = req->phys + offsetof(struct parley_blk_req, hdr);
	segs[0].len = sizeof(req->hdr);
	n = parley_blk_describe_data(rq, segs + 1, max - PARLEY_BLK_EXTRA_SEGS);
	if (unlikely(n < 0))
		return n;
	segs[n + 1].addr = req->phys + offsetof(struct parley_blk_req, in);
	segs[n + 1].len = req->in_len;

	buf->segs = segs;
	buf->cookie = rq;
	buf->n_out = out ? n + 1 : 1;
	buf->n_in = out ? 1 : n + 1;
	buf->flags = 0;
	return n + PARLEY_BLK_EXTRA_SEGS;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_describe);
