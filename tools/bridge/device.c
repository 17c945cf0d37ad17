// SPDX-License-Identifier: GPL-2.0-only
/* A device: what concerns all of its rings. */
#define _GNU_SOURCE
#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include "cache.h"
#include "device.h"

#define LOG_ALL		(1ull << VHOST_F_LOG_ALL)
#define VERSION_1	(1ull << VIRTIO_F_VERSION_1)
#define WAIT_MS		20000
#define CLAIM_MS	3000

/*
 * VMMs acknowledge these whatever was offered; they mean nothing to a device
 * that has no legacy layout (any layout, notify on empty).
 */
#define MEANINGLESS	(1ull << VIRTIO_F_ANY_LAYOUT | \
			 1ull << VIRTIO_F_NOTIFY_ON_EMPTY)

/**
 * device_fail - the text of an error
 * @d: device
 * @what: went wrong
 * @why: it did
 *
 * Return: the text, good until the next one.
 */
const char *device_fail(struct device *d, const char *what, const char *why)
{
	snprintf(d->error, sizeof(d->error), "%s: %s", what, why);
	return d->error;
}

/* The same of an error that has a number, -errno. */
const char *device_error(struct device *d, const char *what, int ret)
{
	return device_fail(d, what, strerror(-ret));
}

void device_init(struct device *d, struct who *who, unsigned int nr_rings)
{
	unsigned int i;

	d->who = who;
	d->kind = kind_table[KIND_BLK];
	d->kernel.fd = -1;
	image_init(&d->image);
	d->stop_fd = -1;
	d->wait_ms = WAIT_MS;
	d->claim_ms = CLAIM_MS;
	d->legacy = false;
	d->legacy_said = false;
	d->chain = 0;
	d->small_said = false;
	d->lost = false;
	d->features = 0;
	d->mem.nr = 0;
	d->log = (struct dirty_log){ 0 };
	d->inflight = (struct inflight){ .fd = -1 };
	d->nr_rings = nr_rings;
	for (i = 0; i < DEVICE_RINGS; i++)
		ring_init(&d->ring[i]);
}

/**
 * device_release - stop everything and let all go
 * @d: device
 *
 * Rings stop one by one first, so that requests in flight find the memory still
 * mapped.
 */
void device_release(struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++)
		ring_stop(d, i);
	kernel_close(&d->kernel);
	image_close(&d->image);
	for (i = 0; i < d->nr_rings; i++)
		ring_release(&d->ring[i]);
	inflight_drop(&d->inflight);
	log_unmap(&d->log);
	mem_clear(&d->mem);
}

/* The kernel must not write where we are about to unmap. */
static int forget_kept(struct device *d)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < d->nr_rings && d->inflight.fd >= 0 && !ret; i++)
		ret = kernel_ring_keep(&d->kernel, i, NULL);
	return ret;
}

/**
 * device_reset - RESET_DEVICE
 * @d: device
 *
 * The guest's memory stays: VMMs that send it region by region do not send it
 * again.
 */
void device_reset(struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++)
		ring_reset(d, i);
	if (forget_kept(d))
		d->lost = true;
	if (d->lost)
		return;
	inflight_drop(&d->inflight);
	d->features = 0;
}

bool device_packed(const struct device *d)
{
	return d->features >> VIRTIO_F_RING_PACKED & 1;
}

static bool any_running(const struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++)
		if (d->ring[i].running || d->ring[i].held)
			return true;
	return false;
}

/* Wait a moment, or until the process is to end; true then. */
bool device_told_to_stop(const struct device *d, int ms)
{
	struct pollfd stop = { .fd = d->stop_fd };

	return poll(&stop, 1, ms) > 0;
}

/**
 * device_claim - a ring is about to run: have the back end for ourselves
 * @d: device
 *
 * Waits a little: a process that was killed lets go when its last request is
 * done, the source of a migration on this host when its last ring has stopped.
 *
 * Return: NULL, or who has it.
 */
const char *device_claim(struct device *d)
{
	int waited = 0;
	const char *why;

	while ((why = image_claim(&d->image))) {
		if (waited >= d->claim_ms || device_told_to_stop(d, LOOK_MS))
			break;
		waited += LOOK_MS;
	}
	return why;
}

/* Let go of the back end if no ring runs. */
void device_unclaim(struct device *d)
{
	if (!any_running(d))
		image_release(&d->image);
}

/**
 * device_log_fits - does the dirty log cover what would be logged?
 * @d: device
 *
 * Return: NULL, or what is wrong.
 */
const char *device_log_fits(struct device *d)
{
	unsigned int i;

	if (!d->log.lent.map)
		return NULL;
	if (d->features & LOG_ALL && !log_covers(&d->log, 0, mem_top(&d->mem)))
		return "the dirty log is too small for the guest's memory";
	for (i = 0; i < d->nr_rings; i++) {
		const struct vhost_vring_addr *a = &d->ring[i].addr;

		if (a->flags & 1u << VHOST_VRING_F_LOG &&
		    !log_covers(&d->log, a->log_guest_addr,
				ring_used_len(d, i)))
			return "the dirty log is too small for a ring";
	}
	return NULL;
}

/*
 * A driver older than virtio 1, or firmware that takes the legacy interface of a
 * transitional device.  The rings and requests of such a disk are those of virtio
 * 1 in the byte order of the guest, and a VMM does not start a guest of the other
 * order here; so on a little-endian machine nothing is missing but the bit.
 */
static const char *serve_legacy(struct device *d, uint64_t *features)
{
	d->legacy = !(*features & VERSION_1);
	if (!d->legacy)
		return NULL;
	if (BYTE_ORDER != LITTLE_ENDIAN)
		return "the guest's driver is older than virtio 1; disable-legacy=on";
	*features |= VERSION_1;
	return NULL;
}

/**
 * device_set_features - SET_FEATURES
 * @d: device
 * @features: acknowledged
 * @offered: what we offered
 *
 * Return: NULL, or what is wrong.
 */
const char *device_set_features(struct device *d, uint64_t features,
				uint64_t offered)
{
	uint64_t old = d->features;
	const char *why;
	int ret;

	if (features & ~offered & ~MEANINGLESS)
		return "features that were not offered";
	features &= offered;
	why = serve_legacy(d, &features);
	if (why)
		return why;
	if (any_running(d) && (features ^ old) & ~LOG_ALL)
		return "rings are running; only logging can be switched now";
	d->features = features;
	why = device_log_fits(d);
	if (!why) {
		ret = kernel_set_features(&d->kernel,
					  features & ~(1ull << MSG_F_PROTOCOL));
		if (!ret)
			return NULL;
		why = device_error(d, "the features", ret);
	}
	d->features = old;
	return why;
}

/* Give the kernel the memory table; @d->mem is the one to give. */
static const char *push_mem(struct device *d)
{
	const char *why = device_log_fits(d);
	struct vhost_memory *table;
	int ret;

	if (why)
		return why;
	table = mem_table(&d->mem);
	if (!table)
		return "no memory for the memory table";
	ret = kernel_set_mem(&d->kernel, table);
	free(table);
	return ret ? device_error(d, "the memory table", ret) : NULL;
}

/**
 * device_hold - let no ring run, and no request be in flight, for a while
 * @d: device
 *
 * To be called before anything is unmapped: a request in flight keeps the
 * addresses that it was taken with, and another mapping may get them.  A VMM that
 * resizes a region takes it away and adds it again; requests in between would
 * find no memory.  device_resume() is called with the next message that is not
 * about memory, or a little later if there is none.
 *
 * Return: NULL, or that a ring still runs (@d->lost): then nothing may be
 * unmapped.
 */
const char *device_hold(struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++)
		if (d->ring[i].running)
			ring_hold(d, i);
	return d->lost ? "a ring could not be stopped" : NULL;
}

bool device_held(const struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++)
		if (d->ring[i].held)
			return true;
	return false;
}

void device_resume(struct device *d)
{
	const char *why;
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++) {
		why = d->ring[i].held ? ring_resume(d, i) : NULL;
		if (why)
			say(d->who, "ring %u stays idle after a change of the memory: %s",
			    i, why);
	}
	device_unclaim(d);
}

/* Would this table take away something that requests in flight may use? */
static bool must_hold(struct device *d, const struct mem *new)
{
	unsigned int i;

	if (mem_loses(&d->mem, new))
		return true;
	for (i = 0; i < d->nr_rings; i++)
		if (d->ring[i].running && ring_moved(d, i, new))
			return true;
	return false;
}

/* SET_MEM_TABLE: the whole table at once. */
const char *device_set_mem(struct device *d, const struct msg_mem_table *table,
			   const int *fds)
{
	struct mem *old = malloc(sizeof(*old)), *new = malloc(sizeof(*new));
	const char *why = "no memory for the memory table";

	if (!old || !new)
		goto out;
	why = mem_build(new, &d->mem, table, fds);
	if (!why && must_hold(d, new))
		why = device_hold(d);
	if (why) {
		mem_forget(new, &d->mem);
		goto out;
	}
	*old = d->mem;
	d->mem = *new;
	why = push_mem(d);
	if (why)
		d->mem = *old;
	mem_forget(why ? new : old, &d->mem);
	device_resume(d);
out:
	free(old);
	free(new);
	return why;
}

const char *device_add_mem(struct device *d, const struct msg_region *r, int fd)
{
	const char *why = mem_add(&d->mem, r, fd);

	if (why)
		return why;
	why = push_mem(d);
	if (why) {
		mem_unmap(&d->mem.region[d->mem.nr - 1]);
		d->mem.nr--;
	}
	return why;
}

const char *device_rem_mem(struct device *d, const struct msg_region *r)
{
	int i = mem_find(&d->mem, r);
	struct mem_region gone;
	const char *why;

	if (i < 0)
		return "there is no such region";
	why = device_hold(d);
	if (why)
		return why;
	gone = d->mem.region[i];
	mem_drop(&d->mem, (unsigned int)i);
	why = push_mem(d);
	if (why)
		d->mem.region[d->mem.nr++] = gone;
	else
		mem_unmap(&gone);
	return why;
}

const char *device_set_log(struct device *d, const struct msg_log *m, int fd)
{
	struct dirty_log old = d->log, new = { 0 };
	const char *why = log_map(&new, m, fd);
	int ret;

	if (why)
		return why;
	if (old.lent.map)
		why = device_hold(d);
	if (why) {
		log_unmap(&new);
		return why;
	}
	d->log = new;
	why = device_log_fits(d);
	if (!why) {
		ret = kernel_set_log(&d->kernel, new.lent.at);
		if (ret)
			why = device_error(d, "the dirty log", ret);
	}
	if (why)
		d->log = old;
	log_unmap(why ? &new : &old);
	device_resume(d);
	return why;
}

/**
 * device_set_inflight - SET_INFLIGHT_FD
 * @d: device
 * @m: what the VMM says of the region
 * @fd: its file; ours on success, still the caller's on error
 *
 * Return: NULL, or what is wrong.
 */
const char *device_set_inflight(struct device *d, const struct msg_inflight *m,
				int fd)
{
	const char *why;
	unsigned int i;
	int ret;

	if (any_running(d))
		return "rings are running";
	if (m->nr_queues > d->nr_rings)
		return "more queues than the disk has";
	ret = forget_kept(d);
	if (ret)
		return device_error(d, "the old in-flight region", ret);
	why = inflight_set(&d->inflight, m, fd);
	for (i = 0; i < d->nr_rings && !why; i++)
		d->ring[i].ran = false;
	if (!why)
		cache_adopt(d);
	return why;
}

/* Is some ring without a kick, so that device_tick() is to be called? */
bool device_ticks(const struct device *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++)
		if (d->ring[i].running && d->ring[i].own_kick)
			return true;
	return false;
}

void device_tick(struct device *d)
{
	uint64_t one = 1;
	unsigned int i;

	for (i = 0; i < d->nr_rings; i++)
		if (d->ring[i].running && d->ring[i].own_kick &&
		    write(d->ring[i].kick, &one, sizeof(one)) < 0)
			continue;	/* full: it has not looked yet */
}
