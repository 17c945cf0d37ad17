// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types of mediated devices: a table, one row each.
 *
 * A function is one device at most, whatever its type: the mdev core counts the
 * devices of all types together.  Of the types, a function has those that it has
 * enough queues for.
 */
#include "mdev.h"

static const struct parley_mdev_kind parley_mdev_kinds[PARLEY_MDEV_TYPES] = {
	/* name; what people read, and read of it; pairs of queues; grid in us; polled */
	{ "1", "Parley NVMe", "all queues of a virtual function",
	  PARLEY_NVME_IO_QUEUES },
	{ "q1", "Parley NVMe, 1 queue", "1 pair of queues of a virtual function", 1 },
	{ "q2", "Parley NVMe, 2 queues", "2 pairs of queues of a virtual function", 2 },
	{ "q4", "Parley NVMe, 4 queues", "4 pairs of queues of a virtual function", 4 },
	{ "g1", "Parley NVMe, on a grid of 1 ms",
	  "all queues of a virtual function, on a grid of 1000 us",
	  PARLEY_NVME_IO_QUEUES, 1000 },
	{ "g10", "Parley NVMe, on a grid of 10 ms",
	  "all queues of a virtual function, on a grid of 10000 us",
	  PARLEY_NVME_IO_QUEUES, 10000 },
	{ "g100", "Parley NVMe, on a grid of 100 ms",
	  "all queues of a virtual function, on a grid of 100000 us",
	  PARLEY_NVME_IO_QUEUES, 100000 },
	{ "p", "Parley NVMe, polled", "all queues of a virtual function, looked at by a thread",
	  PARLEY_NVME_IO_QUEUES, 0, true },
};

/* What has as many as there are always fits. */
static bool parley_mdev_fits(const struct parley_mdev_kind *kind, unsigned int queues)
{
	return kind->queues == PARLEY_NVME_IO_QUEUES || kind->queues <= queues;
}

/**
 * parley_mdev_types_fill() - the types of a function
 * @t: zeroed
 * @queues: pairs of queues that the function has
 *
 * Context: any.
 */
void parley_mdev_types_fill(struct parley_mdev_types *t, unsigned int queues)
{
	const struct parley_mdev_kind *kind;
	struct parley_mdev_type *type;

	for (kind = parley_mdev_kinds; kind < parley_mdev_kinds + PARLEY_MDEV_TYPES; kind++) {
		if (!parley_mdev_fits(kind, queues))
			continue;
		type = &t->type[t->nr];
		type->kind = kind;
		type->type.sysfs_name = kind->name;
		type->type.pretty_name = kind->pretty;
		t->list[t->nr++] = &type->type;
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_types_fill);

/**
 * parley_mdev_kind_of() - what a type is
 * @type: one of parley_mdev_types_fill()
 *
 * Context: any.
 * Return: its row of the table.
 */
const struct parley_mdev_kind *parley_mdev_kind_of(struct mdev_type *type)
{
	return container_of(type, struct parley_mdev_type, type)->kind;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_kind_of);
