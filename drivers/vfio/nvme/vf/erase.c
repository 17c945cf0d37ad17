// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a tenant wrote is erased.
 *
 * The function is handed out for that as to a tenant, and a few commands at a time go
 * over all blocks, in passes:
 *
 *	zero		Write Zeroes, which is told to deallocate as well if the
 *			controller says that what it deallocates reads as zeroes
 *	write		zeroes from memory, where there is no Write Zeroes
 *	deallocate	which a controller need not do
 *	look		so everything is read, and what is not zero is written over and
 *			read again
 *	flush		nothing of it may be undone by a power failure
 *
 * Each command is bounded in what it does and how long it may take, and between
 * batches whoever wants the erasing to end is heard.  No lock is held meanwhile: who
 * binds, unbinds, resets or suspends the function need not wait.  Only when all of it
 * went well does the namespace count as nobody's.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <parley/compat.h>
#include "vf.h"

#define PVF_ERASE_BYTES	(PARLEY_NVME_ERASE_PAGES * PARLEY_NVME_PAGE)

const char *const parley_nvme_way_names[PARLEY_NVME_WAYS] = {
	[PARLEY_NVME_REFUSE] = "refuse",
	[PARLEY_NVME_KEEP] = "keep",
	[PARLEY_NVME_ZERO] = "write-zeroes",
	[PARLEY_NVME_DEALLOCATE] = "deallocate-and-verify",
};

struct pvf_erase_run;

/* A command, and memory of its own: pages of data, and one that lists them. */
struct pvf_piece {
	struct parley_nvme_io io;
	struct pvf_erase_run *run;
	u64 block;
	u32 blocks;
	void *data;
	dma_addr_t dma;
	int err;
	u16 status;
};

struct pvf_erase_run {
	struct parley_nvme_vf *vf;
	struct pvf_piece piece[PARLEY_NVME_ERASE_BATCH];
	atomic_t left;
	struct completion all;
};

/* A walk over all blocks: how much a command is about, and what it is. */
struct pvf_pass {
	const char *name;
	u32 bytes;
	u8 opcode;
	void (*describe)(struct parley_nvme_vf *vf, struct pvf_piece *p);
	int (*judge)(struct parley_nvme_vf *vf, struct pvf_piece *p);
};

/* ---------------------------------------------------------- a batch */

static void pvf_piece_done(struct parley_nvme_io *io, int err, u16 status)
{
	struct pvf_piece *p = container_of(io, struct pvf_piece, io);

	p->err = err;
	p->status = status;
	if (atomic_dec_and_test(&p->run->left))
		complete(&p->run->all);
}

/* All of them to their end: their memory is ours again whatever this returns. */
static int pvf_batch(struct pvf_erase_run *r, struct pvf_piece *first, unsigned int nr)
{
	struct pvf_piece *p;
	int err = 0;

	reinit_completion(&r->all);
	atomic_set(&r->left, nr);
	for (p = first; p < first + nr; p++) {
		p->status = 0;
		p->err = parley_nvme_io_submit(r->vf, 0, &p->io);
		if (p->err && atomic_dec_and_test(&r->left))
			complete(&r->all);
	}
	/* Who watches the function sees to it that there is an end. */
	wait_for_completion(&r->all);
	for (p = first; p < first + nr && !err; p++)
		err = p->err;
	return err;
}

static int pvf_status(struct parley_nvme_vf *vf, const struct pvf_piece *p)
{
	if (!p->status)
		return 0;
	/* Not what was to be known of a controller that says what it can. */
	if ((p->status & 0x7ff) == NVME_SC_INVALID_OPCODE)
		return -EOPNOTSUPP;
	dev_err_ratelimited(vf->n.dev, "block %llu and %u more are not erased: status %#x\n",
			    p->block, p->blocks - 1, p->status);
	return -EREMOTEIO;
}

static void pvf_set(struct pvf_piece *p, u8 opcode, u16 control)
{
	p->io = (struct parley_nvme_io) {
		.opcode = opcode,
		.control = control,
		.block = p->block,
		.blocks = p->blocks,
		.done = pvf_piece_done,
	};
}

/* Its pages: one, two, or one and a list. */
static void pvf_set_data(struct parley_nvme_vf *vf, struct pvf_piece *p)
{
	size_t len = (size_t)p->blocks * vf->ns.block_size;

	p->io.prp1 = p->dma;
	if (len > 2 * PARLEY_NVME_PAGE)
		p->io.prp2 = p->dma + PVF_ERASE_BYTES;
	else if (len > PARLEY_NVME_PAGE)
		p->io.prp2 = p->dma + PARLEY_NVME_PAGE;
}

/* ----------------------------------------------------------- passes */

/* Whether blocks that are deallocated read as zeroes, and Write Zeroes does that. */
static bool pvf_deac(const struct parley_nvme_vf *vf)
{
	return (vf->ns.dlfeat & PARLEY_NVME_DLFEAT_READ) == PARLEY_NVME_DLFEAT_ZEROES &&
	       vf->ns.dlfeat & PARLEY_NVME_DLFEAT_DEAC;
}

static void pvf_zero(struct parley_nvme_vf *vf, struct pvf_piece *p)
{
	pvf_set(p, nvme_cmd_write_zeroes, pvf_deac(vf) ? NVME_WZ_DEAC : 0);
}

static void pvf_write(struct parley_nvme_vf *vf, struct pvf_piece *p)
{
	memset(p->data, 0, PVF_ERASE_BYTES);
	pvf_set(p, nvme_cmd_write, 0);
	pvf_set_data(vf, p);
}

static void pvf_deallocate(struct parley_nvme_vf *vf, struct pvf_piece *p)
{
	struct nvme_dsm_range *range = p->data;

	*range = (struct nvme_dsm_range) {
		.nlb = cpu_to_le32(p->blocks),
		.slba = cpu_to_le64(p->block),
	};
	pvf_set(p, nvme_cmd_dsm, 0);
	p->io.block = 0;
	p->io.blocks = 0;
	p->io.nr_ranges = 1;
	p->io.range = range;
	p->io.prp1 = p->dma;
}

/* Filled first: blocks that a controller did not read must not look like zeroes. */
static void pvf_read(struct parley_nvme_vf *vf, struct pvf_piece *p)
{
	memset(p->data, 0xff, PVF_ERASE_BYTES);
	pvf_set(p, nvme_cmd_read, 0);
	pvf_set_data(vf, p);
}

static bool pvf_is_zero(struct parley_nvme_vf *vf, const struct pvf_piece *p)
{
	return !memchr_inv(p->data, 0, (size_t)p->blocks * vf->ns.block_size);
}

/* Written over, and read again. */
static int pvf_look(struct parley_nvme_vf *vf, struct pvf_piece *p)
{
	int err;

	if (pvf_is_zero(vf, p))
		return 0;
	vf->erase.mended += p->blocks;
	pvf_write(vf, p);
	err = pvf_batch(p->run, p, 1) ?: pvf_status(vf, p);
	if (err)
		return err;
	pvf_read(vf, p);
	err = pvf_batch(p->run, p, 1) ?: pvf_status(vf, p);
	if (err || pvf_is_zero(vf, p))
		return err;
	dev_err_ratelimited(vf->n.dev, "block %llu or one of %u after it keeps what was written over\n",
			    p->block, p->blocks - 1);
	return -EPROTO;
}

static const struct pvf_pass pvf_pass_zero = {
	"zero", PARLEY_NVME_ERASE_ZEROES, nvme_cmd_write_zeroes, pvf_zero
};

static const struct pvf_pass pvf_pass_write = {
	"write", PVF_ERASE_BYTES, nvme_cmd_write, pvf_write
};

static const struct pvf_pass pvf_pass_deallocate = {
	"deallocate", PARLEY_NVME_ERASE_RANGE, nvme_cmd_dsm, pvf_deallocate
};

static const struct pvf_pass pvf_pass_look = {
	"look", PVF_ERASE_BYTES, nvme_cmd_read, pvf_read, pvf_look
};

/* As many as fit into a command; of zeroes no more than of data, which is cautious. */
static u32 pvf_pass_blocks(struct parley_nvme_vf *vf, const struct pvf_pass *pass)
{
	const struct parley_nvme_id *id = &vf->n.id;
	u64 most = pass->bytes / vf->ns.block_size;

	if (pass->opcode == nvme_cmd_dsm)
		return clamp(min3(most, (u64)id->range_blocks, id->ranges_blocks), 1u, U32_MAX);
	most = min(most, id->transfer / vf->ns.block_size);
	if (pass->opcode == nvme_cmd_write_zeroes)
		most = min(most, id->zeroes / vf->ns.block_size);
	return clamp(most, 1u, U16_MAX + 1u);
}

/* The next batch, from block @at on; how many pieces it has. */
static unsigned int pvf_fill(struct pvf_erase_run *r, const struct pvf_pass *pass, u64 *at)
{
	u32 most = pvf_pass_blocks(r->vf, pass), room = READ_ONCE(r->vf->queue[0].slots);
	unsigned int nr;

	/* Without a queue any more, the first of them says so. */
	room = clamp(room, 1u, ARRAY_SIZE(r->piece));
	for (nr = 0; nr < room && *at < r->vf->ns.blocks; nr++) {
		r->piece[nr].block = *at;
		r->piece[nr].blocks = min_t(u64, most, r->vf->ns.blocks - *at);
		pass->describe(r->vf, &r->piece[nr]);
		*at += r->piece[nr].blocks;
	}
	return nr;
}

static int pvf_pass(struct pvf_erase_run *r, const struct pvf_pass *pass)
{
	struct parley_nvme_vf *vf = r->vf;
	unsigned int nr, i;
	u64 at = 0;
	int err = 0;

	WRITE_ONCE(vf->erase.done, 0);
	WRITE_ONCE(vf->erase.pass, pass->name);
	while (at < vf->ns.blocks && !err) {
		if (READ_ONCE(vf->erase.stop) || READ_ONCE(vf->leaving))
			return -ECANCELED;
		nr = pvf_fill(r, pass, &at);
		err = pvf_batch(r, r->piece, nr);
		for (i = 0; i < nr && !err; i++) {
			err = pvf_status(vf, &r->piece[i]);
			if (!err && pass->judge)
				err = pass->judge(vf, &r->piece[i]);
		}
		if (!err)
			WRITE_ONCE(vf->erase.done, at);
		cond_resched();
	}
	return err;
}

static int pvf_flush(struct pvf_erase_run *r)
{
	struct pvf_piece *p = r->piece;

	WRITE_ONCE(r->vf->erase.pass, "flush");
	p->block = 0;
	p->blocks = 0;
	pvf_set(p, nvme_cmd_flush, 0);
	return pvf_batch(r, p, 1) ?: pvf_status(r->vf, p);
}

static int pvf_zero_all(struct pvf_erase_run *r)
{
	int err = -EOPNOTSUPP;

	if (parley_nvme_verb(r->vf, nvme_cmd_write_zeroes))
		err = pvf_pass(r, &pvf_pass_zero);
	return err == -EOPNOTSUPP ? pvf_pass(r, &pvf_pass_write) : err;
}

static int pvf_erase_all(struct pvf_erase_run *r)
{
	int err = -EOPNOTSUPP;

	if (r->vf->erase.way == PARLEY_NVME_DEALLOCATE) {
		if (parley_nvme_verb(r->vf, nvme_cmd_dsm))
			err = pvf_pass(r, &pvf_pass_deallocate);
		if (err == -EOPNOTSUPP)
			err = pvf_zero_all(r);
		if (!err)
			err = pvf_pass(r, &pvf_pass_look);
	} else {
		err = pvf_zero_all(r);
	}
	return err ?: pvf_flush(r);
}

/* -------------------------------------------------------------- life */

static void pvf_run_free(struct pvf_erase_run *r)
{
	struct parley_nvme *n = &r->vf->n;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r->piece); i++)
		if (r->piece[i].data)
			n->ops->free(n, PVF_ERASE_BYTES + PARLEY_NVME_PAGE, r->piece[i].data,
				     r->piece[i].dma);
	kfree(r);
}

static bool pvf_piece_init(struct pvf_erase_run *r, struct pvf_piece *p)
{
	struct parley_nvme *n = &r->vf->n;
	unsigned int i;
	__le64 *list;

	p->run = r;
	p->data = n->ops->alloc(n, PVF_ERASE_BYTES + PARLEY_NVME_PAGE, &p->dma);
	if (!p->data)
		return false;
	list = p->data + PVF_ERASE_BYTES;
	for (i = 1; i < PARLEY_NVME_ERASE_PAGES; i++)
		list[i - 1] = cpu_to_le64(p->dma + i * PARLEY_NVME_PAGE);
	return true;
}

static struct pvf_erase_run *pvf_run_alloc(struct parley_nvme_vf *vf)
{
	struct pvf_erase_run *r = kzalloc(sizeof(*r), GFP_KERNEL);
	unsigned int i;

	if (!r)
		return NULL;
	r->vf = vf;
	init_completion(&r->all);
	for (i = 0; i < ARRAY_SIZE(r->piece); i++)
		if (!pvf_piece_init(r, &r->piece[i])) {
			pvf_run_free(r);
			return NULL;
		}
	return r;
}

static int pvf_erase(struct pvf_erase_run *r)
{
	struct parley_nvme_vf *vf = r->vf;
	int err = parley_nvme_vf_hand_out(vf);

	if (err)
		return err;
	err = parley_nvme_space_erase(vf);
	if (!err) {
		err = pvf_erase_all(r);
		parley_nvme_space_erased(vf, !err);
	}
	parley_nvme_vf_take_back(vf);
	return err;
}

static void pvf_erase_end(struct parley_nvme_vf *vf, int err)
{
	if (err)
		dev_err(vf->n.dev, "namespace %u is not erased (%d): nobody gets it\n", vf->nsid,
			err);
	else
		dev_info(vf->n.dev, "namespace %u is erased (%s, %llu blocks written over)\n",
			 vf->nsid, parley_nvme_way_names[vf->erase.way], vf->erase.mended);
	vf->erase.err = err;
	parley_nvme_space_ended(vf, err ? PARLEY_NVME_ERASE_FAILED : PARLEY_NVME_ERASE_DONE);
	wake_up_all(&vf->erase.wait);
}

static void pvf_erase_work(struct work_struct *work)
{
	struct parley_nvme_vf *vf = container_of(work, struct parley_nvme_vf, erase.work);
	struct pvf_erase_run *r = pvf_run_alloc(vf);
	int err = r ? pvf_erase(r) : -ENOMEM;

	/* Only now that the function reaches no memory. */
	if (r)
		pvf_run_free(r);
	pvf_erase_end(vf, err);
}

/**
 * parley_nvme_erase_init() - nothing is being erased
 * @vf: the function, zeroed
 *
 * Context: process context.
 */
void parley_nvme_erase_init(struct parley_nvme_vf *vf)
{
	INIT_WORK(&vf->erase.work, pvf_erase_work);
	init_waitqueue_head(&vf->erase.wait);
}

/**
 * parley_nvme_erase_start() - begin to erase the namespace of a function
 * @vf: the function, bound
 * @way: PARLEY_NVME_ZERO or PARLEY_NVME_DEALLOCATE
 *
 * Context: process context; may sleep.
 * Return: 0, -EINVAL if that is no way to erase, or as parley_nvme_space_claim().
 */
int parley_nvme_erase_start(struct parley_nvme_vf *vf, enum parley_nvme_way way)
{
	int err;

	if (way != PARLEY_NVME_ZERO && way != PARLEY_NVME_DEALLOCATE)
		return -EINVAL;
	err = parley_nvme_space_claim(vf);
	if (err)
		return err;
	vf->erase.way = way;
	vf->erase.mended = 0;
	vf->erase.err = 0;
	WRITE_ONCE(vf->erase.done, 0);
	WRITE_ONCE(vf->erase.stop, false);
	WRITE_ONCE(vf->erase.pass, "begin");
	WRITE_ONCE(vf->erase.state, PARLEY_NVME_ERASE_RUNS);
	queue_work(system_dfl_wq, &vf->erase.work);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_erase_start);

/**
 * parley_nvme_erase_stop() - end it, if it is under way
 * @vf: the function
 *
 * It ends soon: when the commands that are under way have ended.
 *
 * Context: any.
 */
void parley_nvme_erase_stop(struct parley_nvme_vf *vf)
{
	WRITE_ONCE(vf->erase.stop, true);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_erase_stop);

/**
 * parley_nvme_erase_wait() - wait until it has ended
 * @vf: the function, whose erasing was begun
 *
 * Context: process context; sleeps, until a signal comes.
 * Return: 0 if it ended well, why it did not, or -ERESTARTSYS.
 */
int parley_nvme_erase_wait(struct parley_nvme_vf *vf)
{
	/* Pairs with pvf_erase_end(): what it left there is seen. */
	int err = wait_event_interruptible(vf->erase.wait, smp_load_acquire(&vf->erase.state) !=
					   PARLEY_NVME_ERASE_RUNS);

	return err ?: vf->erase.err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_erase_wait);
