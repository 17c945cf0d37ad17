/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The dirty log of a migration: a bitmap in a file of the VMM's, a bit for each
 * 4 KiB of guest memory.  The kernel sets the bits; we only map it.
 */
#ifndef BRIDGE_LOG_H
#define BRIDGE_LOG_H

#include <stdbool.h>
#include "lent.h"
#include "msg.h"

#define LOG_PAGE	4096ull

/**
 * struct dirty_log - the log in use
 * @lent: mapping; none, no log
 * @size: bytes of the bitmap
 */
struct dirty_log {
	struct lent lent;
	uint64_t size;
};

const char *log_map(struct dirty_log *log, const struct msg_log *m, int fd);
void log_unmap(struct dirty_log *log);
bool log_covers(const struct dirty_log *log, uint64_t guest, uint64_t len);

#endif
