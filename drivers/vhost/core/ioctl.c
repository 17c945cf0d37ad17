// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VMM's calls: mainline's vhost ABI, with its errors.
 *
 *	-EPERM		not the owner, or nobody is yet
 *	-EBUSY		not while the ring runs; there is an owner already
 *	-ENOBUFS	no ring of that number
 *	-EFAULT		memory that is none
 *	-EINVAL		a value that makes no sense
 *	-EOPNOTSUPP	a bit that we do not know
 *	-ENOIOCTLCMD	not a call of ours
 *
 * Beyond mainline: ring sizes that are no power of two where packed rings were
 * agreed upon; VHOST_SET_FEATURES refuses to change anything but
 * VHOST_F_LOG_ALL while rings run; VHOST_GET_VRING_BASE says -EBUSY while
 * requests are in flight, where mainline returns a position that would lose
 * them.
 */
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "dev.h"
#include "devq.h"
#include "dirty.h"
#include "ioctl.h"
#include "notify.h"
#include "runq.h"
#include "worker.h"

/* Back-end features (bit numbers) that work. */
#define IOCTL_BACKEND_FEATURES	BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)

/* ------------------------------------------------------ of the device */

static long vh_get_features(const struct vh_target *t, union vh_arg *a)
{
	struct parley_features offered;

	parley_vhost_offered(t->dev, &offered);
	a->u64 = parley_features_low(&offered);
	return 0;
}

static long vh_set_features(const struct vh_target *t, union vh_arg *a)
{
	struct parley_features features;

	parley_features_set(&features, a->u64, 0);
	return vh_dev_set_features(t->dev, &features);
}

/* Words of a features array: more than anybody has, and done in no time. */
#define FEATURE_WORDS_MAX	512

static __u64 __user *vh_features_user(const struct vh_target *t)
{
	return t->user + offsetof(struct vhost_features_array, features);
}

/* What is beyond our words is not offered. */
static long vh_get_features_array(const struct vh_target *t, union vh_arg *a)
{
	u64 words[PARLEY_FEATURE_BITS / 64], n = min(a->u64, ARRAY_SIZE(words));
	__u64 __user *user = vh_features_user(t);
	struct parley_features offered;

	if (a->u64 > FEATURE_WORDS_MAX)
		return -EINVAL;
	parley_vhost_offered(t->dev, &offered);
	words[0] = parley_features_low(&offered);
	words[1] = parley_features_high(&offered);
	if (copy_to_user(user, words, n * sizeof(u64)) ||
	    clear_user(user + n, (a->u64 - n) * sizeof(u64)))
		return -EFAULT;
	return 0;
}

static long vh_set_features_array(const struct vh_target *t, union vh_arg *a)
{
	u64 words[PARLEY_FEATURE_BITS / 64] = {}, word, i;
	__u64 __user *user = vh_features_user(t);
	struct parley_features features;

	if (a->u64 > FEATURE_WORDS_MAX)
		return -EINVAL;
	for (i = 0; i < a->u64; i++) {
		if (get_user(word, user + i))
			return -EFAULT;
		if (i < ARRAY_SIZE(words))
			words[i] = word;
		else if (word)
			return -EOPNOTSUPP;
	}
	parley_features_set(&features, words[0], words[1]);
	return vh_dev_set_features(t->dev, &features);
}

static long vh_get_backend_features(const struct vh_target *t, union vh_arg *a)
{
	a->u64 = IOCTL_BACKEND_FEATURES;
	return 0;
}

static long vh_set_backend_features(const struct vh_target *t, union vh_arg *a)
{
	struct parley_vhost *dev = t->dev;

	if (a->u64 & ~IOCTL_BACKEND_FEATURES)
		return -EOPNOTSUPP;
	if (a->u64 != dev->backend_features && parley_vhost_running(dev))
		return -EBUSY;
	dev->backend_features = a->u64;
	dev->iotlb.v2 = a->u64 & BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2);
	return 0;
}

static long vh_set_owner(const struct vh_target *t, union vh_arg *a)
{
	return vh_dev_set_owner(t->dev);
}

static long vh_reset_owner(const struct vh_target *t, union vh_arg *a)
{
	return vh_dev_reset_owner(t->dev);
}

#ifdef VHOST_SET_FORK_FROM_OWNER
static long vh_set_fork_owner(const struct vh_target *t, union vh_arg *a)
{
	if (t->dev->owned)
		return -EBUSY;
	if (a->u8 != VHOST_FORK_OWNER_TASK && a->u8 != VHOST_FORK_OWNER_KTHREAD)
		return -EINVAL;
	t->dev->fork_owner = a->u8;
	return 0;
}

static long vh_get_fork_owner(const struct vh_target *t, union vh_arg *a)
{
	a->u8 = t->dev->fork_owner;
	return 0;
}
#endif

static long vh_set_mem_table(const struct vh_target *t, union vh_arg *a)
{
	struct vh_mem *mem = vh_mem_from_user(t->user);
	int err;

	if (IS_ERR(mem))
		return PTR_ERR(mem);
	err = vh_dev_set_mem(t->dev, mem);
	if (err)
		vh_mem_free(mem);
	return err;
}

static long vh_set_log_base(const struct vh_target *t, union vh_arg *a)
{
	return vh_log_set_base(t->dev, a->u64);
}

static long vh_set_log_fd(const struct vh_target *t, union vh_arg *a)
{
	return vh_log_set_ctx(t->dev, a->fd);
}

static long vh_new_worker(const struct vh_target *t, union vh_arg *a)
{
	struct vh_worker *worker = vh_worker_create(t->dev);

	if (IS_ERR(worker))
		return PTR_ERR(worker);
	a->worker.worker_id = worker->id;
	return 0;
}

static long vh_free_worker(const struct vh_target *t, union vh_arg *a)
{
	struct vh_worker *worker = vh_worker_find(t->dev, a->worker.worker_id);

	if (!worker)
		return -ENODEV;
	if (worker->attached)
		return -EBUSY;
	vh_worker_destroy(worker);
	return 0;
}

static long vh_get_id(const struct vh_target *t, union vh_arg *a)
{
	a->u32 = t->dev->id;
	return 0;
}

static long vh_set_queues(const struct vh_target *t, union vh_arg *a)
{
	return vh_dev_want_vqs(t->dev, a->u32);
}

/* --------------------------------------------------------- of a ring */

static long vh_set_vring_num(const struct vh_target *t, union vh_arg *a)
{
	u32 num = a->state.num;

	if (!num || num > PARLEY_VQ_SIZE_MAX)
		return -EINVAL;
	if (!vh_vq_packed(t->vq) && !is_power_of_2(num))
		return -EINVAL;
	t->vq->num = num;
	return 0;
}

/*
 * While the ring runs, the addresses have to be the same and only logging
 * changes: that is how a migration begins and ends.
 */
static long vh_set_vring_addr(const struct vh_target *t, union vh_arg *a)
{
	const struct vhost_vring_addr *r = &a->addr;
	struct parley_vq_addr addr = {
		.desc = r->desc_user_addr,
		.driver = r->avail_user_addr,
		.device = r->used_user_addr,
	};
	struct parley_vhost_vq *vq = t->vq;

	if (r->flags & ~BIT(VHOST_VRING_F_LOG))
		return -EOPNOTSUPP;
	if (!t->dev->iotlb.on && (addr.desc > ULONG_MAX ||
				  addr.driver > ULONG_MAX ||
				  addr.device > ULONG_MAX))
		return -EFAULT;
	if (!IS_ALIGNED(addr.driver, VRING_AVAIL_ALIGN_SIZE) ||
	    !IS_ALIGNED(addr.device, VRING_USED_ALIGN_SIZE) ||
	    !IS_ALIGNED(r->log_guest_addr, VRING_USED_ALIGN_SIZE))
		return -EINVAL;
	if (vq->state != VH_VQ_IDLE && memcmp(&addr, &vq->addr, sizeof(addr)))
		return -EBUSY;
	vq->addr = addr;
	vq->addr_set = true;
	vq->log_addr = r->log_guest_addr;
	vq->log_ring = r->flags & BIT(VHOST_VRING_F_LOG);
	vh_vq_update_log(vq);
	return 0;
}

static long vh_set_vring_base(const struct vh_target *t, union vh_arg *a)
{
	if (!vh_vq_packed(t->vq) && a->state.num > U16_MAX)
		return -EINVAL;
	t->vq->base = a->state.num;
	t->vq->base_set = true;
	return 0;
}

static long vh_get_vring_base(const struct vh_target *t, union vh_arg *a)
{
	a->state.num = t->vq->base;
	return t->vq->devq ? parley_devq_save(t->vq->devq, &a->state.num) : 0;
}

static long vh_set_vring_kick(const struct vh_target *t, union vh_arg *a)
{
	return vh_kick_set(t->vq, a->file.fd);
}

static long vh_set_vring_call(const struct vh_target *t, union vh_arg *a)
{
	return vh_call_set(t->vq, a->file.fd);
}

static long vh_set_vring_err(const struct vh_target *t, union vh_arg *a)
{
	return vh_err_set(t->vq, a->file.fd);
}

static long vh_set_vring_endian(const struct vh_target *t, union vh_arg *a)
{
	return a->state.num == VHOST_VRING_LITTLE_ENDIAN ? 0 : -EINVAL;
}

static long vh_get_vring_endian(const struct vh_target *t, union vh_arg *a)
{
	a->state.num = VHOST_VRING_LITTLE_ENDIAN;
	return 0;
}

static long vh_set_vring_busyloop(const struct vh_target *t, union vh_arg *a)
{
	t->vq->poll.max_us = min(a->state.num, VH_POLL_MAX_US);
	return 0;
}

static long vh_get_vring_busyloop(const struct vh_target *t, union vh_arg *a)
{
	a->state.num = t->vq->poll.max_us;
	return 0;
}

static long vh_attach_vring_worker(const struct vh_target *t, union vh_arg *a)
{
	struct vh_worker *worker = vh_worker_find(t->dev,
						  a->vring_worker.worker_id);

	return worker ? vh_worker_attach(t->vq, worker) : -ENODEV;
}

static long vh_get_vring_worker(const struct vh_target *t, union vh_arg *a)
{
	struct vh_worker *worker;

	worker = rcu_dereference_protected(t->vq->worker,
					   lockdep_is_held(&t->dev->mutex));
	if (!worker)
		return -ENODEV;
	a->vring_worker.worker_id = worker->id;
	return 0;
}

static long vh_set_vring_keep(const struct vh_target *t, union vh_arg *a)
{
	return a->keep.pad ? -EINVAL : vh_vq_set_keep(t->vq, a->keep.user_addr);
}

/* ------------------------------------------------------------- the table */

#define RING	(VH_IN | VH_RING | VH_LOCKED)

static const struct vh_call calls[] = {
	{ VHOST_GET_FEATURES, VH_OUT | VH_ANYBODY, vh_get_features },
	{ VHOST_SET_FEATURES, VH_IN | VH_ANYBODY, vh_set_features },
	{ VHOST_GET_FEATURES_ARRAY, VH_IN | VH_ANYBODY, vh_get_features_array },
	{ VHOST_SET_FEATURES_ARRAY, VH_IN | VH_ANYBODY, vh_set_features_array },
	{ VHOST_GET_BACKEND_FEATURES, VH_OUT | VH_ANYBODY,
	  vh_get_backend_features },
	{ VHOST_SET_BACKEND_FEATURES, VH_IN | VH_ANYBODY,
	  vh_set_backend_features },
	{ VHOST_SET_OWNER, VH_ANYBODY, vh_set_owner },
	{ VHOST_RESET_OWNER, 0, vh_reset_owner },
#ifdef VHOST_SET_FORK_FROM_OWNER
	{ VHOST_SET_FORK_FROM_OWNER, VH_IN | VH_ANYBODY, vh_set_fork_owner },
	{ VHOST_GET_FORK_FROM_OWNER, VH_OUT | VH_ANYBODY, vh_get_fork_owner },
#endif
	{ VHOST_SET_MEM_TABLE, 0, vh_set_mem_table },
	{ VHOST_SET_LOG_BASE, VH_IN, vh_set_log_base },
	{ VHOST_SET_LOG_FD, VH_IN, vh_set_log_fd },
	{ VHOST_NEW_WORKER, VH_OUT, vh_new_worker },
	{ VHOST_FREE_WORKER, VH_IN, vh_free_worker },
	{ VHOST_SET_VRING_NUM, RING | VH_IDLE, vh_set_vring_num },
	{ VHOST_SET_VRING_ADDR, RING, vh_set_vring_addr },
	{ VHOST_SET_VRING_BASE, RING | VH_IDLE, vh_set_vring_base },
	{ VHOST_GET_VRING_BASE, RING | VH_OUT, vh_get_vring_base },
	{ VHOST_SET_VRING_KICK, RING, vh_set_vring_kick },
	{ VHOST_SET_VRING_CALL, RING, vh_set_vring_call },
	{ VHOST_SET_VRING_ERR, RING, vh_set_vring_err },
	{ VHOST_SET_VRING_ENDIAN, RING | VH_IDLE, vh_set_vring_endian },
	{ VHOST_GET_VRING_ENDIAN, RING | VH_OUT, vh_get_vring_endian },
	{ VHOST_SET_VRING_BUSYLOOP_TIMEOUT, RING, vh_set_vring_busyloop },
	{ VHOST_GET_VRING_BUSYLOOP_TIMEOUT, RING | VH_OUT,
	  vh_get_vring_busyloop },
	{ VHOST_ATTACH_VRING_WORKER, VH_IN | VH_RING, vh_attach_vring_worker },
	{ VHOST_GET_VRING_WORKER, VH_IN | VH_OUT | VH_RING, vh_get_vring_worker },
	{ PARLEY_VHOST_SET_VRING_KEEP, RING | VH_IDLE, vh_set_vring_keep },
	{ PARLEY_VHOST_GET_ID, VH_OUT | VH_ANYBODY, vh_get_id },
	{ PARLEY_VHOST_SET_QUEUES, VH_IN | VH_ANYBODY, vh_set_queues },
};

static const struct vh_call *vh_call_find(const struct vh_call *table,
					  unsigned int nr, unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (table[i].cmd == cmd)
			return &table[i];
	return NULL;
}

/* The ring that the argument begins with, also under speculation. */
static int vh_call_ring(struct vh_target *t, u32 index)
{
	u32 nr = t->dev->nr_vqs;

	if (index >= nr)
		return -ENOBUFS;
	t->vq = t->dev->vqs[array_index_nospec(index, nr)];
	return 0;
}

static long vh_call_locked(const struct vh_call *c, const struct vh_target *t,
			   union vh_arg *a)
{
	guard(mutex)(&t->vq->mutex);
	if (c->flags & VH_IDLE && t->vq->state != VH_VQ_IDLE)
		return -EBUSY;
	return c->fn(t, a);
}

static long vh_call_run(const struct vh_call *c, struct vh_target *t)
{
	size_t size = _IOC_SIZE(c->cmd);
	union vh_arg a = {};
	long err;

	if (!(c->flags & VH_ANYBODY)) {
		err = vh_dev_check_owner(t->dev);
		if (err)
			return err;
	}
	if (c->flags & VH_IN && copy_from_user(&a, t->user, size))
		return -EFAULT;
	if (c->flags & VH_RING) {
		err = vh_call_ring(t, a.u32);
		if (err)
			return err;
	}
	err = c->flags & VH_LOCKED ? vh_call_locked(c, t, &a) : c->fn(t, &a);
	if (!err && c->flags & VH_OUT && copy_to_user(t->user, &a, size))
		return -EFAULT;
	return err;
}

/* What neither this file nor vdpa.c knows goes to the accelerator. */
static long vh_ioctl_locked(struct parley_vhost *dev, unsigned int cmd, unsigned long arg)
{
	struct vh_target t = { .dev = dev, .user = (void __user *)arg };
	const struct vh_call *c;
	long err = 0;

	c = vh_call_find(calls, ARRAY_SIZE(calls), cmd) ?:
	    vh_call_find(vh_config_calls, vh_config_calls_nr, cmd);
	if (c)
		return vh_call_run(c, &t);
	if (!dev->drv->ioctl)
		return -ENOIOCTLCMD;
	if (!dev->drv->ioctl_anybody)
		err = vh_dev_check_owner(dev);
	return err ?: dev->drv->ioctl(dev, cmd, t.user);
}

/**
 * vh_ioctl() - a call on the device's file
 * @dev: device
 * @cmd: its number
 * @arg: its argument
 *
 * Whoever has the file may keep others waiting: arguments are read under dev->mutex, from
 * memory that may be slow on purpose.  So who waits for it can be killed.
 *
 * Context: takes dev->mutex; sleeps, as long as the back end takes if a ring is
 * stopped.
 * Return: 0 or an error of the list above; what the accelerator says; -EINTR for who is
 * being killed.
 */
long vh_ioctl(struct parley_vhost *dev, unsigned int cmd, unsigned long arg)
{
	long err;

	if (mutex_lock_killable(&dev->mutex))
		return -EINTR;
	err = vh_ioctl_locked(dev, cmd, arg);
	mutex_unlock(&dev->mutex);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(vh_ioctl);
