/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's side of a device: one open /dev/parley-*, call by call.
 */
#ifndef BRIDGE_KERNEL_H
#define BRIDGE_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <linux/vhost.h>
#include <linux/parley_sched.h>
#include <linux/parley_vhost.h>

/* Younger than the C library's headers may be. */
#ifndef VHOST_NEW_WORKER
struct vhost_worker_state {
	unsigned int worker_id;
};

struct vhost_vring_worker {
	unsigned int index;
	unsigned int worker_id;
};

#define VHOST_NEW_WORKER \
	_IOR(VHOST_VIRTIO, 0x8, struct vhost_worker_state)
#define VHOST_ATTACH_VRING_WORKER \
	_IOW(VHOST_VIRTIO, 0x15, struct vhost_vring_worker)
#define VHOST_GET_VRING_WORKER \
	_IOWR(VHOST_VIRTIO, 0x16, struct vhost_vring_worker)
#endif

/**
 * struct kernel_ops - the way to the kernel; tests bring another
 * @open: a file descriptor of the device with this name, or -errno
 * @ioctl: 0 or more, or -errno
 * @close: the mirror of @open
 */
struct kernel_ops {
	int (*open)(void *priv, const char *node);
	int (*ioctl)(void *priv, int fd, unsigned long cmd, void *arg);
	void (*close)(void *priv, int fd);
};

extern const struct kernel_ops kernel_real;	/* @priv is not used */

/**
 * struct kernel - one open device
 * @ops: the way to it
 * @priv: for @ops
 * @fd: of the device; -1 if it is closed
 */
struct kernel {
	const struct kernel_ops *ops;
	void *priv;
	int fd;
};

/* All return 0 or -errno. */
int kernel_open(struct kernel *k, const struct kernel_ops *ops, void *priv,
		const char *node);
void kernel_close(struct kernel *k);
int kernel_own(struct kernel *k);
int kernel_get_id(struct kernel *k, uint32_t *id);
int kernel_set_backend(struct kernel *k, int fd, uint32_t flags,
		       const char *serial);
int kernel_update_size(struct kernel *k);
int kernel_get_cache(struct kernel *k, uint32_t *cache);
int kernel_set_cache(struct kernel *k, uint32_t cache);
int kernel_sched_vcpus(struct kernel *k, uint32_t nr);
int kernel_sched_budget(struct kernel *k, uint32_t budget_us, uint32_t period_us);
int kernel_sched_steps(struct kernel *k, uint32_t down, uint32_t up);
int kernel_get_features(struct kernel *k, uint64_t *features);
int kernel_set_features(struct kernel *k, uint64_t features);
int kernel_want_queues(struct kernel *k, unsigned int *queues);
int kernel_spread(struct kernel *k, unsigned int workers, unsigned int rings);
int kernel_set_mem(struct kernel *k, struct vhost_memory *mem);
int kernel_set_log(struct kernel *k, uint64_t base);
int kernel_set_log_fd(struct kernel *k, int fd);
int kernel_get_config(struct kernel *k, void *buf, uint32_t off, uint32_t len);
int kernel_set_config(struct kernel *k, const void *buf, uint32_t off,
		      uint32_t len);
int kernel_config_size(struct kernel *k, uint32_t *size);
int kernel_set_config_call(struct kernel *k, int fd);

int kernel_ring_num(struct kernel *k, unsigned int ring, uint32_t num);
int kernel_ring_set_base(struct kernel *k, unsigned int ring, uint32_t base);
int kernel_ring_get_base(struct kernel *k, unsigned int ring, uint32_t *base);
int kernel_ring_addr(struct kernel *k, struct vhost_vring_addr *addr);
int kernel_ring_kick(struct kernel *k, unsigned int ring, int fd);
int kernel_ring_call(struct kernel *k, unsigned int ring, int fd);
int kernel_ring_err(struct kernel *k, unsigned int ring, int fd);
int kernel_ring_keep(struct kernel *k, unsigned int ring, void *kept);
int kernel_ring_enable(struct kernel *k, unsigned int ring, int on);

#endif
