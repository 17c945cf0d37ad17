// SPDX-License-Identifier: GPL-2.0-only
/* A vhost device as a VMM sets it up. */
#include <fcntl.h>
#include <unistd.h>
#include "disk.h"
#include "vmm.h"

/* What the front-end below understands of the device's own features. */
#define BLK_FEATURES (BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |			\
		      BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |			\
		      BIT_ULL(VIRTIO_BLK_F_FLUSH) |			\
		      BIT_ULL(VIRTIO_BLK_F_RO) |			\
		      BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) |			\
		      BIT_ULL(VIRTIO_BLK_F_MQ) |			\
		      BIT_ULL(VIRTIO_BLK_F_DISCARD) |			\
		      BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) |		\
		      BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))

int vmm_device(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	must(fd >= 0, "%s: %s", DEVICE, strerror(errno));
	return fd;
}

long vmm_backend(struct vmm *v, int fd)
{
	struct parley_blk_backend b = {
		.fd = fd, .flags = v->cfg.backend_flags, .serial = "vmm",
	};

	return vio(v->fd, PARLEY_BLK_SET_BACKEND, &b);
}

long vmm_table(struct vmm *v)
{
	struct vhost_memory *t = guest_table(v->g);
	long ret = vio(v->fd, VHOST_SET_MEM_TABLE, t);

	free(t);
	return ret;
}

long vmm_enable(struct vmm *v, unsigned int i, bool on)
{
	struct vhost_vring_state s = { i, on };

	return vio(v->fd, VHOST_VDPA_SET_VRING_ENABLE, &s);
}

void vmm_enable_all(struct vmm *v, bool on)
{
	unsigned int i;

	for (i = 0; i < v->cfg.queues; i++)
		need(vmm_enable(v, i, on));
}

long vmm_base(struct vmm *v, unsigned int i, u32 *base)
{
	struct vhost_vring_state s = { i };
	long ret = vio(v->fd, VHOST_GET_VRING_BASE, &s);

	*base = s.num;
	return ret;
}

long vmm_set_base(struct vmm *v, unsigned int i, u32 base)
{
	struct vhost_vring_state s = { i, base };

	return vio(v->fd, VHOST_SET_VRING_BASE, &s);
}

long vmm_eventfd(struct vmm *v, unsigned long cmd, unsigned int i, int fd)
{
	struct vhost_vring_file f = { i, fd };

	return vio(v->fd, cmd, &f);
}

/* A VMM names the areas by its own addresses. */
void vmm_addr(struct vmm *v, unsigned int i, struct vhost_vring_addr *a)
{
	struct parley_vq_addr gpa;

	queue_addr(v->q[i], &gpa);
	memset(a, 0, sizeof(*a));
	a->index = i;
	if (v->features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)) {
		/* Behind a device IOMMU they are what the driver says. */
		a->desc_user_addr = gpa.desc;
		a->avail_user_addr = gpa.driver;
		a->used_user_addr = gpa.device;
		return;
	}
	a->desc_user_addr = (uintptr_t)guest_ptr(v->g, gpa.desc, 1);
	a->avail_user_addr = (uintptr_t)guest_ptr(v->g, gpa.driver, 1);
	a->used_user_addr = (uintptr_t)guest_ptr(v->g, gpa.device, 1);
	a->log_guest_addr = gpa.device;
}

void vmm_queue(struct vmm *v, unsigned int i, u32 base)
{
	struct vhost_vring_state num = { i, v->cfg.size };
	struct vhost_vring_addr addr;

	vmm_addr(v, i, &addr);
	need(vio(v->fd, VHOST_SET_VRING_NUM, &num));
	need(vmm_set_base(v, i, base));
	need(vio(v->fd, VHOST_SET_VRING_ADDR, &addr));
	need(vmm_eventfd(v, VHOST_SET_VRING_KICK, i, v->q[i]->kick));
	need(vmm_eventfd(v, VHOST_SET_VRING_CALL, i, v->q[i]->call));
	need(vmm_eventfd(v, VHOST_SET_VRING_ERR, i, v->q[i]->err));
}

void vmm_workers(struct vmm *v)
{
	struct vhost_worker_state w;
	struct vhost_vring_worker at;
	unsigned int i, made;
	u32 ids[QUEUES_MAX];

	for (made = 1; made < v->cfg.workers; made++) {
		need(vio(v->fd, VHOST_NEW_WORKER, &w));
		ids[made] = w.worker_id;
	}
	for (i = 0; i < v->cfg.queues && v->cfg.workers > 1; i++) {
		if (i % v->cfg.workers == 0)
			continue;
		at = (struct vhost_vring_worker){ i, ids[i % v->cfg.workers] };
		need(vio(v->fd, VHOST_ATTACH_VRING_WORKER, &at));
	}
}

void vmm_attach(struct vmm *v)
{
	const char *disk = v->cfg.disk ? v->cfg.disk : disk_fast();
	u8 kthread = VHOST_FORK_OWNER_KTHREAD;

	v->fd = vmm_device();
	v->disk = open(disk, (v->cfg.read_only ? O_RDONLY : O_RDWR) |
		       v->cfg.disk_flags | O_CLOEXEC);
	must(v->disk >= 0, "%s: %s", disk, strerror(errno));
	if (v->cfg.kthread)
		need(vio(v->fd, VHOST_SET_FORK_FROM_OWNER, &kthread));
	need(vio(v->fd, VHOST_SET_OWNER, NULL));
	need(vmm_backend(v, v->disk));
	if (v->cfg.backend_features)
		need(vio(v->fd, VHOST_SET_BACKEND_FEATURES,
			 &v->cfg.backend_features));
	need(vio(v->fd, VHOST_GET_FEATURES, &v->offered));
	v->features = (v->cfg.ring | BIT_ULL(VIRTIO_F_VERSION_1) |
		       (v->offered & BLK_FEATURES)) & ~v->cfg.without;
	must(!(v->features & ~v->offered), "features %#llx are not offered",
	     (unsigned long long)(v->features & ~v->offered));
	need(vio(v->fd, VHOST_SET_FEATURES, &v->features));
	if (!v->cfg.no_table)
		need(vmm_table(v));
}

void vmm_detach(struct vmm *v)
{
	close(v->fd);
	close(v->disk);
	v->fd = -1;
	v->disk = -1;
}

struct vmm *vmm_new(const struct vmm_cfg *cfg)
{
	struct vmm *v = calloc(1, sizeof(*v));
	unsigned int i;

	v->cfg = *cfg;
	v->cfg.queues = cfg->queues ? cfg->queues : 1;
	v->cfg.workers = cfg->workers ? cfg->workers : 1;
	v->cfg.size = cfg->size ? cfg->size : 64;
	v->cfg.segs = cfg->segs ? cfg->segs : 64;
	v->cfg.memory = cfg->memory ? cfg->memory : 32 << 20;
	v->g = guest_new(cfg->layout, v->cfg.memory, cfg->private);
	vmm_attach(v);
	for (i = 0; i < v->cfg.queues; i++) {
		v->q[i] = queue_new(i, v->cfg.size, v->cfg.segs, v->features);
		vmm_queue(v, i, queue_first_base(v->q[i]));
	}
	vmm_workers(v);
	return v;
}

struct vmm *vmm_guest_new(const struct vmm_cfg *cfg)
{
	struct vmm *v = vmm_new(cfg);

	vmm_detach(v);
	return v;
}

struct vmm *vmm_start_new(const struct vmm_cfg *cfg)
{
	struct vmm *v = vmm_new(cfg);

	vmm_enable_all(v, true);
	return v;
}

void vmm_free(struct vmm *v)
{
	unsigned int i;

	if (v->fd >= 0)
		vmm_detach(v);
	for (i = 0; i < v->cfg.queues; i++)
		queue_free(v->q[i]);
	guest_delete(v->g);
	free(v);
}

u64 vmm_capacity(struct vmm *v)
{
	struct {
		struct vhost_vdpa_config head;
		u64 capacity;
	} c = { .head.len = sizeof(c.capacity) };

	need(vio(v->fd, VHOST_VDPA_GET_CONFIG, &c));
	return le64toh(c.capacity);
}

bool vmm_bounce(struct vmm *v, unsigned int i)
{
	u32 base;

	return want(vmm_enable(v, i, false), 0) &&
	       want(vmm_base(v, i, &base), 0) &&
	       want(vmm_set_base(v, i, base), 0) &&
	       want(vmm_enable(v, i, true), 0);
}
