/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Disks to serve: null_blk devices made through configfs, and files.  Made by
 * the first process before any test runs, since tests are processes.
 */
#ifndef _VMM_DISK_H
#define _VMM_DISK_H

#include "harness.h"

#define DISK_MIB	16

bool disk_make_all(void);	/* false: said why */
void disk_drop_all(void);
const char *disk_fast(void);	/* memory, with discard */
const char *disk_slow(void);	/* the same, each request takes milliseconds */
const char *disk_file(void);	/* a regular file */
/* Takes DISK_LATE_MS unless polled for, then no time; made anew by each call. */
const char *disk_polled(void);
#define DISK_LATE_MS	100
/* Endless zeroes, each after DISK_STEADY_NS; made anew by each call. */
const char *disk_steady(void);
#define DISK_STEADY_NS	"1000000"
/* Endless zeroes, 100 MB a second; made anew by each call. */
const char *disk_limited(void);
/* Endless zeroes that come DISK_LATE_MS late; and a file of as many. */
const char *disk_late(void);
const char *disk_large_file(void);
/* Back ends from now on offer to zero, if need be by writing; or do not. */
void disk_zeroes(bool on);
const char *disk_doomed(void);	/* for disk_remove(); made anew by each call */
bool disk_remove(void);
/* Sectors written so far, by /sys/block/.../stat. */
u64 disk_sectors_written(const char *disk);
/* Sectors of the fast disk that fail from now on; none if last is 0. */
bool disk_bad(u64 first, u64 last);

#endif /* _VMM_DISK_H */
