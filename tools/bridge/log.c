// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log: checked and mapped. */
#define _GNU_SOURCE
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
	if (!m->size)
		return "a log of no bytes";
	if (m->offset + m->size < m->offset)
		return "a log that ends beyond 64 bits";
	switch (lent_map(&log->lent, fd, m->offset, m->size)) {
	case LENT_GOOD:
		log->size = m->size;
		return NULL;
	case LENT_NO_FILE:
		return "the log is not a file";
	case LENT_ON_DISK:
		return "the log is neither a memfd nor on tmpfs or hugetlbfs";
	case LENT_SHORT:
		return "the log ends beyond its file";
	default:
		return "the log cannot be mapped";
	}
}

void log_unmap(struct dirty_log *log)
{
	lent_unmap(&log->lent);
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
	if (!log->lent.map || guest + len - 1 < guest)
		return false;
	return (guest + len - 1) / LOG_PAGE / 8 < log->size;
}
