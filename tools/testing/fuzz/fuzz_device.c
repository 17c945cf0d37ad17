// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device role against a hostile driver, who writes the ring, the tables and
 * the memory map's addresses between our verbs.
 *
 * Must hold: every piece lies inside a region with the right permission and is
 * never empty; never more pieces, chains or bytes than said; never more in
 * flight than the ring has; what was taken can be completed unless the queue is
 * broken.  The areas are allocated to the byte, so that ASan sees a step beyond.
 */
#include "fuzz.h"

#define GUEST	0x100000ull	/* where the driver's memory begins for it */
#define MEM	4096u
#define REGIONS	3u
#define PIECES	8u
#define MANY	64u		/* chains that we hold at most */

struct fuzz {
	struct input in;
	u64 features;
	unsigned int size;
	void *desc, *drv, *dvc;	/* the three areas */
	size_t desc_size, drv_size, dvc_size;
	u8 *mem[REGIONS];
	struct parley_region regions[REGIONS];
	struct parley_memmap map;
	bool again;		/* what a miss says */
	struct parley_devq *q;
	struct parley_chain held[MANY];
	struct parley_iov iov[MANY][PIECES];
	unsigned int nr_held;
};

static int miss(struct parley_memmap *map, u64 addr, u64 len, u32 perm)
{
	struct fuzz *f = (void *)((char *)map - offsetof(struct fuzz, map));

	(void)addr;
	(void)len;
	(void)perm;
	return f->again ? -EAGAIN : 0;
}

static void remap(struct fuzz *f)
{
	u8 choice = next8(&f->in);
	unsigned int i;

	for (i = 0; i < REGIONS; i++)
		f->regions[i] = (struct parley_region){
			.start = GUEST + i * (MEM + (choice >> i & 1 ? 0 : 16)),
			.size = MEM, .host = (uintptr_t)f->mem[i],
			.perm = i == 1 && choice & 8 ? PARLEY_MEM_READ :
				i == 2 && choice & 16 ? PARLEY_MEM_WRITE :
				PARLEY_MEM_READ | PARLEY_MEM_WRITE,
		};
	f->again = choice & 32;
	f->map = (struct parley_memmap){ .nr = REGIONS, .regions = f->regions,
					 .miss = choice & 64 ? miss : NULL };
	if (parley_memmap_check(&f->map))
		f->map.nr = 1;
	if (f->q)
		parley_devq_set_map(f->q, &f->map);
}

static void open_queue(struct fuzz *f, bool user)
{
	struct parley_devq_config cfg = {
		.name = "fuzz", .size = f->size, .features = f->features,
		.space = user ? PARLEY_SPACE_USER : PARLEY_SPACE_KERNEL,
		.map_space = user ? PARLEY_SPACE_USER : PARLEY_SPACE_KERNEL,
		.addr = { (uintptr_t)f->desc, (uintptr_t)f->drv, (uintptr_t)f->dvc },
		.map = &f->map,
	};

	f->q = parley_devq_create(&cfg);
	must(!IS_ERR(f->q));
}

/* Is the piece inside one region, and may it be used so? */
static bool allowed(const struct fuzz *f, const struct parley_iov *v, u32 perm)
{
	unsigned int i;

	for (i = 0; i < f->map.nr; i++) {
		const struct parley_region *g = &f->regions[i];

		if (v->addr >= g->host && v->addr - g->host < g->size)
			return v->len <= g->size - (v->addr - g->host) &&
			       g->perm & perm;
	}
	return false;
}

static void check_chain(struct fuzz *f, struct parley_chain *c)
{
	u64 out = 0, in = 0;
	unsigned int i;

	must(c->n_out + c->n_in <= c->max);
	for (i = 0; i < c->n_out + c->n_in; i++) {
		bool write = i >= c->n_out;

		must(c->iov[i].len);
		must(allowed(f, &c->iov[i], write ? PARLEY_MEM_WRITE : PARLEY_MEM_READ));
		if (write)
			memset(c->iov[i].kern, 0xa5, min(c->iov[i].len, 4));
		*(write ? &in : &out) += c->iov[i].len;
	}
	must(out == c->len_out && in == c->len_in);
	/* As many empty ones as pieces, and the one that refers to a table. */
	must(c->reads && c->reads <= 2 * c->max + 1);
}

static void take(struct fuzz *f)
{
	unsigned int nr = 1 + next8(&f->in) % 4, i, flight;
	struct parley_chain chains[4];
	int n;

	if (f->nr_held + nr > MANY)
		return;
	for (i = 0; i < nr; i++)
		chains[i] = (struct parley_chain){
			.iov = f->iov[f->nr_held + i], .max = PIECES };
	flight = parley_devq_in_flight(f->q);
	n = parley_devq_take(f->q, chains, nr);
	must(n <= (int)nr);
	if (n <= 0) {
		must(parley_devq_in_flight(f->q) == flight);
		must(n == 0 || n == -EAGAIN || parley_devq_broken(f->q));
		return;
	}
	must(parley_devq_in_flight(f->q) == flight + n);
	must(parley_devq_in_flight(f->q) <= f->size);
	for (i = 0; i < (unsigned int)n; i++) {
		check_chain(f, &chains[i]);
		f->held[f->nr_held++] = chains[i];
	}
}

/* Chains keep their pieces' arrays, so the last one moves with its own. */
static void forget(struct fuzz *f, unsigned int i)
{
	f->nr_held--;
	memmove(&f->held[i], &f->held[i + 1], (f->nr_held - i) * sizeof(f->held[0]));
}

static void complete(struct fuzz *f)
{
	unsigned int i;
	int err;

	if (!f->nr_held)
		return;
	i = next8(&f->in) % f->nr_held;
	f->held[i].written = next8(&f->in) & 1 ? f->held[i].len_in : 0;
	err = parley_devq_complete(f->q, &f->held[i], 1);
	must(!err || (err != -EINVAL && parley_devq_broken(f->q)));
	if (!err)
		forget(f, i);
}

static void untake(struct fuzz *f)
{
	if (f->nr_held &&
	    !parley_devq_untake(f->q, &f->held[f->nr_held - 1], 1))
		f->nr_held--;
}

static void reset(struct fuzz *f)
{
	parley_user_fault_start = 0;
	parley_user_fault_end = 0;
	must(!parley_devq_reset(f->q));
	must(!parley_devq_in_flight(f->q) && !parley_devq_broken(f->q));
	f->nr_held = 0;
	memset(f->desc, 0, f->desc_size);
	memset(f->drv, 0, f->drv_size);
	memset(f->dvc, 0, f->dvc_size);
}

static void move(struct fuzz *f)
{
	u32 base;

	if (next8(&f->in) & 1) {
		parley_devq_load(f->q, next32(&f->in));
	} else if (!parley_devq_save(f->q, &base) && !parley_devq_broken(f->q)) {
		u32 again = ~base;

		if (!parley_devq_load(f->q, base) && !parley_devq_broken(f->q))
			must(!parley_devq_save(f->q, &again) && again == base);
	}
}

/* ------------------------------------------------------------- the driver */

/* A descriptor that is nearly right, in the ring or in a table. */
static void write_desc(struct fuzz *f, void *to, bool packed)
{
	static const u32 lens[] = { 0, 1, 16, 32, 48, 100, MEM, 2 * MEM, ~0u, 24 };
	u8 where = next8(&f->in), flags = next8(&f->in), id = next8(&f->in);
	u64 addr = GUEST + (where & 15) * (MEM / 4) + (where & 16 ? 3 : 0) -
		   (where & 32 ? 8 : 0) + (where & 64 ? 1ull << 32 : 0);
	u32 len = lens[next8(&f->in) % ARRAY_SIZE(lens)];

	if (packed) {
		struct vring_packed_desc *d = to;

		d->addr = addr;
		d->len = len;
		d->id = id;
		d->flags = (flags & 7) | (flags & 8) << 4 | (flags & 16) << 11;
	} else {
		struct vring_desc *d = to;

		d->addr = addr;
		d->len = len;
		d->flags = flags & 7;
		d->next = id % (f->size + 1);
	}
}

static void write_ring(struct fuzz *f)
{
	bool packed = f->features & PACKED;
	struct vring_avail *avail = f->drv;
	u8 at = next8(&f->in);

	if (next8(&f->in) & 1) {
		u8 *mem = f->mem[at % REGIONS];

		write_desc(f, mem + at % 8 * 16, packed);
	} else {
		write_desc(f, (u8 *)f->desc + at % f->size * 16, packed);
	}
	if (!packed && at & 128) {
		avail->ring[avail->idx & (f->size - 1)] = at % (f->size + (at & 64 ? 1 : 0));
		avail->idx++;
	}
}

static void step(struct fuzz *f, bool user)
{
	switch (next8(&f->in) % 16) {
	case 0 ... 4:
		write_ring(f);
		break;
	case 5:
		scribble(&f->in, f->desc, f->desc_size);
		break;
	case 6:
		scribble(&f->in, f->drv, f->drv_size);
		break;
	case 7:
		scribble(&f->in, f->dvc, f->dvc_size);
		break;
	case 8 ... 9:
		take(f);
		break;
	case 10:
		complete(f);
		break;
	case 11:
		parley_devq_publish(f->q);
		break;
	case 12:
		if (next8(&f->in) & 1)
			parley_devq_arm(f->q);
		else
			parley_devq_disarm(f->q);
		parley_devq_peek(f->q);
		break;
	case 13:
		untake(f);
		break;
	case 14:
		move(f);
		break;
	default:
		if (next8(&f->in) & 1)
			reset(f);
		else if (user)
			parley_user_fault_start = (uintptr_t)f->desc +
						  next8(&f->in) % f->desc_size;
		else
			remap(f);
		parley_user_fault_end = parley_user_fault_start ?
					parley_user_fault_start + 64 : 0;
	}
	must(parley_devq_in_flight(f->q) <= f->size);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	struct fuzz *f = calloc(1, sizeof(*f));
	unsigned int i;
	bool user;

	f->in = (struct input){ data, len };
	f->features = fuzz_features(next8(&f->in));
	f->size = fuzz_size(f->features, next8(&f->in));
	user = next8(&f->in) & 1;
	f->desc_size = f->size * sizeof(struct vring_desc);
	f->drv_size = f->features & PACKED ? 4 : 6 + 2 * f->size;
	f->dvc_size = f->features & PACKED ? 4 : 6 + 8 * f->size;
	f->desc = calloc(1, f->desc_size);
	f->drv = calloc(1, f->drv_size);
	f->dvc = calloc(1, f->dvc_size);
	for (i = 0; i < REGIONS; i++)
		f->mem[i] = calloc(1, MEM);
	remap(f);
	open_queue(f, user);
	for (i = 0; i < 2000 && more(&f->in); i++)
		step(f, user);
	parley_devq_destroy(f->q);
	parley_user_fault_start = 0;
	parley_user_fault_end = 0;
	for (i = 0; i < REGIONS; i++)
		free(f->mem[i]);
	free(f->desc);
	free(f->drv);
	free(f->dvc);
	free(f);
	return 0;
}
