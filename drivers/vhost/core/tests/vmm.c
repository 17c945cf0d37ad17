// SPDX-License-Identifier: GPL-2.0-only
/* A VMM and its guest in a KUnit test; see vmm.h. */
#include <linux/cred.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ring.h>
#include <parley/compat.h>
#include "../dev.h"
#include "../ioctl.h"
#include "../iotlb.h"
#include "vmm.h"

/* ----------------------------------------------------------- accelerator */

struct vmm_req {
	struct parley_vhost_req req;
	struct list_head entry;
};

static struct vmm *vmm_of(struct parley_vhost *dev)
{
	return *(struct vmm **)parley_vhost_priv(dev);
}

/* Writes everything, and says so of half: the log must not believe it. */
static void vmm_answer(struct parley_vhost_req *req)
{
	u8 buf[64];
	size_t off, n;

	memset(buf, VMM_BYTE, sizeof(buf));
	for (off = 0; off < req->chain.len_in; off += n) {
		n = min_t(size_t, sizeof(buf), req->chain.len_in - off);
		n = parley_vhost_req_write(req, off, buf, n);
		if (!n)
			break;
	}
	req->chain.written = off / 2;
}

static unsigned int vmm_submit(struct parley_vhost_vq *vq,
			       struct parley_vhost_req **reqs, unsigned int nr)
{
	struct vmm *v = vmm_of(parley_vhost_vq_dev(vq));
	unsigned int i;

	v->fsuid = current_fsuid();
	v->pid = task_pid_nr(current);
	if (v->quits)
		parley_vhost_vq_ask(vq, false);
	for (i = 0; i < nr; i++) {
		struct vmm_req *r = container_of(reqs[i], struct vmm_req, req);

		if (!v->late)
			vmm_answer(&r->req);
		if (!READ_ONCE(v->hold)) {
			parley_vhost_req_done(&r->req);
			continue;
		}
		scoped_guard(spinlock, &v->lock) {
			list_add_tail(&r->entry, &v->held);
			WRITE_ONCE(v->nr_held, v->nr_held + 1);
		}
	}
	return nr;
}

static bool vmm_finish(struct parley_vhost_req *req)
{
	if (vmm_of(parley_vhost_vq_dev(req->vq))->late)
		vmm_answer(req);
	return true;
}

/* Fills a buffer for each event, or keeps it until vmm_release(); drops what fits none. */
static bool vmm_work(struct parley_vhost_vq *vq)
{
	struct vmm *v = vmm_of(parley_vhost_vq_dev(vq));
	struct parley_vhost_req *req;
	struct vmm_req *r;
	int nr;

	while (READ_ONCE(v->events) && (nr = parley_vhost_pull(vq, &req, 1, 8))) {
		WRITE_ONCE(v->events, v->events - 1);
		if (nr < 0)
			continue;
		if (!READ_ONCE(v->hold)) {
			vmm_answer(req);
			parley_vhost_req_done(req);
			continue;
		}
		r = container_of(req, struct vmm_req, req);
		scoped_guard(spinlock, &v->lock) {
			list_add_tail(&r->entry, &v->held);
			WRITE_ONCE(v->nr_held, v->nr_held + 1);
		}
	}
	return false;
}

/* What is kept is not filled, and comes again: its events are still to be told. */
static void vmm_recall(struct parley_vhost_vq *vq)
{
	struct vmm *v = vmm_of(parley_vhost_vq_dev(vq));
	struct vmm_req *r, *next;
	LIST_HEAD(held);

	scoped_guard(spinlock, &v->lock) {
		list_splice_init(&v->held, &held);
		WRITE_ONCE(v->events, v->events + v->nr_held);
		WRITE_ONCE(v->nr_held, 0);
	}
	list_for_each_entry_safe(r, next, &held, entry)
		parley_vhost_req_untake(&r->req);
}

void vmm_release(struct vmm *v)
{
	struct vmm_req *r, *next;
	LIST_HEAD(held);

	WRITE_ONCE(v->hold, false);
	scoped_guard(spinlock, &v->lock) {
		list_splice_init(&v->held, &held);
		WRITE_ONCE(v->nr_held, 0);
	}
	list_for_each_entry_safe(r, next, &held, entry)
		parley_vhost_req_done(&r->req);
}

struct parley_vhost_req *vmm_held(struct vmm *v)
{
	struct parley_vhost_req *req = NULL;

	scoped_guard(spinlock, &v->lock)
		req = &list_first_entry(&v->held, struct vmm_req, entry)->req;
	return req;
}

/* The first one that is held; there is one. */
void vmm_release_one(struct vmm *v)
{
	struct vmm_req *r;

	scoped_guard(spinlock, &v->lock) {
		r = list_first_entry(&v->held, struct vmm_req, entry);
		list_del(&r->entry);
		WRITE_ONCE(v->nr_held, v->nr_held - 1);
	}
	parley_vhost_req_done(&r->req);
}

static int vmm_vq_start(struct parley_vhost_vq *vq)
{
	vmm_of(parley_vhost_vq_dev(vq))->was_new = parley_vhost_vq_is_new(vq);
	return 0;
}

static void vmm_later_work(struct work_struct *work)
{
	vmm_release(container_of(to_delayed_work(work), struct vmm_later, work)->v);
}

void vmm_release_in(struct vmm *v, struct vmm_later *later, unsigned int ms)
{
	later->v = v;
	INIT_DELAYED_WORK_ONSTACK(&later->work, vmm_later_work);
	queue_delayed_work(system_dfl_wq, &later->work, msecs_to_jiffies(ms));
}

void vmm_release_later(struct vmm *v, struct vmm_later *later)
{
	vmm_release_in(v, later, 100);
}

void vmm_release_wait(struct vmm_later *later)
{
	flush_delayed_work(&later->work);
	destroy_delayed_work_on_stack(&later->work);
}

static void vmm_config_read(struct parley_vhost *dev, void *config)
{
	memcpy(config, "config!", 8);
}

static void vmm_device_features(struct parley_vhost *dev, struct parley_features *offered)
{
	unsigned int masked = vmm_of(dev) ? vmm_of(dev)->masked : 0;

	if (masked)
		parley_features_drop(offered, masked);
}

static void vmm_features_changed(struct parley_vhost *dev)
{
	struct vmm *v = vmm_of(dev);

	lockdep_assert_held(&dev->mutex);
	v->changes++;
	v->has = parley_vhost_features(dev);
	v->has_high = parley_vhost_has(dev, VMM_FEATURE_HIGH);
}

static const struct parley_vhost_queue_ops vmm_ops = {
	.req_size	= sizeof(struct vmm_req),
	.pieces		= PARLEY_VHOST_PIECES,
	.max_in_flight	= 8,
	.submit		= vmm_submit,
	.finish		= vmm_finish,
};

static const struct parley_vhost_queue_ops *vmm_queue(unsigned int index)
{
	return &vmm_ops;
}

static const struct parley_vhost_queue_ops vmm_event_ops = {
	.req_size	= sizeof(struct vmm_req),
	.pieces		= PARLEY_VHOST_PIECES,
	.max_in_flight	= 8,
	.work		= vmm_work,
	.recall		= vmm_recall,
	.finish		= vmm_finish,
};

static const struct parley_vhost_queue_ops *vmm_event_queue(unsigned int index)
{
	return &vmm_event_ops;
}

static const struct parley_vhost_driver vmm_event_driver = {
	.name		= "kunit-vmm-events",
	.owner		= THIS_MODULE,
	.device_id	= 42,
	.priv_size	= sizeof(struct vmm *),
	.queue		= vmm_event_queue,
	.max_queues	= VMM_QUEUES,
};

static const struct parley_vhost_driver vmm_driver = {
	.name		= "kunit-vmm",
	.owner		= THIS_MODULE,
	.device_id	= 42,
	.features	= VMM_FEATURES,
	.features_high	= VMM_FEATURES_HIGH,
	.priv_size	= sizeof(struct vmm *),
	.device_features = vmm_device_features,
	.features_changed = vmm_features_changed,
	.queue		= vmm_queue,
	.max_queues	= VMM_QUEUES,
	.config_size	= 8,
	.config_read	= vmm_config_read,
	.vq_start	= vmm_vq_start,
};

/* ------------------------------------------------------------------- VMM */

static void vmm_end(void *priv)
{
	struct vmm *v = priv;

	vmm_release(v);
	vh_dev_release(v->dev);
}

void vmm_close(struct vmm *v)
{
	kunit_release_action(v->test, vmm_end, v);
}

void vmm_close_held(struct vmm *v)
{
	kunit_remove_action(v->test, vmm_end, v);
	vh_dev_release(v->dev);
}

static struct vmm *vmm_open_kind(struct kunit *test, const struct parley_vhost_driver *drv)
{
	struct vmm *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	v->test = test;
	spin_lock_init(&v->lock);
	INIT_LIST_HEAD(&v->held);
	v->user = kunit_vm_mmap(test, NULL, 0, VMM_SIZE, PROT_READ | PROT_WRITE,
				MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, v->user, 0);
	v->dev = vh_dev_create(drv, false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v->dev));
	*(struct vmm **)parley_vhost_priv(v->dev) = v;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vmm_end, v), 0);
	/* The test's thread is no process that could have a thread of its own. */
	v->dev->fork_owner = VHOST_FORK_OWNER_KTHREAD;
	KUNIT_ASSERT_EQ(test, vmm_call_at(v, VHOST_SET_OWNER, 0), 0);
	return v;
}

struct vmm *vmm_open(struct kunit *test)
{
	return vmm_open_kind(test, &vmm_driver);
}

struct vmm *vmm_open_somebody(struct kunit *test)
{
	struct cred *cred = prepare_creds();
	const struct cred *was;
	struct vmm *v;

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cred->fsuid = VMM_SOMEBODY;
	was = override_creds(cred);
	v = vmm_open(test);
	revert_creds(was);
	put_cred(cred);
	return v;
}

struct vmm *vmm_open_events(struct kunit *test)
{
	return vmm_open_kind(test, &vmm_event_driver);
}

void vmm_events(struct vmm *v, unsigned int nr)
{
	WRITE_ONCE(v->events, nr);
	parley_vhost_vq_wake(vmm_vq(v));
}

void vmm_poke(struct vmm *v, unsigned long at, const void *buf, size_t len)
{
	KUNIT_ASSERT_EQ(v->test, copy_to_user((void __user *)(v->user + at),
					      buf, len), 0);
}

void vmm_peek(struct vmm *v, unsigned long at, void *buf, size_t len)
{
	KUNIT_ASSERT_EQ(v->test,
			copy_from_user(buf, (void __user *)(v->user + at), len),
			0);
}

long vmm_call_at(struct vmm *v, unsigned int cmd, unsigned long at)
{
	return vh_ioctl(v->dev, cmd, v->user + at);
}

long vmm_call(struct vmm *v, unsigned int cmd, void *arg)
{
	size_t size = _IOC_SIZE(cmd);
	long ret;

	vmm_poke(v, VMM_ARGS, arg, size);
	ret = vmm_call_at(v, cmd, VMM_ARGS);
	vmm_peek(v, VMM_ARGS, arg, size);
	return ret;
}

long vmm_state(struct vmm *v, unsigned int cmd, u32 index, u32 num)
{
	struct vhost_vring_state s = { .index = index, .num = num };

	return vmm_call(v, cmd, &s);
}

long vmm_mem(struct vmm *v, const struct vhost_memory_region *r, u32 nr)
{
	struct vhost_memory head = { .nregions = nr };

	vmm_poke(v, VMM_ARGS, &head, sizeof(head));
	vmm_poke(v, VMM_ARGS + sizeof(head), r, nr * sizeof(*r));
	return vmm_call_at(v, VHOST_SET_MEM_TABLE, VMM_ARGS);
}

/* With a device IOMMU @base is an I/O address, else the VMM's of guest memory. */
long vmm_addr(struct vmm *v, u64 base, u32 flags)
{
	struct vhost_vring_addr a = {
		.flags = flags,
		.desc_user_addr = base + VMM_DESC,
		.avail_user_addr = base + VMM_AVAIL,
		.used_user_addr = base + VMM_USED,
		.log_guest_addr = VMM_USED,
	};

	return vmm_call(v, VHOST_SET_VRING_ADDR, &a);
}

long vmm_enable(struct vmm *v, u32 on)
{
	return vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, on);
}

u32 vmm_base(struct vmm *v)
{
	struct vhost_vring_state s = {};

	KUNIT_EXPECT_EQ(v->test, vmm_call(v, VHOST_GET_VRING_BASE, &s), 0);
	return s.num;
}

ssize_t vmm_iotlb(struct vmm *v, u8 type, u64 iova, u64 size, u64 at)
{
	struct vhost_msg_v2 m = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = iova, .size = size, .uaddr = v->user + at,
			.perm = VHOST_ACCESS_RW, .type = type,
		},
	};
	struct kvec vec = { .iov_base = &m, .iov_len = sizeof(m) };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, sizeof(m));
	return vh_iotlb_write(v->dev, &iter);
}

void vmm_set_up(struct vmm *v, u64 features)
{
	struct vhost_memory_region all = {
		.guest_phys_addr = 0,
		.memory_size = VMM_MEM,
		.userspace_addr = v->user + VMM_GUEST,
	};

	features |= BIT_ULL(VIRTIO_F_VERSION_1);
	KUNIT_ASSERT_EQ(v->test, vmm_call(v, VHOST_SET_FEATURES, &features), 0);
	KUNIT_ASSERT_EQ(v->test, vmm_mem(v, &all, 1), 0);
	KUNIT_ASSERT_EQ(v->test,
			vmm_state(v, VHOST_SET_VRING_NUM, 0, VMM_NUM), 0);
	KUNIT_ASSERT_EQ(v->test, vmm_addr(v, v->user + VMM_GUEST, 0), 0);
	/* No eventfd in here: the ring is polled, and woken by hand. */
	KUNIT_ASSERT_EQ(v->test, vmm_state(v, VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
					   0, 1), 0);
}

void vmm_start(struct vmm *v, u64 features)
{
	vmm_set_up(v, features);
	KUNIT_ASSERT_EQ(v->test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 1),
			0);
}

struct parley_vhost_vq *vmm_vq(struct vmm *v)
{
	return parley_vhost_get_vq(v->dev, 0);
}

/* ----------------------------------------------------------------- guest */

/* A chain of descriptors, the first ones after the chain before. */
void vmm_send_quietly(struct vmm *v, const struct vmm_piece *p, unsigned int nr)
{
	static u16 next;
	u16 head = next % VMM_NUM, slot = v->avail % VMM_NUM, idx;
	__virtio16 word;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct vring_desc d = {
			.addr = __cpu_to_virtio64(true, p[i].addr),
			.len = __cpu_to_virtio32(true, p[i].len),
			.flags = __cpu_to_virtio16(true,
				(i + 1 < nr ? VRING_DESC_F_NEXT : 0) |
				(p[i].write ? VRING_DESC_F_WRITE : 0)),
			.next = __cpu_to_virtio16(true, (head + i + 1) % VMM_NUM),
		};

		vmm_poke(v, VMM_DESC + (head + i) % VMM_NUM * sizeof(d), &d,
			 sizeof(d));
	}
	next += nr;
	word = __cpu_to_virtio16(true, head);
	vmm_poke(v, VMM_AVAIL + 4 + 2 * slot, &word, sizeof(word));
	idx = ++v->avail;
	smp_wmb();	/* pairs with the core's read of the index */
	word = __cpu_to_virtio16(true, idx);
	vmm_poke(v, VMM_AVAIL + 2, &word, sizeof(word));
}

void vmm_send(struct vmm *v, const struct vmm_piece *p, unsigned int nr)
{
	vmm_send_quietly(v, p, nr);
	parley_vhost_vq_wake(vmm_vq(v));
}

void vmm_send_one(struct vmm *v, u64 at)
{
	vmm_send(v, &(struct vmm_piece){ at, 8, true }, 1);
}

bool vmm_answered(struct vmm *v, unsigned long at)
{
	u8 buf[8];

	vmm_peek(v, at, buf, sizeof(buf));
	return !memchr_inv(buf, VMM_BYTE, sizeof(buf));
}

u16 vmm_used(struct vmm *v)
{
	__le16 idx;

	vmm_peek(v, VMM_USED + 2, &idx, sizeof(idx));
	return le16_to_cpu(idx);
}

bool vmm_wait(struct vmm *v)
{
	return vh_until(vmm_used(v) == v->avail);
}
