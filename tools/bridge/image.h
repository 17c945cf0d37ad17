/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The back end of a disk: opened, and kept from others while it is written.
 *
 * Two ways, for two kinds of others.  A block device is opened with O_EXCL, which
 * keeps file systems, volume managers and swap away.  Bytes of the file are
 * locked as QEMU does (docs/interop or block/file-posix of QEMU; open file
 * description locks), which keeps other VMMs and bridges away.  The kernel holds
 * the same open file, so the locks of a process that was killed stay until its
 * last request is done.
 *
 * Functions that may fail return NULL, or what is wrong, for people.
 */
#ifndef BRIDGE_IMAGE_H
#define BRIDGE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct image - an open back end
 * @fd: its file; -1 if it is closed
 * @path: of it
 * @read_only: it will not be written
 * @share: nobody is kept from it, on purpose
 * @claimed: image_claim() holds
 * @error: room for the text of an error
 */
struct image {
	int fd;
	const char *path;
	bool read_only;
	bool share;
	bool claimed;
	char error[256];
};

void image_init(struct image *image);
const char *image_open(struct image *image, const char *path, bool read_only,
		       bool share);
const char *image_claim(struct image *image);
const char *image_doubts(struct image *image, uint32_t block, uint64_t bytes);
void image_release(struct image *image);
void image_close(struct image *image);

#endif
