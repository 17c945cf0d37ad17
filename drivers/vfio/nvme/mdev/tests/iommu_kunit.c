// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which IOMMU domains keep a function from memory of others.
 */
#include <kunit/test.h>
#include <linux/iommu.h>
#include "../mdev.h"

static void only_a_strict_domain_will_do(struct kunit *test)
{
	struct iommu_domain domain = { .type = IOMMU_DOMAIN_DMA };

	KUNIT_EXPECT_NULL(test, parley_mdev_iommu_lack(&domain));
	domain.type = IOMMU_DOMAIN_DMA_FQ;
	KUNIT_EXPECT_NOT_NULL(test, parley_mdev_iommu_lack(&domain));
	domain.type = IOMMU_DOMAIN_IDENTITY;
	KUNIT_EXPECT_NOT_NULL(test, parley_mdev_iommu_lack(&domain));
	KUNIT_EXPECT_NOT_NULL(test, parley_mdev_iommu_lack(NULL));
}

static struct kunit_case iommu_cases[] = {
	KUNIT_CASE(only_a_strict_domain_will_do),
	{}
};

static struct kunit_suite iommu_suite = {
	.name = "parley_nvme_mdev_iommu",
	.test_cases = iommu_cases,
};

kunit_test_suite(iommu_suite);
