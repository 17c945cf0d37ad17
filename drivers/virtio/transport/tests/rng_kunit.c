// SPDX-License-Identifier: GPL-2.0-only
/*
 * The entropy front-end end to end: from /dev/hwrng, through the kernel's hwrng
 * layer, parley_rng and the loopback transport, to a device whose bytes are
 * known.
 */
#include <linux/cache.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <parley/compat.h>
#include <parley/transport.h>
#include "tester.h"

/* Divides what the hwrng layer and the front-end take at a time. */
#define PIECE	16

/* A device file is read into user memory, so a reader needs some. */
struct reader {
	struct file *file;
	struct mm_struct *mm;
	char __user *user;
	u8 data[PIECE];
	ssize_t got;
	struct completion done;
};

/* With the reader's mm. */
static void reader_read(struct reader *r)
{
	loff_t pos = 0;

	memset(r->data, 0, PIECE);
	r->got = r->file->f_op->read(r->file, r->user, PIECE, &pos);
	if (r->got > 0 && copy_from_user(r->data, r->user, PIECE))
		r->got = -EFAULT;
}

static int reader_thread(void *arg)
{
	struct reader *r = arg;

	kthread_use_mm(r->mm);
	reader_read(r);
	kthread_unuse_mm(r->mm);
	complete(&r->done);
	return 0;
}

static void reader_start(struct kunit *test, struct reader *r)
{
	init_completion(&r->done);
	r->got = -EINTR;
	KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(reader_thread, r,
						    "parley-reader")));
}

/* Read on until one read has to wait for the device, which holds back. */
static void reader_wait_in_it(struct kunit *test, struct reader *r)
{
	do {
		reader_start(test, r);
	} while (wait_for_completion_timeout(&r->done, HZ / 5));
}

static void rng_end(void *mock)
{
	parley_mock_rng_destroy(mock);
}

static void file_end(void *file)
{
	fput(file);
}

static struct parley_mock *rng_new(struct kunit *test, struct reader *r)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = parley_mock_rng_create(ring->features);
	unsigned int i;

	r->user = (char __user *)kunit_vm_mmap(test, NULL, 0, PAGE_SIZE,
					       PROT_READ | PROT_WRITE,
					       MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE((unsigned long)r->user));
	r->mm = current->mm;
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, rng_end, mock));
	KUNIT_ASSERT_NOT_NULL_MSG(test, parley_loopback_device(mock->lb)->dev.driver,
				  "no driver: is parley_rng loaded?");
	scoped_with_init_fs()
		r->file = filp_open("/dev/hwrng", O_RDONLY, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r->file);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, file_end, r->file));
	/* The hwrng layer may have a piece of the device before this one. */
	for (i = 0; i < 64 / PIECE; i++)
		reader_read(r);
	return mock;
}

/* Does the piece stand somewhere in what the device gave? */
static bool piece_is_from(const struct reader *r, struct parley_mock *mock)
{
	u64 at, given = parley_mock_rng_given(mock);
	unsigned int i;

	for (at = 0; at + PIECE <= given; at += PIECE) {
		for (i = 0; i < PIECE; i++)
			if (r->data[i] != parley_mock_rng_byte(at + i))
				break;
		if (i == PIECE)
			return true;
	}
	return false;
}

static void bytes_are_those_of_the_device(struct kunit *test)
{
	static struct reader r;
	struct parley_mock *mock = rng_new(test, &r);
	u8 last[PIECE] = {};
	unsigned int i;

	for (i = 0; i < 40; i++) {
		reader_read(&r);
		KUNIT_ASSERT_EQ(test, (ssize_t)PIECE, r.got);
		KUNIT_EXPECT_TRUE(test, piece_is_from(&r, mock));
		/* Nobody gets the same bytes twice. */
		KUNIT_EXPECT_MEMNEQ(test, r.data, last, PIECE);
		memcpy(last, r.data, PIECE);
	}
}

static void a_reader_survives_suspend(struct kunit *test)
{
	static struct reader r;
	struct parley_mock *mock = rng_new(test, &r);
	struct parley_device *pd = parley_loopback_device(mock->lb);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		WRITE_ONCE(mock->hold, true);
		reader_wait_in_it(test, &r);
		KUNIT_ASSERT_EQ(test, 0, parley_device_freeze(to_parley_vdev(pd),
							      PARLEY_HOLD_SLEEP));
		WRITE_ONCE(mock->hold, false);
		KUNIT_ASSERT_EQ(test, 0, parley_device_restore(to_parley_vdev(pd),
							       PARLEY_HOLD_SLEEP));
		KUNIT_ASSERT_GT(test,
				wait_for_completion_timeout(&r.done, 20 * HZ),
				0ul);
		KUNIT_EXPECT_EQ(test, (ssize_t)PIECE, r.got);
		KUNIT_EXPECT_TRUE(test, piece_is_from(&r, mock));
	}
}

static void removal_wakes_the_reader(struct kunit *test)
{
	static struct reader r;
	struct parley_mock *mock = rng_new(test, &r);

	WRITE_ONCE(mock->hold, true);
	reader_wait_in_it(test, &r);
	kunit_release_action(test, rng_end, mock);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&r.done, 20 * HZ),
			0ul);
	KUNIT_EXPECT_LE(test, r.got, (ssize_t)0);
}

/* Catalogue 44, as CVE-2021-38160 was: a length beyond the buffer. */
static void bad_44_rng_used_length_beyond_the_buffer(struct kunit *test)
{
	static struct reader r;
	struct parley_mock *mock = rng_new(test, &r);
	struct parley_device *pd = parley_loopback_device(mock->lb);
	const struct parley_vq_stats *stats;
	unsigned int i;

	stats = parley_drvq_stats(pd->queues[0].vq);
	WRITE_ONCE(mock->lie, PARLEY_MOCK_LEN);
	for (i = 0; i < 1000 && !READ_ONCE(stats->errors); i++) {
		reader_start(test, &r);
		KUNIT_ASSERT_GT(test,
				wait_for_completion_timeout(&r.done, 20 * HZ),
				0ul);
		/* Old bytes from the stock, or an error: none of the lie. */
		if (r.got > 0)
			KUNIT_EXPECT_TRUE(test, piece_is_from(&r, mock));
	}
	KUNIT_EXPECT_GT(test, READ_ONCE(stats->errors), 0ull);
	WRITE_ONCE(mock->lie, PARLEY_MOCK_HONEST);
	/* It is brought back without anybody's help. */
	for (i = 0; i < 1000; i++) {
		reader_read(&r);
		if (r.got == PIECE)
			break;
		fsleep(10000);
	}
	KUNIT_EXPECT_EQ(test, (ssize_t)PIECE, r.got);
	KUNIT_EXPECT_TRUE(test, piece_is_from(&r, mock));
}

/* What the device was asked for, and where: seen from its side. */
static struct {
	const struct parley_mock_ops *honest;
	struct parley_mock_ops ops;
	atomic_t odd;		/* requests that are not one piece of 256 bytes */
	atomic_t elsewhere;	/* ... or not in memory of the allocator's */
	atomic_t seen;
} watch;

static void watch_serve(struct parley_mock *mock, struct parley_mock_req *req)
{
	void *buf = req->iov[0].kern;

	if (req->chain.n_out || req->chain.n_in != 1 || req->chain.len_in != 256)
		atomic_inc(&watch.odd);
	else if (!virt_addr_valid(buf) ||
		 !folio_test_slab(virt_to_folio(buf)) ||
		 !IS_ALIGNED((unsigned long)buf, cache_line_size()))
		atomic_inc(&watch.elsewhere);
	atomic_inc(&watch.seen);
	watch.honest->serve(mock, req);
}

static void watch_requests(struct kunit *test, struct parley_mock *mock,
			   struct reader *r)
{
	unsigned int i;

	watch.honest = mock->ops;
	watch.ops = *mock->ops;
	watch.ops.serve = watch_serve;
	atomic_set(&watch.odd, 0);
	atomic_set(&watch.elsewhere, 0);
	atomic_set(&watch.seen, 0);
	WRITE_ONCE(mock->ops, &watch.ops);
	for (i = 0; i < 2 * 256 / PIECE; i++)
		reader_read(r);
	KUNIT_ASSERT_GT(test, atomic_read(&watch.seen), 0);
}

/* Catalogue 42: a request is as long as the buffer, whatever a reader wants. */
static void bad_42_rng_asks_for_its_buffer_and_no_more(struct kunit *test)
{
	static struct reader r;
	struct parley_mock *mock = rng_new(test, &r);

	watch_requests(test, mock, &r);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&watch.odd));
}

/*
 * Catalogue 47, as CVE-2017-8067 was: a device writes into a stack.  The buffer
 * is memory of the allocator's, and shares no cache line with anything else.
 */
static void bad_47_rng_gives_no_stack_to_the_device(struct kunit *test)
{
	static struct reader r;
	struct parley_mock *mock = rng_new(test, &r);

	watch_requests(test, mock, &r);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&watch.elsewhere));
}

static struct kunit_case rng_cases[] = {
	KUNIT_CASE_PARAM(bytes_are_those_of_the_device, tester_ring_gen),
	KUNIT_CASE_PARAM(a_reader_survives_suspend, tester_format_gen),
	KUNIT_CASE_PARAM(removal_wakes_the_reader, tester_format_gen),
	KUNIT_CASE_PARAM(bad_42_rng_asks_for_its_buffer_and_no_more,
			 tester_format_gen),
	KUNIT_CASE_PARAM(bad_44_rng_used_length_beyond_the_buffer,
			 tester_format_gen),
	KUNIT_CASE_PARAM(bad_47_rng_gives_no_stack_to_the_device,
			 tester_format_gen),
	{}
};

static struct kunit_suite rng_suite = {
	.name = "parley_mock_rng",
	.test_cases = rng_cases,
};

kunit_test_suite(rng_suite);
