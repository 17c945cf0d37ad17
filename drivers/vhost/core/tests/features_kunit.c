// SPDX-License-Identifier: GPL-2.0-only
/* Features: of 64 bits and of more, masked for a device, and changed. */
#include "vmm.h"

#define V1	BIT_ULL(VIRTIO_F_VERSION_1)

/* The array lies in the VMM's memory: a count, and so many words. */
static long array_call(struct vmm *v, unsigned int cmd, u64 count, u64 *words, unsigned int nr)
{
	long ret;

	vmm_poke(v, VMM_ARGS, &count, sizeof(count));
	vmm_poke(v, VMM_ARGS + 8, words, nr * sizeof(*words));
	ret = vmm_call_at(v, cmd, VMM_ARGS);
	vmm_peek(v, VMM_ARGS + 8, words, nr * sizeof(*words));
	return ret;
}

/* As many words as there is room for; those that nobody has are zero. */
static void array_is_read(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 words[4], low;

	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_GET_FEATURES, &low), 0);
	KUNIT_EXPECT_EQ(test, low & (VMM_FEATURES | V1), VMM_FEATURES | V1);
	memset(words, 0xff, sizeof(words));
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_GET_FEATURES_ARRAY, 3, words, 4), 0);
	KUNIT_EXPECT_EQ(test, words[0], low);
	KUNIT_EXPECT_EQ(test, words[1], VMM_FEATURES_HIGH);
	KUNIT_EXPECT_EQ(test, words[2], 0);
	KUNIT_EXPECT_EQ(test, words[3], U64_MAX);
	memset(words, 0xff, sizeof(words));
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_GET_FEATURES_ARRAY, 1, words, 4), 0);
	KUNIT_EXPECT_EQ(test, words[0], low);
	KUNIT_EXPECT_EQ(test, words[1], U64_MAX);
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_GET_FEATURES_ARRAY, 0, words, 0), 0);
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_GET_FEATURES_ARRAY, 512, words, 0), 0);
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_GET_FEATURES_ARRAY, 513, words, 0), -EINVAL);
}

/* What is agreed upon arrives at the accelerator, bit 66 as well. */
static void array_is_written(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 words[4] = { V1 | VMM_FEATURES, VMM_FEATURES_HIGH };

	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 3, words, 4), 0);
	KUNIT_EXPECT_EQ(test, v->changes, 1);
	KUNIT_EXPECT_EQ(test, v->has, V1 | VMM_FEATURES);
	KUNIT_EXPECT_TRUE(test, v->has_high);
	/* The same again is no change; without bit 66 it is one. */
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 2, words, 2), 0);
	KUNIT_EXPECT_EQ(test, v->changes, 1);
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 1, words, 1), 0);
	KUNIT_EXPECT_EQ(test, v->changes, 2);
	KUNIT_EXPECT_FALSE(test, v->has_high);
	/* Not offered: next to it, and beyond all that have a number. */
	words[1] = VMM_FEATURES_HIGH << 1;
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 2, words, 2),
			-EOPNOTSUPP);
	words[1] = VMM_FEATURES_HIGH;
	words[3] = 1;
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 4, words, 4),
			-EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 513, words, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, v->changes, 2);
	/* 64 bits say that there are no others. */
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 2, words, 2), 0);
	KUNIT_EXPECT_TRUE(test, v->has_high);
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, words), 0);
	KUNIT_EXPECT_FALSE(test, v->has_high);
	/* And who goes takes all of them along. */
	KUNIT_ASSERT_EQ(test, vmm_call_at(v, VHOST_RESET_OWNER, 0), 0);
	KUNIT_EXPECT_EQ(test, v->has, 0);
	KUNIT_EXPECT_EQ(test, v->changes, 5);
}

/* The log comes and goes while rings run, and is no change to the accelerator. */
static void log_is_no_change(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 base = v->user + VMM_LOG, logged = V1 | BIT_ULL(VHOST_F_LOG_ALL), other;

	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_LOG_BASE, &base), 0);
	vmm_start(v, 0);
	KUNIT_EXPECT_EQ(test, v->changes, 1);
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &logged), 0);
	KUNIT_EXPECT_EQ(test, v->changes, 1);
	other = logged | VMM_FEATURES;
	KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &other), -EBUSY);
}

/* A device may offer less than its kind, and no ring starts with what it took back. */
static void feature_is_masked(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 words[2] = { V1, VMM_FEATURES_HIGH }, low;

	v->masked = VMM_FEATURE;
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_GET_FEATURES, &low), 0);
	KUNIT_EXPECT_EQ(test, low & VMM_FEATURES, 0);
	v->masked = VMM_FEATURE_HIGH;
	KUNIT_EXPECT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 2, words, 2),
			-EOPNOTSUPP);
	v->masked = 0;
	vmm_set_up(v, 0);
	KUNIT_ASSERT_EQ(test, array_call(v, VHOST_SET_FEATURES_ARRAY, 2, words, 2), 0);
	v->masked = VMM_FEATURE_HIGH;
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), -EINVAL);
	v->masked = 0;
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), 0);
	/* What the ring has is not for an accelerator to take back. */
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 0), 0);
	v->masked = VIRTIO_F_VERSION_1;
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), 0);
}

static struct kunit_case features_cases[] = {
	KUNIT_CASE(array_is_read),
	KUNIT_CASE(array_is_written),
	KUNIT_CASE(log_is_no_change),
	KUNIT_CASE(feature_is_masked),
	{}
};

static struct kunit_suite features_suite = {
	.name = "parley_vhost_features",
	.test_cases = features_cases,
};

kunit_test_suite(features_suite);
