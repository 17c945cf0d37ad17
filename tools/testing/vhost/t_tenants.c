// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two guests served by one process. One of them has its VMM take memory away while
 * requests of its own use it, and the other's memory is mapped in its place, as
 * mmap() likes to do. Nothing of the first may be written to the second.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "blkreq.h"
#include "disk.h"
#include "groups.h"
#include "raw.h"

#define ROUNDS		20
#define VICTIM		0x5A
#define PIECES		2	/* of the data; neither is a whole block */
#define LATE_MS		100	/* after that, whatever was in flight has ended */

/* A region without any part of the ring: with four, there is one. */
static struct guest_region *region_for_data(struct raw *r)
{
	const void *parts[] = { r->desc, r->avail, r->used };
	struct guest *g = r->v->g;
	unsigned int i, k;

	for (i = 0; i < g->nr; i++) {
		for (k = 0; k < 3; k++)
			if (guest_gpa(g, parts[k]) - g->r[i].gpa < g->r[i].size)
				break;
		if (k == 3)
			return &g->r[i];
	}
	must(false, "the ring is everywhere");
	return NULL;
}

/* A read in pieces that the disk cannot write to itself: they are copied later. */
static void put_read(struct raw *r, struct guest_region *region)
{
	u64 at = region->gpa + region->size / 2;
	struct virtio_blk_outhdr *h = guest_ptr(r->v->g, at, sizeof(*h));
	const struct rdesc d[] = {
		{ at, REQ_HEADER, VRING_DESC_F_NEXT, 1 },
		{ at + 513, 257, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 2 },
		{ at + 2051, SECTOR - 257, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 3 },
		{ at + 4095, 1, VRING_DESC_F_WRITE, 0 },
	};

	*h = (struct virtio_blk_outhdr){ .type = htole32(VIRTIO_BLK_T_IN) };
	raw_put(r, d, PIECES + 2);
	raw_kick(r);
}

static long table_without(struct raw *r, const struct guest_region *gone)
{
	struct vhost_memory *table = guest_table(r->v->g);
	unsigned int i, n = 0;
	long ret;

	for (i = 0; i < table->nregions; i++)
		if (table->regions[i].guest_phys_addr != gone->gpa)
			table->regions[n++] = table->regions[i];
	table->nregions = n;
	ret = vio(r->v->fd, VHOST_SET_MEM_TABLE, table);
	free(table);
	return ret;
}

static void map_victim(const struct guest_region *where, int memfd)
{
	must(!munmap(where->hva, where->size), "cannot unmap");
	must(mmap(where->hva, where->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		  memfd, 0) == where->hva, "cannot map");
}

static u64 changed(const struct guest_region *where)
{
	u64 n = 0, i;

	for (i = 0; i < where->size; i++)
		n += where->hva[i] != VICTIM;
	return n;
}

static void unmapped_in_flight(void)
{
	static const u64 rings[] = { EVENT, PACKED | EVENT };
	const u64 part = (4ull << 20) / 4;
	u8 *victim;
	unsigned int k;
	int memfd = memfd_create("victim", MFD_CLOEXEC);

	must(memfd >= 0 && !ftruncate(memfd, part), "no memfd");
	victim = mmap(NULL, part, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	must(victim != MAP_FAILED, "no memory");
	memset(victim, VICTIM, part);
	for (k = 0; k < 2 * ROUNDS && !failed(); k++) {
		struct vmm_cfg cfg = {
			.ring = rings[k % 2], .layout = LAYOUT_HOLES,
			.memory = 4 * part, .disk = disk_slow(),
		};
		struct raw *r = raw_new(&cfg);
		struct guest_region *region = region_for_data(r);

		vmm_enable_all(r->v, true);
		put_read(r, region);
		sleep_ms(k % 4);
		want(table_without(r, region), 0);
		map_victim(region, memfd);
		sleep_ms(LATE_MS);
		expect(!changed(region), "round %u: %llu bytes of the other guest changed",
		       k, (unsigned long long)changed(region));
		raw_free(r);
	}
	close(memfd);
}

static const struct test tests[] = {
	{ "unmapped-in-flight", unmapped_in_flight, 60 },
	{ NULL },
};

const struct group group_tenants = { "tenants", "two guests of one process", tests };
