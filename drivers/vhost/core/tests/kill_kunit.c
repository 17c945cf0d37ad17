// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that is being killed: it does not wait for the lock of its memory,
 * so what is not mapped is out of its reach.  The guest's ring must not suffer
 * from that.
 *
 * The test's thread plays the process.  The guest's memory is a file's, as it is
 * for every VMM whose rings somebody else serves: so it can be unmapped and
 * mapped again without being lost.
 */
#include <linux/completion.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/uaccess.h>
#include <linux/virtio_byteorder.h>
#include <parley/compat.h>
#include "../ring.h"
#include "../vq.h"
#include "../worker.h"
#include "vmm.h"

#define KILL_TABLE	0x180000ul

static void kill_put_file(void *file)
{
	fput(file);
}

static struct file *kill_file(struct kunit *test)
{
	struct file *file = shmem_file_setup("parley-kunit", VMM_SIZE, EMPTY_VMA_FLAGS);

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, kill_put_file,
							file), 0);
	return file;
}

/* From now on the memory is the file's, and none of it is mapped. */
static void kill_unmap(struct vmm *v, struct file *file)
{
	KUNIT_ASSERT_EQ(v->test, vm_mmap(file, v->user, VMM_SIZE,
					 PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_FIXED, 0), v->user);
}

/**
 * struct doom - somebody else holds the lock of our memory for a while
 * @work: he
 * @mm: our memory
 * @at: where it is
 * @locked: he has it
 */
struct doom {
	struct work_struct work;
	struct mm_struct *mm;
	unsigned long at;
	struct completion locked;
};

static void doom_work(struct work_struct *work)
{
	struct doom *d = container_of(work, struct doom, work);
	struct vm_area_struct *vma;

	mmap_write_lock(d->mm);
	vma = find_vma(d->mm, d->at);
	if (vma)
		vma_start_write(vma);
	complete(&d->locked);
	msleep(300);
	mmap_write_unlock(d->mm);
}

static void doom_begin(struct vmm *v, struct doom *d)
{
	u8 byte;

	d->mm = current->mm;
	d->at = v->user;
	init_completion(&d->locked);
	INIT_WORK_ONSTACK(&d->work, doom_work);
	queue_work(system_dfl_wq, &d->work);
	wait_for_completion(&d->locked);
	sigaddset(&current->pending.signal, SIGKILL);
	set_thread_flag(TIF_SIGPENDING);
	/* Or all that follows proves nothing. */
	KUNIT_EXPECT_EQ(v->test, copy_from_user(&byte, (void __user *)v->user, 1),
			1);
}

static void doom_end(struct doom *d)
{
	sigdelset(&current->pending.signal, SIGKILL);
	clear_thread_flag(TIF_SIGPENDING);
	flush_work(&d->work);
	destroy_work_on_stack(&d->work);
}

/* What is in flight is published, and the successor told where to go on. */
static void kill_publishes(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_keep keep = { .user_addr = v->user + VMM_KEEP };
	struct parley_vhost_kept kept = {};
	struct file *file = kill_file(test);
	struct doom doom;

	kill_unmap(v, file);
	vmm_set_up(v, 0);
	KUNIT_ASSERT_EQ(test, vmm_call(v, PARLEY_VHOST_SET_VRING_KEEP, &keep), 0);
	vh_ring_access = VH_RING_USER;
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 1), 0);
	vh_ring_access = VH_RING_PIN;
	v->hold = true;
	vmm_send(v, &(struct vmm_piece){ SZ_2M, 8, true }, 1);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	/* Nobody else reaps. */
	scoped_guard(mutex, &v->dev->mutex)
		vh_worker_attach(vmm_vq(v), NULL);
	vmm_release(v);
	kill_unmap(v, file);
	doom_begin(v, &doom);
	vh_vq_kill(vmm_vq(v));
	doom_end(&doom);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_STOPPING);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	vmm_peek(v, VMM_KEEP, &kept, sizeof(kept));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.state), PARLEY_VHOST_KEPT_STOPPED);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(kept.base), 1);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->stats.errors, 0);
}

/* One chain, eight bytes to write, in a table of one entry. */
static void kill_send_table(struct vmm *v)
{
	struct vring_desc head = {
		.addr = __cpu_to_virtio64(true, KILL_TABLE),
		.len = __cpu_to_virtio32(true, sizeof(head)),
		.flags = __cpu_to_virtio16(true, VRING_DESC_F_INDIRECT),
	};
	struct vring_desc entry = {
		.addr = __cpu_to_virtio64(true, SZ_2M),
		.len = __cpu_to_virtio32(true, 8),
		.flags = __cpu_to_virtio16(true, VRING_DESC_F_WRITE),
	};
	__virtio16 one = __cpu_to_virtio16(true, 1);

	vmm_poke(v, KILL_TABLE, &entry, sizeof(entry));
	vmm_poke(v, VMM_DESC, &head, sizeof(head));
	vmm_poke(v, VMM_AVAIL + 2, &one, sizeof(one));
}

/* A ring and a table that cannot be read at once are not broken. */
static void kill_takes(struct kunit *test, int access)
{
	struct vmm *v = vmm_open(test);
	struct file *file = kill_file(test);
	struct parley_iov iov[2];
	struct parley_chain c = { .iov = iov, .max = ARRAY_SIZE(iov) };
	struct parley_vhost_vq *vq = vmm_vq(v);
	struct doom doom;

	kill_unmap(v, file);
	vmm_set_up(v, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	scoped_guard(mutex, &v->dev->mutex)
		vh_worker_attach(vq, NULL);
	vh_ring_access = access;
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 1), 0);
	vh_ring_access = VH_RING_PIN;
	kill_send_table(v);
	kill_unmap(v, file);
	doom_begin(v, &doom);
	scoped_guard(mutex, &vq->mutex) {
		KUNIT_EXPECT_EQ(test, parley_devq_take(vq->devq, &c, 1), 1);
		KUNIT_EXPECT_EQ(test, c.len_in, 8);
		KUNIT_EXPECT_EQ(test, parley_devq_untake(vq->devq, &c, 1), 0);
		KUNIT_EXPECT_FALSE(test, parley_devq_broken(vq->devq));
	}
	doom_end(&doom);
}

static void kill_takes_table(struct kunit *test)
{
	kill_takes(test, VH_RING_PIN);
}

static void kill_takes_ring(struct kunit *test)
{
	kill_takes(test, VH_RING_USER);
}

/* Patience does not help where there is nothing. */
static void kill_hole_is_broken(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_iov iov[2];
	struct parley_chain c = { .iov = iov, .max = ARRAY_SIZE(iov) };
	struct parley_vhost_vq *vq = vmm_vq(v);
	struct doom doom;

	vmm_set_up(v, 0);
	scoped_guard(mutex, &v->dev->mutex)
		vh_worker_attach(vq, NULL);
	vh_ring_access = VH_RING_USER;
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 1), 0);
	vh_ring_access = VH_RING_PIN;
	KUNIT_ASSERT_EQ(test, vm_munmap(v->user + VMM_AVAIL, PAGE_SIZE), 0);
	doom_begin(v, &doom);
	scoped_guard(mutex, &vq->mutex) {
		KUNIT_EXPECT_EQ(test, parley_devq_take(vq->devq, &c, 1), -EFAULT);
		KUNIT_EXPECT_TRUE(test, parley_devq_broken(vq->devq));
	}
	doom_end(&doom);
}

static struct kunit_case kill_cases[] = {
	KUNIT_CASE(kill_publishes),
	KUNIT_CASE(kill_takes_table),
	KUNIT_CASE(kill_takes_ring),
	KUNIT_CASE(kill_hole_is_broken),
	{}
};

static struct kunit_suite kill_suite = {
	.name = "parley_vhost_kill",
	.test_cases = kill_cases,
};
kunit_test_suite(kill_suite);
