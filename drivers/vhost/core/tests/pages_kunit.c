// SPDX-License-Identifier: GPL-2.0-only
/* Pages of a request, as vectors and as a scatterlist: what they show, and who holds them. */
#include <linux/bvec.h>
#include <linux/kthread.h>
#include <linux/scatterlist.h>
#include <parley/compat.h>
#include "vmm.h"

static bool page_is_pinned(struct page *page)
{
	return folio_maybe_dma_pinned(page_folio(page));
}

/* A request of @nr pieces that is held, with a pattern in the owner's memory. */
static struct parley_vhost_req *pages_send(struct vmm *v, const struct vmm_piece *p,
					   unsigned int nr)
{
	u8 byte = 1;
	u32 k;

	for (unsigned int i = 0; i < nr; i++)
		for (k = 0; k < p[i].len; k++, byte += 3)
			vmm_poke(v, p[i].addr + k, &byte, 1);
	v->hold = true;
	v->late = true;
	vmm_send(v, p, nr);
	KUNIT_ASSERT_TRUE(v->test, vh_until(READ_ONCE(v->nr_held) == 1));
	return vmm_held(v);
}

/* The pattern, from its @from-th byte on. */
static bool pages_match(const u8 *at, size_t len, size_t from)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (at[i] != (u8)(1 + 3 * (from + i)))
			return false;
	return true;
}

/* A page that goes, or becomes another. */
#define HOLE	(SZ_2M + SZ_1M)

/* Pieces within a page, across two, and of whole ones. */
static const struct vmm_piece pieces[] = {
	{ SZ_2M + 100, 50, false },
	{ SZ_2M + SZ_8K - 8, 16, false },
	{ SZ_2M + SZ_16K, SZ_8K, false },
	{ SZ_2M + SZ_32K, 24, false },
};

#define ALL	(50u + 16 + SZ_8K + 24)

/* From the middle of the first piece to the middle of the last. */
static void pages_as_a_scatterlist(struct kunit *test)
{
	const size_t off = 20, len = ALL - off - 4;
	struct vmm *v = vmm_open(test);
	struct parley_vhost_req *req;
	struct scatterlist *sg;
	struct page *first;
	struct sg_table sgt;
	size_t seen = 0;
	unsigned int i;

	vmm_start(v, 0);
	req = pages_send(v, pieces, ARRAY_SIZE(pieces));
	KUNIT_EXPECT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, off, len + 5, &sgt),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_sg(req, ITER_DEST, 0, 1, &sgt), -EFAULT);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, off, 0, &sgt), -EFAULT);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, 0, PARLEY_VHOST_STEP + 1,
						  &sgt), -E2BIG);
	/* That would do, but so long it is not. */
	KUNIT_EXPECT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, 0, PARLEY_VHOST_STEP, &sgt),
			-EFAULT);
	KUNIT_ASSERT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, off, len, &sgt), 0);
	KUNIT_EXPECT_EQ(test, sgt.orig_nents, 1 + 2 + 2 + 1);
	for_each_sgtable_sg(&sgt, sg, i) {
		KUNIT_EXPECT_TRUE(test, page_is_pinned(sg_page(sg)));
		KUNIT_EXPECT_TRUE(test, pages_match(sg_virt(sg), sg->length, off + seen));
		seen += sg->length;
	}
	KUNIT_EXPECT_EQ(test, seen, len);
	first = sg_page(sgt.sgl);
	parley_vhost_req_sg_put(req, &sgt, false);
	KUNIT_EXPECT_FALSE(test, page_is_pinned(first));
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
}

/* As many as there is room for, and the rest; what is written there the owner sees. */
static void pages_as_vectors(struct kunit *test)
{
	const struct vmm_piece p = { SZ_2M + 8, 3 * SZ_4K, true };
	struct bio_vec vecs[8] = {};
	struct vmm *v = vmm_open(test);
	struct parley_vhost_req *req;
	struct iov_iter iter;
	unsigned int i;
	u8 buf[8];

	vmm_start(v, 0);
	req = pages_send(v, &p, 1);
	parley_vhost_req_iter(req, ITER_DEST, 0, p.len, &iter);
	KUNIT_ASSERT_EQ(test, parley_vhost_req_vecs(req, &iter, vecs, 1), 1);
	KUNIT_EXPECT_EQ(test, vecs[0].bv_len, SZ_4K - 8);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), p.len - vecs[0].bv_len);
	KUNIT_ASSERT_EQ(test, parley_vhost_req_vecs(req, &iter, vecs + 1, 7), 3);
	KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_vecs(req, &iter, vecs + 4, 4), -EFAULT);
	KUNIT_EXPECT_EQ(test, vecs[3].bv_len, 8);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_TRUE(test, page_is_pinned(vecs[i].bv_page));
		memset(bvec_virt(&vecs[i]), 0x40 + i, vecs[i].bv_len);
	}
	parley_vhost_vecs_put(req, vecs, 4, true);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_FALSE(test, page_is_pinned(vecs[i].bv_page));
		KUNIT_EXPECT_TRUE(test, folio_test_dirty(page_folio(vecs[i].bv_page)));
		vmm_peek(v, SZ_2M + i * SZ_4K + vecs[i].bv_offset, buf, sizeof(buf));
		KUNIT_EXPECT_PTR_EQ(test, memchr_inv(buf, 0x40 + i, sizeof(buf)), NULL);
	}
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
}

/* Memory that went while the request was held: what was had is let go of again. */
static void pages_out_of_reach(struct kunit *test)
{
	const struct vmm_piece p[] = {
		{ SZ_2M, SZ_4K, false }, { HOLE, SZ_4K, false },
	};
	struct vmm *v = vmm_open(test);
	struct parley_vhost_req *req;
	struct sg_table sgt;
	struct page *page;

	vmm_start(v, 0);
	req = pages_send(v, p, 2);
	KUNIT_ASSERT_EQ(test, vm_munmap(v->user + HOLE, SZ_4K), 0);
	KUNIT_EXPECT_LT(test, parley_vhost_req_sg(req, ITER_SOURCE, 0, SZ_8K, &sgt), 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, 0, SZ_4K, &sgt), 0);
	page = sg_page(sgt.sgl);
	parley_vhost_req_sg_put(req, &sgt, false);
	KUNIT_EXPECT_FALSE(test, page_is_pinned(page));
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
}

/* One page, if it is one. */
static void page_of_the_user(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	void __user *at = (void __user *)(v->user + SZ_2M + 100);
	struct page *page, *held;
	const u8 byte = 0x77;

	vmm_poke(v, SZ_2M + 100, &byte, 1);
	KUNIT_EXPECT_FALSE(test, parley_vhost_user_page(at, SZ_4K - 99, false, &held));
	KUNIT_EXPECT_PTR_EQ(test, held, NULL);
	KUNIT_ASSERT_TRUE(test, parley_vhost_user_page(at, SZ_4K - 100, true, &held));
	page = held;
	KUNIT_EXPECT_TRUE(test, page_is_pinned(page));
	KUNIT_EXPECT_EQ(test, ((u8 *)page_address(page))[100], byte);
	parley_vhost_user_page_put(&held, true);
	KUNIT_EXPECT_FALSE(test, page_is_pinned(page));
	KUNIT_EXPECT_PTR_EQ(test, held, NULL);
}

/* What the VMM itself may only read is not written for it; to read it is fine. */
static void pages_read_only(struct kunit *test)
{
	const struct vmm_piece p[] = {
		{ HOLE, SZ_4K, false }, { HOLE, SZ_4K, true },
	};
	struct vmm *v = vmm_open(test);
	struct parley_vhost_req *req;
	void __user *at = (void __user *)(v->user + HOLE);
	struct sg_table sgt;
	struct page *page;

	vmm_start(v, 0);
	req = pages_send(v, p, 2);
	KUNIT_ASSERT_EQ(test, vm_mmap(NULL, v->user + HOLE, SZ_4K, PROT_READ,
				      MAP_FIXED | MAP_ANONYMOUS | MAP_PRIVATE, 0),
			v->user + HOLE);
	KUNIT_EXPECT_EQ(test, parley_vhost_req_sg(req, ITER_DEST, 0, SZ_4K, &sgt), -EFAULT);
	KUNIT_EXPECT_FALSE(test, parley_vhost_user_page(at, SZ_4K, true, &page));
	KUNIT_ASSERT_EQ(test, parley_vhost_req_sg(req, ITER_SOURCE, 0, SZ_4K, &sgt), 0);
	parley_vhost_req_sg_put(req, &sgt, false);
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
}

/* What a work item of an accelerator does, in nobody's memory and in the owner's. */
struct helper {
	struct work_struct work;
	struct vmm *v;
	struct parley_vhost_req *req;
	struct iov_iter iter;
	struct bio_vec vec;
	struct mm_struct *mm;
	int without;
	int with;
	u8 bytes[8];
};

static void helper_work(struct work_struct *work)
{
	struct helper *h = container_of(work, struct helper, work);

	h->without = parley_vhost_req_vecs(h->req, &h->iter, &h->vec, 1);
	h->mm = parley_vhost_mm_get(h->v->dev);
	if (!h->mm)
		return;
	kthread_use_mm(h->mm);
	h->with = parley_vhost_req_vecs(h->req, &h->iter, &h->vec, 1);
	parley_vhost_req_read(h->req, 0, h->bytes, sizeof(h->bytes));
	kthread_unuse_mm(h->mm);
	if (h->with == 1)
		parley_vhost_vecs_put(h->req, &h->vec, 1, false);
	parley_vhost_mm_put(h->mm);
}

static void pages_for_a_helper(struct kunit *test)
{
	const struct vmm_piece p = { SZ_2M, SZ_4K, false };
	struct vmm *v = vmm_open(test);
	int users = atomic_read(&current->mm->mm_users);
	struct helper *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	vmm_start(v, 0);
	h->v = v;
	h->req = pages_send(v, &p, 1);
	parley_vhost_req_iter(h->req, ITER_SOURCE, 0, p.len, &h->iter);
	INIT_WORK(&h->work, helper_work);
	queue_work(system_dfl_wq, &h->work);
	flush_work(&h->work);
	KUNIT_EXPECT_EQ(test, h->without, -EFAULT);
	KUNIT_EXPECT_PTR_EQ(test, h->mm, current->mm);
	KUNIT_EXPECT_EQ(test, h->with, 1);
	KUNIT_EXPECT_TRUE(test, pages_match(h->bytes, sizeof(h->bytes), 0));
	KUNIT_EXPECT_FALSE(test, page_is_pinned(h->vec.bv_page));
	KUNIT_EXPECT_EQ(test, atomic_read(&current->mm->mm_users), users);
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_ASSERT_EQ(test, vmm_call_at(v, VHOST_RESET_OWNER, 0), 0);
	KUNIT_EXPECT_PTR_EQ(test, parley_vhost_mm_get(v->dev), NULL);
	parley_vhost_mm_put(NULL);
}

static struct kunit_case pages_cases[] = {
	KUNIT_CASE(pages_as_a_scatterlist),
	KUNIT_CASE(pages_as_vectors),
	KUNIT_CASE(pages_out_of_reach),
	KUNIT_CASE(page_of_the_user),
	KUNIT_CASE(pages_read_only),
	KUNIT_CASE(pages_for_a_helper),
	{}
};

static struct kunit_suite pages_suite = {
	.name = "parley_vhost_pages",
	.test_cases = pages_cases,
};

kunit_test_suite(pages_suite);
