// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file of a state, in the hands of somebody whose memory is slow, or is none.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/uio.h>
#include "../mdev.h"

/* Memory that looks, when it is touched first, who has the stream. */
struct slow {
	struct parley_mdev_stream *stream;
	unsigned int faults;
	bool locked;
};

static vm_fault_t slow_fault(struct vm_fault *vmf)
{
	struct slow *slow = vmf->vma->vm_file->private_data;

	slow->faults++;
	slow->locked |= mutex_is_locked(&slow->stream->lock);
	vmf->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return vmf->page ? 0 : VM_FAULT_OOM;
}

static const struct vm_operations_struct slow_vm_ops = {
	.fault = slow_fault,
};

static int slow_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &slow_vm_ops;
	return 0;
}

static const struct file_operations slow_ops = {
	.owner = THIS_MODULE,
	.mmap = slow_mmap,
};

static void __user *slow_new(struct kunit *test, struct slow *slow, struct file *stream)
{
	struct file *file = anon_inode_getfile("parley-slow", &slow_ops, slow, O_RDWR);
	unsigned long at;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	slow->stream = stream->private_data;
	at = kunit_vm_mmap(test, file, 0, PARLEY_STATE_MAX, PROT_READ | PROT_WRITE, MAP_SHARED,
			   0);
	fput(file);
	KUNIT_ASSERT_NE(test, 0, at);
	KUNIT_ASSERT_LT(test, at, TASK_SIZE);
	return (void __user *)at;
}

static struct file *stream_new(struct kunit *test, bool in)
{
	struct parley_mdev_who who = {};
	struct file *file = parley_mdev_stream_open(&who, in);

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	return file;
}

/* As the device puts its state there. */
static void fill(struct file *file)
{
	struct parley_mdev_stream *s = file->private_data;

	guard(mutex)(&s->lock);
	parley_state_begin(&s->out, s->data);
}

static ssize_t read_to(struct file *file, void __user *to, size_t len)
{
	struct iov_iter iter;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, file);
	iov_iter_ubuf(&iter, ITER_DEST, to, len);
	return file->f_op->read_iter(&kiocb, &iter);
}

static ssize_t write_from(struct file *file, void __user *from, size_t len)
{
	struct iov_iter iter;
	struct kiocb kiocb;

	init_sync_kiocb(&kiocb, file);
	iov_iter_ubuf(&iter, ITER_SOURCE, from, len);
	return file->f_op->write_iter(&kiocb, &iter);
}

static void who_reads_slowly_holds_up_nobody(struct kunit *test)
{
	struct slow *slow = kunit_kzalloc(test, sizeof(*slow), GFP_KERNEL);
	struct file *file = stream_new(test, false);
	void __user *to = slow_new(test, slow, file);

	fill(file);
	KUNIT_EXPECT_EQ(test, sizeof(struct parley_state_head),
			read_to(file, to, PARLEY_STATE_MAX));
	KUNIT_EXPECT_EQ(test, 1, slow->faults);
	KUNIT_EXPECT_FALSE(test, slow->locked);
	parley_mdev_stream_close(file);
}

static void nor_does_who_writes_slowly(struct kunit *test)
{
	struct slow *slow = kunit_kzalloc(test, sizeof(*slow), GFP_KERNEL);
	struct file *file = stream_new(test, true);
	void __user *from = slow_new(test, slow, file);

	KUNIT_EXPECT_EQ(test, 8, write_from(file, from, 8));
	KUNIT_EXPECT_EQ(test, 8, slow->stream->out.len);
	KUNIT_EXPECT_EQ(test, 1, slow->faults);
	KUNIT_EXPECT_FALSE(test, slow->locked);
	parley_mdev_stream_close(file);
}

/* What nobody has got is read again. */
static void what_was_not_taken_is_still_there(struct kunit *test)
{
	struct slow *slow = kunit_kzalloc(test, sizeof(*slow), GFP_KERNEL);
	struct file *file = stream_new(test, false);
	void __user *to = slow_new(test, slow, file);
	const ssize_t len = sizeof(struct parley_state_head);
	ssize_t got;

	fill(file);
	KUNIT_EXPECT_EQ(test, -EFAULT, read_to(file, (void __user *)8, len));
	got = read_to(file, to + PARLEY_STATE_MAX - 5, len);
	KUNIT_EXPECT_LE(test, got, 5);
	KUNIT_EXPECT_EQ(test, len - max(got, 0), read_to(file, to, PARLEY_STATE_MAX));
	KUNIT_EXPECT_EQ(test, 0, read_to(file, to, PARLEY_STATE_MAX));
	parley_mdev_stream_close(file);
}

static struct kunit_case stream_cases[] = {
	KUNIT_CASE(who_reads_slowly_holds_up_nobody),
	KUNIT_CASE(nor_does_who_writes_slowly),
	KUNIT_CASE(what_was_not_taken_is_still_there),
	{}
};

static struct kunit_suite stream_suite = {
	.name = "parley_nvme_mdev_stream",
	.test_cases = stream_cases,
};

kunit_test_suite(stream_suite);
