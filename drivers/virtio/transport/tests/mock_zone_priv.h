/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two files of the mock disk's zones share.
 */
#ifndef _PARLEY_MOCK_ZONE_PRIV_H
#define _PARLEY_MOCK_ZONE_PRIV_H

#include "mock_zone.h"

u64 parley_mock_zone_capacity(const struct parley_mock_zones *zones,
			      unsigned int i);
u8 parley_mock_zone_report(const struct parley_mock_zones *zones,
			   struct parley_mock_req *req, unsigned int first);

#endif /* _PARLEY_MOCK_ZONE_PRIV_H */
