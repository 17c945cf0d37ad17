// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: requests of any size.  How much is with the back end at a time, at the
 * edges of each bound, for both kinds of back end; and that a stop waits for no more.
 */
#include <linux/delay.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include "../../core/state.h"
#include "../../core/tests/until.h"
#include "../../core/vq.h"
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
#define UNSUPP	VIRTIO_BLK_S_UNSUPP

#define CHUNK	SZ_64K
#define CHUNKS	(VHB_STEP / CHUNK + 1)	/* more than a step */
#define PIECES	60u			/* of the largest request */
#define HUGE	((u64)PIECES * VBLK_BUF)
/* A kill may take 2 s, of which an emulated kernel with KASAN makes more; see @left. */
#define KILL_MS	6000

/* ---------------------------------------------- requests larger than vblk's */

/**
 * struct big - a request of more bytes than lie side by side
 * @chunk: its data, CHUNK bytes each
 * @hdr: its header
 * @status: its status
 * @segs: header, data, status, in the order of the direction
 */
struct big {
	u8 *chunk[CHUNKS];
	struct virtio_blk_outhdr *hdr;
	u8 *status;
	struct parley_seg segs[PIECES + 2];
};

static struct big *big_new(struct kunit *test)
{
	struct big *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < CHUNKS; i++) {
		b->chunk[i] = kunit_kmalloc(test, CHUNK, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, b->chunk[i]);
	}
	b->hdr = kunit_kzalloc(test, sizeof(*b->hdr), GFP_KERNEL);
	b->status = kunit_kzalloc(test, 1, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->hdr);
	KUNIT_ASSERT_NOT_NULL(test, b->status);
	return b;
}

static int big_put(struct vblk *v, struct big *b, bool write, unsigned int nr)
{
	struct parley_buf buf = { .segs = b->segs, .cookie = b };

	b->hdr->type = __cpu_to_virtio32(true, write ? VIRTIO_BLK_T_OUT :
						       VIRTIO_BLK_T_IN);
	*b->status = VBLK_POISON;
	b->segs[0] = (struct parley_seg){ virt_to_phys(b->hdr), sizeof(*b->hdr) };
	b->segs[nr + 1] = (struct parley_seg){ virt_to_phys(b->status), 1 };
	buf.n_out = write ? nr + 1 : 1;
	buf.n_in = write ? 1 : nr + 1;
	return parley_drvq_submit(v->drv, &buf, GFP_KERNEL);
}

/*
 * @len bytes in chunks, the first of which is shorter by @odd, so that the others
 * begin and end inside a block.
 */
static int big_put_chunks(struct vblk *v, struct big *b, bool write, u32 len, u32 odd)
{
	unsigned int nr = 0;
	u32 at, n;

	for (at = 0; at < len; at += n, nr++) {
		n = min(len - at, nr ? CHUNK : CHUNK - odd);
		b->segs[nr + 1] = (struct parley_seg){ virt_to_phys(b->chunk[nr]), n };
	}
	return big_put(v, b, write, nr);
}

static bool big_wait(struct vblk *v, struct big *b)
{
	return vblk_wait(v) == b && *b->status == OK;
}

/* Written with one seed and read again, beginning with the disk's first sector. */
static void big_check(struct kunit *test, struct vblk *v, struct big *b, u32 len, u32 odd)
{
	u32 at, n, i;

	for (i = 0, at = 0; at < len; at += n, i++) {
		n = min(len - at, i ? CHUNK : CHUNK - odd);
		vblk_pattern(b->chunk[i], at, n, len);
	}
	KUNIT_ASSERT_EQ(test, 0, big_put_chunks(v, b, true, len, odd));
	KUNIT_ASSERT_TRUE(test, big_wait(v, b));
	for (i = 0; i < CHUNKS; i++)
		memset(b->chunk[i], VBLK_POISON, CHUNK);
	KUNIT_ASSERT_EQ(test, 0, big_put_chunks(v, b, false, len, odd));
	KUNIT_ASSERT_TRUE(test, big_wait(v, b));
	KUNIT_EXPECT_EQ(test, len + 1, v->len);
	for (i = 0, at = 0; at < len; at += n, i++) {
		n = min(len - at, i ? CHUNK : CHUNK - odd);
		KUNIT_EXPECT_TRUE(test, vblk_matches(b->chunk[i], at, n, len));
	}
}

static const u32 steps[] = { VHB_STEP - 512, VHB_STEP, VHB_STEP + 512 };

/* -------------------------------------------------------------- one request */

/* No more than a step is with the disk, and what comes of it is right. */
static void bad_20_a_step_of_a_disk(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct big *b = big_new(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		u32 first = min_t(u32, steps[i], VHB_STEP), rest = steps[i] - first;

		WRITE_ONCE(v->ram->end, RAM_HELD);
		KUNIT_ASSERT_EQ(test, 0, big_put_chunks(v, b, false, steps[i], 0));
		KUNIT_EXPECT_TRUE(test, vh_until(ram_bytes_waiting(v->ram) == first));
		msleep(20);
		KUNIT_EXPECT_EQ(test, first, ram_bytes_waiting(v->ram));
		ram_release(v->ram);
		if (rest) {
			KUNIT_EXPECT_TRUE(test, vh_until(ram_bytes_waiting(v->ram) == rest));
			ram_release(v->ram);
		}
		KUNIT_EXPECT_TRUE(test, big_wait(v, b));
		WRITE_ONCE(v->ram->end, RAM_LATER);
		big_check(test, v, b, steps[i], 0);
		/* By way of our pages. */
		big_check(test, v, b, steps[i], 8);
	}
}

/**
 * struct watch - a file that says what it was asked, and may be shut
 * @fops: its operations
 * @was: what they were
 * @most: the largest iterator
 * @shut: reads and writes wait
 */
struct watch {
	struct file_operations fops;
	const struct file_operations *was;
	size_t most;
	bool shut;
};

static struct watch *watch_of(struct kiocb *iocb, const struct iov_iter *iter)
{
	struct watch *w = container_of(iocb->ki_filp->f_op, struct watch, fops);

	WRITE_ONCE(w->most, max(w->most, iov_iter_count(iter)));
	while (READ_ONCE(w->shut))
		usleep_range(1000, 2000);
	return w;
}

static ssize_t watch_read(struct kiocb *iocb, struct iov_iter *iter)
{
	return watch_of(iocb, iter)->was->read_iter(iocb, iter);
}

static ssize_t watch_write(struct kiocb *iocb, struct iov_iter *iter)
{
	return watch_of(iocb, iter)->was->write_iter(iocb, iter);
}

static void watch_end(void *arg)
{
	struct file *file = arg;

	file->f_op = container_of(file->f_op, struct watch, fops)->was;
	fput(file);
}

static struct vblk *watch_open(struct kunit *test, bool direct, u64 size, struct watch **w)
{
	struct file *file = shmem_file_setup("parley-test", size, EMPTY_VMA_FLAGS);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	*w = kunit_kzalloc(test, sizeof(**w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *w);
	(*w)->was = file->f_op;
	(*w)->fops = *file->f_op;
	(*w)->fops.read_iter = watch_read;
	(*w)->fops.write_iter = watch_write;
	file->f_op = &(*w)->fops;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, watch_end, file));
	if (direct)
		file->f_mode |= FMODE_CAN_ODIRECT;
	return vblk_open(test, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC), NULL, file, 0);
}

static void a_step_of_a_file(struct kunit *test, bool direct, u32 most)
{
	struct big *b = big_new(test);
	struct watch *w;
	struct vblk *v = watch_open(test, direct, RAM_BYTES, &w);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		w->most = 0;
		big_check(test, v, b, steps[i], 0);
		KUNIT_EXPECT_EQ(test, min(steps[i], most), w->most);
		big_check(test, v, b, steps[i], 8);
	}
}

static void bad_20_a_step_of_a_file(struct kunit *test)
{
	a_step_of_a_file(test, true, VHB_STEP);
	a_step_of_a_file(test, false, VHB_BOUNCE_PAGES * PAGE_SIZE);
}

/* Zeroes behind the end of a file come in steps as well. */
static void beyond_the_end_in_steps(struct kunit *test)
{
	struct big *b = big_new(test);
	struct watch *w;
	struct vblk *v = watch_open(test, true, RAM_BYTES, &w);
	unsigned int i;

	i_size_write(file_inode(v->file), 512);
	for (i = 0; i < CHUNKS; i++)
		memset(b->chunk[i], VBLK_POISON, CHUNK);
	KUNIT_ASSERT_EQ(test, 0, big_put_chunks(v, b, false, VHB_STEP + 512, 0));
	KUNIT_EXPECT_TRUE(test, big_wait(v, b));
	for (i = 0; i < CHUNKS - 1; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(b->chunk[i], 0, CHUNK));
	KUNIT_EXPECT_NULL(test, memchr_inv(b->chunk[i], 0, 512));
	i_size_write(file_inode(v->file), RAM_BYTES);
}

/* ------------------------------------------------------------------- a ring */

#define MIB	VBLK_BUF
#define FULL	(VHB_RING_BYTES / MIB)	/* requests of a MiB that fill a ring */

/* Many, one of a size at the edge, and one of a sector: how many are in flight? */
static void fill(struct kunit *test, struct vblk *v, u32 last)
{
	unsigned int i;

	for (i = 0; i < FULL + 1; i++) {
		vblk_header(v, VIRTIO_BLK_T_IN, 0);
		KUNIT_ASSERT_EQ(test, 0,
				vblk_put(v, VBLK_PARTS, VBLK_HDR,
					 (i < FULL - 1 ? MIB : i == FULL ? 512 : last) + 1, v));
	}
}

static void expect_in_flight(struct kunit *test, struct vblk *v, unsigned int nr)
{
	KUNIT_EXPECT_TRUE(test, vh_until(vh_vq_in_flight(v->vq) == nr));
	msleep(20);
	KUNIT_EXPECT_EQ(test, nr, vh_vq_in_flight(v->vq));
}

static void drained(struct kunit *test, struct vblk *v, unsigned int nr)
{
	while (nr--)
		KUNIT_ASSERT_NOT_NULL(test, vblk_wait(v));
	KUNIT_EXPECT_TRUE(test, vh_until(!vh_vq_in_flight(v->vq)));
	KUNIT_EXPECT_EQ(test, 0, v->vq->bytes);
	KUNIT_EXPECT_EQ(test, 0, atomic64_read(&v->dev->shared));
}

static const struct {
	u32 last;
	unsigned int in_flight;
} fills[] = {
	{ MIB - 512, FULL + 1 }, { MIB, FULL }, { MIB + 512, FULL - 1 },
};

static void bad_20_bytes_of_a_disks_ring(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fills); i++) {
		WRITE_ONCE(v->ram->end, RAM_HELD);
		fill(test, v, fills[i].last);
		expect_in_flight(test, v, fills[i].in_flight);
		WRITE_ONCE(v->ram->end, RAM_LATER);
		ram_release(v->ram);
		drained(test, v, FULL + 1);
	}
}

static void bad_20_bytes_of_a_files_ring(struct kunit *test)
{
	struct watch *w;
	struct vblk *v = watch_open(test, false, RAM_BYTES, &w);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fills); i++) {
		WRITE_ONCE(w->shut, true);
		fill(test, v, fills[i].last);
		expect_in_flight(test, v, fills[i].in_flight);
		WRITE_ONCE(w->shut, false);
		drained(test, v, FULL + 1);
	}
}

/* Zeroes count as what they are, and discards as what is sent. */
static void bad_20_bytes_that_are_cleared(struct kunit *test)
{
	static const struct {
		u32 type;
		u64 bytes;
		unsigned int in_flight;
	} edges[] = {
		{ VIRTIO_BLK_T_WRITE_ZEROES, VHB_RING_BYTES - 512, 2 },
		{ VIRTIO_BLK_T_WRITE_ZEROES, VHB_RING_BYTES, 1 },
		{ VIRTIO_BLK_T_WRITE_ZEROES, VHB_RING_BYTES + 512, 1 },
		{ VIRTIO_BLK_T_SECURE_ERASE, VHB_RING_BYTES, 1 },
		{ VIRTIO_BLK_T_DISCARD, SZ_1G, 2 },
	};
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	set_capacity(v->ram->disk, SZ_1G);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct virtio_blk_discard_write_zeroes range = {
			.num_sectors = cpu_to_le32(edges[i].bytes >> SECTOR_SHIFT),
		};

		WRITE_ONCE(v->ram->end, RAM_HELD);
		vblk_header(v, edges[i].type, 0);
		memcpy(vblk_data(v), &range, sizeof(range));
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR + sizeof(range),
						  1, v));
		KUNIT_EXPECT_TRUE(test, vh_until(ram_waiting(v->ram) == 1));
		/* A sector of data in its place, which the first one has read. */
		vblk_header(v, VIRTIO_BLK_T_OUT, 0);
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR + 512, 1, v));
		expect_in_flight(test, v, edges[i].in_flight);
		KUNIT_EXPECT_LE(test, ram_bytes_waiting(v->ram), VHB_DISCARD_STEP + 512);
		WRITE_ONCE(v->ram->end, RAM_LATER);
		ram_release(v->ram);
		drained(test, v, 2);
	}
}

/* ------------------------------------------------------------ a stop, a kill */

/* Requests of 60 MiB each on a disk of 100 MB a second. */
static unsigned int put_huge(struct kunit *test, struct vblk *v, struct big *b)
{
	unsigned int i, nr = 0;

	set_capacity(v->ram->disk, HUGE >> SECTOR_SHIFT);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	for (i = 0; i < PIECES; i++)
		b->segs[i + 1] = (struct parley_seg){ virt_to_phys(v->in), VBLK_BUF };
	while (nr < 6) {
		KUNIT_ASSERT_EQ(test, 0, big_put(v, b, false, PIECES));
		nr++;
	}
	return nr;
}

static unsigned int ms_since(ktime_t start)
{
	return ktime_to_ms(ktime_sub(ktime_get(), start));
}

/* Of @nr requests at least so many come @back, and so many are @left. */
static void stop_and_go_on(struct kunit *test, struct vblk *v, bool kill, unsigned int nr,
			   unsigned int back, unsigned int left)
{
	struct parley_done done;
	ktime_t start = ktime_get();
	unsigned int got = 0;

	if (kill)
		vh_vq_kill(v->vq);
	parley_vhost_vq_leave(v->vq);
	v->joined = false;
	KUNIT_EXPECT_LT(test, ms_since(start), KILL_MS);
	while (parley_drvq_reap(v->drv, &done, 1))
		got++;
	KUNIT_EXPECT_GE(test, got, back);
	KUNIT_EXPECT_GE(test, nr - got, left);
	KUNIT_EXPECT_EQ(test, 0, ram_waiting(v->ram));
	WRITE_ONCE(v->ram->end, RAM_NOW);
	KUNIT_ASSERT_EQ(test, 0, vblk_join(v));
	drained(test, v, nr - got);
}

static void a_stop_is_soon(struct kunit *test, bool kill)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct big *b = big_new(test);
	unsigned int nr;

	WRITE_ONCE(v->ram->end, RAM_SLOW);
	nr = put_huge(test, v, b);
	KUNIT_ASSERT_TRUE(test, vh_until(ram_waiting(v->ram)));
	expect_in_flight(test, v, 1);
	/* Not finished, so not told; done from the beginning by who goes on. */
	stop_and_go_on(test, v, kill, nr, 0, nr);
	KUNIT_EXPECT_EQ(test, OK, *b->status);
	KUNIT_EXPECT_EQ(test, 0, v->vq->stats.errors);
}

static void bad_20_a_stop_is_soon(struct kunit *test)
{
	a_stop_is_soon(test, false);
}

static void bad_20_a_kill_is_soon(struct kunit *test)
{
	a_stop_is_soon(test, true);
}

/* The most that is finished: what fills a ring. */
static void bad_20_a_full_ring_stops_soon(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	WRITE_ONCE(v->ram->end, RAM_SLOW);
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	for (i = 0; i < 4 * FULL; i++)
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, MIB + 1, v));
	KUNIT_EXPECT_TRUE(test, vh_until(vh_vq_in_flight(v->vq) == FULL));
	stop_and_go_on(test, v, true, 4 * FULL, FULL, FULL);
}

/* Gigabytes of zeroes, with a native way that is no faster than writing. */
static void bad_20_zeroing_stops_soon(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct virtio_blk_discard_write_zeroes r[VHB_RANGES] = {};
	unsigned int i;

	set_capacity(v->ram->disk, VHB_RANGES * (SZ_32M >> SECTOR_SHIFT));
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	for (i = 0; i < VHB_RANGES; i++) {
		r[i].sector = cpu_to_le64(i * (SZ_32M >> SECTOR_SHIFT));
		r[i].num_sectors = cpu_to_le32(SZ_32M >> SECTOR_SHIFT);
	}
	WRITE_ONCE(v->ram->end, RAM_SLOW);
	vblk_header(v, VIRTIO_BLK_T_WRITE_ZEROES, 0);
	memcpy(vblk_data(v), r, sizeof(r));
	vblk_in(v)[0] = VBLK_POISON;
	for (i = 0; i < 2; i++)
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR + sizeof(r), 1, v));
	expect_in_flight(test, v, 1);
	KUNIT_EXPECT_LE(test, ram_bytes_waiting(v->ram), VHB_CLEAR_STEP);
	stop_and_go_on(test, v, true, 2, 0, 2);
	KUNIT_EXPECT_EQ(test, OK, vblk_in(v)[0]);
}

/* Discards are hints: nothing is left of them, and nobody waits. */
static void bad_20_discards_stop_soon(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct virtio_blk_discard_write_zeroes r[VHB_RANGES] = {};
	unsigned int i;

	set_capacity(v->ram->disk, VHB_RANGES * (SZ_2G >> SECTOR_SHIFT));
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	for (i = 0; i < VHB_RANGES; i++)
		r[i].num_sectors = cpu_to_le32(SZ_2G >> SECTOR_SHIFT);
	WRITE_ONCE(v->ram->end, RAM_SLOW);
	vblk_header(v, VIRTIO_BLK_T_DISCARD, 0);
	memcpy(vblk_data(v), r, sizeof(r));
	for (i = 0; i < 64; i++)
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR + sizeof(r), 1, v));
	expect_in_flight(test, v, 64);
	stop_and_go_on(test, v, true, 64, 64, 0);
}

/* --------------------------------------------------- zeroes, only if native */

static void zero_by_writing_end(void *arg)
{
	vhb_zero_by_writing = false;
}

static void no_zeroes_are_written_unless_asked(struct kunit *test)
{
	struct ram *ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ | BLK_OPEN_WRITE);
	struct vblk *v;

	KUNIT_ASSERT_NOT_NULL(test, ram);
	ram->disk->queue->limits.max_write_zeroes_sectors = 0;
	v = vblk_open(test, 0, ram, NULL, 0);
	KUNIT_EXPECT_FALSE(test, vblk_offered(v) &
				 BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES));
	KUNIT_EXPECT_EQ(test, UNSUPP, vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(ram, REQ_OP_WRITE)));
	/* The operator asks. */
	vblk_stop(v);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, zero_by_writing_end, NULL));
	vhb_zero_by_writing = true;
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_attach(v->dev, v->file, 0, VBLK_SERIAL));
	KUNIT_ASSERT_EQ(test, 0, vblk_run(v, 0));
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 8192, 3));
	KUNIT_EXPECT_EQ(test, OK, vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0));
	KUNIT_EXPECT_NULL(test, memchr_inv(ram->data, 0, 4096));
	KUNIT_EXPECT_TRUE(test, vblk_matches(ram->data + 4096, 4096, 4096, 3));
}

/* A disk that offers to zero, and does not: the guest writes, and not we. */
static void a_native_way_that_fails_is_told(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	v->ram->bad_nr = 8;
	v->ram->bad_status = BLK_STS_NOTSUPP;
	KUNIT_EXPECT_EQ(test, UNSUPP, vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0));
	KUNIT_EXPECT_EQ(test, UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8,
				   VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_WRITE)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(bad_20_a_step_of_a_disk, vblk_ring_gen),
	KUNIT_CASE(bad_20_a_step_of_a_file),
	KUNIT_CASE(beyond_the_end_in_steps),
	KUNIT_CASE_PARAM(bad_20_bytes_of_a_disks_ring, vblk_ring_gen),
	KUNIT_CASE(bad_20_bytes_of_a_files_ring),
	KUNIT_CASE(bad_20_bytes_that_are_cleared),
	KUNIT_CASE_PARAM(bad_20_a_stop_is_soon, vblk_ring_gen),
	KUNIT_CASE_PARAM(bad_20_a_kill_is_soon, vblk_ring_gen),
	KUNIT_CASE_PARAM(bad_20_a_full_ring_stops_soon, vblk_ring_gen),
	KUNIT_CASE(bad_20_zeroing_stops_soon),
	KUNIT_CASE(bad_20_discards_stop_soon),
	KUNIT_CASE(no_zeroes_are_written_unless_asked),
	KUNIT_CASE(a_native_way_that_fails_is_told),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_blk_bound",
	.test_cases = cases,
};

kunit_test_suite(suite);
