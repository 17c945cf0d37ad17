// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver role against a hostile device, who writes used entries,
 * descriptors and event fields between our verbs.  Some of its steps are an
 * honest device queue's, so that the ring gets beyond its first lap.
 *
 * Must hold: a cookie comes back once for each time that it was put, from reap
 * or from detach; no length is beyond the buffer; never more in flight than the
 * ring has; a failed allocation leaves nothing behind; what is not in flight is
 * not mapped, and what the device reads and writes is.
 */
#include "bounce.h"
#include "fuzz.h"

#define MEM	256u
#define SEGS	6u
#define MANY	64u

struct req {
	u32 len_in;
	bool out;		/* with the queue */
};

struct fuzz {
	struct input in;
	u64 features;
	unsigned int size;
	struct parley_drvq *q;
	struct parley_devq *dev;
	struct parley_vq_addr addr;
	struct parley_region all;
	struct parley_memmap map;
	struct device dma;	/* ours: its addresses are as they are, or bounced */
	struct req reqs[MANY];
	unsigned int outstanding;
	unsigned int areas;	/* ring and tables, if those are bounced, too */
	u16 used;		/* split: entries that the device wrote */
	bool lied;		/* the ring is no longer to be trusted */
	u8 mem[MEM];
};

static bool notify(struct parley_drvq *q, u32 data)
{
	(void)q;
	return !(data & 0x80000000);
}

static struct req *idle(struct fuzz *f)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		if (!f->reqs[i].out)
			return &f->reqs[i];
	return NULL;
}

static void put(struct fuzz *f)
{
	struct parley_seg segs[4][SEGS];
	struct parley_buf bufs[4];
	struct req *reqs[4];
	unsigned int nr = 1 + next8(&f->in) % 4, i, k;
	int n;

	for (i = 0; i < nr; i++) {
		u8 shape = next8(&f->in);
		struct req *r = idle(f);

		if (!r)
			break;
		bufs[i] = (struct parley_buf){
			.segs = segs[i], .cookie = shape & 128 ? NULL : r,
			.n_out = shape % 4, .n_in = shape / 4 % 4 };
		r->len_in = 0;
		for (k = 0; k < (unsigned int)(bufs[i].n_out + bufs[i].n_in); k++) {
			u8 len = next8(&f->in) % 33;

			segs[i][k] = (struct parley_seg){ (uintptr_t)f->mem + k * 33, len };
			if (k >= bufs[i].n_out)
				r->len_in += len;
		}
		r->out = true;
		reqs[i] = r;
	}
	nr = i;
	if (!nr)
		return;
	if (next8(&f->in) % 4 == 0)
		parley_user_fail_nth = 1 + next8(&f->in) % 4;
	/* By itself in one call, now and then. */
	if (nr == 1 && f->outstanding % 2) {
		n = parley_drvq_submit(f->q, bufs, GFP_ATOMIC);
		must(n <= 0);
		n = n ? n : 1;
	} else {
		n = parley_drvq_put(f->q, bufs, nr, GFP_ATOMIC);
	}
	parley_user_fail_nth = 0;
	must(n <= (int)nr);
	must(n > 0 || n == -ENOSPC || n == -ENOMEM || n == -EINVAL || n == -EIO);
	must(n != -EIO || parley_drvq_broken(f->q));
	for (i = 0; i < nr; i++) {
		reqs[i]->out = (int)i < n;
		f->outstanding += (int)i < n;
	}
	must(f->outstanding <= f->size);
}

static void came_back(struct fuzz *f, struct req *r)
{
	must(r >= f->reqs && r < f->reqs + MANY);
	must(r->out);
	must(f->outstanding);
	r->out = false;
	f->outstanding--;
}

static void reap(struct fuzz *f)
{
	struct parley_done done[8];
	unsigned int max = next8(&f->in) % 9, n, i;

	n = parley_drvq_reap(f->q, done, max);
	must(n <= max);
	for (i = 0; i < n; i++) {
		struct req *r = done[i].cookie;

		must(r >= f->reqs && r < f->reqs + MANY);
		must(done[i].len <= r->len_in);
		came_back(f, r);
	}
}

static void reset(struct fuzz *f)
{
	void *r;

	while ((r = parley_drvq_detach(f->q)))
		came_back(f, r);
	must(!f->outstanding);
	must(fuzz_bounced == f->areas);
	must(!parley_drvq_reset(f->q));
	must(!parley_drvq_broken(f->q));
	must(parley_drvq_free(f->q) == f->size);
	must(!parley_drvq_pending(f->q));
	parley_devq_reset(f->dev);
	f->used = 0;
	f->lied = false;
}

/* ------------------------------------------------------------- the device */

/* Read what is to be read, and write what is written. */
static void touch(struct parley_chain *c)
{
	u32 left = c->written;
	u8 sum = 0;
	unsigned int i;
	size_t k;

	for (i = 0; i < c->n_out; i++)
		for (k = 0; k < c->iov[i].len; k++)
			sum += ((u8 *)c->iov[i].kern)[k];
	for (; left; i++)
		for (k = 0; left && k < c->iov[i].len; k++, left--)
			((u8 *)c->iov[i].kern)[k] = sum;
}

static void honest(struct fuzz *f)
{
	struct parley_iov iov[4][SEGS + 2];
	struct parley_chain c[4];
	unsigned int nr = 1 + next8(&f->in) % 4;
	int n, i;

	if (f->lied)
		return;
	for (i = 0; i < (int)nr; i++)
		c[i] = (struct parley_chain){ .iov = iov[i], .max = SEGS + 2 };
	n = parley_devq_take(f->dev, c, nr);
	for (i = n - 1; i >= 0; i--) {
		c[i].written = next8(&f->in) & 1 ? c[i].len_in : 0;
		touch(&c[i]);
		parley_devq_complete(f->dev, &c[i], 1);
	}
	f->used += n > 0 ? n : 0;
	parley_devq_publish(f->dev);
	if (next8(&f->in) & 1)
		parley_devq_arm(f->dev);
	else
		parley_devq_disarm(f->dev);
}

/* A used entry that is nearly right. */
static void lie(struct fuzz *f)
{
	u8 id = next8(&f->in), how = next8(&f->in);
	u32 len = how & 1 ? next8(&f->in) : how & 2 ? next32(&f->in) : 0;

	if (f->features & PACKED) {
		struct vring_packed_desc *d = (void *)(uintptr_t)f->addr.desc;

		d += (how >> 3) % f->size;
		d->id = id % (f->size + (how & 4 ? 1 : 0));
		d->len = len;
		d->flags = (next8(&f->in) & 1 ? 0x8080 : 0) | (how & 2);
	} else {
		struct vring_used *used = (void *)(uintptr_t)f->addr.device;

		used->ring[f->used & (f->size - 1)].id = id % (f->size + (how & 4 ? 1 : 0));
		used->ring[f->used & (f->size - 1)].len = len;
		f->used++;
		used->idx = how & 128 ? next16(&f->in) : f->used;
	}
}

static void step(struct fuzz *f)
{
	bool packed = f->features & PACKED;
	u8 choice = next8(&f->in) % 16;

	f->lied |= choice >= 12;
	switch (choice) {
	case 0 ... 3:
		put(f);
		break;
	case 4 ... 5:
		if (parley_drvq_publish(f->q))
			parley_drvq_kick(f->q);
		break;
	case 6 ... 7:
		reap(f);
		break;
	case 8:
		if (next8(&f->in) & 1)
			parley_drvq_arm(f->q, next8(&f->in));
		else
			parley_drvq_disarm(f->q);
		break;
	case 9 ... 11:
		honest(f);
		break;
	case 12:
		lie(f);
		break;
	case 13:
		scribble(&f->in, (void *)(uintptr_t)f->addr.desc, f->size * 16);
		break;
	case 14:
		scribble(&f->in, (void *)(uintptr_t)f->addr.device,
			 packed ? 4 : 6 + 8 * f->size);
		break;
	default:
		if (next8(&f->in) & 1)
			reset(f);
		else
			scribble(&f->in, (void *)(uintptr_t)f->addr.driver,
				 packed ? 4 : 6 + 2 * f->size);
	}
	must(parley_drvq_free(f->q) <= f->size);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct fuzz *f = calloc(1, sizeof(*f));
	struct parley_drvq_config drv = { .name = "fuzz", .notify = notify };
	struct parley_devq_config dev = { .name = "fuzz" };
	unsigned int i;
	u8 memory;

	f->in = (struct input){ data, len };
	f->features = fuzz_features(next8(&f->in));
	f->size = fuzz_size(f->features, next8(&f->in));
	drv.indirect_segs = next8(&f->in) % 5;
	memory = next8(&f->in) % 4;
	if (memory & 1) {
		f->features |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
		drv.dev = &f->dma;
		f->dma.dma = memory & 2 ? &fuzz_bounce : NULL;
	} else if (memory) {
		drv.mem = &fuzz_bounce;
	}
	f->all = (struct parley_region){ .size = 1ull << 47,
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	drv.size = f->size;
	dev.size = f->size;
	drv.features = f->features;
	dev.features = f->features;
	parley_user_fail_nth = next8(&f->in) % 16;
	f->q = parley_drvq_create(&drv);
	parley_user_fail_nth = 0;
	if (IS_ERR(f->q)) {
		must(!fuzz_bounced);
		free(f);
		return 0;
	}
	f->areas = fuzz_bounced;
	parley_drvq_addr(f->q, &f->addr);
	dev.addr = f->addr;
	f->map = (struct parley_memmap){ .nr = 1, .regions = &f->all };
	dev.map = &f->map;
	f->dev = parley_devq_create(&dev);
	must(!IS_ERR(f->dev));
	for (i = 0; i < 2000 && more(&f->in); i++)
		step(f);
	reset(f);
	parley_devq_destroy(f->dev);
	parley_drvq_destroy(f->q);
	must(!fuzz_bounced);
	free(f);
	return 0;
}
