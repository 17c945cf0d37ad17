// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log: checked and mapped. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"

/**
 * log_map - map a dirty log
 * @log: filled in
 * @m: offset and size that the VMM sent
 * @fd: its file; stays the caller's
 *
 * Return: NULL, or what is wrong.
 */
const char *log_map(struct dirty_log *log, const struct msg_log *m, int fd)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), before;
	struct stat st;
	void *map;

	if (!m->size)
		return "a log of no bytes";
	if (m->offset + m->size < m->offset)
		return "a log that ends beyond 64 bits";
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return "the log is not a file";
	if ((uint64_t)st.st_size < m->offset + m->size)
		return "the log ends beyond its file";
	before = m->offset % page;
	map = mmap(NULL, before + m->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd, (off_t)(m->offset - before));
	if (map == MAP_FAILED)
		return "the log cannot be mapped";
	log->map = map;
	log->map_len = before + m->size;
	log->base = (uintptr_t)map + before;
	log->size = m->size;
	return NULL;
}

void log_unmap(struct dirty_log *log)
{
	if (log->map)
		munmap(log->map, log->map_len);
	log->map = NULL;
	log->size = 0;
}

/**
 * log_covers - are there bits for this piece of guest memory?
 * @log: log; covers nothing if it is not mapped
 * @guest: first address
 * @len: bytes; 0 is always covered
 *
 * The kernel writes where the bit would be, so what is not covered must never be
 * logged: beyond the log lies something else of ours.
 *
 * Return: true if so.
 */
bool log_covers(const struct dirty_log *log, uint64_t guest, uint64_t len)
{
	if (!len)
		return true;
	if (!log->map || guest + len - 1 < guest)
		return false;
	return (guest + len - 1) / LOG_PAGE / 8 < log->size;
}
