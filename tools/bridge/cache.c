// SPDX-License-Identifier: GPL-2.0-only
/* The guest's write cache, over the end of this process. */
#include "cache.h"

/* The region was handed over: what it says counts, unless we know better. */
void cache_adopt(struct device *d)
{
	uint32_t known = PARLEY_BLK_CACHE_UNKNOWN;
	uint32_t kept = inflight_cache(&d->inflight);
	int ret = kernel_get_cache(&d->kernel, &known);

	if (!ret && known != PARLEY_BLK_CACHE_UNKNOWN)
		ret = inflight_set_cache(&d->inflight, known);
	else if (!ret && kept != PARLEY_BLK_CACHE_UNKNOWN)
		ret = kernel_set_cache(&d->kernel, kept);
	if (ret)
		say(d->who, "%s; the guest is given durable writes",
		    device_error(d, "what is kept of its write cache", ret));
}

/* A ring was started, or the guest has set its cache: for who comes after us. */
void cache_keep(struct device *d)
{
	uint32_t known = PARLEY_BLK_CACHE_UNKNOWN;
	int ret = kernel_get_cache(&d->kernel, &known);

	if (!ret && known != inflight_cache(&d->inflight))
		ret = inflight_set_cache(&d->inflight, known);
	if (ret)
		say(d->who, "%s; after a restart the guest is given durable writes",
		    device_error(d, "keeping its write cache", ret));
}

/**
 * cache_set - the guest turns its cache on or off
 * @d: device
 * @wce: one byte
 * @at: where it lies in the configuration space
 *
 * Return: 0 or -errno.
 */
int cache_set(struct device *d, const void *wce, uint32_t at)
{
	int ret = 0;

	if (inflight_cache(&d->inflight) != PARLEY_BLK_CACHE_UNKNOWN)
		ret = inflight_set_cache(&d->inflight, PARLEY_BLK_CACHE_THROUGH);
	if (!ret)
		ret = kernel_set_config(&d->kernel, wce, at, 1);
	cache_keep(d);
	return ret;
}
