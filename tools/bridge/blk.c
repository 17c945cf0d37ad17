// SPDX-License-Identifier: GPL-2.0-only
/* Disks. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include "blk.h"
#include "cache.h"
#include "conn.h"

static const char *blk_complete(struct disk_options *o)
{
	if (!o->path)
		return "a disk needs path=";
	if (o->clients > 1 && !o->read_only && !o->share)
		return "several clients of a disk need readonly, or share";
	return NULL;
}

static const char *blk_open(struct conn *c)
{
	const struct disk_options *o = &c->disk->options;

	return image_open(&c->d.image, o->path, o->read_only, o->share);
}

static const char *backend_error(struct conn *c, int ret)
{
	const char *path = c->disk->options.path;

	switch (ret) {
	case -EINVAL:
		return device_fail(&c->d, path, c->disk->options.block_size ?
				   "the kernel does not take it (too old for block-size?)" :
				   "the kernel does not take it (a swap file?); see dmesg");
	case -EOPNOTSUPP:
		return device_fail(&c->d, path,
				   "zoned, or blocks larger than a page; see dmesg");
	default:
		return device_error(&c->d, path, ret);
	}
}

static uint32_t backend_flags(const struct disk_options *o)
{
	uint32_t flags = o->read_only ? PARLEY_BLK_READ_ONLY : 0;

	if (o->poll)
		flags |= PARLEY_BLK_POLL;
	if (o->block_size)
		flags |= o->block_size == 512 ? PARLEY_BLK_512 : PARLEY_BLK_4096;
	return flags;
}

static const char *blk_set_up(struct conn *c)
{
	const struct disk_options *o = &c->disk->options;
	int ret = kernel_set_backend(&c->d.kernel, c->d.image.fd, backend_flags(o),
				     o->serial);

	return ret ? backend_error(c, ret) : NULL;
}

static const char *blk_features(struct conn *c)
{
	uint32_t segs;
	int ret;

	if (c->d.nr_rings == 1)
		c->offered &= ~(1ull << VIRTIO_BLK_F_MQ);
	/* Header and status, and the pieces of data. */
	ret = kernel_get_config(&c->d.kernel, &segs,
				offsetof(struct virtio_blk_config, seg_max), sizeof(segs));
	if (ret)
		return device_error(&c->d, "its configuration", ret);
	c->d.chain = le32toh(segs) + 2;
	return NULL;
}

/* The number of queues is what the disk's option says, not the kernel's. */
static void blk_config(struct conn *c, uint8_t *bytes)
{
	const size_t at = offsetof(struct virtio_blk_config, num_queues);

	bytes[at] = c->d.nr_rings & 0xff;
	bytes[at + 1] = c->d.nr_rings >> 8;
}

static int blk_write(struct conn *c, const uint8_t *bytes, uint32_t off, uint32_t len)
{
	if (off == offsetof(struct virtio_blk_config, wce) && len == 1)
		return cache_set(&c->d, bytes, off);
	return kernel_set_config(&c->d.kernel, bytes, off, len);
}

static int blk_resize(struct conn *c)
{
	return kernel_update_size(&c->d.kernel);
}

static const char *blk_doubts(struct conn *c)
{
	struct virtio_blk_config cfg;
	uint8_t buf[MSG_CONFIG_MAX];
	uint32_t size;

	if (conn_config(c, buf, &size))
		return NULL;
	memcpy(&cfg, buf, sizeof(cfg));
	return image_doubts(&c->d.image, le32toh(cfg.blk_size),
			    le64toh(cfg.capacity) * 512);
}

const struct kind blk_kind = {
	.word = "disk",
	.name = "a disk",
	.node = "/dev/parley-blk",
	.missing = "/dev/parley-blk is missing: modprobe parley_vhost_blk",
	.type = VIRTIO_ID_BLOCK,
	.complete = blk_complete,
	.open = blk_open,
	.set_up = blk_set_up,
	.features = blk_features,
	.config = blk_config,
	.write = blk_write,
	.started = cache_keep,
	.resize = blk_resize,
	.doubts = blk_doubts,
};
