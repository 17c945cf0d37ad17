/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A DMA API whose every mapping is a copy in memory of its own, so that the
 * address sanitiser sees who goes beyond one, or uses it when it is undone.
 */
#ifndef _PARLEY_FUZZ_BOUNCE_H
#define _PARLEY_FUZZ_BOUNCE_H

#include <parley/memory.h>

extern const struct parley_mem fuzz_bounce;

/* Mappings and allocations that were not given back. */
extern unsigned int fuzz_bounced;

#endif /* _PARLEY_FUZZ_BOUNCE_H */
