// SPDX-License-Identifier: GPL-2.0-only
/* See vblk.h. */
#include <linux/io.h>
#include <linux/slab.h>
#include "../../core/state.h"
#include "vblk.h"

#define VBLK_TIMEOUT	(20 * HZ)
#define VBLK_SEGS	260

/* What a driver that knows everything accepts. */
#define VBLK_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) | vhb_all)

static const u64 vhb_all = BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |
			   BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |
			   BIT_ULL(VIRTIO_BLK_F_FLUSH) |
			   BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) |
			   BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) |
			   BIT_ULL(VIRTIO_BLK_F_MQ) |
			   BIT_ULL(VIRTIO_BLK_F_RO) |
			   BIT_ULL(VIRTIO_BLK_F_DISCARD) |
			   BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) |
			   BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE);

static const struct vblk_ring rings[] = {
	{ "split", BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) },
	{ "packed", BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
		    BIT_ULL(VIRTIO_F_RING_PACKED) },
	{ "split in-order direct", BIT_ULL(VIRTIO_F_IN_ORDER) |
				   BIT_ULL(VIRTIO_RING_F_EVENT_IDX) },
	{ "packed in-order direct", BIT_ULL(VIRTIO_F_IN_ORDER) |
				    BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
				    BIT_ULL(VIRTIO_F_RING_PACKED) },
};

const void *vblk_ring_gen(struct kunit *test, const void *prev, char *desc)
{
	const struct vblk_ring *ring = prev ? prev + sizeof(*ring) : rings;

	if (ring == rings + ARRAY_SIZE(rings))
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", ring->name);
	return ring;
}

static bool vblk_notify(struct parley_drvq *q, u32 data)
{
	struct vblk *v = parley_drvq_priv(q);

	parley_vhost_vq_wake(v->vq);
	return true;
}

static void vblk_call(void *priv)
{
	struct vblk *v = priv;

	complete(&v->called);
}

/* The ring back from the device; in flight is nothing after that. */
void vblk_stop(struct vblk *v)
{
	if (v->joined)
		parley_vhost_vq_leave(v->vq);
	v->joined = false;
	parley_devq_destroy(v->devq);
	v->devq = NULL;
	if (!v->drv)
		return;
	while (parley_drvq_detach(v->drv))
		;
	parley_drvq_destroy(v->drv);
	v->drv = NULL;
}

static void vblk_close(void *arg)
{
	const struct parley_limits none = {};
	struct vblk *v = arg;

	if (v->ram)
		ram_release(v->ram);
	vblk_stop(v);
	if (!IS_ERR_OR_NULL(v->dev)) {
		/* Or it would be kept for the next device of that serial. */
		parley_limit_set(v->vq->limit, &none, ktime_get_ns());
		parley_vhost_close(v->dev);
	}
	if (v->ram)
		ram_destroy(v->ram);
	free_pages_exact(v->out, VBLK_BUF + PAGE_SIZE);
	free_pages_exact(v->in, VBLK_BUF + PAGE_SIZE);
	kfree(v);
}

static int vblk_queues(struct vblk *v, u64 features)
{
	struct parley_drvq_config drv = {
		.name = "test-vblk",
		.index = parley_vhost_vq_index(v->vq),
		.size = VBLK_RING,
		.features = features,
		.notify = vblk_notify,
		.priv = v,
	};
	struct parley_devq_config dev = {
		.name = "test-vblk-dev",
		.index = parley_vhost_vq_index(v->vq),
		.size = VBLK_RING,
		.features = features,
		.map = &v->map,
	};
	struct parley_drvq *q = parley_drvq_create(&drv);

	if (IS_ERR(q))
		return PTR_ERR(q);
	v->drv = q;
	parley_drvq_addr(q, &dev.addr);
	dev.addr.desc = (unsigned long)phys_to_virt(dev.addr.desc);
	dev.addr.driver = (unsigned long)phys_to_virt(dev.addr.driver);
	dev.addr.device = (unsigned long)phys_to_virt(dev.addr.device);
	v->devq = parley_devq_create(&dev);
	if (!IS_ERR(v->devq))
		return 0;
	return PTR_ERR(no_free_ptr(v->devq));
}

/* Have the device serve the ring; it may have left it before. */
int vblk_join(struct vblk *v)
{
	struct parley_vhost_ring ring = { .vq = v->devq, .call = vblk_call, .priv = v };
	int err = parley_vhost_vq_join(v->vq, &ring);

	v->joined = !err;
	return err;
}

/* Bits 0 to 63. */
u64 vblk_offered(struct vblk *v)
{
	struct parley_features offered;

	parley_vhost_offered(v->dev, &offered);
	return parley_features_low(&offered);
}

/**
 * vblk_run() - make a ring and let the device serve it
 * @v: driver
 * @features: those of the ring, and those of the device to leave out (as bits
 *	that are set in VBLK_FEATURES too)
 *
 * Return: 0, or an error of the library.
 */
int vblk_run(struct vblk *v, u64 features)
{
	u64 accept = (features ^ VBLK_FEATURES) & vblk_offered(v);
	struct parley_features set;
	int err;

	parley_features_set(&set, accept, 0);
	err = parley_vhost_set_features(v->dev, &set);
	if (!err)
		err = vblk_queues(v, accept);
	return err ?: vblk_join(v);
}

static struct vblk *vblk_alloc(struct kunit *test)
{
	struct vblk *v = kzalloc(sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	v->test = test;
	init_completion(&v->called);
	v->out = alloc_pages_exact(VBLK_BUF + PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	v->in = alloc_pages_exact(VBLK_BUF + PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	v->region = (struct parley_region) {
		.size = 1ull << 46,
		.host = (unsigned long)phys_to_virt(0),
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	v->map = (struct parley_memmap) { .nr = 1, .regions = &v->region };
	return v;
}

/**
 * vblk_open() - make a device with a back end and a driver for it
 * @test: test, with which all goes at the latest
 * @ring_features: see vblk_run()
 * @ram: back end, the driver's from now on; or NULL
 * @file: back end otherwise; the caller's
 * @flags: PARLEY_BLK_*
 *
 * Return: the driver.
 */
struct vblk *vblk_open(struct kunit *test, u64 ring_features, struct ram *ram,
		       struct file *file, u32 flags)
{
	struct vblk *v = vblk_alloc(test);
	struct virtio_blk_config cfg;

	v->ram = ram;
	v->file = ram ? ram->file : file;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, vblk_close, v));
	KUNIT_ASSERT_NOT_NULL(test, v->out);
	KUNIT_ASSERT_NOT_NULL(test, v->in);
	v->dev = parley_vhost_open("blk");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, v->dev);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_set_owner(v->dev));
	v->vq = parley_vhost_get_vq(v->dev, 0);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_attach(v->dev, v->file, flags,
							 VBLK_SERIAL));
	/* As every driver does, and our answer is what it believes. */
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_config(v->dev, &cfg));
	KUNIT_ASSERT_EQ(test, 0, vblk_run(v, ring_features));
	return v;
}

/* On a disk of its own, with the test's parameter as ring. */
struct vblk *vblk_ram(struct kunit *test, unsigned int block)
{
	const struct vblk_ring *ring = test->param_value ?: rings;
	struct ram *ram = ram_create(block, BLK_OPEN_READ | BLK_OPEN_WRITE);

	KUNIT_ASSERT_NOT_NULL(test, ram);
	return vblk_open(test, ring->features, ram, NULL, 0);
}

/* ---------------------------------------------------------------- requests */

/* Eight bytes, different everywhere on the disk; @pos is a multiple of eight. */
static u64 pattern(u64 pos, u32 seed)
{
	return pos * 2654435761u + seed * 40503u + 1;
}

void vblk_pattern(u8 *buf, u64 pos, size_t len, u32 seed)
{
	size_t i;

	for (i = 0; i < len; i += sizeof(u64)) {
		u64 word = pattern(pos + i, seed);

		memcpy(buf + i, &word, min(len - i, sizeof(word)));
	}
}

bool vblk_matches(const u8 *buf, u64 pos, size_t len, u32 seed)
{
	size_t i;

	for (i = 0; i < len; i += sizeof(u64)) {
		u64 word = pattern(pos + i, seed);

		if (memcmp(buf + i, &word, min(len - i, sizeof(word))))
			return false;
	}
	return true;
}

static u8 *out_start(struct vblk *v)
{
	/* So that the data behind the header is aligned, unless skewed. */
	return v->out + SECTOR_SIZE - VBLK_HDR + v->skew;
}

u8 *vblk_in(struct vblk *v)
{
	return v->in + v->skew;
}

void vblk_header(struct vblk *v, u32 type, u64 sector)
{
	struct virtio_blk_outhdr hdr = {
		.type = __cpu_to_virtio32(true, type),
		.sector = __cpu_to_virtio64(true, sector),
	};

	memcpy(out_start(v), &hdr, sizeof(hdr));
}

/* Behind the header. */
u8 *vblk_data(struct vblk *v)
{
	return out_start(v) + VBLK_HDR;
}

/* The length of the piece that begins at @at of @len bytes. */
static size_t cut(enum vblk_shape shape, bool out, size_t at, size_t len,
		  unsigned int n)
{
	size_t left = len - at;
	/* Where the data begins and ends, if all of that is there. */
	size_t from = out ? min(VBLK_HDR, len) : 0;
	size_t to = out ? len : len - 1;

	switch (shape) {
	case VBLK_WHOLE:
		return left;
	case VBLK_ODD:
		/* Long ones at the end, so that the ring holds them all. */
		return min(left, n < 40 ? 77 * (n % 7 + 1) : left);
	case VBLK_BYTES:
		if (at < from)
			return 1;
		break;
	default:
		if (at < from)
			return from - at;
	}
	if (at >= to)
		return left;
	if (shape == VBLK_PAGES)
		return min_t(size_t, to - at, PAGE_SIZE);
	return to - at;
}

static unsigned int shape_segs(struct parley_seg *segs, enum vblk_shape shape,
			       bool out, u8 *buf, size_t len)
{
	unsigned int n = 0;
	size_t at;

	for (at = 0; at < len; at += segs[n++].len) {
		segs[n].addr = virt_to_phys(buf + at);
		segs[n].len = cut(shape, out, at, len, n);
	}
	return n;
}

/**
 * vblk_put() - send a request and do not wait
 * @v: driver
 * @shape: how it is cut
 * @out: bytes to send, header included
 * @in: bytes to receive, status included
 * @cookie: what vblk_wait() returns for it
 *
 * Return: 0, or an error of the core.
 */
int vblk_put(struct vblk *v, enum vblk_shape shape, size_t out, size_t in,
	     void *cookie)
{
	struct parley_seg *segs __free(kfree) =
		kcalloc(2 * VBLK_SEGS, sizeof(*segs), GFP_KERNEL);
	struct parley_buf buf = { .segs = segs, .cookie = cookie };

	if (!segs)
		return -ENOMEM;
	buf.n_out = shape_segs(segs, shape, true, out_start(v), out);
	buf.n_in = shape_segs(segs + buf.n_out, shape, false, vblk_in(v), in);
	return parley_drvq_submit(v->drv, &buf, GFP_KERNEL);
}

/* The next request that is done; NULL if none is for a long time. */
void *vblk_wait(struct vblk *v)
{
	struct parley_done done;

	for (;;) {
		parley_drvq_disarm(v->drv);
		if (parley_drvq_reap(v->drv, &done, 1))
			break;
		if (!parley_drvq_arm(v->drv, 0))
			continue;
		if (!wait_for_completion_timeout(&v->called, VBLK_TIMEOUT))
			return NULL;
	}
	v->len = done.len;
	return done.cookie;
}

/**
 * vblk_do() - one request from beginning to end
 * @v: driver; what it sends was put into its buffer
 * @shape: how it is cut
 * @out: bytes to send, header included
 * @in: bytes to receive, status included; they are poisoned before
 *
 * Return: the status byte, or a negative error; v->len is the used length.
 */
int vblk_do(struct vblk *v, enum vblk_shape shape, size_t out, size_t in)
{
	int err;

	memset(vblk_in(v), VBLK_POISON, in);
	err = vblk_put(v, shape, out, in, v);
	if (err)
		return err;
	if (vblk_wait(v) != v)
		return -ETIMEDOUT;
	return in ? vblk_in(v)[in - 1] : 0;
}

int vblk_write(struct vblk *v, enum vblk_shape shape, u64 sector, u32 len,
	       u32 seed)
{
	vblk_header(v, VIRTIO_BLK_T_OUT, sector);
	vblk_pattern(vblk_data(v), sector << SECTOR_SHIFT, len, seed);
	return vblk_do(v, shape, VBLK_HDR + len, 1);
}

/* The data is at in_start(), that is v->in + v->skew. */
int vblk_read(struct vblk *v, enum vblk_shape shape, u64 sector, u32 len)
{
	vblk_header(v, VIRTIO_BLK_T_IN, sector);
	return vblk_do(v, shape, VBLK_HDR, len + 1);
}

int vblk_simple(struct vblk *v, u32 type)
{
	vblk_header(v, type, 0);
	return vblk_do(v, VBLK_PARTS, VBLK_HDR, 1);
}

int vblk_clear(struct vblk *v, u32 type, u64 sector, u32 nr, u32 flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = cpu_to_le64(sector),
		.num_sectors = cpu_to_le32(nr),
		.flags = cpu_to_le32(flags),
	};

	vblk_header(v, type, 0);
	memcpy(vblk_data(v), &range, sizeof(range));
	return vblk_do(v, VBLK_PARTS, VBLK_HDR + sizeof(range), 1);
}
