// SPDX-License-Identifier: GPL-2.0-only
/* The in-flight region: made, checked, asked. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "inflight.h"

/**
 * inflight_size - how large a region is
 * @nr_queues: rings
 *
 * Return: bytes.
 */
uint64_t inflight_size(unsigned int nr_queues)
{
	return sizeof(struct inflight_header) +
	       (uint64_t)nr_queues * sizeof(struct inflight_ring);
}

static off_t ring_at(const struct inflight *in, unsigned int ring)
{
	return (off_t)(in->offset + inflight_size(ring));
}

static int put(int fd, const void *buf, size_t len, off_t at)
{
	return pwrite(fd, buf, len, at) == (ssize_t)len ? 0 : -EIO;
}

static int get(int fd, void *buf, size_t len, off_t at)
{
	return pread(fd, buf, len, at) == (ssize_t)len ? 0 : -EIO;
}

static int put_header(int fd, off_t at, unsigned int nr_queues,
		      unsigned int queue_size)
{
	struct inflight_header h = {
		.magic = htole64(INFLIGHT_MAGIC),
		.version = htole32(INFLIGHT_VERSION),
		.nr_queues = htole32(nr_queues),
		.queue_size = htole32(queue_size),
	};

	return put(fd, &h, sizeof(h), at);
}

/**
 * inflight_create - make a region for a VMM that asks for one
 * @nr_queues: rings
 * @queue_size: of each, for the record
 *
 * Return: its file descriptor, to be closed once it was sent, or -errno.
 */
int inflight_create(unsigned int nr_queues, unsigned int queue_size)
{
	int fd, ret;

	fd = memfd_create("parley-inflight", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)inflight_size(nr_queues)))
		ret = -errno;
	else
		ret = put_header(fd, 0, nr_queues, queue_size);
	if (ret) {
		close(fd);
		return ret;
	}
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return fd;
}

/* A region that a VMM hands over: ours, or fresh, but nobody else's. */
static const char *check_header(int fd, const struct msg_inflight *m)
{
	static const struct inflight_header zero;
	struct inflight_header h;

	if (get(fd, &h, sizeof(h), (off_t)m->offset))
		return "the region cannot be read";
	if (!memcmp(&h, &zero, sizeof(h)))
		return put_header(fd, (off_t)m->offset, m->nr_queues,
				  m->queue_size) ?
		       "the region cannot be written" : NULL;
	if (le64toh(h.magic) != INFLIGHT_MAGIC)
		return "the region is of another program; reset the guest's device";
	if (le32toh(h.version) != INFLIGHT_VERSION)
		return "the region is of another version; reset the guest's device";
	if (le32toh(h.nr_queues) < m->nr_queues)
		return "the region was made for fewer queues";
	return NULL;
}

/**
 * inflight_set - use the region that a VMM hands over
 * @in: replaced on success, untouched on error
 * @m: what the VMM says of it
 * @fd: its file; ours on success, still the caller's on error
 *
 * Return: NULL, or what is wrong.
 */
const char *inflight_set(struct inflight *in, const struct msg_inflight *m,
			 int fd)
{
	uint64_t size = inflight_size(m->nr_queues);
	struct lent lent;
	const char *why;

	if (m->size < size)
		return "the region is too small for its queues";
	if (m->offset + m->size < m->offset || m->offset % 8)
		return "the region's offset is impossible";
	switch (lent_map(&lent, fd, m->offset, m->size)) {
	case LENT_GOOD:
		break;
	case LENT_NO_FILE:
		return "the region is not a file";
	case LENT_ON_DISK:
		return "the region is neither a memfd nor on tmpfs or hugetlbfs";
	case LENT_SHORT:
		return "the region ends beyond its file";
	default:
		return "the region cannot be mapped";
	}
	why = check_header(fd, m);
	if (why) {
		lent_unmap(&lent);
		return why;
	}
	inflight_drop(in);
	in->fd = fd;
	in->offset = m->offset;
	in->lent = lent;
	in->nr_queues = m->nr_queues;
	return NULL;
}

void inflight_drop(struct inflight *in)
{
	lent_unmap(&in->lent);
	if (in->fd >= 0)
		close(in->fd);
	in->fd = -1;
	in->nr_queues = 0;
}

/* Both halves of a packed ring's state, or the index of a split one. */
static bool sane(uint32_t base, uint32_t num, bool packed)
{
	if (!packed)
		return base <= 0xffff;
	return (base & 0x7fff) < num && (base >> 16 & 0x7fff) < num;
}

/**
 * inflight_ask - where does a ring go on?
 * @in: region, or none
 * @ring: number
 * @num: its size now
 * @packed: its format now
 * @base: set for INFLIGHT_BASE
 *
 * The kept state counts when nobody told the VMM of it (else the VMM may have
 * reset the ring since), and when it is about a ring of this size and format.
 *
 * Return: one of the answers.
 */
enum inflight_answer inflight_ask(const struct inflight *in, unsigned int ring,
				  uint32_t num, bool packed, uint32_t *base)
{
	struct inflight_ring r;

	if (in->fd < 0 || ring >= in->nr_queues ||
	    get(in->fd, &r, sizeof(r), ring_at(in, ring)))
		return INFLIGHT_NOTHING;
	switch (le32toh(r.kept.state)) {
	case PARLEY_VHOST_KEPT_RUNNING:
		return INFLIGHT_WAIT;
	case PARLEY_VHOST_KEPT_BROKEN:
		return le32toh(r.told) ? INFLIGHT_NOTHING : INFLIGHT_BROKEN;
	case PARLEY_VHOST_KEPT_STOPPED:
		break;
	default:
		return INFLIGHT_NOTHING;
	}
	/* The base was written before the state, so read it after. */
	if (get(in->fd, &r, sizeof(r), ring_at(in, ring)) || le32toh(r.told) ||
	    le32toh(r.num) != num || !!le32toh(r.packed) != packed ||
	    !sane(le32toh(r.kept.base), num, packed))
		return INFLIGHT_NOTHING;
	*base = le32toh(r.kept.base);
	return INFLIGHT_BASE;
}

/**
 * inflight_start - a ring is about to start
 * @in: region, or none
 * @ring: number
 * @num: its size
 * @packed: its format
 * @base: where it starts
 *
 * Written before the kernel starts the ring: whoever comes after us, if we are
 * killed in between, starts at the same place.
 *
 * Return: 0 or -errno.
 */
int inflight_start(const struct inflight *in, unsigned int ring, uint32_t num,
		   bool packed, uint32_t base)
{
	struct inflight_ring r = {
		.kept.base = htole32(base),
		.kept.state = htole32(PARLEY_VHOST_KEPT_STOPPED),
		.num = htole32(num),
		.packed = htole32(packed),
	};

	if (in->fd < 0 || ring >= in->nr_queues)
		return 0;
	return put(in->fd, &r, sizeof(r), ring_at(in, ring));
}

/**
 * inflight_told - the VMM was told where a ring stopped
 * @in: region, or none
 * @ring: number
 */
void inflight_told(const struct inflight *in, unsigned int ring)
{
	__le32 told = htole32(1);

	if (in->fd >= 0 && ring < in->nr_queues)
		put(in->fd, &told, sizeof(told),
		    ring_at(in, ring) +
		    (off_t)offsetof(struct inflight_ring, told));
}

/* Where the kernel shall keep the state of a ring; NULL without a region. */
void *inflight_kept(const struct inflight *in, unsigned int ring)
{
	if (!in->lent.map || ring >= in->nr_queues)
		return NULL;
	return (void *)(uintptr_t)(in->lent.at + inflight_size(ring));
}

#define CACHE_AT	offsetof(struct inflight_header, cache)

/**
 * inflight_cache - what who served the guest before knew of its write cache
 * @in: region, or none
 *
 * Return: PARLEY_BLK_CACHE_*.
 */
uint32_t inflight_cache(const struct inflight *in)
{
	__le32 cache;

	if (in->fd < 0 || get(in->fd, &cache, sizeof(cache),
			      (off_t)(in->offset + CACHE_AT)) ||
	    le32toh(cache) > PARLEY_BLK_CACHE_BACK)
		return PARLEY_BLK_CACHE_UNKNOWN;
	return le32toh(cache);
}

/* For who serves the guest next; 0 or -errno. */
int inflight_set_cache(const struct inflight *in, uint32_t cache)
{
	__le32 value = htole32(cache);

	return in->fd < 0 ? 0 : put(in->fd, &value, sizeof(value),
				    (off_t)(in->offset + CACHE_AT));
}
