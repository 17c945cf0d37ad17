// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module of the mock devices.  Its parameters make devices at load time,
 * for trying a front-end by hand:
 *
 *	modprobe parley_mock rng=1 disk_mib=64 queues=4 packed=1
 */
#include <linux/module.h>
#include <parley/export.h>
#include <parley/version.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>
#include "mock_blk.h"
#include "mock_zone.h"

static bool rng;
module_param(rng, bool, 0444);
MODULE_PARM_DESC(rng, "make an entropy device (its bytes are no secret)");

static unsigned int disk_mib;
module_param(disk_mib, uint, 0444);
MODULE_PARM_DESC(disk_mib, "make a disk in memory of so many MiB");

static unsigned int queues = 1;
module_param(queues, uint, 0444);
MODULE_PARM_DESC(queues, "number of the disk's queues");

static unsigned int queue_size = 128;
module_param(queue_size, uint, 0444);
MODULE_PARM_DESC(queue_size, "descriptors of each of them");

static bool packed;
module_param(packed, bool, 0444);
MODULE_PARM_DESC(packed, "offer packed rings");

static bool in_order;
module_param(in_order, bool, 0444);
MODULE_PARM_DESC(in_order, "offer in-order completion");

static unsigned int zone_mib;
module_param(zone_mib, uint, 0444);
MODULE_PARM_DESC(zone_mib, "make the disk zoned, with zones of so many MiB, a power of two");

static unsigned int zone_conv;
module_param(zone_conv, uint, 0444);
MODULE_PARM_DESC(zone_conv, "how many of the first zones are conventional");

static unsigned int zone_open;
module_param(zone_open, uint, 0444);
MODULE_PARM_DESC(zone_open, "most zones open at a time; default 0: any number");

static unsigned int delay_us;
module_param(delay_us, uint, 0444);
MODULE_PARM_DESC(delay_us, "serve each request so many microseconds later");

static struct parley_mock *mock_rng;
static struct parley_mock_blk *mock_blk;

static u64 ring_features(void)
{
	u64 f = BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
		BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
		BIT_ULL(VIRTIO_F_RING_RESET);

	if (packed)
		f |= BIT_ULL(VIRTIO_F_RING_PACKED);
	if (in_order)
		f |= BIT_ULL(VIRTIO_F_IN_ORDER);
	return f;
}

static int make_rng(void)
{
	mock_rng = parley_mock_rng_create(ring_features());
	if (IS_ERR(mock_rng))
		return PTR_ERR(no_free_ptr(mock_rng));
	WRITE_ONCE(mock_rng->delay_us, delay_us);
	return 0;
}

static int make_disk(void)
{
	struct parley_mock_blk_config cfg = {
		.sectors = (u64)disk_mib << (20 - SECTOR_SHIFT),
		.queues = queues,
		.queue_size = queue_size,
		.features = ring_features() | PARLEY_MOCK_BLK_FEATURES,
	};
	struct parley_mock_zone_config zoned = {
		.size = zone_mib << (20 - SECTOR_SHIFT),
		/* A part of each cannot be written, as with real ones. */
		.capacity = 3 * (zone_mib << (18 - SECTOR_SHIFT)),
		.conventional = zone_conv,
		.max_open = zone_open,
		.max_append = 128,
	};

	if (zone_mib) {
		cfg.features = ring_features() | PARLEY_MOCK_ZONED_FEATURES;
		cfg.zoned = &zoned;
	}
	mock_blk = parley_mock_blk_create(&cfg);
	if (IS_ERR(mock_blk))
		return PTR_ERR(no_free_ptr(mock_blk));
	WRITE_ONCE(mock_blk->mock->delay_us, delay_us);
	return 0;
}

static void mock_exit_devices(void)
{
	if (mock_blk)
		parley_mock_blk_destroy(mock_blk);
	if (mock_rng)
		parley_mock_rng_destroy(mock_rng);
}

static int __init parley_mock_init(void)
{
	int err = 0;

	if (rng)
		err = make_rng();
	if (!err && disk_mib)
		err = make_disk();
	if (err)
		mock_exit_devices();
	return err;
}
module_init(parley_mock_init);

static void __exit parley_mock_exit(void)
{
	mock_exit_devices();
}
module_exit(parley_mock_exit);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: mock devices on the loopback transport");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
