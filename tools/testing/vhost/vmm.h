/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The VMM's side: a device of /dev/parley-blk, its memory table and rings.
 * Knows nothing of requests.
 */
#ifndef _VMM_VMM_H
#define _VMM_VMM_H

#include <sys/ioctl.h>
#include "guest.h"
#include "ring.h"

#define DEVICE		"/dev/parley-blk"
#define QUEUES_MAX	64	/* as many as the device has */

/* What the helpers of a test choose; zero is a good choice everywhere. */
struct vmm_cfg {
	u64 ring;		/* features of the ring */
	u64 without;		/* features not to take though offered */
	unsigned int queues;	/* 0: one */
	unsigned int workers;	/* 0: one for all */
	unsigned int size;	/* of a ring; 0: 64 */
	unsigned int segs;	/* longest chain with indirect tables; 0: 64 */
	enum layout layout;
	u64 memory;		/* 0: 32 MiB */
	const char *disk;	/* NULL: the fast memory-backed disk */
	int disk_flags;		/* beside O_RDWR */
	bool read_only;		/* O_RDONLY */
	u32 backend_flags;
	u8 kthread;		/* workers are kernel threads */
	bool private;		/* memory is anonymous, not shared */
	u64 backend_features;
	bool no_table;		/* no memory table is set */
};

/**
 * struct vmm - a device and the guest it serves
 * @fd: of /dev/parley-blk
 * @disk: of the back end
 * @g: the guest's memory
 * @cfg: as asked for, defaults filled in
 * @offered: features the device offers
 * @features: features both sides have
 * @q: the guest's queues
 */
struct vmm {
	int fd;
	int disk;
	struct guest *g;
	struct vmm_cfg cfg;
	u64 offered;
	u64 features;
	struct queue *q[QUEUES_MAX];
};

/* An ioctl's result, or -errno. */
static inline long vio(int fd, unsigned long cmd, const void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int vmm_device(void);				/* open, or the test ends */
struct vmm *vmm_new(const struct vmm_cfg *cfg);	/* all but started */
struct vmm *vmm_start_new(const struct vmm_cfg *cfg);
struct vmm *vmm_guest_new(const struct vmm_cfg *cfg);	/* the guest alone */
void vmm_free(struct vmm *v);

/* The steps of vmm_new(), for who takes over a guest that is there already. */
void vmm_attach(struct vmm *v);			/* owner to call eventfds */
void vmm_queue(struct vmm *v, unsigned int i, u32 base);
void vmm_workers(struct vmm *v);
void vmm_detach(struct vmm *v);			/* close the device */

long vmm_backend(struct vmm *v, int fd);
long vmm_table(struct vmm *v);
long vmm_enable(struct vmm *v, unsigned int i, bool on);
void vmm_enable_all(struct vmm *v, bool on);
long vmm_base(struct vmm *v, unsigned int i, u32 *base);
long vmm_set_base(struct vmm *v, unsigned int i, u32 base);
long vmm_eventfd(struct vmm *v, unsigned long cmd, unsigned int i, int fd);
void vmm_addr(struct vmm *v, unsigned int i, struct vhost_vring_addr *a);
u64 vmm_capacity(struct vmm *v);		/* sectors */
/* Stop a ring and start it again where it was; false if the test failed. */
bool vmm_bounce(struct vmm *v, unsigned int i);

#endif /* _VMM_VMM_H */
