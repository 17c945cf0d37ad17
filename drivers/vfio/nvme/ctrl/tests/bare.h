/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The fake with a driver that does nothing but start and stop it.
 */
#ifndef _PARLEY_NVME_BARE_H
#define _PARLEY_NVME_BARE_H

#include "fake.h"

/* A controller that is not initialised yet. */
struct fake *bare_new(struct kunit *test);
int bare_start(struct fake *f);
/* The same, initialised and started. */
struct fake *bare_live(struct kunit *test);
int bare_go_on(struct fake *f);
void bare_pause(struct fake *f, bool shutdown);
int bare_recover(struct fake *f);

#endif /* _PARLEY_NVME_BARE_H */
