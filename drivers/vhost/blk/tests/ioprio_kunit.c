// SPDX-License-Identifier: GPL-2.0-only
/* The I/O priority that a guest asks for: what of it reaches the back end. */
#include <linux/ioprio.h>
#include <linux/shmem_fs.h>
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
/* Constants, which IOPRIO_PRIO_VALUE() does not make. */
#define BE(l)	(IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | (l))
#define RT(l)	(IOPRIO_CLASS_RT << IOPRIO_CLASS_SHIFT | (l))
#define IDLE	(IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT)
#define OWN	U16_MAX		/* as it would be without */

/* What is asked for, and what comes of it. */
static const struct {
	u32 asked;
	u16 given;
} rows[] = {
	{ 0, OWN },
	{ BE(0), BE(0) },
	{ BE(4), BE(4) },
	{ BE(7), BE(7) },
	{ IDLE, IDLE },
	{ IDLE | 5, IDLE },
	{ RT(0), BE(0) },
	{ RT(7), BE(0) },
	{ BE(3) | 2 << 3, BE(3) },	/* a hint */
	{ 4 << 13, OWN },		/* no class */
	{ 7 << 13 | 7, OWN },
	{ 1 << 16 | BE(1), OWN },	/* not 16 bits */
	{ U32_MAX, OWN },
};

static void ioprio_off(void *unused)
{
	WRITE_ONCE(vhb_guest_ioprio, false);
}

static void ioprio_on(struct kunit *test)
{
	WRITE_ONCE(vhb_guest_ioprio, true);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, ioprio_off, NULL));
}

/* @len bytes from or to sector 0, with a word in the header. */
static void ask(struct vblk *v, u32 type, u32 len, u32 asked)
{
	struct virtio_blk_outhdr hdr = {
		.type = __cpu_to_virtio32(true, type),
		.ioprio = __cpu_to_virtio32(true, asked),
	};
	bool write = type == VIRTIO_BLK_T_OUT;

	vblk_header(v, type, 0);
	memcpy(vblk_data(v) - VBLK_HDR, &hdr, sizeof(hdr));
	KUNIT_EXPECT_EQ(v->test, OK, vblk_do(v, VBLK_PARTS, VBLK_HDR + (write ? len : 0),
					     1 + (write ? 0 : len)));
}

static void nobody_is_heard_unless_it_is_said_so(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;
	u16 own;

	ask(v, VIRTIO_BLK_T_IN, 512, 0);
	own = v->ram->ioprio;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		ask(v, VIRTIO_BLK_T_OUT, 512, rows[i].asked);
		KUNIT_EXPECT_EQ(test, own, v->ram->ioprio);
	}
}

/* In a page, in one bio, in several, and by way of our pages. */
static void the_disk_sees_it(struct kunit *test)
{
	const u32 lens[] = { 512, 32768, 262144 };
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i, j;
	u16 own;

	ask(v, VIRTIO_BLK_T_IN, 512, 0);
	own = v->ram->ioprio;
	ioprio_on(test);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u16 given = rows[i].given == OWN ? own : rows[i].given;

		for (j = 0; j < ARRAY_SIZE(lens); j++) {
			v->ram->ioprio = RT(1);
			ask(v, j % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, lens[j],
			    rows[i].asked);
			KUNIT_EXPECT_EQ(test, given, v->ram->ioprio);
		}
		v->skew = 1;
		v->ram->ioprio = RT(1);
		ask(v, VIRTIO_BLK_T_OUT, 512, rows[i].asked);
		KUNIT_EXPECT_EQ(test, given, v->ram->ioprio);
		v->skew = 0;
	}
}

/* What a file's requests had, last. */
static u16 file_ioprio;

static ssize_t file_write(struct kiocb *iocb, struct iov_iter *from)
{
	WRITE_ONCE(file_ioprio, iocb->ki_ioprio);
	iocb->ki_pos += iov_iter_count(from);
	return iov_iter_count(from);
}

static const struct file_operations file_ops = { .write_iter = file_write };

static void file_put(void *file)
{
	fput(file);
}

static void a_file_sees_it(struct kunit *test)
{
	struct file *file = shmem_file_setup("parley-test", RAM_BYTES, EMPTY_VMA_FLAGS);
	const struct file_operations *was;
	struct vblk *v;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, file_put, file));
	v = vblk_open(test, 0, NULL, file, 0);
	was = file->f_op;
	file->f_op = &file_ops;
	ioprio_on(test);
	ask(v, VIRTIO_BLK_T_OUT, 4096, BE(6));
	KUNIT_EXPECT_EQ(test, BE(6), file_ioprio);
	ask(v, VIRTIO_BLK_T_OUT, 4096, RT(6));
	KUNIT_EXPECT_EQ(test, BE(0), file_ioprio);
	file->f_op = was;
}

static struct kunit_case ioprio_cases[] = {
	KUNIT_CASE(nobody_is_heard_unless_it_is_said_so),
	KUNIT_CASE(the_disk_sees_it),
	KUNIT_CASE(a_file_sees_it),
	{}
};

static struct kunit_suite ioprio_suite = {
	.name = "parley_vhost_blk_ioprio",
	.test_cases = ioprio_cases,
};

kunit_test_suite(ioprio_suite);
