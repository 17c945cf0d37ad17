// SPDX-License-Identifier: GPL-2.0-only
/* The guest's bytes in a request: pieces of any shape, bounds, memory that is gone. */
#include <kunit/test.h>
#include <linux/bvec.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/uaccess.h>
#include "toy.h"

#define BYTES	4096u
#define PIECES	64u

/*
 * A request whose bytes to read, and to write, lie in pieces here and there.
 * @out, @in: the same bytes in one piece, as they should be
 */
struct cut {
	struct kunit *test;
	struct parley_vhost dev;
	struct parley_vhost_vq vq;
	struct parley_vhost_req req;
	struct parley_iov iov[2 * PIECES];
	u8 *out;
	u8 *in;
	unsigned long memory;
	bool user;
};

static void cut_store(struct cut *c, unsigned long at, const void *from, size_t len)
{
	if (c->user)
		KUNIT_EXPECT_EQ(c->test, copy_to_user((void __user *)at, from, len), 0);
	else
		memcpy((void *)at, from, len);
}

/* Cut @len bytes, which begin at @from here, into pieces with gaps between. */
static unsigned int cut_pieces(struct cut *c, struct parley_iov *iov, const u8 *from,
			       u32 len, unsigned long *at, struct rnd_state *rnd)
{
	unsigned int n = 0;

	while (len) {
		u32 piece = 1 + prandom_u32_state(rnd) % (n % 5 ? 200 : 20);

		piece = n == PIECES - 1 ? len : min(piece, len);
		*at += prandom_u32_state(rnd) % 9;
		iov[n++] = (struct parley_iov){ .addr = *at, .len = piece };
		cut_store(c, *at, from, piece);
		from += piece;
		len -= piece;
		*at += piece;
	}
	return n;
}

static void cut_make(struct cut *c, struct rnd_state *rnd)
{
	struct parley_chain *chain = &c->req.chain;
	unsigned long at = c->memory;

	prandom_bytes_state(rnd, c->out, BYTES);
	prandom_bytes_state(rnd, c->in, BYTES);
	chain->iov = c->iov;
	chain->len_out = prandom_u32_state(rnd) % 2000;
	chain->len_in = prandom_u32_state(rnd) % 2000;
	chain->n_out = cut_pieces(c, c->iov, c->out, chain->len_out, &at, rnd);
	chain->n_in = cut_pieces(c, c->iov + chain->n_out, c->in, chain->len_in, &at,
				 rnd);
}

static struct cut *cut_open(struct kunit *test, bool user)
{
	struct cut *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->out = kunit_kzalloc(test, BYTES, GFP_KERNEL);
	c->in = kunit_kzalloc(test, BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c->out);
	KUNIT_ASSERT_NOT_NULL(test, c->in);
	c->test = test;
	c->user = user;
	if (user)
		c->memory = kunit_vm_mmap(test, NULL, 0, 4 * BYTES,
					  PROT_READ | PROT_WRITE,
					  MAP_ANONYMOUS | MAP_PRIVATE, 0);
	else
		c->memory = (unsigned long)kunit_kzalloc(test, 4 * BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NE(test, c->memory, 0);
	c->req.vq = &c->vq;
	c->vq.dev = &c->dev;
	c->vq.joined = !user;
	c->dev.owner.mm = user ? current->mm : NULL;
	return c;
}

/*
 * Read and write at any offset, for any length, also beyond the end: what is
 * copied is what lies there, and never more than there is.
 */
static void req_random(struct kunit *test, bool user)
{
	struct cut *c = cut_open(test, user);
	u8 *buf = kunit_kzalloc(test, BYTES, GFP_KERNEL);
	struct rnd_state rnd;
	int i, k;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	prandom_seed_state(&rnd, 11);
	for (i = 0; i < 200; i++) {
		u32 out, in;

		cut_make(c, &rnd);
		out = c->req.chain.len_out;
		in = c->req.chain.len_in;
		for (k = 0; k < 20; k++) {
			size_t off = prandom_u32_state(&rnd) % 2200;
			size_t len = prandom_u32_state(&rnd) % 1000;
			size_t is = off < out ? min(len, out - off) : 0;
			size_t got;

			memset(buf, 0x5a, BYTES);
			got = parley_vhost_req_read(&c->req, off, buf, len);
			KUNIT_ASSERT_EQ(test, got, is);
			KUNIT_ASSERT_EQ(test, memcmp(buf, c->out + off, is), 0);
			KUNIT_ASSERT_EQ(test, buf[is], 0x5a);

			is = off < in ? min(len, in - off) : 0;
			prandom_bytes_state(&rnd, buf, len);
			got = parley_vhost_req_write(&c->req, off, buf, len);
			KUNIT_ASSERT_EQ(test, got, is);
			memcpy(c->in + off, buf, is);
		}
		/* All that was written, and nothing else, seen through the pieces. */
		for (k = 0, in = 0; k < c->req.chain.n_in; k++) {
			struct parley_iov *v = &c->iov[c->req.chain.n_out + k];

			if (user)
				KUNIT_ASSERT_EQ(test, copy_from_user(buf, v->user, v->len), 0);
			else
				memcpy(buf, v->kern, v->len);
			KUNIT_ASSERT_EQ(test, memcmp(buf, c->in + in, v->len), 0);
			in += v->len;
		}
	}
}

static void bad_38_pieces_kernel(struct kunit *test)
{
	req_random(test, false);
}

static void bad_38_pieces_user(struct kunit *test)
{
	req_random(test, true);
}

/* Lengths and offsets that no request has: nothing, not even near wrap-around. */
static void bad_37_bounds(struct kunit *test)
{
	struct cut *c = cut_open(test, false);
	struct rnd_state rnd;
	struct iov_iter iter;
	u8 buf[8] = {};

	prandom_seed_state(&rnd, 5);
	do
		cut_make(c, &rnd);
	while (c->req.chain.len_out < 100 || c->req.chain.len_in < 100);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, SIZE_MAX, buf, 8), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, SIZE_MAX - 3, buf, 8), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_write(&c->req, SIZE_MAX, buf, 8), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_write(&c->req, c->req.chain.len_in, buf, 8), 0);
	parley_vhost_req_iter(&c->req, ITER_SOURCE, 10, SIZE_MAX, &iter);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), c->req.chain.len_out - 10);
	parley_vhost_req_iter(&c->req, ITER_DEST, 10, SIZE_MAX, &iter);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), c->req.chain.len_in - 10);
	KUNIT_EXPECT_EQ(test, (int)iov_iter_rw(&iter), ITER_DEST);

	/* A request without bytes in one direction. */
	c->req.chain.len_out = 0;
	c->req.chain.n_out = 0;
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, 0, buf, 8), 0);
}

/* Memory that goes away in the middle: a short copy, and no more. */
static void bad_37_hole(struct kunit *test)
{
	struct cut *c = cut_open(test, true);
	struct parley_chain *chain = &c->req.chain;
	u8 *buf = kunit_kzalloc(test, BYTES, GFP_KERNEL);
	size_t got;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	c->iov[0] = (struct parley_iov){ .addr = c->memory, .len = 100 };
	c->iov[1] = (struct parley_iov){ .addr = c->memory + BYTES - 50, .len = 100 };
	c->iov[2] = c->iov[0];
	c->iov[3] = c->iov[1];
	*chain = (struct parley_chain){ .iov = c->iov, .n_out = 2, .n_in = 2,
					.len_out = 200, .len_in = 200 };
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, 0, buf, 200), 200);
	KUNIT_ASSERT_EQ(test, vm_munmap(c->memory + BYTES, BYTES), 0);
	got = parley_vhost_req_read(&c->req, 0, buf, 200);
	KUNIT_EXPECT_GE(test, got, 100);
	KUNIT_EXPECT_LE(test, got, 150);
	got = parley_vhost_req_write(&c->req, 0, buf, 200);
	KUNIT_EXPECT_GE(test, got, 100);
	KUNIT_EXPECT_LE(test, got, 150);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, 150, buf, 50), 0);
}

/* Whatever the guest changes after a read, what was read stays. */
static void bad_36_read_once(struct kunit *test)
{
	struct cut *c = cut_open(test, false);
	struct rnd_state rnd;
	u8 buf[64];

	prandom_seed_state(&rnd, 6);
	do
		cut_make(c, &rnd);
	while (c->req.chain.len_out < sizeof(buf));
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, 0, buf, sizeof(buf)),
			sizeof(buf));
	memset((void *)c->memory, 0, 4 * BYTES);
	KUNIT_EXPECT_EQ(test, memcmp(buf, c->out, sizeof(buf)), 0);
}

/* Somebody else's memory is current: nothing is moved, nobody's bytes are touched. */
static void req_foreign_mm(struct kunit *test)
{
	struct cut *c = cut_open(test, true);
	struct rnd_state rnd;
	struct iov_iter iter;
	u8 buf[8];

	prandom_seed_state(&rnd, 7);
	do
		cut_make(c, &rnd);
	while (c->req.chain.len_out < 100 || c->req.chain.len_in < 100);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, 0, buf, 8), 8);
	c->dev.owner.mm = NULL;
	KUNIT_EXPECT_EQ(test, parley_vhost_req_read(&c->req, 0, buf, 8), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_write(&c->req, 20, buf, 8), 0);
	parley_vhost_req_iter(&c->req, ITER_DEST, 0, 100, &iter);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), 0);
}

/* A loopback's pages are the kernel's, and are lent: nobody holds them but who did. */
static void pages_that_are_lent(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	struct parley_vhost_req *req;
	struct sg_table sgt;
	struct iov_iter iter;
	struct bio_vec vec;
	int refs;

	toy->mode = TOY_HOLD;
	toy_send(r, 1);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) == 1));
	req = toy_held(toy);
	refs = page_count(virt_to_page(r->slots));
	KUNIT_ASSERT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, 0, 8, &sgt), 0);
	KUNIT_EXPECT_EQ(test, sgt.orig_nents, 1);
	KUNIT_EXPECT_EQ(test, sgt.sgl->length, 8);
	KUNIT_EXPECT_PTR_EQ(test, sg_virt(sgt.sgl), (void *)req->chain.iov[0].addr);
	KUNIT_EXPECT_EQ(test, page_count(sg_page(sgt.sgl)), refs);
	parley_vhost_req_sg_put(req, &sgt, true);
	KUNIT_EXPECT_EQ(test, page_count(virt_to_page(r->slots)), refs);
	parley_vhost_req_iter(req, ITER_SOURCE, 0, 8, &iter);
	KUNIT_ASSERT_EQ(test, parley_vhost_req_vecs(req, &iter, &vec, 1), 1);
	KUNIT_EXPECT_EQ(test, page_count(vec.bv_page), refs);
	parley_vhost_vecs_put(req, &vec, 1, true);
	KUNIT_EXPECT_EQ(test, page_count(vec.bv_page), refs);
	toy_release(toy, 1);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 1));
}

static struct kunit_case req_cases[] = {
	KUNIT_CASE(bad_38_pieces_kernel),
	KUNIT_CASE(bad_38_pieces_user),
	KUNIT_CASE(bad_37_bounds),
	KUNIT_CASE(bad_37_hole),
	KUNIT_CASE(bad_36_read_once),
	KUNIT_CASE(req_foreign_mm),
	KUNIT_CASE(pages_that_are_lent),
	{}
};

static struct kunit_suite req_suite = {
	.name = "parley_vhost_req",
	.test_cases = req_cases,
};

kunit_test_suite(req_suite);
