// SPDX-License-Identifier: GPL-2.0-only
/* The guest's write cache, when the process ends and another one goes on. */
#define _GNU_SOURCE
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "test.h"

#define UNKNOWN	PARLEY_BLK_CACHE_UNKNOWN
#define THROUGH	PARLEY_BLK_CACHE_THROUGH
#define BACK	PARLEY_BLK_CACHE_BACK

#define FIRST	0x80008000u	/* base of a packed ring that was never used */
#define AT	offsetof(struct inflight_header, cache)

/* Ask for a region and hand it over; our copy of it. */
static int region(struct vmm *v)
{
	int fd;

	EXPECT(!vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, 4, 0, 0));
	fd = v->reply_fd;
	v->reply_fd = -1;
	EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), 4, inflight_size(4), 0));
	return fd;
}

static uint32_t kept(int fd)
{
	__le32 value = 77;

	EXPECT(pread(fd, &value, sizeof(value), AT) == sizeof(value));
	return le32toh(value);
}

static int set_wce(struct vmm *v, uint8_t wce)
{
	struct msg *m = vmm_msg(MSG_SET_CONFIG, MSG_CONFIG_HEAD + 1);

	m->p.config.offset = 32;
	m->p.config.size = 1;
	m->p.config.data[0] = wce;
	return vmm_send(v, m);
}

/* Another process, of which the VMM tells nothing but what it always does. */
static void restart(struct vmm *v, int fd)
{
	vmm_restart(v);
	EXPECT(v->fake.cache == UNKNOWN);
	vmm_handshake(v, VMM_PACKED);
	EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), 4, inflight_size(4), 0));
	EXPECT(!vmm_ring(v, 0, 100, FIRST));
}

static void a_write_through_guest_stays_one(void)
{
	struct vmm *v = vmm_new();
	int fd;

	v->fake.advance = 3;
	vmm_handshake(v, VMM_PACKED);
	fd = region(v);
	EXPECT(kept(fd) == UNKNOWN);
	EXPECT(!vmm_ring(v, 0, 100, FIRST));
	EXPECT(kept(fd) == BACK);
	EXPECT(!set_wce(v, 0));
	EXPECT(kept(fd) == THROUGH);
	restart(v, fd);
	EXPECT(v->fake.cache == THROUGH && kept(fd) == THROUGH);
	restart(v, fd);
	EXPECT(v->fake.cache == THROUGH);
	/* One that flushes stays so too, although its ring is not a new one. */
	EXPECT(!set_wce(v, 1));
	EXPECT(kept(fd) == BACK);
	restart(v, fd);
	EXPECT(v->fake.ring[0].base == FIRST + 9);
	EXPECT(v->fake.cache == BACK && kept(fd) == BACK);
	close(fd);
	vmm_free(v);
}

/* The destination of a migration, say: the region is new, the ring is not. */
static void without_a_record_the_kernel_decides(void)
{
	struct vmm *v = vmm_new();
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = region(v);
	EXPECT(v->fake.cache == UNKNOWN);
	EXPECT(!vmm_ring(v, 0, 100, FIRST + 7));
	EXPECT(v->fake.cache == THROUGH && kept(fd) == THROUGH);
	close(fd);
	vmm_free(v);
}

/* The guest was reset: another region, and the same process knows. */
static void a_new_region_is_told(void)
{
	struct vmm *v = vmm_new();
	int fd;

	vmm_handshake(v, VMM_PACKED);
	close(region(v));
	EXPECT(!vmm_ring(v, 0, 100, FIRST));
	EXPECT(!set_wce(v, 0));
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 0, 0));
	fd = region(v);
	EXPECT(v->fake.cache == THROUGH && kept(fd) == THROUGH);
	close(fd);
	vmm_free(v);
}

static void a_record_that_makes_no_sense_is_none(void)
{
	struct vmm *v = vmm_new();
	__le32 value = htole32(BACK + 1);
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = region(v);
	EXPECT(pwrite(fd, &value, sizeof(value), AT) == sizeof(value));
	restart(v, fd);
	EXPECT(v->fake.cache == BACK && kept(fd) == BACK);
	close(fd);
	vmm_free(v);
}

/* Whatever call fails, the record never says that a guest flushes which may not. */
static void a_refusal_is_no_loss(void)
{
	unsigned int n, kinds = 0;

	for (n = 1; n < 6; n++) {
		struct vmm *v = vmm_new();
		int fd;

		vmm_handshake(v, VMM_PACKED);
		fd = region(v);
		EXPECT(!vmm_ring(v, 0, 100, FIRST));
		v->fake.fail_at = v->fake.calls + n;
		EXPECT(!set_wce(v, 0));
		EXPECT(kept(fd) != BACK || v->fake.cache == BACK);
		kinds |= 1u << v->fake.cache;
		close(fd);
		vmm_free(v);
	}
	EXPECT(kinds == (1u << BACK | 1u << THROUGH));
}

const struct test cache_tests[] = {
	{ "a_write_through_guest_stays_one", a_write_through_guest_stays_one },
	{ "without_a_record_the_kernel_decides", without_a_record_the_kernel_decides },
	{ "a_new_region_is_told", a_new_region_is_told },
	{ "a_record_that_makes_no_sense_is_none", a_record_that_makes_no_sense_is_none },
	{ "a_refusal_is_no_loss", a_refusal_is_no_loss },
	{ NULL, NULL },
};
