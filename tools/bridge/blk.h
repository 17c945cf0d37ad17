/* SPDX-License-Identifier: GPL-2.0-only */
/* Disks: a back end, its size, its write cache. */
#ifndef BRIDGE_BLK_H
#define BRIDGE_BLK_H

#include "kind.h"

extern const struct kind blk_kind;

#endif
