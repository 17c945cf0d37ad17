// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts that need no device: what a configuration allows, what a status
 * byte and a length mean, what a zone descriptor says.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include "../blk.h"

#define v16(x)	__cpu_to_virtio16(true, x)
#define v32(x)	__cpu_to_virtio32(true, x)
#define v64(x)	__cpu_to_virtio64(true, x)
#define F(bit)	BIT_ULL(VIRTIO_BLK_F_##bit)

#define ALL_FEATURES							\
	(F(SIZE_MAX) | F(SEG_MAX) | F(BLK_SIZE) | F(TOPOLOGY) | F(MQ) |	\
	 F(DISCARD) | F(WRITE_ZEROES) | F(SECURE_ERASE))

static struct virtio_blk_config sane(void)
{
	return (struct virtio_blk_config) {
		.capacity = v64(1 << 20),
		.size_max = v32(SZ_64K),
		.seg_max = v32(126),
		.blk_size = v32(512),
		.physical_block_exp = 3,
		.alignment_offset = 1,
		.min_io_size = v16(16),
		.opt_io_size = v32(64),
		.num_queues = v16(4),
		.max_discard_sectors = v32(8192),
		.max_discard_seg = v32(16),
		.discard_sector_alignment = v32(8),
		.max_write_zeroes_sectors = v32(4096),
		.max_write_zeroes_seg = v32(1),
		.max_secure_erase_sectors = v32(2048),
		.max_secure_erase_seg = v32(1),
		.secure_erase_sector_alignment = v32(16),
		.zoned = {
			.zone_sectors = v32(8192),
			.max_append_sectors = v32(256),
			.write_granularity = v32(4096),
			.model = VIRTIO_BLK_Z_HM,
		},
	};
}

static int limits(const struct virtio_blk_config *cfg, u64 features,
		  struct queue_limits *lim)
{
	memset(lim, 0, sizeof(*lim));
	return parley_blk_limits(NULL, cfg, features, lim);
}

static void a_sane_configuration_is_taken_as_it_is(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;

	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
	KUNIT_EXPECT_EQ(test, 512, lim.logical_block_size);
	KUNIT_EXPECT_EQ(test, 4096, lim.physical_block_size);
	KUNIT_EXPECT_EQ(test, 512, lim.alignment_offset);
	KUNIT_EXPECT_EQ(test, 8192, lim.io_min);
	KUNIT_EXPECT_EQ(test, 32768, lim.io_opt);
	KUNIT_EXPECT_EQ(test, 126, lim.max_segments);
	KUNIT_EXPECT_EQ(test, SZ_64K, lim.max_segment_size);
	KUNIT_EXPECT_EQ(test, 8192, lim.max_hw_discard_sectors);
	KUNIT_EXPECT_EQ(test, 16, lim.max_discard_segments);
	/* Secure erase is the coarser of the two. */
	KUNIT_EXPECT_EQ(test, 8192, lim.discard_granularity);
	KUNIT_EXPECT_EQ(test, 4096, lim.max_write_zeroes_sectors);
	KUNIT_EXPECT_EQ(test, 2048, lim.max_secure_erase_sectors);
}

static void fields_without_their_feature_are_not_read(struct kunit *test)
{
	struct virtio_blk_config cfg;
	struct queue_limits lim;

	memset(&cfg, 0xff, sizeof(cfg));
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, 0, &lim));
	KUNIT_EXPECT_EQ(test, 512, lim.logical_block_size);
	KUNIT_EXPECT_EQ(test, 1, lim.max_segments);
	KUNIT_EXPECT_EQ(test, 0, lim.max_hw_discard_sectors);
	KUNIT_EXPECT_EQ(test, 0, lim.max_write_zeroes_sectors);
	KUNIT_EXPECT_EQ(test, 0, lim.max_secure_erase_sectors);
}

static void a_wrong_block_size_is_refused(struct kunit *test)
{
	static const u32 wrong[] = {
		0, 1, 256, 511, 513, 1000, 3 * 512, PAGE_SIZE + 512,
		2 * PAGE_SIZE, 1U << 31, U32_MAX,
	};
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		cfg.blk_size = v32(wrong[i]);
		KUNIT_EXPECT_EQ_MSG(test, -EINVAL,
				    limits(&cfg, ALL_FEATURES, &lim),
				    "blk_size %u", wrong[i]);
	}
	cfg.blk_size = v32(PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
}

static void bad_46_segments_are_bounded(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;
	unsigned int depth, segs;

	cfg.seg_max = v32(0);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
	KUNIT_EXPECT_EQ(test, 1, lim.max_segments);
	cfg.seg_max = v32(U32_MAX);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
	KUNIT_EXPECT_EQ(test, PARLEY_VQ_SIZE_MAX - 2, lim.max_segments);
	cfg.size_max = v32(PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, limits(&cfg, ALL_FEATURES, &lim));
	/* qemu-storage-daemon offers the field and leaves it 0. */
	cfg.size_max = v32(0);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
	KUNIT_EXPECT_EQ(test, U32_MAX, lim.max_segment_size);

	/* Header, data and status fit into the ring, in one request at least. */
	segs = PARLEY_VQ_SIZE_MAX - 2;
	KUNIT_EXPECT_EQ(test, 0, parley_blk_depth(NULL, 64, 0, 0, &depth, &segs));
	KUNIT_EXPECT_EQ(test, 62, segs);
	KUNIT_EXPECT_EQ(test, 21, depth);
	KUNIT_EXPECT_EQ(test, 0,
			parley_blk_depth(NULL, 64,
					 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
					 0, &depth, &segs));
	KUNIT_EXPECT_EQ(test, 64, depth);
	KUNIT_EXPECT_EQ(test, 0,
			parley_blk_depth(NULL, 3, 0, 99, &depth, &segs));
	KUNIT_EXPECT_EQ(test, 1, depth);
	KUNIT_EXPECT_EQ(test, 1, segs);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parley_blk_depth(NULL, 2, 0, 0, &depth, &segs));
}

static void topology_never_overflows(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;
	unsigned int exp;

	for (exp = 0; exp < 256; exp++) {
		cfg.physical_block_exp = exp;
		KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
		KUNIT_EXPECT_EQ_MSG(test,
				    exp && exp <= 11 ? 512U << exp : 0U,
				    lim.physical_block_size, "exponent %u", exp);
	}
	cfg = sane();
	cfg.alignment_offset = 8;
	cfg.opt_io_size = v32(U32_MAX);
	cfg.min_io_size = v16(U16_MAX);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
	KUNIT_EXPECT_EQ(test, 0, lim.alignment_offset);
	KUNIT_EXPECT_EQ(test, 0, lim.io_opt);
	KUNIT_EXPECT_EQ(test, 512 * U16_MAX, lim.io_min);
}

static void zero_limits_turn_commands_off(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;

	cfg.max_discard_sectors = v32(0);
	cfg.max_write_zeroes_sectors = v32(0);
	cfg.max_secure_erase_seg = v32(0);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES, &lim));
	KUNIT_EXPECT_EQ(test, 0, lim.max_hw_discard_sectors);
	KUNIT_EXPECT_EQ(test, 0, lim.max_write_zeroes_sectors);
	KUNIT_EXPECT_EQ(test, 0, lim.max_secure_erase_sectors);
}

static void discard_limits_are_made_usable(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;

	/* Whole blocks only. */
	cfg.blk_size = v32(4096);
	cfg.max_discard_sectors = v32(8 * 5 + 7);
	cfg.max_discard_seg = v32(0);
	cfg.discard_sector_alignment = v32(0);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, F(DISCARD) | F(BLK_SIZE), &lim));
	KUNIT_EXPECT_EQ(test, 40, lim.max_hw_discard_sectors);
	KUNIT_EXPECT_EQ(test, 1, lim.max_discard_segments);
	KUNIT_EXPECT_EQ(test, 4096, lim.discard_granularity);

	cfg.max_discard_sectors = v32(7);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, F(DISCARD) | F(BLK_SIZE), &lim));
	KUNIT_EXPECT_EQ(test, 0, lim.max_hw_discard_sectors);

	cfg.max_discard_sectors = v32(U32_MAX);
	cfg.max_discard_seg = v32(U32_MAX);
	cfg.discard_sector_alignment = v32(U32_MAX);
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, F(DISCARD) | F(BLK_SIZE), &lim));
	KUNIT_EXPECT_EQ(test, PARLEY_BLK_RANGES_MAX, lim.max_discard_segments);
	KUNIT_EXPECT_EQ(test, 4096, lim.discard_granularity);
}

static void queues_are_bounded(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	unsigned int poll;

	KUNIT_EXPECT_EQ(test, 1,
			parley_blk_pick_queues(NULL, &cfg, 0, 0, 7, &poll));
	KUNIT_EXPECT_EQ(test, 0, poll);
	cfg.num_queues = v16(0);
	KUNIT_EXPECT_EQ(test, 1,
			parley_blk_pick_queues(NULL, &cfg, F(MQ), 0, 0, &poll));
	cfg.num_queues = v16(U16_MAX);
	KUNIT_EXPECT_EQ(test, nr_cpu_ids,
			parley_blk_pick_queues(NULL, &cfg, F(MQ), 0, 0, &poll));
	KUNIT_EXPECT_EQ(test, nr_cpu_ids + 2,
			parley_blk_pick_queues(NULL, &cfg, F(MQ), 0, 2, &poll));
	KUNIT_EXPECT_EQ(test, 2, poll);
	KUNIT_EXPECT_EQ(test, 1,
			parley_blk_pick_queues(NULL, &cfg, F(MQ), 1, 2, &poll));
	KUNIT_EXPECT_EQ(test, 0, poll);
	/* However many are to be polled. */
	cfg.num_queues = v16(4);
	KUNIT_EXPECT_EQ(test, 4,
			parley_blk_pick_queues(NULL, &cfg, F(MQ), 0,
					       -nr_cpu_ids, &poll));
	KUNIT_EXPECT_EQ(test, 3, poll);
	KUNIT_EXPECT_EQ(test, 4,
			parley_blk_pick_queues(NULL, &cfg, F(MQ), 0, UINT_MAX,
					       &poll));
	KUNIT_EXPECT_EQ(test, 3, poll);
}

static void capacity_never_overflows(struct kunit *test)
{
	sector_t sectors = 1;

	KUNIT_EXPECT_EQ(test, 0, parley_blk_capacity(NULL, 0, 512, &sectors));
	KUNIT_EXPECT_EQ(test, 0, sectors);
	KUNIT_EXPECT_EQ(test, 0, parley_blk_capacity(NULL, 1007, 4096, &sectors));
	KUNIT_EXPECT_EQ(test, 1000, sectors);
	KUNIT_EXPECT_EQ(test, 0,
			parley_blk_capacity(NULL, LLONG_MAX >> 9, 512, &sectors));
	KUNIT_EXPECT_EQ(test, -EFBIG,
			parley_blk_capacity(NULL, (LLONG_MAX >> 9) + 1, 512,
					    &sectors));
	KUNIT_EXPECT_EQ(test, -EFBIG,
			parley_blk_capacity(NULL, U64_MAX, 512, &sectors));
	KUNIT_EXPECT_EQ(test, LLONG_MAX >> 9, sectors);
}

static void zoned_numbers_are_checked(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;

	cfg.zoned.model = 3;
	KUNIT_EXPECT_EQ(test, -EINVAL, limits(&cfg, F(ZONED), &lim));
	cfg.zoned.model = VIRTIO_BLK_Z_HA;
	KUNIT_EXPECT_EQ(test, 0, limits(&cfg, F(ZONED), &lim));
	KUNIT_EXPECT_EQ(test, 0, lim.chunk_sectors);
	cfg.zoned.model = VIRTIO_BLK_Z_HM;
	if (!IS_ENABLED(CONFIG_BLK_DEV_ZONED)) {
		KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
				limits(&cfg, F(ZONED), &lim));
		return;
	}
	KUNIT_EXPECT_EQ(test, 0, limits(&cfg, F(ZONED), &lim));
	KUNIT_EXPECT_EQ(test, 8192, lim.chunk_sectors);
	KUNIT_EXPECT_EQ(test, 256, lim.max_hw_zone_append_sectors);
	cfg.zoned.zone_sectors = v32(8191);
	KUNIT_EXPECT_EQ(test, -EINVAL, limits(&cfg, F(ZONED), &lim));
	cfg = sane();
	cfg.zoned.write_granularity = v32(0);
	KUNIT_EXPECT_EQ(test, -EINVAL, limits(&cfg, F(ZONED), &lim));
	cfg = sane();
	cfg.zoned.max_append_sectors = v32(7);
	KUNIT_EXPECT_EQ(test, -EINVAL, limits(&cfg, F(ZONED), &lim));
	/* There are none, which is no fault. */
	cfg.zoned.max_append_sectors = v32(0);
	KUNIT_EXPECT_EQ(test, 0, limits(&cfg, F(ZONED), &lim));
	KUNIT_EXPECT_EQ(test, 0, lim.max_hw_zone_append_sectors);
	cfg.zoned.max_open_zones = v32(9);
	cfg.zoned.max_active_zones = v32(7);
	KUNIT_EXPECT_EQ(test, 0, limits(&cfg, F(ZONED), &lim));
	KUNIT_EXPECT_EQ(test, 7, lim.max_open_zones);
	KUNIT_EXPECT_EQ(test, 7, lim.max_active_zones);
}

static void commands_that_zones_do_not_have_are_off(struct kunit *test)
{
	struct virtio_blk_config cfg = sane();
	struct queue_limits lim;

	if (!IS_ENABLED(CONFIG_BLK_DEV_ZONED))
		kunit_skip(test, "no CONFIG_BLK_DEV_ZONED");
	KUNIT_ASSERT_EQ(test, 0, limits(&cfg, ALL_FEATURES | F(ZONED), &lim));
	KUNIT_EXPECT_EQ(test, 0, lim.max_hw_discard_sectors);
	KUNIT_EXPECT_EQ(test, 0, lim.max_secure_erase_sectors);
	KUNIT_EXPECT_EQ(test, 0, lim.max_write_zeroes_sectors);
}

static int parse(const struct virtio_blk_zone_descriptor *desc,
		 struct blk_zone *zone)
{
	return parley_blk_parse_zone(NULL, desc, 8192, 20000, zone);
}

static void a_zone_that_cannot_be_is_refused(struct kunit *test)
{
	struct virtio_blk_zone_descriptor desc = {
		.z_start = v64(8192),
		.z_cap = v64(8000),
		.z_wp = v64(8200),
		.z_type = VIRTIO_BLK_ZT_SWR,
		.z_state = VIRTIO_BLK_ZS_IOPEN,
	};
	struct blk_zone zone;
	unsigned int state;

	KUNIT_ASSERT_EQ(test, 0, parse(&desc, &zone));
	KUNIT_EXPECT_EQ(test, 8192, zone.start);
	KUNIT_EXPECT_EQ(test, 8192, zone.len);
	KUNIT_EXPECT_EQ(test, 8000, zone.capacity);
	KUNIT_EXPECT_EQ(test, 8200, zone.wp);
	for (state = 0; state < 256; state++) {
		/* A sequential zone has a write pointer. */
		bool known = (state != VIRTIO_BLK_ZS_NOT_WP &&
			      state <= VIRTIO_BLK_ZS_CLOSED) ||
			     (state >= VIRTIO_BLK_ZS_RDONLY &&
			      state <= VIRTIO_BLK_ZS_OFFLINE);

		desc.z_state = state;
		KUNIT_EXPECT_EQ(test, known ? 0 : -EIO, parse(&desc, &zone));
	}
	/* The last zone is shorter. */
	desc.z_state = VIRTIO_BLK_ZS_FULL;
	desc.z_start = v64(16384);
	desc.z_cap = v64(3616);
	KUNIT_EXPECT_EQ(test, 0, parse(&desc, &zone));
	KUNIT_EXPECT_EQ(test, 20000 - 16384, zone.len);
	KUNIT_EXPECT_EQ(test, 20000, zone.wp);
	desc.z_cap = v64(3617);
	KUNIT_EXPECT_EQ(test, -EIO, parse(&desc, &zone));
	desc.z_cap = v64(1);
	desc.z_start = v64(24576);
	KUNIT_EXPECT_EQ(test, -EIO, parse(&desc, &zone));
	desc.z_start = v64(1);
	KUNIT_EXPECT_EQ(test, -EIO, parse(&desc, &zone));
	desc.z_start = v64(0);
	desc.z_type = 0;
	KUNIT_EXPECT_EQ(test, -EIO, parse(&desc, &zone));
	desc.z_type = VIRTIO_BLK_ZT_CONV;
	KUNIT_EXPECT_EQ(test, -EIO, parse(&desc, &zone));
	desc.z_state = VIRTIO_BLK_ZS_NOT_WP;
	KUNIT_EXPECT_EQ(test, 0, parse(&desc, &zone));
}

static void a_write_pointer_lies_in_its_zone(struct kunit *test)
{
	static const struct {
		u64 wp;
		int err;
	} pointers[] = {
		{ 8191, -EIO }, { 8192, 0 }, { 8192 + 8000, 0 },
		{ 8192 + 8001, -EIO }, { 0, -EIO }, { U64_MAX, -EIO },
	};
	struct virtio_blk_zone_descriptor desc = {
		.z_start = v64(8192),
		.z_cap = v64(8000),
		.z_type = VIRTIO_BLK_ZT_SWR,
	};
	struct blk_zone zone;
	unsigned int i;
	u8 state;

	for (i = 0; i < ARRAY_SIZE(pointers); i++) {
		desc.z_wp = v64(pointers[i].wp);
		for (state = VIRTIO_BLK_ZS_IOPEN;
		     state <= VIRTIO_BLK_ZS_CLOSED; state++) {
			desc.z_state = state;
			KUNIT_EXPECT_EQ(test, pointers[i].err,
					parse(&desc, &zone));
		}
		/* Where it means nothing it is not looked at. */
		desc.z_state = VIRTIO_BLK_ZS_EMPTY;
		KUNIT_EXPECT_EQ(test, 0, parse(&desc, &zone));
		KUNIT_EXPECT_EQ(test, 8192, zone.wp);
		desc.z_state = VIRTIO_BLK_ZS_OFFLINE;
		KUNIT_EXPECT_EQ(test, 0, parse(&desc, &zone));
		KUNIT_EXPECT_EQ(test, ULONG_MAX, zone.wp);
	}
}

static int judge(struct parley_blk *blk, const struct parley_blk_req *req,
		 u32 written)
{
	return (__force int)parley_blk_judge(blk, req, written);
}

static void bad_49_every_status_and_length(struct kunit *test)
{
	static const u32 odd[] = { 0, 1, 4096 }, torn[] = { 2, 512, 4095 };
	struct parley_blk_req req = { .in_len = 1, .written_min = 4097 };
	struct parley_device *pd = kunit_kzalloc(test, sizeof(*pd), GFP_KERNEL);
	struct parley_blk blk = { .pd = pd };
	unsigned int status, i;

	KUNIT_ASSERT_NOT_NULL(test, pd);

	for (status = 0; status < 256; status++) {
		blk_status_t sts = parley_blk_status(status);

		KUNIT_EXPECT_EQ(test, status == VIRTIO_BLK_S_OK,
				sts == BLK_STS_OK);
		req.in.status = status;
		KUNIT_EXPECT_EQ(test, (__force int)sts,
				judge(&blk, &req, 4097));
		/* No error is made better, no part of the data is a success. */
		for (i = 0; i < ARRAY_SIZE(odd); i++)
			KUNIT_EXPECT_EQ(test, (__force int)sts,
					judge(&blk, &req, odd[i]));
		for (i = 0; i < ARRAY_SIZE(torn); i++)
			KUNIT_EXPECT_NE(test, 0, judge(&blk, &req, torn[i]));
	}
	KUNIT_EXPECT_TRUE(test, blk.counts_oddly);
	KUNIT_EXPECT_EQ(test, (__force int)BLK_STS_NOTSUPP,
			(__force int)parley_blk_status(VIRTIO_BLK_S_UNSUPP));
}

/* Tools cut digits off to find the disk of a partition: there are none. */
static void names_are_all_different(struct kunit *test)
{
	static const struct {
		unsigned int index;
		const char *name;
	} some[] = {
		{ 0, "vdpara" }, { 1, "vdparb" }, { 25, "vdparz" },
		{ 26, "vdparaa" }, { 27, "vdparab" }, { 701, "vdparzz" },
		{ 702, "vdparaaa" }, { INT_MAX, "vdparfxshrxx" },
	};
	char name[DISK_NAME_LEN];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(some); i++) {
		parley_blk_name(some[i].index, name);
		KUNIT_EXPECT_STREQ(test, some[i].name, name);
	}
}

/* The number of the disk that mainline's driver calls so. */
static u64 mainlines_number(const char *name)
{
	u64 number = 0;

	for (name += strlen("vd"); *name; name++)
		number = number * 26 + *name - 'a' + 1;
	return number - 1;
}

static void no_name_is_one_of_mainlines(struct kunit *test)
{
	char name[DISK_NAME_LEN];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, mainlines_number("vda"));
	KUNIT_ASSERT_EQ(test, 26, mainlines_number("vdaa"));
	for (i = 0; i < 1000; i++) {
		parley_blk_name(i, name);
		/* It has 2^20 minor numbers, and 16 for each disk. */
		KUNIT_EXPECT_GE(test, mainlines_number(name), 1 << 16);
	}
}

static struct kunit_case blk_cases[] = {
	KUNIT_CASE(a_sane_configuration_is_taken_as_it_is),
	KUNIT_CASE(fields_without_their_feature_are_not_read),
	KUNIT_CASE(a_wrong_block_size_is_refused),
	KUNIT_CASE(bad_46_segments_are_bounded),
	KUNIT_CASE(topology_never_overflows),
	KUNIT_CASE(zero_limits_turn_commands_off),
	KUNIT_CASE(discard_limits_are_made_usable),
	KUNIT_CASE(queues_are_bounded),
	KUNIT_CASE(capacity_never_overflows),
	KUNIT_CASE(zoned_numbers_are_checked),
	KUNIT_CASE(commands_that_zones_do_not_have_are_off),
	KUNIT_CASE(a_zone_that_cannot_be_is_refused),
	KUNIT_CASE(a_write_pointer_lies_in_its_zone),
	KUNIT_CASE(bad_49_every_status_and_length),
	KUNIT_CASE(names_are_all_different),
	KUNIT_CASE(no_name_is_one_of_mainlines),
	{}
};

static struct kunit_suite blk_suite = {
	.name = "parley_blk",
	.test_cases = blk_cases,
};

kunit_test_suite(blk_suite);

MODULE_DESCRIPTION("Parley: tests of the block front-end");
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
