// SPDX-License-Identifier: GPL-2.0-only
/* Files that a VMM lends us to map. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>
#include "lent.h"

/* Where a mapping of such a file may begin and end; 0 if it is not in memory. */
static uint64_t page_of(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs))
		return 0;
	/* The type of f_type differs between architectures. */
	switch ((unsigned int)fs.f_type) {
	case TMPFS_MAGIC:	/* memfds too */
		return (uint64_t)sysconf(_SC_PAGESIZE);
	case HUGETLBFS_MAGIC:
		return (uint64_t)fs.f_bsize;
	default:
		return 0;
	}
}

/*
 * It is sealed against becoming shorter if its owner lets that be done: a memfd
 * that was made for it.  Others are taken as well.  Nothing of ours depends on the
 * seal, since what is gone is an error for the kernel's workers only; it keeps a
 * VMM from an accident.
 */
static enum lent_kind look(struct lent *lent, int fd, uint64_t offset,
			   uint64_t size, uint64_t *page)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return LENT_NO_FILE;
	*page = page_of(fd);
	if (!*page)
		return LENT_ON_DISK;
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	if (fstat(fd, &st) || (uint64_t)st.st_size < offset + size)
		return LENT_SHORT;
	lent->dev = st.st_dev;
	lent->ino = st.st_ino;
	return LENT_GOOD;
}

/**
 * lent_map - map a piece of a file, for the kernel's workers to use
 * @lent: filled in; @map stays NULL unless it is LENT_GOOD
 * @fd: file; stays the caller's
 * @offset: where the piece begins
 * @size: bytes of it, not 0; the caller has checked that their sum does not wrap
 *
 * Return: what came of it.
 */
enum lent_kind lent_map(struct lent *lent, int fd, uint64_t offset,
			uint64_t size)
{
	uint64_t page, before, len;
	enum lent_kind kind;
	void *map;

	lent->map = NULL;
	kind = look(lent, fd, offset, size, &page);
	if (kind != LENT_GOOD)
		return kind;
	before = offset % page;
	/* A file's size is an off_t, so this does not wrap. */
	len = (before + size + page - 1) / page * page;
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		   fd, (off_t)(offset - before));
	if (map == MAP_FAILED)
		return errno == ENOMEM ? LENT_TOO_MUCH : LENT_NO_MAP;
	madvise(map, len, MADV_DONTDUMP);
	lent->map = map;
	lent->len = len;
	lent->at = (uintptr_t)map + before;
	return LENT_GOOD;
}

void lent_unmap(struct lent *lent)
{
	if (lent->map)
		munmap(lent->map, lent->len);
	lent->map = NULL;
}
