// SPDX-License-Identifier: GPL-2.0-only
/* A device in shared memory: what the guest's driver asks for. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/virtio_config.h>
#include "shm.h"

_Static_assert(sizeof(struct parley_shm_about) == 64, "one line");
_Static_assert(offsetof(struct parley_shm_header, state) == 64, "as documented");
_Static_assert(offsetof(struct parley_shm_header, ask) == 128, "as documented");
_Static_assert(offsetof(struct parley_shm_header, config) == 256, "as documented");
_Static_assert(offsetof(struct parley_shm_header, data) == 512, "as documented");
_Static_assert(sizeof(struct parley_shm_header) <= PARLEY_SHM_HEADER, "it fits");

#define BATCH		16	/* requests before others are looked at */
#define VENDOR		0x1af4
#define PACKED_START	0x80008000u	/* both wrap counters are 1 */
#define NEEDS_RESET	0x40
#define STATUS_KNOWN	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
			 VIRTIO_CONFIG_S_DRIVER_OK | \
			 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

/*
 * Nobody logs this memory, and the kernel learns of a kick by an eventfd, which
 * carries no data.
 */
#define NOT_OFFERED	(1ull << MSG_F_PROTOCOL | 1ull << VHOST_F_LOG_ALL | \
			 1ull << 38 /* VIRTIO_F_NOTIFICATION_DATA */)

/**
 * struct wish - a request, copied
 * @number: of it
 * @what: PARLEY_SHM_*
 * @queue: see struct parley_shm_ask, as all that follow
 * @size: see there
 * @offset: see there
 * @status: see there
 * @arg: see there
 */
struct wish {
	uint32_t number;
	uint32_t what;
	uint32_t queue;
	uint32_t size;
	uint32_t offset;
	uint32_t status;
	uint64_t arg[3];
};

static uint32_t get32(const __le32 *at)
{
	return le32toh(__atomic_load_n(at, __ATOMIC_RELAXED));
}

static uint64_t get64(const __le64 *at)
{
	return le64toh(__atomic_load_n(at, __ATOMIC_RELAXED));
}

static void put32(__le32 *at, uint32_t value)
{
	__atomic_store_n(at, htole32(value), __ATOMIC_RELAXED);
}

static void put64(__le64 *at, uint64_t value)
{
	__atomic_store_n(at, htole64(value), __ATOMIC_RELAXED);
}

/* After all that was written before; the driver reads it first. */
static void publish32(__le32 *at, uint32_t value)
{
	__atomic_store_n(at, htole32(value), __ATOMIC_RELEASE);
}

/* Full: the guest has interrupts enough, and will look at the words. */
static void interrupt(struct shm *s)
{
	ring_tell(s->iv->call[0]);
}

static void set_status(struct shm *s, uint32_t status)
{
	s->status = status;
	put32(&s->h->state.status, status);
}

/* Configuration or status is another, and it was not the driver who asked. */
static void announce(struct shm *s)
{
	publish32(&s->h->state.changes, ++s->changes);
	interrupt(s);
}

/* The driver reads again when it finds another generation, or an odd one. */
static void write_config(struct shm *s, const uint8_t *bytes)
{
	uint32_t i;

	put32(&s->h->state.generation, ++s->generation);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (i = 0; i < s->config_len; i++)
		__atomic_store_n(&s->h->config[i], bytes[i], __ATOMIC_RELAXED);
	publish32(&s->h->state.generation, ++s->generation);
}

static int refresh_config(struct shm *s)
{
	uint8_t bytes[MSG_CONFIG_MAX];
	int ret = conn_config(s->c, bytes, &s->config_len);

	if (s->config_len > PARLEY_SHM_CONFIG)
		s->config_len = PARLEY_SHM_CONFIG;
	if (!ret)
		write_config(s, bytes);
	return ret;
}

/* ------------------------------------------------------------- requests */

static const char *reset(struct shm *s)
{
	struct device *d = &s->c->d;

	device_reset(d);
	memset(s->set, 0, sizeof(s->set));
	if (d->lost)
		return "a ring could not be stopped";
	set_status(s, 0);
	return NULL;
}

static const char *set_features(struct shm *s, const struct wish *w)
{
	if (s->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return "features after FEATURES_OK";
	if (w->arg[1] || !(w->arg[0] >> VIRTIO_F_VERSION_1 & 1))
		return "features that were not offered, or none";
	return device_set_features(&s->c->d, w->arg[0], s->offered);
}

static const char *start_rings(struct shm *s)
{
	struct device *d = &s->c->d;
	const char *why;
	unsigned int i;
	int fd;

	for (i = 0; i < d->nr_rings; i++) {
		if (!s->set[i])
			continue;
		fd = dup(s->iv->ring[PARLEY_SHM_VECTOR(i)]);
		if (fd < 0)
			return device_error(d, "an eventfd", -errno);
		why = ring_set_kick(d, i, fd);
		if (why)
			return why;
	}
	return NULL;
}

static const char *write_status(struct shm *s, const struct wish *w)
{
	const char *why = NULL;

	if (!w->status || w->status & ~STATUS_KNOWN)
		return "a status that there is not";
	if (s->status & ~w->status)
		return "a status that takes something back";
	if (w->status & VIRTIO_CONFIG_S_FEATURES_OK && !s->c->d.features)
		return "FEATURES_OK without features";
	if (w->status & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !(w->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return "DRIVER_OK without FEATURES_OK";
	if (w->status & ~s->status & VIRTIO_CONFIG_S_DRIVER_OK)
		why = start_rings(s);
	if (!why)
		set_status(s, w->status);
	return why;
}

/* Has the queue its place behind the header?  The rest is looked at when it starts. */
static bool addresses_fit(const struct shm *s, const struct wish *w)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (w->arg[i] < PARLEY_SHM_HEADER || w->arg[i] >= s->iv->size)
			return false;
	return true;
}

static const char *set_queue(struct shm *s, const struct wish *w)
{
	const struct vhost_vring_addr addr = {
		.index = w->queue,
		.desc_user_addr = w->arg[0],
		.avail_user_addr = w->arg[1],
		.used_user_addr = w->arg[2],
	};
	struct device *d = &s->c->d;
	const char *why;
	int fd;

	if (!(s->status & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    s->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return "a queue before FEATURES_OK or after DRIVER_OK";
	if (w->queue >= d->nr_rings || s->set[w->queue])
		return "a queue that there is not, or that is enabled";
	if (!w->size || w->size > SHM_QUEUE_SIZE || !addresses_fit(s, w))
		return "a queue that is too large, or lies elsewhere";
	why = ring_set_num(d, w->queue, w->size);
	if (!why)
		why = ring_set_addr(d, &addr);
	if (why)
		return why;
	fd = dup(s->iv->call[PARLEY_SHM_VECTOR(w->queue)]);
	if (fd < 0)
		return device_error(d, "an eventfd", -errno);
	d->ring[w->queue].base = device_packed(d) ? PACKED_START : 0;
	s->set[w->queue] = true;
	return ring_set_call(d, w->queue, fd);
}

static const char *write_field(struct shm *s, const struct wish *w)
{
	uint8_t bytes[PARLEY_SHM_CONFIG];
	struct device *d = &s->c->d;
	uint32_t i;
	int ret;

	if (w->offset > s->config_len || w->size > s->config_len - w->offset)
		return "beyond the configuration";
	for (i = 0; i < w->size; i++)
		bytes[i] = __atomic_load_n(&s->h->data[i], __ATOMIC_RELAXED);
	ret = conn_write_config(s->c, bytes, w->offset, w->size);
	if (!ret)
		ret = refresh_config(s);
	return ret ? device_error(d, "the configuration", ret) : NULL;
}

/*
 * It is to be reset, and the driver does not know that yet: it may be in the middle of
 * setting the device up, and learns of it when it has come to the end.
 */
static bool in_vain(struct shm *s, const struct wish *w)
{
	if (!(s->status & NEEDS_RESET) || w->what == PARLEY_SHM_RESET)
		return false;
	if (w->what == PARLEY_SHM_STATUS)
		set_status(s, (s->status | w->status) & (STATUS_KNOWN | NEEDS_RESET));
	return true;
}

static const char *carry_out(struct shm *s, const struct wish *w)
{
	if (in_vain(s, w))
		return NULL;
	switch (w->what) {
	case PARLEY_SHM_NOTHING:
		return NULL;
	case PARLEY_SHM_RESET:
		return reset(s);
	case PARLEY_SHM_FEATURES:
		return set_features(s, w);
	case PARLEY_SHM_STATUS:
		return write_status(s, w);
	case PARLEY_SHM_QUEUE:
		return set_queue(s, w);
	case PARLEY_SHM_WRITE:
		return write_field(s, w);
	default:
		return "a request that there is not";
	}
}

/* Each word once, the number first. */
static void copy(const struct parley_shm_ask *ask, struct wish *w)
{
	unsigned int i;

	w->number = le32toh(__atomic_load_n(&ask->number, __ATOMIC_ACQUIRE));
	w->what = get32(&ask->what);
	w->queue = get32(&ask->queue);
	w->size = get32(&ask->size);
	w->offset = get32(&ask->offset);
	w->status = get32(&ask->status);
	for (i = 0; i < 3; i++)
		w->arg[i] = get64(&ask->arg[i]);
}

/**
 * shm_serve - carry out what the driver asks for
 * @s: device
 *
 * To be called when the first eventfd was rung, and when we begin.  A request that a
 * process before us did not answer is carried out again: all of them may be.
 */
void shm_serve(struct shm *s)
{
	uint64_t count;
	struct wish w;
	const char *why;
	unsigned int i;

	if (read(s->iv->ring[0], &count, sizeof(count)) < 0)
		count = 0;
	for (i = 0; i < BATCH && !s->c->d.lost; i++) {
		copy(&s->h->ask, &w);
		if (w.number == s->done)
			return;
		s->c->d.who->doing = "a request in shared memory";
		why = carry_out(s, &w);
		if (why)
			say(s->c->d.who, "%s (request %u)", why, w.what);
		s->c->d.who->doing = NULL;
		/* Whoever comes after us has to do it. */
		if (s->c->d.lost)
			return;
		put32(&s->h->state.result, why ? EINVAL : 0);
		s->done = w.number;
		publish32(&s->h->state.done, w.number);
		interrupt(s);
	}
	/* There is more: come again, after the others. */
	ring_tell(s->iv->ring[0]);
}

/**
 * shm_config_changed - the kernel says that the configuration is another
 * @s: device
 */
void shm_config_changed(struct shm *s)
{
	uint64_t count;
	int ret;

	if (read(s->c->config_fd, &count, sizeof(count)) < 0)
		return;
	ret = refresh_config(s);
	if (ret)
		say(s->c->d.who, "%s",
		    device_error(&s->c->d, "the configuration space", ret));
	announce(s);
}

/**
 * shm_ring_broken - the driver broke the rules of a ring, which stands still
 * @s: device
 *
 * The driver is to start the device anew (spec 2.1.2).
 */
void shm_ring_broken(struct shm *s)
{
	uint64_t count;

	if (read(s->err, &count, sizeof(count)) < 0)
		return;
	say(s->c->d.who, "the guest's driver broke a ring; it is told to start anew");
	set_status(s, s->status | NEEDS_RESET);
	announce(s);
}

/* ------------------------------------------------------ beginning and end */

static const char *map_all(struct shm *s)
{
	const struct msg_mem_table table = {
		.nr = 1, .region[0].size = s->iv->size,
	};

	s->h = mmap(NULL, PARLEY_SHM_HEADER, PROT_READ | PROT_WRITE, MAP_SHARED,
		    s->iv->memory, 0);
	if (s->h == MAP_FAILED) {
		s->h = NULL;
		return device_error(&s->c->d, "the shared memory", -errno);
	}
	return device_set_mem(&s->c->d, &table, &s->iv->memory);
}

static const char *listen_to_rings(struct shm *s)
{
	struct device *d = &s->c->d;
	const char *why = NULL;
	unsigned int i;
	int fd;

	s->err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->err < 0)
		return device_error(d, "an eventfd", -errno);
	for (i = 0; i < d->nr_rings && !why; i++) {
		fd = dup(s->err);
		why = fd < 0 ? device_error(d, "an eventfd", -errno) :
		      ring_set_err(d, i, fd);
	}
	return why;
}

static void describe(struct shm *s)
{
	struct parley_shm_about *about = &s->h->about;

	put32(&about->version, PARLEY_SHM_VERSION);
	put32(&about->header, PARLEY_SHM_HEADER);
	put64(&about->size, s->iv->size);
	put32(&about->device, s->c->d.kind->type);
	put32(&about->vendor, VENDOR);
	put32(&about->nr_queues, s->c->d.nr_rings);
	put32(&about->queue_size, SHM_QUEUE_SIZE);
	put32(&about->config_len, s->config_len);
	put32(&about->peer, IVSHMEM_DEVICE);
	put64(&about->features[0], s->offered);
	put64(&about->features[1], 0);
	__atomic_store_n(&about->magic, htole64(PARLEY_SHM_MAGIC),
			 __ATOMIC_RELEASE);
}

/*
 * The process before us was killed; the kernel has finished all that was in flight,
 * and its rings run no more.  The driver knows what it has to do about that.
 */
static void succeed(struct shm *s)
{
	uint32_t status = get32(&s->h->state.status) & STATUS_KNOWN;

	put32(&s->h->state.lives, get32(&s->h->state.lives) + 1);
	set_status(s, status ? status | NEEDS_RESET : 0);
	if (status)
		announce(s);
}

/**
 * shm_open_device - begin to serve a guest
 * @s: filled in
 * @c: its device, open
 * @iv: what it shares with us
 *
 * What a process before us left in the memory may have been changed by the guest
 * since; it decides whether the guest is told to start anew, and where the counters
 * go on, and nothing else.
 *
 * Return: NULL, or what is wrong; call shm_close() in any case.
 */
const char *shm_open_device(struct shm *s, struct conn *c,
			    const struct ivshmem *iv)
{
	const char *why;
	int ret;

	memset(s, 0, sizeof(*s));
	s->c = c;
	s->iv = iv;
	s->err = -1;
	s->offered = c->offered & ~NOT_OFFERED;
	if (c->d.nr_rings >= iv->vectors)
		c->d.nr_rings = iv->vectors - 1;
	why = map_all(s);
	if (!why)
		why = listen_to_rings(s);
	if (why)
		return why;
	s->generation = get32(&s->h->state.generation) & ~1u;
	s->changes = get32(&s->h->state.changes);
	s->done = get32(&s->h->state.done);
	ret = refresh_config(s);
	if (ret)
		return device_error(&c->d, "the configuration space", ret);
	describe(s);
	succeed(s);
	shm_serve(s);
	return NULL;
}

/* Nobody will serve this guest any more. */
void shm_gone(struct shm *s)
{
	if (!s->h)
		return;
	set_status(s, PARLEY_SHM_GONE);
	announce(s);
}

void shm_close(struct shm *s)
{
	if (s->h)
		munmap(s->h, PARLEY_SHM_HEADER);
	if (s->err >= 0)
		close(s->err);
	s->h = NULL;
	s->err = -1;
}
