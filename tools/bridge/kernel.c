// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's calls, each as a function with types. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "kernel.h"

static int real_open(void *priv, const char *node)
{
	int fd = open(node, O_RDWR | O_CLOEXEC);

	(void)priv;
	return fd < 0 ? -errno : fd;
}

static int real_ioctl(void *priv, int fd, unsigned long cmd, void *arg)
{
	int ret;

	(void)priv;
	/* A signal may find us waiting for requests in flight. */
	do {
		ret = ioctl(fd, cmd, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

static void real_close(void *priv, int fd)
{
	(void)priv;
	close(fd);
}

const struct kernel_ops kernel_real = {
	.open = real_open,
	.ioctl = real_ioctl,
	.close = real_close,
};

static int call(struct kernel *k, unsigned long cmd, void *arg)
{
	int ret = k->ops->ioctl(k->priv, k->fd, cmd, arg);

	return ret < 0 ? ret : 0;
}

/**
 * kernel_open - open a device
 * @k: filled in
 * @ops: the way to the kernel
 * @priv: for @ops
 * @node: its name
 *
 * Return: 0 or -errno.
 */
int kernel_open(struct kernel *k, const struct kernel_ops *ops, void *priv,
		const char *node)
{
	int ret;

	k->ops = ops;
	k->priv = priv;
	ret = ops->open(priv, node);
	k->fd = ret < 0 ? -1 : ret;
	return ret < 0 ? ret : 0;
}

/*
 * Become its owner: the kernel's workers translate through the mappings of this
 * process from now on, and are as privileged as it is when they are made.
 */
int kernel_own(struct kernel *k)
{
	return call(k, VHOST_SET_OWNER, NULL);
}

/* The number that netlink, the kernel log and debugfs know the device by. */
int kernel_get_id(struct kernel *k, uint32_t *id)
{
	__u32 n = 0;
	int ret = call(k, PARLEY_VHOST_GET_ID, &n);

	*id = n;
	return ret;
}

void kernel_close(struct kernel *k)
{
	if (k->fd >= 0)
		k->ops->close(k->priv, k->fd);
	k->fd = -1;
}

int kernel_set_backend(struct kernel *k, int fd, uint32_t flags,
		       const char *serial)
{
	struct parley_blk_backend backend = { .fd = fd, .flags = flags };

	memcpy(backend.serial, serial,
	       strnlen(serial, sizeof(backend.serial)));
	return call(k, PARLEY_BLK_SET_BACKEND, &backend);
}

int kernel_update_size(struct kernel *k)
{
	return call(k, PARLEY_BLK_UPDATE_SIZE, NULL);
}

int kernel_get_cache(struct kernel *k, uint32_t *cache)
{
	__u32 n = PARLEY_BLK_CACHE_UNKNOWN;
	int ret = call(k, PARLEY_BLK_GET_CACHE, &n);

	*cache = n;
	return ret;
}

int kernel_set_cache(struct kernel *k, uint32_t cache)
{
	__u32 n = cache;

	return call(k, PARLEY_BLK_SET_CACHE, &n);
}

int kernel_sched_vcpus(struct kernel *k, uint32_t nr)
{
	__u32 n = nr;

	return call(k, PARLEY_SCHED_SET_NR_VCPUS, &n);
}

int kernel_sched_budget(struct kernel *k, uint32_t budget_us, uint32_t period_us)
{
	struct parley_sched_budget budget = { budget_us, period_us };

	return call(k, PARLEY_SCHED_SET_BUDGET, &budget);
}

int kernel_sched_steps(struct kernel *k, uint32_t down, uint32_t up)
{
	struct parley_sched_steps steps = { down, up };

	return call(k, PARLEY_SCHED_SET_STEPS, &steps);
}

int kernel_get_features(struct kernel *k, uint64_t *features)
{
	__u64 bits = 0;
	int ret = call(k, VHOST_GET_FEATURES, &bits);

	*features = bits;
	return ret;
}

int kernel_set_features(struct kernel *k, uint64_t features)
{
	__u64 bits = features;

	return call(k, VHOST_SET_FEATURES, &bits);
}

/*
 * Before it is owned: it has @queues rings, or as many as it may have.  Modules older
 * than we are make all of these, whatever is asked.
 */
int kernel_want_queues(struct kernel *k, unsigned int *queues)
{
	__u32 n = 0;
	int ret = call(k, VHOST_VDPA_GET_VQS_COUNT, &n);

	if (ret)
		return ret;
	if (n > *queues)
		n = *queues;
	*queues = n;
	ret = call(k, PARLEY_VHOST_SET_QUEUES, &n);
	return ret == -ENOTTY ? 0 : ret;
}

/**
 * kernel_spread - serve the rings by several workers, in turn
 * @k: device
 * @workers: threads, at least 1
 * @rings: rings
 *
 * All rings belong to the first worker, which came with the owner.
 *
 * Return: 0 or -errno.
 */
int kernel_spread(struct kernel *k, unsigned int workers, unsigned int rings)
{
	struct vhost_worker_state state;
	struct vhost_vring_worker w;
	unsigned int i, ring;
	int ret;

	for (i = 1; i < workers && i < rings; i++) {
		memset(&state, 0, sizeof(state));
		ret = call(k, VHOST_NEW_WORKER, &state);
		if (ret)
			return ret;
		for (ring = i; ring < rings; ring += workers) {
			w.index = ring;
			w.worker_id = state.worker_id;
			ret = call(k, VHOST_ATTACH_VRING_WORKER, &w);
			if (ret)
				return ret;
		}
	}
	return 0;
}

int kernel_set_mem(struct kernel *k, struct vhost_memory *mem)
{
	return call(k, VHOST_SET_MEM_TABLE, mem);
}

int kernel_set_log(struct kernel *k, uint64_t base)
{
	__u64 arg = base;

	return call(k, VHOST_SET_LOG_BASE, &arg);
}

int kernel_set_log_fd(struct kernel *k, int fd)
{
	return call(k, VHOST_SET_LOG_FD, &fd);
}

/* Configuration space is read and written through one structure. */
static int config(struct kernel *k, unsigned long cmd, void *buf, uint32_t off,
		  uint32_t len, int out)
{
	struct vhost_vdpa_config *arg = calloc(1, sizeof(*arg) + len);
	int ret;

	if (!arg)
		return -ENOMEM;
	arg->off = off;
	arg->len = len;
	if (out)
		memcpy(arg->buf, buf, len);
	ret = call(k, cmd, arg);
	if (!ret && !out)
		memcpy(buf, arg->buf, len);
	free(arg);
	return ret;
}

int kernel_get_config(struct kernel *k, void *buf, uint32_t off, uint32_t len)
{
	return config(k, VHOST_VDPA_GET_CONFIG, buf, off, len, 0);
}

int kernel_set_config(struct kernel *k, const void *buf, uint32_t off,
		      uint32_t len)
{
	return config(k, VHOST_VDPA_SET_CONFIG, (void *)buf, off, len, 1);
}

int kernel_config_size(struct kernel *k, uint32_t *size)
{
	__u32 n = 0;
	int ret = call(k, VHOST_VDPA_GET_CONFIG_SIZE, &n);

	*size = n;
	return ret;
}

int kernel_set_config_call(struct kernel *k, int fd)
{
	return call(k, VHOST_VDPA_SET_CONFIG_CALL, &fd);
}

static int set_state(struct kernel *k, unsigned long cmd, unsigned int ring,
		     uint32_t num)
{
	struct vhost_vring_state state = { .index = ring, .num = num };

	return call(k, cmd, &state);
}

int kernel_ring_num(struct kernel *k, unsigned int ring, uint32_t num)
{
	return set_state(k, VHOST_SET_VRING_NUM, ring, num);
}

int kernel_ring_set_base(struct kernel *k, unsigned int ring, uint32_t base)
{
	return set_state(k, VHOST_SET_VRING_BASE, ring, base);
}

int kernel_ring_get_base(struct kernel *k, unsigned int ring, uint32_t *base)
{
	struct vhost_vring_state state = { .index = ring };
	int ret = call(k, VHOST_GET_VRING_BASE, &state);

	*base = state.num;
	return ret;
}

int kernel_ring_addr(struct kernel *k, struct vhost_vring_addr *addr)
{
	return call(k, VHOST_SET_VRING_ADDR, addr);
}

static int set_file(struct kernel *k, unsigned long cmd, unsigned int ring,
		    int fd)
{
	struct vhost_vring_file file = { .index = ring, .fd = fd };

	return call(k, cmd, &file);
}

int kernel_ring_kick(struct kernel *k, unsigned int ring, int fd)
{
	return set_file(k, VHOST_SET_VRING_KICK, ring, fd);
}

int kernel_ring_call(struct kernel *k, unsigned int ring, int fd)
{
	return set_file(k, VHOST_SET_VRING_CALL, ring, fd);
}

int kernel_ring_err(struct kernel *k, unsigned int ring, int fd)
{
	return set_file(k, VHOST_SET_VRING_ERR, ring, fd);
}

int kernel_ring_keep(struct kernel *k, unsigned int ring, void *kept)
{
	struct parley_vhost_keep keep = {
		.index = ring,
		.user_addr = (uintptr_t)kept,
	};

	return call(k, PARLEY_VHOST_SET_VRING_KEEP, &keep);
}

int kernel_ring_enable(struct kernel *k, unsigned int ring, int on)
{
	return set_state(k, VHOST_VDPA_SET_VRING_ENABLE, ring, !!on);
}
