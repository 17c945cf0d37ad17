// SPDX-License-Identifier: GPL-2.0-only
/* A guest's memory, and the driver role's way to it: a window, see guest.h. */
#include <sys/mman.h>
#include <unistd.h>
#include "guest.h"

struct guest *guest_current;

int parley_user_fail_nth;
uintptr_t parley_user_fault_start, parley_user_fault_end;
bool parley_user_verbose = true;

struct guest_hole {
	struct guest_hole *next;
	u64 gpa, size;
};

static void add_region(struct guest *g, u64 gpa, u64 off, u64 size)
{
	struct guest_region *r = &g->r[g->nr++];

	/* Room between, so that no two regions lie side by side for us. */
	r->hva = mmap(NULL, size + 2 * PAGE, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(r->hva != MAP_FAILED, "no address space");
	r->hva = mmap(r->hva + PAGE, size, PROT_READ | PROT_WRITE, MAP_FIXED |
		      (g->memfd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED),
		      g->memfd, off);
	must(r->hva != MAP_FAILED, "no guest memory");
	r->gpa = gpa;
	r->size = size;
	r->next = PAGE;	/* the edges of a region are the tests' */
}

struct guest *guest_new(enum layout layout, u64 size, bool private)
{
	struct guest *g = calloc(1, sizeof(*g));
	u64 part = size / 4;

	g->size = size;
	g->layout = layout;
	g->memfd = private ? -1 : memfd_create("guest", MFD_CLOEXEC);
	must(private || (g->memfd >= 0 && !ftruncate(g->memfd, size)), "no memfd");
	if (layout == LAYOUT_FLAT) {
		add_region(g, 0, 0, size);
	} else {
		add_region(g, 0, 0, part);
		add_region(g, 1ull << 30, part, part);
		add_region(g, (1ull << 30) + part, 3 * part, part);
		add_region(g, (4ull << 30) + 65536, 2 * part, part);
	}
	/* The alias is for buffers only that go out by either name. */
	if (layout == LAYOUT_ALIAS) {
		add_region(g, 6ull << 30, part, part);
		g->r[g->nr - 1].next = part;
	}
	guest_current = g;
	return g;
}

void guest_delete(struct guest *g)
{
	struct guest_hole *hole;
	unsigned int i;

	for (i = 0; i < g->nr; i++)
		munmap(g->r[i].hva - PAGE, g->r[i].size + 2 * PAGE);
	if (g->memfd >= 0)
		close(g->memfd);
	while ((hole = g->free)) {
		g->free = hole->next;
		free(hole);
	}
	free(g);
}

u64 guest_alloc(struct guest *g, u64 size)
{
	struct guest_hole **p, *hole;
	unsigned int i;
	u64 gpa;

	size = (size + PAGE - 1) & ~(PAGE - 1);
	for (p = &g->free; (hole = *p); p = &hole->next) {
		if (hole->size != size)
			continue;
		gpa = hole->gpa;
		*p = hole->next;
		free(hole);
		return gpa;
	}
	for (i = 0; i < g->nr; i++) {
		struct guest_region *r = &g->r[g->turn++ % g->nr];

		if (r->size - r->next < size)
			continue;
		gpa = r->gpa + r->next;
		r->next += size;
		return gpa;
	}
	must(false, "the guest has no %llu bytes left", (unsigned long long)size);
	return 0;
}

void guest_free(struct guest *g, u64 gpa, u64 size)
{
	struct guest_hole *hole = calloc(1, sizeof(*hole));

	hole->gpa = gpa;
	hole->size = (size + PAGE - 1) & ~(PAGE - 1);
	hole->next = g->free;
	g->free = hole;
}

void *guest_ptr(const struct guest *g, u64 gpa, u64 len)
{
	unsigned int i;

	for (i = 0; i < g->nr; i++) {
		u64 at = gpa - g->r[i].gpa;

		if (gpa >= g->r[i].gpa && at < g->r[i].size &&
		    len <= g->r[i].size - at)
			return g->r[i].hva + at;
	}
	return NULL;
}

u64 guest_gpa(const struct guest *g, const void *hva)
{
	const u8 *p = hva;
	unsigned int i;

	for (i = 0; i < g->nr; i++)
		if (p >= g->r[i].hva && p < g->r[i].hva + g->r[i].size)
			return g->r[i].gpa + (p - g->r[i].hva);
	must(false, "%p is not the guest's", hva);
	return 0;
}

u64 guest_top(const struct guest *g)
{
	u64 top = 0;
	unsigned int i;

	for (i = 0; i < g->nr; i++)
		top = max(top, g->r[i].gpa + g->r[i].size);
	return top;
}

u64 guest_hole(const struct guest *g)
{
	return guest_top(g) + (1 << 20);
}

struct vhost_memory *guest_table(const struct guest *g)
{
	struct vhost_memory *t;
	unsigned int i;

	t = calloc(1, sizeof(*t) + g->nr * sizeof(t->regions[0]));
	t->nregions = g->nr;
	for (i = 0; i < g->nr; i++) {
		t->regions[i].guest_phys_addr = g->r[i].gpa;
		t->regions[i].memory_size = g->r[i].size;
		t->regions[i].userspace_addr = (uintptr_t)g->r[i].hva;
	}
	return t;
}

/* ------------------------------------------ what the driver role wants */

static void *guest_mem_alloc(const struct parley_mem *m, size_t size, u64 *addr,
			     gfp_t gfp)
{
	void *virt;

	size = (size + PAGE - 1) & ~(PAGE - 1);
	*addr = guest_alloc(guest_current, size);
	virt = guest_ptr(guest_current, *addr, size);
	memset(virt, 0, size);
	return virt;
}

static void guest_mem_free(const struct parley_mem *m, size_t size, void *virt,
			   u64 addr)
{
	guest_free(guest_current, addr, size);
}

/* Buffers are in the guest's memory, and go by their addresses there. */
static int guest_mem_map(const struct parley_mem *m, u64 phys, u32 len,
			 bool write, u64 *addr)
{
	*addr = phys;
	return 0;
}

static void guest_mem_unmap(const struct parley_mem *m, u64 addr, u32 len,
			    bool write)
{
}

static void guest_mem_sync(const struct parley_mem *m, u64 addr, u32 len,
			   bool write)
{
}

static const struct parley_mem_ops guest_mem_ops = {
	.alloc = guest_mem_alloc,
	.free = guest_mem_free,
	.map = guest_mem_map,
	.unmap = guest_mem_unmap,
	.sync_for_cpu = guest_mem_sync,
	.sync_for_device = guest_mem_sync,
};

const struct parley_mem guest_mem = { .ops = &guest_mem_ops };
