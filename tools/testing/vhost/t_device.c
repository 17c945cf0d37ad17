// SPDX-License-Identifier: GPL-2.0-only
/* The calls that concern no ring: back end, memory, workers, configuration. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "load.h"

/* Anything but success, and no surprise such as ENOTTY. */
static void refused(const char *what, long ret)
{
	expect(ret < 0, "%s: allowed", what);
	expect(ret != -ENOTTY, "%s: not known", what);
}

/* ------------------------------------------------------------- back end */

static void bad_10_11(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	struct parley_blk_backend b;
	int fds[2], i, kinds[7];

	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "no sockets");
	kinds[0] = fds[0];
	must(!pipe(fds), "no pipe");
	kinds[1] = fds[1];
	kinds[2] = event_new();
	kinds[3] = open("/", O_RDONLY | O_DIRECTORY);
	kinds[4] = open("/dev/null", O_RDWR);
	kinds[5] = v->fd;
	kinds[6] = open(disk_fast(), O_PATH);
	for (i = 0; i < 7; i++) {
		long ret = vmm_backend(v, kinds[i]);

		expect(ret < 0, "a back end of kind %d", i);
	}
	want(vmm_backend(v, 9999), -EBADF);
	want(vmm_backend(v, -2), -EBADF);
	/* Write only: nothing could be read. */
	kinds[0] = open(disk_file(), O_WRONLY);
	refused("a file that cannot be read", vmm_backend(v, kinds[0]));
	memset(&b, 0, sizeof(b));
	b.fd = v->disk;
	b.flags = 0x80000000;
	refused("unknown flags", vio(v->fd, PARLEY_BLK_SET_BACKEND, &b));
	b.flags = PARLEY_BLK_512 | PARLEY_BLK_4096;
	refused("blocks of two sizes", vio(v->fd, PARLEY_BLK_SET_BACKEND, &b));
	b.flags = 0;
	b.pad = 1;
	refused("padding in use", vio(v->fd, PARLEY_BLK_SET_BACKEND, &b));
	want(vio(v->fd, PARLEY_BLK_SET_BACKEND, (void *)8), -EFAULT);
	need(vmm_backend(v, v->disk));
	vmm_enable_all(v, true);
	load_run(v, 4, 50);
	vmm_enable_all(v, false);
	need(vmm_backend(v, -1));
	refused("a start without a back end", vmm_enable(v, 0, true));
	vmm_free(v);
}

/* --------------------------------------------------------------- memory */

static void memory_table(void)
{
	struct {
		struct vhost_memory t;
		struct vhost_memory_region r[4];
	} m = { .t.nregions = 2 };
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	u64 hva = (uintptr_t)v->g->r[0].hva;

	m.r[0] = (struct vhost_memory_region){ 0, 4 * PAGE, hva };
	m.r[1] = (struct vhost_memory_region){ 3 * PAGE, PAGE, hva };
	refused("regions that overlap", vio(v->fd, VHOST_SET_MEM_TABLE, &m));
	m.r[1] = (struct vhost_memory_region){ ~0ull - PAGE + 1, 2 * PAGE, hva };
	refused("a region that wraps", vio(v->fd, VHOST_SET_MEM_TABLE, &m));
	m.r[1] = (struct vhost_memory_region){ 8 * PAGE, ~0ull & ~4095ull, hva };
	refused("a region of 2^64", vio(v->fd, VHOST_SET_MEM_TABLE, &m));
	m.r[1] = (struct vhost_memory_region){ 8 * PAGE, PAGE, 0xffff888000000000 };
	refused("a region of the kernel's", vio(v->fd, VHOST_SET_MEM_TABLE, &m));
	m.r[1] = (struct vhost_memory_region){ 8 * PAGE, PAGE, ~0ull & ~4095ull };
	refused("a region at the end", vio(v->fd, VHOST_SET_MEM_TABLE, &m));
	m.r[1] = (struct vhost_memory_region){ 8 * PAGE, 0, hva };
	refused("an empty region", vio(v->fd, VHOST_SET_MEM_TABLE, &m));
	m.r[1] = (struct vhost_memory_region){ 8 * PAGE + 1, PAGE, hva };
	refused("a misaligned region", vio(v->fd, VHOST_SET_MEM_TABLE, &m));
	m.t.nregions = 0x10000000;
	want(vio(v->fd, VHOST_SET_MEM_TABLE, &m), -E2BIG);
	m.t.nregions = 0xffffffff;
	want(vio(v->fd, VHOST_SET_MEM_TABLE, &m), -E2BIG);
	m.t.nregions = 0;
	m.t.padding = 1;
	want(vio(v->fd, VHOST_SET_MEM_TABLE, &m), -EOPNOTSUPP);
	want(vio(v->fd, VHOST_SET_MEM_TABLE, NULL), -EFAULT);
	vmm_enable_all(v, true);
	load_run(v, 4, 50);
	vmm_free(v);
}

static void many_regions(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	struct vhost_memory *t = calloc(1, sizeof(*t) + 600 * sizeof(t->regions[0]));
	unsigned int i;
	u64 step = v->g->size / 509 & ~(PAGE - 1);

	for (i = 0; i < 600; i++)
		t->regions[i] = (struct vhost_memory_region){ i * step,
			i == 508 ? v->g->size - i * step : step,
			(uintptr_t)v->g->r[0].hva + i * step };
	t->nregions = 510;
	want(vio(v->fd, VHOST_SET_MEM_TABLE, t), -E2BIG);
	t->nregions = 509;
	need(vio(v->fd, VHOST_SET_MEM_TABLE, t));
	vmm_enable_all(v, true);
	load_run(v, 8, 200);
	vmm_free(v);
}

/* -------------------------------------------------------------- workers */

static void workers(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .queues = 2 };
	struct vmm *v = vmm_start_new(&cfg);
	struct vhost_worker_state w = { 0 }, none = { 4711 };
	struct vhost_vring_worker at = { 0 }, first = { 0 };
	struct load *l;
	unsigned int i;

	need(vio(v->fd, VHOST_GET_VRING_WORKER, &first));
	need(vio(v->fd, VHOST_NEW_WORKER, &w));
	expect(w.worker_id != first.worker_id, "two workers are called %u", w.worker_id);
	want(vio(v->fd, VHOST_FREE_WORKER, &none), -ENODEV);
	at = (struct vhost_vring_worker){ 0, 4711 };
	want(vio(v->fd, VHOST_ATTACH_VRING_WORKER, &at), -ENODEV);
	at.worker_id = w.worker_id;
	/* Moved to and fro under load. */
	l = load_new(v, 8);
	load_start(l);
	for (i = 0; i < 30 && !failed(); i++) {
		at.index = i / 2 % 2;
		at.worker_id = i % 3 ? w.worker_id : first.worker_id;
		want(vio(v->fd, VHOST_ATTACH_VRING_WORKER, &at), 0);
		sleep_ms(3);
	}
	load_for(l, 50);
	load_end(l);
	for (i = 0; i < 2; i++) {
		at = (struct vhost_vring_worker){ i, w.worker_id };
		want(vio(v->fd, VHOST_ATTACH_VRING_WORKER, &at), 0);
	}
	want(vio(v->fd, VHOST_FREE_WORKER, &w), -EBUSY);
	at = (struct vhost_vring_worker){ 1 };
	need(vio(v->fd, VHOST_GET_VRING_WORKER, &at));
	expect(at.worker_id == w.worker_id, "attached to %u", at.worker_id);
	for (i = 0; i < 2; i++) {
		at = (struct vhost_vring_worker){ i, first.worker_id };
		want(vio(v->fd, VHOST_ATTACH_VRING_WORKER, &at), 0);
	}
	need(vio(v->fd, VHOST_FREE_WORKER, &w));
	want(vio(v->fd, VHOST_FREE_WORKER, &w), -ENODEV);
	load_run(v, 8, 50);
	vmm_free(v);
}

static void workers_most(void)
{
	int fd = vmm_device();
	struct vhost_worker_state w;
	unsigned int i;
	long ret = 0;

	need(vio(fd, VHOST_SET_OWNER, NULL));
	for (i = 0; i < 200 && !ret; i++)
		ret = vio(fd, VHOST_NEW_WORKER, &w);
	expect(ret < 0, "200 workers");
	expect(i > 16, "%u workers at most", i);
	close(fd);
}

static void fork_owner(void)
{
	int fd = vmm_device();
	u8 how = 9;

	need(vio(fd, VHOST_GET_FORK_FROM_OWNER, &how));
	expect(how == VHOST_FORK_OWNER_TASK, "by default %u", how);
	how = 2;
	want(vio(fd, VHOST_SET_FORK_FROM_OWNER, &how), -EINVAL);
	how = VHOST_FORK_OWNER_KTHREAD;
	need(vio(fd, VHOST_SET_FORK_FROM_OWNER, &how));
	how = 9;
	need(vio(fd, VHOST_GET_FORK_FROM_OWNER, &how));
	expect(how == VHOST_FORK_OWNER_KTHREAD, "set to %u", how);
	need(vio(fd, VHOST_SET_OWNER, NULL));
	want(vio(fd, VHOST_SET_FORK_FROM_OWNER, &how), -EBUSY);
	close(fd);
}

/* ------------------------------------------------- configuration space */

struct config {
	struct vhost_vdpa_config head;
	u8 bytes[256];
};

static void bad_27(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	struct config c;
	unsigned int i;
	u32 size = 0, id = 0, n = 0;
	struct { u32 off, len; } bad[] = {
		{ 0, 4096 }, { 0, 0xffffffff }, { 0xffffffff, 1 },
		{ 0xffffffff, 0xffffffff }, { 0x80000000, 0x80000000 },
		{ 1, 0xffffffff }, { 4096, 1 }, { 0, 0 },
	};

	need(vio(v->fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	need(vio(v->fd, VHOST_VDPA_GET_DEVICE_ID, &id));
	need(vio(v->fd, VHOST_VDPA_GET_VQS_COUNT, &n));
	expect(id == VIRTIO_ID_BLOCK && n >= 4, "type %u, %u queues", id, n);
	must(size >= 60 && size <= sizeof(c.bytes), "%u bytes", size);
	for (i = 0; i < 7; i++) {
		memset(&c, 0x5a, sizeof(c));
		c.head.off = bad[i].off;
		c.head.len = bad[i].len;
		refused("such a piece of configuration space",
			vio(v->fd, VHOST_VDPA_GET_CONFIG, &c));
		c.head.off = bad[i].off;
		c.head.len = bad[i].len;
		refused("such a write to configuration space",
			vio(v->fd, VHOST_VDPA_SET_CONFIG, &c));
	}
	/* Every byte that is there, and not one more. */
	for (i = 0; i < size; i++) {
		memset(&c, 0x5a, sizeof(c));
		c.head.off = i;
		c.head.len = size - i;
		need(vio(v->fd, VHOST_VDPA_GET_CONFIG, &c));
		expect(c.bytes[size - i] == 0x5a, "a byte beyond");
		c.head.off = i;
		c.head.len = size - i + 1;
		refused("one more", vio(v->fd, VHOST_VDPA_GET_CONFIG, &c));
	}
	vmm_free(v);
}

/* What a call returns in full must be written in full (bad_08, bad_30). */
static void bad_30(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_new(&cfg);
	struct config a, b;
	u32 size;

	need(vio(v->fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	memset(&a, 0x11, sizeof(a));
	memset(&b, 0xee, sizeof(b));
	a.head.off = 0;
	b.head.off = 0;
	a.head.len = size;
	b.head.len = size;
	need(vio(v->fd, VHOST_VDPA_GET_CONFIG, &a));
	need(vio(v->fd, VHOST_VDPA_GET_CONFIG, &b));
	expect(!memcmp(a.bytes, b.bytes, size), "configuration space is not filled");
	expect(a.bytes[size] == 0x11 && b.bytes[size] == 0xee, "or too much");
	vmm_free(v);
}

static void config_change(void)
{
	char path[] = "/tmp/vmm-grow-XXXXXX";
	int grow = mkstemp(path), call = event_new();
	struct vmm_cfg cfg = { .ring = EVENT, .disk = path };
	struct vmm *v;
	u8 data[512] = { 7 };

	must(grow >= 0 && !ftruncate(grow, 1 << 20), "no file");
	v = vmm_start_new(&cfg);
	need(vio(v->fd, VHOST_VDPA_SET_CONFIG_CALL, &call));
	expect(vmm_capacity(v) == 2048, "capacity");
	want(blk_do(v->q[0], v->g, VIRTIO_BLK_T_OUT, 2048, data, 512), VIRTIO_BLK_S_IOERR);
	must(!ftruncate(grow, 2 << 20), "cannot grow");
	need(vio(v->fd, PARLEY_BLK_UPDATE_SIZE, NULL));
	expect(event_wait(call, 3000), "not told");
	expect(vmm_capacity(v) == 4096, "capacity is %llu",
	       (unsigned long long)vmm_capacity(v));
	want(blk_do(v->q[0], v->g, VIRTIO_BLK_T_OUT, 2048, data, 512), 0);
	unlink(path);
	vmm_free(v);
}

static void identity(void)
{
	int a = vmm_device(), b = vmm_device();
	u32 x = 0, y = 0;

	need(vio(a, PARLEY_VHOST_GET_ID, &x));
	need(vio(b, PARLEY_VHOST_GET_ID, &y));
	expect(x != y, "two devices are called %u", x);
	close(a);
	close(b);
}

static const struct test tests[] = {
	{ "bad_10_11-backends", bad_10_11, 20 },
	{ "memory-table", memory_table, 20 },
	{ "many-regions", many_regions, 20 },
	{ "workers", workers, 30 },
	{ "workers-most", workers_most, 30 },
	{ "fork-owner", fork_owner, 20 },
	{ "bad_27-config", bad_27, 20 },
	{ "bad_08_30-uninitialised", bad_30, 20 },
	{ "config-change", config_change, 20 },
	{ "identity", identity, 20 },
	{ NULL },
};

const struct group group_device = {
	"device", "back end, memory, workers, configuration", tests
};
