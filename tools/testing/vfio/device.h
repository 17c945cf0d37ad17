/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mediated NVMe disk in this process, which is its VMM and its guest: opened through
 * VFIO, with some memory of ours as the guest's.
 *
 * The files, topmost first; a file knows those below its own.
 *
 *	main.c		episodes, the corpus, options
 *	script.c	steps: as text, at random, changed
 *	steps.c		what each does
 *	device.c	the device and its guest
 */
#ifndef _FUZZ_DEVICE_H
#define _FUZZ_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE		4096ull
/* The guest's memory. */
#define BASE		(1ull << 32)
#define PAGES		64
#define SIZE		(PAGES * PAGE)
/* An area that comes and goes; it is the same memory. */
#define OTHER		(1ull << 34)
/* Queues that are made: that of admin commands, and one for I/O. */
#define QUEUES		2
#define DEPTH		32
/* The first page that is no queue's. */
#define DATA		8
/* What a saved state is read into. */
#define SAVED		65536

/* Of <linux/vfio.h>: a file offset has the region above these bits. */
#define REGION(index)	((uint64_t)(index) << 40)

/**
 * struct device - a device that is open
 * @container: VFIO's, which has the memory
 * @group: the same
 * @fd: the device
 * @memory: the guest's
 * @tail: of the submission queues
 * @data_fd: of a migration under way, or -1
 * @saved: what was read there last
 * @saved_len: bytes
 */
struct device {
	int container;
	int group;
	int fd;
	uint8_t *memory;
	uint16_t tail[QUEUES];
	int data_fd;
	uint8_t saved[SAVED];
	size_t saved_len;
};

/* NULL, or which step failed. */
const char *device_open(struct device *d, const char *folder);

/* 0 or -errno. */
int device_map(struct device *d, uint64_t at, uint64_t iova, uint64_t size, uint32_t flags);
int device_unmap(struct device *d, uint64_t iova, uint64_t size);
int device_reset(struct device *d);

/* Registers; what fails is left alone. */
void device_write(struct device *d, unsigned int region, uint64_t at, uint64_t value,
		  unsigned int size);
uint64_t device_read(struct device *d, unsigned int region, uint64_t at, unsigned int size);

/* The controller, and what a driver does with it. */
void device_enable(struct device *d);
void device_queues(struct device *d);
void device_command(struct device *d, unsigned int queue, const void *command);

/*
 * Whether a disk is there that reads what was written, after a reset: NULL, or what
 * does not.
 */
const char *device_works(struct device *d);

#endif /* _FUZZ_DEVICE_H */
