// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of others' recovery, reported in public: numbers 65 to 67 of the catalogue of
 * bad input (Documentation/testing.rst).
 */
#define _GNU_SOURCE
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "test.h"

#define IN_ORDER	(1ull << 35)
#define QUEUES		4
#define NUM		100
#define FRESH		0x80008000u	/* a packed ring that never ran */

static int region(struct vmm *v)
{
	int fd;

	EXPECT(!vmm_inflight(v, MSG_GET_INFLIGHT_FD, -1, QUEUES, 0, 0));
	fd = v->reply_fd;
	v->reply_fd = -1;
	EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), QUEUES,
			     inflight_size(QUEUES), 0));
	return fd;
}

/* After vmm_restart(): with the region, if there is one, ring 3 starts. */
static int again(struct vmm *v, uint64_t features, int fd, uint32_t base)
{
	vmm_handshake(v, features);
	if (fd >= 0)
		EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), QUEUES,
				     inflight_size(QUEUES), 0));
	return vmm_ring(v, 3, NUM, base);
}

/*
 * SPDK 3766: a word of an entry, the last one there, was never written, and what
 * reads it goes on at a place that nobody meant.  Here an entry of which only the
 * first bytes were written is believed as a whole or not at all.
 */
static void bad_65_an_entry_that_was_written_in_part(void)
{
	struct vmm *v = vmm_new();
	struct inflight_ring whole, part;
	const off_t at = (off_t)inflight_size(3);
	size_t n, needed;
	int fd;

	v->fake.advance = 7;
	vmm_handshake(v, VMM_PACKED);
	fd = region(v);
	EXPECT(!vmm_ring(v, 3, NUM, FRESH));
	vmm_restart(v);
	EXPECT(pread(fd, &whole, sizeof(whole), at) == sizeof(whole));
	EXPECT(le32toh(whole.kept.base) == FRESH + 7);
	needed = offsetof(struct inflight_ring, packed) + sizeof(whole.packed);
	for (n = 0; n <= sizeof(whole); n += 4) {
		memset(&part, 0, sizeof(part));
		memcpy(&part, &whole, n);
		vmm_restart(v);
		EXPECT(pwrite(fd, &part, sizeof(part), at) == sizeof(part));
		EXPECT(!again(v, VMM_PACKED, fd, FRESH + 1));
		EXPECT(v->fake.ring[3].base == FRESH + (n < needed ? 1 : 7));
	}
	close(fd);
	vmm_free(v);
}

/* The last entry of the region ends beyond its file, or where it was cut off. */
static void bad_65_a_region_without_its_last_word(void)
{
	struct vmm *v = vmm_new();
	uint64_t size = inflight_size(QUEUES);
	int fd = vmm_memfd(size - 4);

	vmm_handshake(v, VMM_PACKED);
	EXPECT(vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), QUEUES, size, 0));
	EXPECT(!ftruncate(fd, (off_t)size));
	vmm_restart(v);
	vmm_handshake(v, VMM_PACKED);
	EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), QUEUES, size, 0));
	EXPECT(!vmm_ring(v, 3, NUM, FRESH));
	EXPECT(v->fake.ring[3].base == FRESH);
	close(fd);
	vmm_free(v);
}

/*
 * A VMM that knows of rings in order replays from the used index: what it read may be
 * older than what the process before completed since.  Our region knows, and without
 * one it is what counts; the kernel refuses a base behind the ring's own used index.
 */
static void bad_66_in_order_replayed_from_the_used_index(void)
{
	struct vmm *v = vmm_new();
	uint32_t used = 0;
	unsigned int i;
	int fd;

	v->fake.advance = 5;
	vmm_handshake(v, VMM_SPLIT | IN_ORDER);
	EXPECT(v->fake.features & IN_ORDER);
	fd = region(v);
	EXPECT(!vmm_ring(v, 3, NUM, used));
	for (i = 0; i < 20000; i += 1999) {
		/* It read the index before the last requests completed. */
		vmm_restart(v);
		EXPECT(!again(v, VMM_SPLIT | IN_ORDER, fd, (uint16_t)(used + 2)));
		used = (uint16_t)(used + v->fake.advance);
		EXPECT(v->fake.ring[3].base == used);
		v->fake.advance = 1 + i;	/* also round the end of 16 bits */
	}
	close(fd);
	vmm_free(v);
	v = vmm_new();
	v->fake.advance = 5;
	vmm_handshake(v, VMM_SPLIT | IN_ORDER);
	EXPECT(!vmm_ring(v, 3, NUM, 0));
	vmm_restart(v);
	EXPECT(!again(v, VMM_SPLIT | IN_ORDER, -1, 5));
	EXPECT(v->fake.ring[3].base == 5);
	vmm_free(v);
}

/*
 * Recovery of a packed ring under load: the process dies at any call of the one that
 * succeeds it, again and again, and each goes on at the very place, wrap counters
 * included; the VMM, which cannot know it, says the old one all the time.
 */
static void bad_67_packed_rings_are_recovered_live(void)
{
	static const uint32_t bases[] = {
		FRESH, 0x80638063, 0x00000000, 0x00630063, 0x80008000 | 50 << 16 | 50,
	};
	struct vmm *v = vmm_new();
	unsigned int i, n, calls;
	int fd;

	vmm_handshake(v, VMM_PACKED);
	fd = region(v);
	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		struct inflight_ring r = {
			.kept.base = htole32(bases[i]),
			.kept.state = htole32(PARLEY_VHOST_KEPT_STOPPED),
			.num = htole32(NUM), .packed = htole32(1),
		};

		vmm_restart(v);
		EXPECT(pwrite(fd, &r, sizeof(r), (off_t)inflight_size(3)) == sizeof(r));
		for (n = 1; n < 12; n++) {
			vmm_restart(v);
			vmm_handshake(v, VMM_PACKED);
			EXPECT(!vmm_inflight(v, MSG_SET_INFLIGHT_FD, dup(fd), QUEUES,
					     inflight_size(QUEUES), 0));
			calls = v->fake.calls;
			v->fake.fail_at = calls + n;
			vmm_ring(v, 3, NUM, FRESH);
		}
		vmm_restart(v);
		EXPECT(!again(v, VMM_PACKED, fd, FRESH));
		EXPECT(v->fake.ring[3].base == bases[i]);
	}
	close(fd);
	vmm_free(v);
}

const struct test recovery_tests[] = {
	{ "bad_65_an_entry_that_was_written_in_part",
	  bad_65_an_entry_that_was_written_in_part },
	{ "bad_65_a_region_without_its_last_word", bad_65_a_region_without_its_last_word },
	{ "bad_66_in_order_replayed_from_the_used_index",
	  bad_66_in_order_replayed_from_the_used_index },
	{ "bad_67_packed_rings_are_recovered_live", bad_67_packed_rings_are_recovered_live },
	{ NULL, NULL },
};
