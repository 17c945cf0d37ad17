// SPDX-License-Identifier: GPL-2.0-only
/* Every call of the ABI, well and badly used. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "load.h"

static const u32 bad_indices[] = { 64 * 1024, 0x7fffffff, 0x80000000, 0xffffffff };
#define NR_BAD	(sizeof(bad_indices) / sizeof(bad_indices[0]))

/* Anything but success, and no surprise such as ENOTTY. */
static void refused(const char *what, long ret)
{
	expect(ret < 0, "%s: allowed", what);
	expect(ret != -ENOTTY, "%s: not known", what);
}

/* ---------------------------------------------------------------- owner */

static void owner(void)
{
	int fd = vmm_device(), efd = event_new();
	struct vhost_memory table = { 0 };
	struct vhost_vring_state s = { 0, 64 };
	struct vhost_vring_addr addr = { 0 };
	struct vhost_vring_file f = { 0, efd };
	struct vhost_worker_state w;
	u64 features, base = 0;

	/* bad_16: without VHOST_SET_OWNER there is nothing to use or to free. */
	need(vio(fd, VHOST_GET_FEATURES, &features));
	want(vio(fd, VHOST_SET_MEM_TABLE, &table), -EPERM);
	want(vio(fd, VHOST_SET_LOG_BASE, &base), -EPERM);
	want(vio(fd, VHOST_SET_VRING_NUM, &s), -EPERM);
	want(vio(fd, VHOST_SET_VRING_BASE, &s), -EPERM);
	want(vio(fd, VHOST_GET_VRING_BASE, &s), -EPERM);
	want(vio(fd, VHOST_SET_VRING_ADDR, &addr), -EPERM);
	want(vio(fd, VHOST_SET_VRING_KICK, &f), -EPERM);
	want(vio(fd, VHOST_SET_VRING_CALL, &f), -EPERM);
	want(vio(fd, VHOST_SET_VRING_ERR, &f), -EPERM);
	want(vio(fd, VHOST_NEW_WORKER, &w), -EPERM);
	want(vio(fd, VHOST_VDPA_SET_VRING_ENABLE, &s), -EPERM);
	want(vio(fd, VHOST_RESET_OWNER, NULL), -EPERM);
	need(vio(fd, VHOST_SET_OWNER, NULL));
	want(vio(fd, VHOST_SET_OWNER, NULL), -EBUSY);
	need(vio(fd, VHOST_SET_VRING_NUM, &s));
	close(fd);
	close(efd);
}

/* Another process may hold the file, but not command it. */
static void owner_elsewhere(void)
{
	int fd = vmm_device(), status;
	struct vhost_vring_state s = { 0, 64 };
	pid_t pid;

	need(vio(fd, VHOST_SET_OWNER, NULL));
	pid = fork();
	if (!pid) {
		want(vio(fd, VHOST_SET_OWNER, NULL), -EBUSY);
		want(vio(fd, VHOST_SET_VRING_NUM, &s), -EPERM);
		want(vio(fd, VHOST_RESET_OWNER, NULL), -EPERM);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	need(vio(fd, VHOST_SET_VRING_NUM, &s));
	close(fd);
}

static void reset_owner(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_start_new(&cfg);
	struct load *l = load_new(v, 8);

	/* It stops what runs, and forgets all that the owner said. */
	load_start(l);
	load_for(l, 30);
	need(vio(v->fd, VHOST_RESET_OWNER, NULL));
	load_abandon(l);
	want(vmm_enable(v, 0, true), -EPERM);
	need(vio(v->fd, VHOST_SET_OWNER, NULL));
	refused("a start without anything set", vmm_enable(v, 0, true));
	vmm_free(v);
}

/* ------------------------------------------------------------- features */

static void features(void)
{
	int fd = vmm_device();
	u64 offered, bad, must_have;

	need(vio(fd, VHOST_GET_FEATURES, &offered));
	must_have = BIT_ULL(VIRTIO_F_VERSION_1) | PACKED | EVENT | INDIRECT |
		    IN_ORDER | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |
		    BIT_ULL(VHOST_F_LOG_ALL) | BIT_ULL(VIRTIO_BLK_F_MQ);
	expect((offered & must_have) == must_have, "features %#llx",
	       (unsigned long long)offered);
	need(vio(fd, VHOST_SET_OWNER, NULL));
	bad = BIT_ULL(63) | BIT_ULL(VIRTIO_F_VERSION_1);
	refused("a feature that is not offered", vio(fd, VHOST_SET_FEATURES, &bad));
	bad = ~0ull;
	refused("all features", vio(fd, VHOST_SET_FEATURES, &bad));
	bad = BIT_ULL(63);
	refused("such a backend feature", vio(fd, VHOST_SET_BACKEND_FEATURES, &bad));
	need(vio(fd, VHOST_GET_BACKEND_FEATURES, &offered));
	need(vio(fd, VHOST_SET_BACKEND_FEATURES, &offered));
	want(vio(fd, VHOST_GET_FEATURES, NULL), -EFAULT);
	want(vio(fd, VHOST_SET_FEATURES, (void *)1), -EFAULT);
	close(fd);
}

static void features_while_running(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_start_new(&cfg);
	u64 f = v->features & ~EVENT;

	want(vio(v->fd, VHOST_SET_FEATURES, &f), -EBUSY);
	f = v->features;
	need(vio(v->fd, VHOST_SET_FEATURES, &f));
	load_run(v, 4, 50);
	vmm_free(v);
}

static void unknown(void)
{
	int fd = vmm_device();
	char junk[64] = { 0 };
	unsigned int nr;

	need(vio(fd, VHOST_SET_OWNER, NULL));
	want(vio(fd, _IO(VHOST_VIRTIO, 0xEE), NULL), -ENOTTY);
	want(vio(fd, _IO('T', 0x13), NULL), -ENOTTY);
	want(vio(fd, VHOST_NET_SET_BACKEND, junk), -ENOTTY);
	want(vio(fd, VHOST_SCSI_SET_ENDPOINT, junk), -ENOTTY);
	/* Right number, wrong size or direction: not the same call. */
	for (nr = 0; nr < 0x100; nr++) {
		long ret = vio(fd, _IOC(_IOC_READ | _IOC_WRITE, VHOST_VIRTIO, nr, 3),
			       junk);

		expect(ret == -ENOTTY, "call %#x with a wrong size: %s", nr, name_of(ret));
	}
	close(fd);
}

/* ---------------------------------------------------------------- rings */

static void bad_19(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	unsigned int i;

	for (i = 0; i < NR_BAD; i++) {
		u32 n = bad_indices[i];
		struct vhost_vring_state s = { n, 64 };
		struct vhost_vring_addr a = { .index = n };
		struct vhost_vring_worker w = { n, 0 };
		struct parley_vhost_keep keep = { .index = n };

		want(vio(v->fd, VHOST_SET_VRING_NUM, &s), -ENOBUFS);
		want(vio(v->fd, VHOST_SET_VRING_BASE, &s), -ENOBUFS);
		want(vio(v->fd, VHOST_GET_VRING_BASE, &s), -ENOBUFS);
		want(vio(v->fd, VHOST_SET_VRING_ADDR, &a), -ENOBUFS);
		want(vmm_eventfd(v, VHOST_SET_VRING_KICK, n, v->q[0]->kick), -ENOBUFS);
		want(vmm_eventfd(v, VHOST_SET_VRING_CALL, n, v->q[0]->call), -ENOBUFS);
		want(vmm_eventfd(v, VHOST_SET_VRING_ERR, n, v->q[0]->err), -ENOBUFS);
		want(vio(v->fd, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &s), -ENOBUFS);
		want(vio(v->fd, VHOST_GET_VRING_BUSYLOOP_TIMEOUT, &s), -ENOBUFS);
		want(vio(v->fd, VHOST_GET_VRING_WORKER, &w), -ENOBUFS);
		want(vio(v->fd, VHOST_ATTACH_VRING_WORKER, &w), -ENOBUFS);
		refused("enable", vio(v->fd, VHOST_VDPA_SET_VRING_ENABLE, &s));
		refused("keep", vio(v->fd, PARLEY_VHOST_SET_VRING_KEEP, &keep));
	}
	vmm_enable_all(v, true);
	load_run(v, 4, 50);
	vmm_free(v);
}

static void sizes(void)
{
	static const u32 bad[] = { 0, 3, 1000, 65536, 0x80000000, 0xffffffff };
	struct vhost_vring_state s = { 0 };
	int fd = vmm_device();
	unsigned int i;
	u64 f;
	u16 most;

	need(vio(fd, VHOST_SET_OWNER, NULL));
	f = BIT_ULL(VIRTIO_F_VERSION_1);
	need(vio(fd, VHOST_SET_FEATURES, &f));
	for (i = 0; i < 6; i++) {
		s.num = bad[i];
		want(vio(fd, VHOST_SET_VRING_NUM, &s), -EINVAL);
	}
	need(vio(fd, VHOST_VDPA_GET_VRING_NUM, &most));
	expect(most >= 256, "at most %u descriptors", most);
	s.num = most;
	need(vio(fd, VHOST_SET_VRING_NUM, &s));
	f |= PACKED;
	need(vio(fd, VHOST_SET_FEATURES, &f));
	s.num = 3;
	need(vio(fd, VHOST_SET_VRING_NUM, &s));
	s.num = 0;
	want(vio(fd, VHOST_SET_VRING_NUM, &s), -EINVAL);
	s.num = 40000;
	want(vio(fd, VHOST_SET_VRING_NUM, &s), -EINVAL);
	close(fd);
}

static u64 *area_of(struct vhost_vring_addr *a, unsigned int area)
{
	return area == 0 ? (u64 *)&a->desc_user_addr :
	       area == 1 ? (u64 *)&a->avail_user_addr : (u64 *)&a->used_user_addr;
}

/*
 * Areas that are misaligned or nowhere: refused when set or when started.  Memory
 * that is not there may show only when it is used, and then breaks the ring.
 */
static void addresses(void)
{
	static const u64 nowhere[] = { 0x1000, 0x7ffffffff000, 0xffff888000000000,
				       ~0xfffull };
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	struct rng rng = rng_for("addresses", 0);
	struct vhost_vring_addr good, a;
	struct breq *r = breq_new(v->g), *done;
	unsigned int i, n;
	long ret;

	r->type = VIRTIO_BLK_T_GET_ID;
	r->bytes = 20;
	breq_build(r, SHAPE_PLAIN, 8, &rng);
	want(breq_put(v->q[0], r), 0);
	breq_publish(v->q[0]);
	vmm_addr(v, 0, &good);
	for (n = 0; n < 3; n++) {
		for (i = 0; i < 5; i++) {
			a = good;
			*area_of(&a, n) = i < 4 ? nowhere[i] : *area_of(&a, n) + 1;
			ret = vio(v->fd, VHOST_SET_VRING_ADDR, &a);
			if (!ret)
				ret = vmm_enable(v, 0, true);
			if (!ret && i < 2)
				expect(event_wait(v->q[0]->err, 3000), "area %u at %#llx works",
				       n, (unsigned long long)nowhere[i]);
			else
				expect(ret < 0, "area %u at %#llx", n,
				       (unsigned long long)*area_of(&a, n));
			need(vmm_enable(v, 0, false));
			need(vmm_set_base(v, 0, 0));
			event_wait(v->q[0]->err, 0);
		}
	}
	a = good;
	a.flags = 0x80;
	want(vio(v->fd, VHOST_SET_VRING_ADDR, &a), -EOPNOTSUPP);
	want(vio(v->fd, VHOST_SET_VRING_ADDR, &good), 0);
	vmm_enable_all(v, true);
	expect(wait_until(breq_reap(v->q[0], &done, 1), 5000), "not served in the end");
	load_run(v, 4, 50);
	vmm_free(v);
}

static void while_running(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .queues = 2 };
	struct vmm *v = vmm_start_new(&cfg);
	struct vhost_vring_state s = { 0, 64 };
	struct parley_vhost_keep keep = { 0 };
	struct vhost_vring_addr a, other;

	vmm_addr(v, 0, &a);
	other = a;
	other.used_user_addr += PAGE;
	want(vio(v->fd, VHOST_SET_VRING_NUM, &s), -EBUSY);
	want(vio(v->fd, VHOST_SET_VRING_BASE, &s), -EBUSY);
	want(vio(v->fd, VHOST_SET_VRING_ADDR, &other), -EBUSY);
	want(vio(v->fd, PARLEY_VHOST_SET_VRING_KEEP, &keep), -EBUSY);
	want(vmm_backend(v, -1), -EBUSY);
	/* Once more is no change. */
	need(vmm_enable(v, 0, true));
	load_run(v, 4, 100);
	need(vmm_enable(v, 0, false));
	need(vmm_enable(v, 0, false));
	vmm_free(v);
}

/* What is missing is said, not guessed. */
static void not_set_up(void)
{
	u64 f = BIT_ULL(VIRTIO_F_VERSION_1);
	int fd = vmm_device(), disk = open(disk_fast(), O_RDWR);
	struct vhost_vring_state on = { 0, 1 };
	struct parley_blk_backend b = { .fd = disk };

	need(vio(fd, VHOST_SET_OWNER, NULL));
	refused("a start without features", vio(fd, VHOST_VDPA_SET_VRING_ENABLE, &on));
	need(vio(fd, VHOST_SET_FEATURES, &f));
	refused("a start without a back end", vio(fd, VHOST_VDPA_SET_VRING_ENABLE, &on));
	need(vio(fd, PARLEY_BLK_SET_BACKEND, &b));
	refused("a start without a size", vio(fd, VHOST_VDPA_SET_VRING_ENABLE, &on));
	close(fd);
	close(disk);
}

/* The layouts that QEMU expects. */
static void base_split(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	u8 data[512];
	unsigned int i;
	u32 base;

	want(vmm_set_base(v, 0, 0x10000), -EINVAL);
	want(vmm_set_base(v, 0, 0xffffffff), -EINVAL);
	need(vmm_set_base(v, 0, 0));
	vmm_enable_all(v, true);
	for (i = 0; i < 70; i++)
		want(blk_do(v->q[0], v->g, VIRTIO_BLK_T_IN, 0, data, 512), 0);
	vmm_enable_all(v, false);
	need(vmm_base(v, 0, &base));
	expect(base == 70, "base is %#x after 70 requests", base);
	vmm_free(v);
}

/* Bits 0-14 a slot, 15 the wrap counter; the used ones in the upper half. */
static void base_packed(void)
{
	struct vmm_cfg cfg = { .ring = PACKED, .size = 8 };
	struct vmm *v = vmm_new(&cfg);
	u8 data[512];
	unsigned int i, wanted;
	u32 base;

	refused("a slot beyond the ring", vmm_set_base(v, 0, 0x80088008) ?:
		vmm_enable(v, 0, true));
	need(vmm_enable(v, 0, false));
	need(vmm_set_base(v, 0, 0x80008000));
	vmm_enable_all(v, true);
	for (i = 1; i < 10; i++) {
		/* Three descriptors each, in a ring of eight. */
		want(blk_do(v->q[0], v->g, VIRTIO_BLK_T_IN, 0, data, 512), 0);
		need(vmm_enable(v, 0, false));
		need(vmm_base(v, 0, &base));
		wanted = 3 * i % 8 | (3 * i / 8 % 2 ? 0 : 0x8000);
		wanted |= wanted << 16;
		expect(base == wanted, "after %u: base is %#x, not %#x", i, base, wanted);
		need(vmm_set_base(v, 0, base));
		need(vmm_enable(v, 0, true));
	}
	vmm_free(v);
}

/* Replaced a hundred times: none is leaked, none is used after (bad_09). */
static void bad_09(void)
{
	static const unsigned long calls[] = { VHOST_SET_VRING_KICK,
		VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR };
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_start_new(&cfg);
	struct rng rng = rng_for("eventfds", 0);
	int pipes[2], fds[2], i, n, log;
	struct breq *r;

	for (i = 0; i < 300; i++) {
		int fd = event_new();

		want(vmm_eventfd(v, calls[i % 3], 0, fd), 0);
		close(fd);
	}
	for (i = 0; i < 100; i++) {
		log = event_new();
		want(vio(v->fd, VHOST_SET_LOG_FD, &log), 0);
		want(vio(v->fd, VHOST_VDPA_SET_CONFIG_CALL, &log), 0);
		close(log);
	}
	must(!pipe(pipes) && !socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "no fds");
	for (n = 0; n < 3; n++) {
		want(vmm_eventfd(v, calls[n], 0, pipes[0]), -EINVAL);
		want(vmm_eventfd(v, calls[n], 0, fds[0]), -EINVAL);
		want(vmm_eventfd(v, calls[n], 0, v->fd), -EINVAL);
		want(vmm_eventfd(v, calls[n], 0, 9999), -EBADF);
		want(vmm_eventfd(v, calls[n], 0, -2), -EBADF);
	}
	log = pipes[1];
	want(vio(v->fd, VHOST_SET_LOG_FD, &log), -EINVAL);
	/* The right ones again: all works. */
	need(vmm_eventfd(v, VHOST_SET_VRING_KICK, 0, v->q[0]->kick));
	need(vmm_eventfd(v, VHOST_SET_VRING_CALL, 0, v->q[0]->call));
	need(vmm_eventfd(v, VHOST_SET_VRING_ERR, 0, v->q[0]->err));
	load_run(v, 4, 50);
	/* None at all, too. */
	need(vmm_eventfd(v, VHOST_SET_VRING_CALL, 0, -1));
	need(vmm_eventfd(v, VHOST_SET_VRING_ERR, 0, -1));
	r = breq_new(v->g);
	r->type = VIRTIO_BLK_T_GET_ID;
	r->bytes = 20;
	breq_build(r, SHAPE_PLAIN, 8, &rng);
	want(breq_put(v->q[0], r), 0);
	breq_publish(v->q[0]);
	expect(wait_until(breq_reap(v->q[0], &r, 1), 3000), "not served without a call");
	vmm_free(v);
}

static const struct test tests[] = {
	{ "bad_16-owner", owner, 20 },
	{ "owner-elsewhere", owner_elsewhere, 20 },
	{ "reset-owner", reset_owner, 20 },
	{ "features", features, 20 },
	{ "features-while-running", features_while_running, 20 },
	{ "unknown-calls", unknown, 20 },
	{ "bad_19-indices", bad_19, 20 },
	{ "sizes", sizes, 20 },
	{ "addresses", addresses, 60 },
	{ "while-running", while_running, 20 },
	{ "not-set-up", not_set_up, 20 },
	{ "base-split", base_split, 20 },
	{ "base-packed", base_packed, 20 },
	{ "bad_09-eventfds", bad_09, 20 },
	{ NULL },
};

const struct group group_abi = { "abi", "owner, features, rings: well and badly used", tests };
