// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that a loopback driver may name: this kernel's RAM.
 *
 * Without VIRTIO_F_ACCESS_PLATFORM a driver names physical addresses (spec
 * 6.1), and RAM is mapped one to one, so translation is an offset for each
 * range of RAM.  Everything else, device registers above all, is refused by
 * not being in the map.
 */
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "loopback_priv.h"

struct ram_walk {
	struct parley_memmap *map;
	unsigned int max;
};

/* Called in ascending order for each range of RAM. */
static int lb_ram_range(struct resource *res, void *arg)
{
	struct ram_walk *walk = arg;
	struct parley_memmap *map = walk->map;
	struct parley_region *last = map->nr ? &map->regions[map->nr - 1] : NULL;
	struct parley_region *regions;

	/* One region where ranges touch, so that no buffer straddles two. */
	if (last && last->start + last->size == res->start) {
		last->size += resource_size(res);
		return 0;
	}
	if (map->nr == walk->max) {
		regions = krealloc_array(map->regions, walk->max + 16,
					 sizeof(*regions), GFP_KERNEL);
		if (!regions)
			return -ENOMEM;
		map->regions = regions;
		walk->max += 16;
	}
	map->regions[map->nr++] = (struct parley_region) {
		.start = res->start,
		.size = resource_size(res),
		.host = (unsigned long)phys_to_virt(res->start),
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	return 0;
}

/**
 * parley_lb_map_create() - map all RAM that there is now
 *
 * Memory that is plugged in later is found when a queue is started anew.
 *
 * Context: may sleep.
 * Return: the map, to be freed with parley_lb_map_free(), or an error pointer.
 */
struct parley_memmap *parley_lb_map_create(void)
{
	struct parley_memmap *map = kzalloc(sizeof(*map), GFP_KERNEL);
	struct ram_walk walk = { .map = map };
	int err;

	if (!map)
		return ERR_PTR(-ENOMEM);
	err = walk_iomem_res_desc(IORES_DESC_NONE,
				  IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
				  0, -1, &walk, lb_ram_range);
	if (!err)
		err = parley_memmap_check(map);
	if (err) {
		parley_lb_map_free(map);
		return ERR_PTR(err);
	}
	return map;
}

void parley_lb_map_free(struct parley_memmap *map)
{
	if (!map)
		return;
	kfree(map->regions);
	kfree(map);
}

/**
 * parley_lb_map_host() - where an area of a ring lies for us
 * @map: RAM
 * @addr: physical address that the driver wrote
 * @len: bytes of the area
 * @host: the kernel address
 *
 * Return: 0, or -EFAULT if the area is not wholly inside one range of RAM.
 */
int parley_lb_map_host(const struct parley_memmap *map, u64 addr, u64 len,
		       u64 *host)
{
	const struct parley_region *r;

	for (r = map->regions; r < map->regions + map->nr; r++) {
		if (addr < r->start || addr - r->start >= r->size)
			continue;
		if (len > r->size - (addr - r->start))
			return -EFAULT;
		*host = r->host + (addr - r->start);
		return 0;
	}
	return -EFAULT;
}
