// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the calls: threads race on a few devices, with arguments that are
 * mostly good, since only a device that runs has something to lose.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#include "disk.h"
#include "fuzz.h"
#include "groups.h"
#include "nl.h"

#define DEVICES		3
#define EVENTS		6
#define DISKS		4
#define RAM		(4ul << 20)

/* Offsets in the memory of a device; rings of at most 256. */
#define AT_DESC(i)	(0x10000ul * (i))
#define AT_AVAIL(i)	(AT_DESC(i) + 0x2000)
#define AT_USED(i)	(AT_DESC(i) + 0x4000)
#define AT_DATA		0x80000ul
#define AT_LOG		0x200000ul

/**
 * struct world - what the threads share
 * @dev: devices, opened and closed by anybody
 * @event: eventfds
 * @disk: back ends; one is no back end at all
 * @ram: memory of all devices, mapped and unmapped by anybody
 */
struct world {
	int dev[DEVICES];
	int event[EVENTS];
	int disk[DISKS];
	u8 *ram;
};

static int any_dev(struct world *w, struct rng *r)
{
	return READ_ONCE(w->dev[rng_below(r, DEVICES)]);
}

/* The first device mostly is: its rings hold I/O addresses. */
static bool behind_iommu(struct world *w, struct rng *r, int fd)
{
	return fd == READ_ONCE(w->dev[0]) && rng_chance(r, 95);
}

static int any_event(struct world *w, struct rng *r)
{
	if (rng_chance(r, 5))
		return rng_chance(r, 50) ? -1 : (int)rng_next(r);
	return w->event[rng_below(r, EVENTS)];
}

static u32 any_ring(struct rng *r)
{
	return rng_chance(r, 3) ? (u32)rng_next(r) : rng_below(r, 4);
}

/* A number with a taste for edges. */
static u64 any_number(struct rng *r)
{
	static const u64 edges[] = { 0, 1, 2, 255, 256, 4095, 4096, 65535, 65536,
		0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, 1ull << 47,
		~0ull, ~0ull << 12, 0x8000000000000000, 0xffff888000000000 };

	return rng_chance(r, 60) ? edges[rng_below(r, 18)] + rng_below(r, 3) - 1 :
	       rng_next(r);
}

static u64 any_address(struct world *w, struct rng *r)
{
	if (rng_chance(r, 5))
		return any_number(r);
	return (uintptr_t)w->ram + rng_below(r, RAM);
}

/* ------------------------------------------------------------ the calls */

static void call_features(struct world *w, struct rng *r, int fd)
{
	static const u64 some[] = { 0, EVENT, PACKED, PACKED | EVENT | INDIRECT,
		INDIRECT, IN_ORDER | EVENT, PACKED | IN_ORDER,
		BIT_ULL(VIRTIO_F_ACCESS_PLATFORM), BIT_ULL(VHOST_F_LOG_ALL),
		BIT_ULL(VHOST_F_LOG_ALL) | PACKED,
		BIT_ULL(VHOST_F_LOG_ALL) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) };
	u64 f = some[rng_below(r, 11)] | BIT_ULL(VIRTIO_F_VERSION_1);

	if (behind_iommu(w, r, fd))
		f |= BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
	if (rng_chance(r, 5))
		f = any_number(r);
	vio(fd, VHOST_SET_FEATURES, &f);
	f = rng_chance(r, 90) ? rng_chance(r, 50) ? 2 : 0 : any_number(r);
	vio(fd, VHOST_SET_BACKEND_FEATURES, &f);
}

static void call_owner(struct world *w, struct rng *r, int fd)
{
	u8 how = rng_below(r, 3);

	if (rng_chance(r, 20))
		vio(fd, VHOST_SET_FORK_FROM_OWNER, &how);
	vio(fd, rng_chance(r, 85) ? VHOST_SET_OWNER : VHOST_RESET_OWNER, NULL);
}

static void call_table(struct world *w, struct rng *r, int fd)
{
	struct {
		struct vhost_memory t;
		struct vhost_memory_region r[4];
	} m = { .t.nregions = rng_below(r, 5) };
	unsigned int i;

	/* An IOMMU needs none. */
	if (behind_iommu(w, r, fd))
		return;
	m.r[0] = (struct vhost_memory_region){ 0, RAM, (uintptr_t)w->ram };
	if (rng_chance(r, 70))
		m.t.nregions = 1;
	else if (rng_chance(r, 10))
		m.t.nregions = any_number(r);
	for (i = 1; i < 4; i++)
		m.r[i] = (struct vhost_memory_region){
			rng_chance(r, 80) ? RAM * i : any_number(r),
			rng_chance(r, 80) ? PAGE * rng_below(r, 64) : any_number(r),
			any_address(w, r) & ~(PAGE - 1) };
	vio(fd, VHOST_SET_MEM_TABLE, &m);
}

static void call_setup(struct world *w, struct rng *r, int fd)
{
	u32 i = any_ring(r), at = i % 4;
	struct vhost_vring_state num = { i, 16u << rng_below(r, 5) };
	struct vhost_vring_state base = { i, rng_chance(r, 50) ? 0 : 0x80008000 };
	struct vhost_vring_addr a = {
		.index = i,
		.desc_user_addr = (uintptr_t)w->ram + AT_DESC(at),
		.avail_user_addr = (uintptr_t)w->ram + AT_AVAIL(at),
		.used_user_addr = (uintptr_t)w->ram + AT_USED(at),
		.log_guest_addr = AT_USED(at),
		.flags = rng_chance(r, 20),
	};
	struct vhost_vring_file kick = { i, any_event(w, r) };
	struct vhost_vring_file call = { i, any_event(w, r) };

	if (rng_chance(r, 10))
		num.num = any_number(r);
	if (rng_chance(r, 10))
		base.num = any_number(r);
	if (rng_chance(r, 10))
		a.desc_user_addr = any_address(w, r);
	if (rng_chance(r, 10))
		a.avail_user_addr = any_address(w, r);
	if (rng_chance(r, 10))
		a.used_user_addr = any_address(w, r);
	if (rng_chance(r, 5))
		a.log_guest_addr = any_number(r);
	if (behind_iommu(w, r, fd)) {
		a.desc_user_addr = AT_DESC(at);
		a.avail_user_addr = AT_AVAIL(at);
		a.used_user_addr = AT_USED(at);
	}
	vio(fd, VHOST_SET_VRING_NUM, &num);
	vio(fd, VHOST_SET_VRING_ADDR, &a);
	vio(fd, VHOST_SET_VRING_BASE, &base);
	vio(fd, VHOST_SET_VRING_KICK, &kick);
	vio(fd, VHOST_SET_VRING_CALL, &call);
	call.fd = any_event(w, r);
	vio(fd, VHOST_SET_VRING_ERR, &call);
}

static void call_enable(struct world *w, struct rng *r, int fd)
{
	struct vhost_vring_state s = { any_ring(r), rng_chance(r, 70) };

	if (rng_chance(r, 2))
		s.num = any_number(r);
	vio(fd, VHOST_VDPA_SET_VRING_ENABLE, &s);
	if (rng_chance(r, 50)) {
		vio(fd, VHOST_GET_VRING_BASE, &s);
		if (rng_chance(r, 50))
			vio(fd, VHOST_SET_VRING_BASE, &s);
	}
}

static void call_backend(struct world *w, struct rng *r, int fd)
{
	struct parley_blk_backend b = {
		.fd = rng_chance(r, 90) ? w->disk[rng_below(r, DISKS)] : -1,
		.flags = rng_below(r, 4),
	};

	if (rng_chance(r, 5))
		b.fd = any_dev(w, r);
	vio(fd, PARLEY_BLK_SET_BACKEND, &b);
	if (rng_chance(r, 20))
		vio(fd, PARLEY_BLK_UPDATE_SIZE, NULL);
}

static void call_log(struct world *w, struct rng *r, int fd)
{
	u64 base = rng_chance(r, 20) ? 0 : rng_chance(r, 90) ?
		   (uintptr_t)w->ram + AT_LOG : any_address(w, r);
	int efd = any_event(w, r);

	vio(fd, VHOST_SET_LOG_BASE, &base);
	vio(fd, VHOST_SET_LOG_FD, &efd);
	vio(fd, VHOST_VDPA_SET_CONFIG_CALL, &efd);
}

static void call_workers(struct world *w, struct rng *r, int fd)
{
	struct vhost_worker_state s = { rng_below(r, 4) };
	struct vhost_vring_worker at = { any_ring(r), rng_below(r, 4) };

	switch (rng_below(r, 4)) {
	case 0:
		vio(fd, VHOST_NEW_WORKER, &s);
		break;
	case 1:
		vio(fd, VHOST_FREE_WORKER, &s);
		break;
	case 2:
		vio(fd, VHOST_ATTACH_VRING_WORKER, &at);
		break;
	default:
		vio(fd, VHOST_GET_VRING_WORKER, &at);
	}
}

static void call_rest(struct world *w, struct rng *r, int fd)
{
	struct vhost_vring_state s = { any_ring(r), rng_below(r, 200) };
	struct parley_vhost_keep keep = { any_ring(r), 0,
		rng_chance(r, 30) ? 0 : any_address(w, r) & ~7ull };
	struct {
		struct vhost_vdpa_config head;
		u8 bytes[256];
	} c = { { rng_below(r, 70), rng_below(r, 70) } };
	u64 out;

	switch (rng_below(r, 8)) {
	case 0:
		vio(fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &s);
		break;
	case 1:
		vio(fd, PARLEY_VHOST_SET_VRING_KEEP, &keep);
		break;
	case 2:
		if (rng_chance(r, 20))
			c.head.off = any_number(r);
		if (rng_chance(r, 20))
			c.head.len = any_number(r) % 256;
		vio(fd, VHOST_VDPA_GET_CONFIG, &c);
		break;
	case 3:
		vio(fd, VHOST_VDPA_SET_CONFIG, &c);
		break;
	case 4:
		vio(fd, VHOST_GET_FEATURES, &out);
		vio(fd, VHOST_GET_BACKEND_FEATURES, &out);
		break;
	case 5:
		vio(fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &s);
		vio(fd, VHOST_SET_VRING_ENDIAN, &s);
		break;
	case 6:
		/* Any call at all, with any argument. */
		ioctl(fd, _IOC(rng_below(r, 4), VHOST_VIRTIO, rng_below(r, 256),
			       rng_below(r, 64)), any_address(w, r));
		break;
	default:
		vio(fd, PARLEY_VHOST_GET_ID, &out);
	}
}

static void messages(struct world *w, struct rng *r, int fd)
{
	struct vhost_msg_v2 m = {
		.type = rng_chance(r, 50) ? VHOST_IOTLB_MSG : VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.iova = rng_chance(r, 85) ? PAGE * rng_below(r, RAM / PAGE) :
				any_number(r),
			.size = rng_chance(r, 85) ? PAGE * rng_between(r, 1, 300) :
				any_number(r),
			.perm = rng_below(r, 5),
			.type = 2 + rng_below(r, 2),
		},
	};

	m.iotlb.uaddr = rng_chance(r, 80) ? (uintptr_t)w->ram + m.iotlb.iova :
			any_address(w, r);
	if (rng_chance(r, 30)) {
		if (read(fd, &m, sizeof(m)) < 0)
			return;
		m.iotlb.type = VHOST_IOTLB_UPDATE;
		m.iotlb.uaddr = (uintptr_t)w->ram + m.iotlb.iova;
		m.iotlb.size = PAGE;
	}
	if (write(fd, &m, rng_chance(r, 95) ? sizeof(m) : rng_below(r, sizeof(m))) < 0)
		return;
}

/* What an operator does meanwhile: into a pool, out of it, and elsewhere in it. */
static void call_pool(struct world *w, struct rng *r, int fd)
{
	u32 id;

	if (vio(fd, PARLEY_VHOST_GET_ID, &id))
		return;
	if (rng_chance(r, 30))
		nl_pool_detach(id);
	else if (rng_chance(r, 10))
		nl_pool_set(FUZZ_POOL, rng_between(r, 1, 3));
	else
		nl_pool_attach(rng_chance(r, 70) ? FUZZ_POOL : FUZZ_POOL_ONE_VM, id,
			       rng_below(r, 3));
}

/* ------------------------------------------------------------ the others */

static void scribble(struct world *w, struct rng *r)
{
	struct vring_desc *d = (void *)(w->ram + AT_DESC(rng_below(r, 4)));
	struct vring_avail *a = (void *)(w->ram + AT_AVAIL(rng_below(r, 4)));
	struct virtio_blk_outhdr *h = (void *)(w->ram + AT_DATA);
	unsigned int i = rng_below(r, 85) * 3;
	u32 type = rng_below(r, 16);

	/* A header, data, and a status. */
	*h = (struct virtio_blk_outhdr){ .type = type, .sector = rng_below(r, 4000) };
	d[i] = (struct vring_desc){ AT_DATA, 16, VRING_DESC_F_NEXT, i + 1 };
	d[i + 1] = (struct vring_desc){ AT_DATA + 4096 * rng_below(r, 64),
		512 * rng_between(r, 1, 64), VRING_DESC_F_NEXT |
		(type & 1 ? 0 : VRING_DESC_F_WRITE), i + 2 };
	d[i + 2] = (struct vring_desc){ AT_DATA + 0x100000, 1, VRING_DESC_F_WRITE, 0 };
	a->ring[a->idx % 16] = i;
	a->idx++;
}

static void memory_goes(struct world *w, struct rng *r)
{
	u64 at = rng_below(r, RAM / PAGE) * PAGE;
	u64 len = min(RAM - at, PAGE * rng_between(r, 1, 32));

	switch (rng_below(r, 3)) {
	case 0:
		madvise(w->ram + at, len, MADV_DONTNEED);
		break;
	case 1:
		mprotect(w->ram + at, len, rng_below(r, 4));
		break;
	default:
		mprotect(w->ram, RAM, PROT_READ | PROT_WRITE);
	}
}

static void reopen(struct world *w, struct rng *r)
{
	unsigned int i = rng_below(r, DEVICES);
	int fresh = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	int old;

	old = __atomic_exchange_n(&w->dev[i], fresh, __ATOMIC_SEQ_CST);
	if (old >= 0)
		close(old);
}

/* All that a device needs, in order: most of the time they should run. */
static void set_up(struct world *w, struct rng *r, int fd)
{
	call_owner(w, r, fd);
	call_backend(w, r, fd);
	call_features(w, r, fd);
	call_table(w, r, fd);
	call_setup(w, r, fd);
	call_enable(w, r, fd);
}

static void kick(struct world *w, struct rng *r)
{
	u64 one = 1;

	if (write(w->event[rng_below(r, EVENTS)], &one, sizeof(one)) < 0 &&
	    read(w->event[rng_below(r, EVENTS)], &one, sizeof(one)) < 0)
		return;
}

typedef void (*call)(struct world *w, struct rng *r, int fd);

static void step(void *world, struct rng *r, unsigned int thread)
{
	static const call calls[] = { set_up, call_features, call_owner, call_table,
		call_setup, call_enable, call_enable, call_backend, call_log,
		call_workers, call_rest, messages, messages, set_up, call_pool };
	struct world *w = world;
	unsigned int n = rng_below(r, 100);

	/* The first thread is the guest most of the time. */
	if (thread == 0 && n < 80) {
		/* Memory may be protected for a moment: see make(). */
		if (n < 50)
			scribble(w, r);
		kick(w, r);
		return;
	}
	if (n < 2)
		reopen(w, r);
	else if (n < 5)
		memory_goes(w, r);
	else if (n < 15)
		kick(w, r);
	else
		calls[rng_below(r, sizeof(calls) / sizeof(calls[0]))](w, r,
								      any_dev(w, r));
}

/* The guest met memory that is gone: give it back, and go on. */
static u8 *world_ram;

static void on_fault(int sig)
{
	mprotect(world_ram, RAM, PROT_READ | PROT_WRITE);
}

static void *make(struct rng *rng)
{
	struct world *w = calloc(1, sizeof(*w));
	unsigned int i;

	w->ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_ANONYMOUS |
		      (rng_chance(rng, 50) ? MAP_SHARED : MAP_PRIVATE), -1, 0);
	must(w->ram != MAP_FAILED, "no memory");
	world_ram = w->ram;
	signal(SIGSEGV, on_fault);
	for (i = 0; i < DEVICES; i++)
		w->dev[i] = open(DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	for (i = 0; i < EVENTS; i++)
		w->event[i] = event_new();
	w->disk[0] = open(disk_fast(), O_RDWR);
	w->disk[1] = open(disk_slow(), O_RDWR | O_DIRECT);
	w->disk[2] = open(disk_file(), O_RDWR);
	w->disk[3] = open("/dev/null", O_RDWR);
	return w;
}

const struct fuzz fuzz_ioctl = { "ioctl", make, step };
