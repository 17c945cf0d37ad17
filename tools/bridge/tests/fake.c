// SPDX-License-Identifier: GPL-2.0-only
/* A kernel for tests.  It aborts where the real one would be led astray. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include "fake.h"

#define MUST(x) \
	do { \
		if (!(x)) { \
			fprintf(stderr, "fake kernel: %s:%d: %s\n", __FILE__, \
				__LINE__, #x); \
			abort(); \
		} \
	} while (0)

void fake_init(struct fake *f)
{
	unsigned int i;

	memset(f, 0, sizeof(*f));
	f->config_call = -1;
	for (i = 0; i < FAKE_QUEUES; i++)
		f->ring[i] = (struct fake_ring){ .kick = -1, .call = -1, .err = -1 };
	for (i = 0; i < FAKE_CONFIG; i++)
		f->config[i] = (uint8_t)i;
}

void fake_release(struct fake *f)
{
	MUST(!f->open);
	free(f->mem);
	f->mem = NULL;
}

/* Is there a mapping at these addresses?  Looks at both ends. */
static bool mapped(uint64_t start, uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), mask = ~(page - 1);
	void *first = (void *)(uintptr_t)(start & mask);
	void *last = (void *)(uintptr_t)((start + len - 1) & mask);

	return !msync(first, page, MS_ASYNC) && !msync(last, page, MS_ASYNC);
}

static bool in_memory(const struct fake *f, uint64_t addr)
{
	unsigned int i;

	for (i = 0; f->mem && i < f->mem->nregions; i++)
		if (addr >= f->mem->regions[i].userspace_addr &&
		    addr - f->mem->regions[i].userspace_addr <
		    f->mem->regions[i].memory_size)
			return true;
	return false;
}

/**
 * fake_check - what must hold between any two messages
 * @f: kernel
 *
 * All that the kernel may write through is still mapped, and what requests in
 * flight will write to is still the guest's.
 */
void fake_check(const struct fake *f)
{
	unsigned int i, j;

	if (!f->open)
		return;
	for (i = 0; i < FAKE_QUEUES; i++)
		for (j = 0; j < f->ring[i].in_flight; j++)
			MUST(in_memory(f, f->ring[i].flying[j]));
	for (i = 0; f->mem && i < f->mem->nregions; i++)
		MUST(mapped(f->mem->regions[i].userspace_addr,
			    f->mem->regions[i].memory_size));
	for (i = 0; i < FAKE_QUEUES; i++)
		if (f->ring[i].keep)
			MUST(mapped(f->ring[i].keep,
				    sizeof(struct parley_vhost_kept)));
	if (f->log)
		MUST(mapped(f->log, 1));
}

/* As the kernel does: to memory that may have vanished with its file. */
static void poke(uint64_t at, const void *what, size_t len)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (pwrite(fd, what, len, (off_t)at) < 0)
		MUST(errno == EIO || errno == EFAULT);
	close(fd);
}

static void keep(const struct fake_ring *r, uint32_t state)
{
	struct parley_vhost_kept kept = {
		.base = htole32(r->base),
		.state = htole32(state),
	};

	if (r->keep)
		poke(r->keep, &kept, sizeof(kept));
}

/**
 * fake_take - a request is taken from a ring, and is in flight from now on
 * @f: kernel
 * @ring: a ring that is on
 * @guest: address of the guest's that its status goes to
 */
void fake_take(struct fake *f, unsigned int ring, uint64_t guest)
{
	struct fake_ring *r = &f->ring[ring];
	unsigned int i;

	MUST(r->on);
	for (i = 0; i < f->mem->nregions && r->in_flight < FAKE_IN_FLIGHT; i++) {
		const struct vhost_memory_region *m = &f->mem->regions[i];

		if (guest - m->guest_phys_addr < m->memory_size)
			r->flying[r->in_flight++] = m->userspace_addr +
				(guest - m->guest_phys_addr);
	}
}

/* All requests of a ring complete: each writes its status. */
void fake_finish(struct fake_ring *r)
{
	static const uint8_t status = FAKE_STATUS;

	while (r->in_flight)
		poke(r->flying[--r->in_flight], &status, sizeof(status));
}

static int start(struct fake *f, struct fake_ring *r)
{
	unsigned int i;

	if (!r->num || !f->mem || !(f->features >> VIRTIO_F_VERSION_1 & 1))
		return -EINVAL;
	MUST(in_memory(f, r->addr.desc_user_addr));
	MUST(in_memory(f, r->addr.avail_user_addr));
	MUST(in_memory(f, r->addr.used_user_addr));
	r->starts++;
	r->on = true;
	if (f->cache == PARLEY_BLK_CACHE_UNKNOWN)
		f->cache = r->base && r->base != 0x80008000 ?
			   PARLEY_BLK_CACHE_THROUGH : PARLEY_BLK_CACHE_BACK;
	keep(r, PARLEY_VHOST_KEPT_RUNNING);
	for (i = 0; f->busy && i < f->mem->nregions; i++)
		fake_take(f, (unsigned int)(r - f->ring),
			  f->mem->regions[i].guest_phys_addr);
	return 0;
}

static int enable(struct fake *f, struct fake_ring *r, bool on)
{
	if (on == r->on)
		return 0;
	if (on)
		return start(f, r);
	if (f->stuck)
		return -EIO;
	fake_finish(r);
	r->on = false;
	r->base += f->advance;
	if (!(f->features >> VIRTIO_F_RING_PACKED & 1))
		r->base &= 0xffff;
	keep(r, PARLEY_VHOST_KEPT_STOPPED);
	return 0;
}

static int ring_state(struct fake *f, struct fake_ring *r, unsigned long cmd,
		      struct vhost_vring_state *s)
{
	switch (cmd) {
	case VHOST_SET_VRING_NUM:
		MUST(!r->on);
		r->num = s->num;
		return 0;
	case VHOST_SET_VRING_BASE:
		MUST(!r->on);
		r->base = s->num;
		return 0;
	case VHOST_GET_VRING_BASE:
		s->num = r->base;
		return 0;
	default:
		return enable(f, r, s->num);
	}
}

static int ring_file(struct fake_ring *r, unsigned long cmd, int fd)
{
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || S_ISREG(st.st_mode)))
		return -EINVAL;
	if (cmd == VHOST_SET_VRING_KICK)
		r->kick = fd;
	else if (cmd == VHOST_SET_VRING_CALL)
		r->call = fd;
	else
		r->err = fd;
	return 0;
}

static int set_mem(struct fake *f, const struct vhost_memory *m)
{
	size_t size = sizeof(*m) + m->nregions * sizeof(m->regions[0]);
	unsigned int i, j;

	for (i = 0; i < m->nregions; i++) {
		const struct vhost_memory_region *a = &m->regions[i];

		MUST(a->memory_size && !a->flags_padding);
		if ((a->guest_phys_addr | a->memory_size | a->userspace_addr) %
		    4096)
			return -EINVAL;
		MUST(mapped(a->userspace_addr, a->memory_size));
		for (j = 0; j < i; j++) {
			const struct vhost_memory_region *b = &m->regions[j];

			MUST(a->guest_phys_addr >= b->guest_phys_addr + b->memory_size ||
			     b->guest_phys_addr >= a->guest_phys_addr + a->memory_size);
		}
	}
	free(f->mem);
	f->mem = malloc(size);
	MUST(f->mem);
	memcpy(f->mem, m, size);
	return 0;
}

static int config(struct fake *f, unsigned long cmd,
		  struct vhost_vdpa_config *c)
{
	int ret = 0;

	MUST(c->off <= MSG_CONFIG_MAX && c->len <= MSG_CONFIG_MAX);
	if (c->len > FAKE_CONFIG || c->off > FAKE_CONFIG - c->len)
		return -EINVAL;
	if (cmd == VHOST_VDPA_GET_CONFIG)
		memcpy(c->buf, f->config + c->off, c->len);
	else if (c->off == 32 && c->len == 1)
		f->cache = (f->config[32] = c->buf[0]) ? PARLEY_BLK_CACHE_BACK :
							 PARLEY_BLK_CACHE_THROUGH;
	else
		ret = -EPERM;
	return ret;
}

static struct fake_ring *ring_of(struct fake *f, const void *arg)
{
	unsigned int index = *(const unsigned int *)arg;

	MUST(index < f->queues);
	return &f->ring[index];
}

/* What a scheduling device knows, and a disk does not. */
static int sched_call(struct fake *f, unsigned long cmd, void *arg)
{
	if (!f->node || strcmp(f->node, "/dev/parley-sched"))
		return -ENOTTY;
	switch (cmd) {
	case PARLEY_SCHED_SET_NR_VCPUS:
		MUST(!f->vcpus && *(__u32 *)arg);
		f->vcpus = *(__u32 *)arg;
		return 0;
	case PARLEY_SCHED_SET_BUDGET:
		f->budget = *(struct parley_sched_budget *)arg;
		return f->poor ? -EPERM : 0;
	case PARLEY_SCHED_SET_STEPS:
		f->steps = *(struct parley_sched_steps *)arg;
		return 0;
	default:
		return -ENOTTY;
	}
}

/* And the other way round. */
static int blk_call(struct fake *f, unsigned long cmd, void *arg)
{
	if (f->node && strcmp(f->node, "/dev/parley-blk"))
		return sched_call(f, cmd, arg);
	switch (cmd) {
	case PARLEY_BLK_SET_BACKEND:
		f->backend = *(struct parley_blk_backend *)arg;
		return 0;
	case PARLEY_BLK_GET_CACHE:
		*(__u32 *)arg = f->cache;
		return 0;
	case PARLEY_BLK_SET_CACHE:
		MUST(*(__u32 *)arg <= PARLEY_BLK_CACHE_BACK);
		f->cache = *(__u32 *)arg;
		return 0;
	case PARLEY_BLK_UPDATE_SIZE:
		f->sizes_updated++;
		return 0;
	default:
		return -ENOTTY;
	}
}

static int device_call(struct fake *f, unsigned long cmd, void *arg)
{
	switch (cmd) {
	case PARLEY_VHOST_SET_QUEUES:
		MUST(!f->owned || f->open > 1);
		MUST(*(__u32 *)arg && *(__u32 *)arg <= FAKE_QUEUES);
		f->queues = *(__u32 *)arg;
		return 0;
	case VHOST_SET_OWNER:
		f->owned = true;
		return 0;
	case PARLEY_VHOST_GET_ID:
		*(__u32 *)arg = FAKE_ID;
		return 0;
	case VHOST_GET_FEATURES:
		*(__u64 *)arg = FAKE_FEATURES;
		return 0;
	case VHOST_SET_FEATURES:
		MUST(!(*(__u64 *)arg & ~FAKE_FEATURES));
		f->features = *(__u64 *)arg;
		return 0;
	case VHOST_VDPA_GET_VQS_COUNT:
		*(__u32 *)arg = FAKE_QUEUES;
		return 0;
	case VHOST_SET_MEM_TABLE:
		return set_mem(f, arg);
	case VHOST_SET_LOG_BASE:
		f->log = *(__u64 *)arg;
		MUST(mapped(f->log, 1));
		return 0;
	case VHOST_SET_LOG_FD:
		return 0;
	case VHOST_NEW_WORKER:
		((struct vhost_worker_state *)arg)->worker_id = ++f->workers;
		return 0;
	case VHOST_VDPA_GET_CONFIG_SIZE:
		*(__u32 *)arg = FAKE_CONFIG;
		return 0;
	case VHOST_VDPA_GET_CONFIG:
	case VHOST_VDPA_SET_CONFIG:
		return config(f, cmd, arg);
	case VHOST_VDPA_SET_CONFIG_CALL:
		f->config_call = *(int *)arg;
		return 0;
	default:
		return blk_call(f, cmd, arg);
	}
}

static int fake_ioctl(void *priv, int fd, unsigned long cmd, void *arg)
{
	struct vhost_vring_file *file = arg;
	struct fake *f = priv;

	(void)fd;
	MUST(f->open);
	f->last = cmd;
	if (++f->calls == f->fail_at)
		return -EIO;
	switch (cmd) {
	case VHOST_SET_VRING_NUM:
	case VHOST_SET_VRING_BASE:
	case VHOST_GET_VRING_BASE:
	case VHOST_VDPA_SET_VRING_ENABLE:
		return ring_state(f, ring_of(f, arg), cmd, arg);
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
		return ring_file(ring_of(f, arg), cmd, file->fd);
	case VHOST_SET_VRING_ADDR:
		ring_of(f, arg)->addr = *(struct vhost_vring_addr *)arg;
		return 0;
	case PARLEY_VHOST_SET_VRING_KEEP:
		MUST(!ring_of(f, arg)->on);
		ring_of(f, arg)->keep =
			((struct parley_vhost_keep *)arg)->user_addr;
		return 0;
	case VHOST_ATTACH_VRING_WORKER:
		ring_of(f, arg)->worker =
			((struct vhost_vring_worker *)arg)->worker_id;
		return 0;
	default:
		return device_call(f, cmd, arg);
	}
}

static int fake_open(void *priv, const char *node)
{
	struct fake *f = priv;

	if (++f->calls == f->fail_at)
		return -ENOENT;
	f->node = node;
	f->open++;
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* What the kernel does when a process is killed: stop, keep, forget. */
static void fake_close(void *priv, int fd)
{
	struct fake *f = priv;
	unsigned int i;

	fake_check(f);
	f->stuck = false;
	for (i = 0; i < FAKE_QUEUES; i++) {
		enable(f, &f->ring[i], false);
		f->ring[i].keep = 0;
		f->ring[i].worker = 0;
	}
	f->workers = 0;
	f->vcpus = 0;
	f->owned = false;
	f->cache = PARLEY_BLK_CACHE_UNKNOWN;
	f->log = 0;
	free(f->mem);
	f->mem = NULL;
	f->open--;
	close(fd);
}

const struct kernel_ops fake_ops = {
	.open = fake_open,
	.ioctl = fake_ioctl,
	.close = fake_close,
};
