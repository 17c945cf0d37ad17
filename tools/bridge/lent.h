/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that a VMM lends us to map: memory, the dirty log, the in-flight region.
 *
 * Only files that live in memory: a page of any other may take as long to come as
 * whoever keeps it likes (a FUSE daemon of the VMM's, an NFS server), and the
 * kernel's workers would wait for it.
 */
#ifndef BRIDGE_LENT_H
#define BRIDGE_LENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum lent_kind {
	LENT_GOOD,
	LENT_NO_FILE,	/* a device, a pipe ... */
	LENT_ON_DISK,	/* a file, but not in memory */
	LENT_SHORT,	/* it ends too early */
	LENT_TOO_MUCH,	/* no room for the mapping */
	LENT_NO_MAP,	/* it cannot be mapped: opened for reading only, say */
};

/**
 * struct lent - a mapping of one
 * @map: where it starts; NULL for none
 * @len: bytes of it
 * @at: where the piece starts that was asked for
 * @dev: device of the file's file system
 * @ino: the file's number
 */
struct lent {
	void *map;
	size_t len;
	uint64_t at;
	dev_t dev;
	ino_t ino;
};

enum lent_kind lent_map(struct lent *lent, int fd, uint64_t offset,
			uint64_t size);
void lent_unmap(struct lent *lent);

#endif
