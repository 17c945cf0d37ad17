/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does the guest flush, or does it rely on durable writes?  No VMM repeats to a
 * successor of ours what the guest once set, so it is kept with the state of the
 * rings.
 *
 * At every moment the region says what is, or that the guest may not flush: so it
 * does not matter when we are killed.
 */
#ifndef BRIDGE_CACHE_H
#define BRIDGE_CACHE_H

#include "device.h"

void cache_adopt(struct device *d);
void cache_keep(struct device *d);
int cache_set(struct device *d, const void *wce, uint32_t at);

#endif
