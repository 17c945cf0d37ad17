// SPDX-License-Identifier: GPL-2.0-only
/* vhost blk: how much is left to do when all that a guest has queued is to end. */
#include <linux/delay.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include "../../core/runq.h"
#include "../../core/state.h"
#include "../../core/tests/until.h"
#include "../../core/vq.h"
#include "../../core/worker.h"
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
#define IOERR	VIRTIO_BLK_S_IOERR
#define RINGS	16u
#define PIECES	15u	/* of a MiB: less than a ring's bound */
#define LARGE	((u64)PIECES * VBLK_BUF)

/* ------------------------------------------------------------- many rings */

/**
 * struct many - rings of one disk, each with a large request
 * @ring: the first one owns the device and its buffers, which all use
 * @copy: the others
 * @hdr: header of all
 * @status: of each
 * @segs: of all, but for the status
 */
struct many {
	struct vblk *ring[RINGS];
	struct vblk copy[RINGS];
	struct virtio_blk_outhdr hdr;
	u8 status[RINGS];
	struct parley_seg segs[PIECES + 2];
};

static void many_end(void *arg)
{
	struct many *m = arg;
	unsigned int i;

	for (i = 1; i < RINGS; i++)
		if (m->ring[i])
			vblk_stop(m->ring[i]);
}

static struct many *many_open(struct kunit *test)
{
	struct many *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->ring[0] = vblk_ram(test, SECTOR_SIZE);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, many_end, m));
	for (i = 1; i < RINGS; i++) {
		struct vblk *v = &m->copy[i];

		*v = *m->ring[0];
		v->joined = false;
		v->map.regions = &v->region;
		init_completion(&v->called);
		v->vq = parley_vhost_get_vq(v->dev, i);
		v->drv = NULL;
		v->devq = NULL;
		m->ring[i] = v;
		KUNIT_ASSERT_EQ(test, 0, vblk_run(v, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)));
	}
	set_capacity(m->ring[0]->ram->disk, LARGE >> SECTOR_SHIFT);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(m->ring[0]->dev));
	m->segs[0] = (struct parley_seg){ virt_to_phys(&m->hdr), sizeof(m->hdr) };
	for (i = 0; i < PIECES; i++)
		m->segs[i + 1] = (struct parley_seg){ virt_to_phys(m->ring[0]->in), VBLK_BUF };
	return m;
}

static void many_put(struct kunit *test, struct many *m, unsigned int i)
{
	struct parley_buf buf = { .segs = m->segs, .cookie = m, .n_out = 1, .n_in = PIECES + 1 };

	m->segs[PIECES + 1] = (struct parley_seg){ virt_to_phys(&m->status[i]), 1 };
	m->status[i] = VBLK_POISON;
	KUNIT_ASSERT_EQ(test, 0, parley_drvq_submit(m->ring[i]->drv, &buf, GFP_KERNEL));
}

/*
 * Every ring has a request that fits into it, and together they are far too much: at a
 * kill no more is finished than all may have together, and the rest is left whole.
 */
static void bad_20_many_rings_end_soon(struct kunit *test)
{
	struct many *m = many_open(test);
	struct ram *ram = m->ring[0]->ram;
	unsigned int i, back = 0;
	struct parley_done done;
	struct vh_worker *w;

	WRITE_ONCE(ram->end, RAM_HELD);
	for (i = 0; i < RINGS; i++)
		many_put(test, m, i);
	KUNIT_ASSERT_TRUE(test, vh_until(ram_bytes_waiting(ram) == RINGS * (u64)VHB_STEP));
	KUNIT_EXPECT_LE(test, atomic64_read(&m->ring[0]->dev->shared), VHB_SHARED_BYTES);
	/* The worker has left submit() of the last one as well: it would go on with it. */
	w = rcu_dereference_raw(m->ring[0]->vq->worker);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(w->sleeping)));
	/* Killed at once: no worker goes on with any of them. */
	scoped_guard(mutex, &m->ring[0]->dev->mutex)
		for (i = 0; i < RINGS; i++)
			vh_worker_attach(m->ring[i]->vq, NULL);
	WRITE_ONCE(ram->end, RAM_NOW);
	ram_release(ram);
	for (i = 0; i < RINGS; i++) {
		vh_vq_kill(m->ring[i]->vq);
		parley_vhost_vq_leave(m->ring[i]->vq);
		m->ring[i]->joined = false;
		back += parley_drvq_reap(m->ring[i]->drv, &done, 1);
		KUNIT_EXPECT_TRUE(test, m->status[i] == OK || m->status[i] == VBLK_POISON);
	}
	KUNIT_EXPECT_LE(test, atomic64_read(&ram->bytes),
			RINGS * (u64)VHB_STEP + VHB_SHARED_BYTES);
	/* What is in its bounds is finished all the same. */
	KUNIT_EXPECT_EQ(test, back, VHB_SHARED_BYTES / (LARGE - VHB_STEP));
	KUNIT_EXPECT_EQ(test, atomic64_read(&m->ring[0]->dev->shared), 0);
}

/* ----------------------------------------------------------------- flushes */

#define FLUSHES	200u

/**
 * struct gate - a file whose fsync() waits, and is counted
 * @fops: its operations
 * @was: what they were
 * @shut: it waits
 * @begun: how often it was called
 * @err: what it says, from the second time on
 */
struct gate {
	struct file_operations fops;
	const struct file_operations *was;
	bool shut;
	unsigned int begun;
	int err;
};

static int gate_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct gate *g = container_of(file->f_op, struct gate, fops);

	WRITE_ONCE(g->begun, g->begun + 1);
	while (READ_ONCE(g->shut))
		usleep_range(1000, 2000);
	return g->begun > 1 ? g->err : 0;
}

static void gate_end(void *arg)
{
	struct file *file = arg;

	file->f_op = container_of(file->f_op, struct gate, fops)->was;
	fput(file);
}

static struct vblk *gate_open(struct kunit *test, struct gate **g)
{
	struct file *file = shmem_file_setup("parley-test", RAM_BYTES, EMPTY_VMA_FLAGS);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	*g = kunit_kzalloc(test, sizeof(**g), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *g);
	(*g)->was = file->f_op;
	(*g)->fops = *file->f_op;
	(*g)->fops.fsync = gate_fsync;
	file->f_op = &(*g)->fops;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, gate_end, file));
	return vblk_open(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC), NULL, file, 0);
}

/* One is under way, and all that come meanwhile are served by the next. */
static void bad_20_flushes_of_a_file_are_two(struct kunit *test)
{
	struct gate *g;
	struct vblk *v = gate_open(test, &g);
	unsigned int i;

	WRITE_ONCE(g->shut, true);
	vblk_header(v, VIRTIO_BLK_T_FLUSH, 0);
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 1, v));
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(g->begun) == 1));
	for (i = 1; i < FLUSHES; i++)
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 1, v));
	KUNIT_EXPECT_TRUE(test, vh_until(vh_vq_in_flight(v->vq) == FLUSHES));
	msleep(20);
	/* None of them is over before one has begun that it was sent before. */
	KUNIT_EXPECT_EQ(test, READ_ONCE(g->begun), 1);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(v->vq), FLUSHES);
	WRITE_ONCE(g->shut, false);
	for (i = 0; i < FLUSHES; i++)
		KUNIT_ASSERT_PTR_EQ(test, vblk_wait(v), v);
	KUNIT_EXPECT_EQ(test, g->begun, 2);
	KUNIT_EXPECT_EQ(test, OK, vblk_in(v)[0]);
	/* And the next one is a new one. */
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	KUNIT_EXPECT_EQ(test, g->begun, 3);
}

/* Each of those that share a flush is told that it failed. */
static void a_flush_that_fails_fails_for_all(struct kunit *test)
{
	struct gate *g;
	struct vblk *v = gate_open(test, &g);
	u8 *status = vblk_in(v);
	struct parley_seg *segs;
	unsigned int i, bad = 0;

	segs = kunit_kcalloc(test, 2 * FLUSHES, sizeof(*segs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, segs);
	WRITE_ONCE(g->shut, true);
	g->err = -EIO;
	vblk_header(v, VIRTIO_BLK_T_FLUSH, 0);
	for (i = 0; i < FLUSHES; i++) {
		struct parley_buf buf = { .segs = &segs[2 * i], .cookie = v, .n_out = 1,
					  .n_in = 1 };

		segs[2 * i] = (struct parley_seg){ virt_to_phys(vblk_data(v) - VBLK_HDR),
						   VBLK_HDR };
		segs[2 * i + 1] = (struct parley_seg){ virt_to_phys(status + i), 1 };
		KUNIT_ASSERT_EQ(test, 0, parley_drvq_submit(v->drv, &buf, GFP_KERNEL));
		if (!i)
			KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(g->begun) == 1));
	}
	KUNIT_EXPECT_TRUE(test, vh_until(vh_vq_in_flight(v->vq) == FLUSHES));
	WRITE_ONCE(g->shut, false);
	for (i = 0; i < FLUSHES; i++)
		KUNIT_ASSERT_PTR_EQ(test, vblk_wait(v), v);
	for (i = 1; i < FLUSHES; i++)
		bad += status[i] != IOERR;
	KUNIT_EXPECT_EQ(test, OK, status[0]);
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(bad_20_many_rings_end_soon),
	KUNIT_CASE(bad_20_flushes_of_a_file_are_two),
	KUNIT_CASE(a_flush_that_fails_fails_for_all),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_blk_kill",
	.test_cases = cases,
};

kunit_test_suite(suite);
