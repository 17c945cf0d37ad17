/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * A virtio device in shared memory: what lies at the beginning of that memory, in
 * the place of a bus's registers.  Documentation/shm.rst has the rules.
 *
 * Everything is little-endian.  Each line of 64 bytes has one writer:
 *
 *	about	the device, before the driver looks; constant
 *	state	the device
 *	ask	the driver
 *	config	the device
 *	data	the driver
 *
 * Addresses of rings, and those in descriptors, are offsets from the beginning of
 * the shared memory.  The first @header bytes are not for rings or buffers.
 */
#ifndef _UAPI_LINUX_PARLEY_SHM_H
#define _UAPI_LINUX_PARLEY_SHM_H

#include <linux/types.h>

#define PARLEY_SHM_MAGIC	0x4d48535f594c5250ull	/* "PRLY_SHM" */
#define PARLEY_SHM_VERSION	1
#define PARLEY_SHM_HEADER	4096	/* of version 1; more in none yet */
#define PARLEY_SHM_CONFIG	256	/* most bytes of device configuration */

/* What the device status reads as when the device is gone for good. */
#define PARLEY_SHM_GONE		0xff

/**
 * struct parley_shm_about - what the device is
 * @magic: PARLEY_SHM_MAGIC, written last; 0 while there is no device yet
 * @version: PARLEY_SHM_VERSION; a driver takes no other
 * @header: bytes before the memory for rings and buffers, a multiple of 4096
 * @size: bytes of the whole, as large as the region or less
 * @device: virtio type
 * @vendor: of the device
 * @nr_queues: queues that it has
 * @queue_size: descriptors that each may have
 * @config_len: bytes of device configuration, up to PARLEY_SHM_CONFIG
 * @peer: whom the driver rings: the number of the device among the peers of ivshmem
 * @features: offered, bits 0 to 127
 */
struct parley_shm_about {
	__le64 magic;
	__le32 version;
	__le32 header;
	__le64 size;
	__le32 device;
	__le32 vendor;
	__le32 nr_queues;
	__le32 queue_size;
	__le32 config_len;
	__le32 peer;
	__le64 features[2];
};

/**
 * struct parley_shm_state - how the device is
 * @status: device status (VIRTIO_CONFIG_S_*), or PARLEY_SHM_GONE
 * @generation: of the configuration; odd while it is being written
 * @changes: grows before an interrupt that is about configuration or status
 * @done: @number of the last request that was carried out
 * @result: of that: 0, or an error: a positive number of Linux's errno
 * @lives: how often a program began to serve the device
 * @pad: zero
 */
struct parley_shm_state {
	__le32 status;
	__le32 generation;
	__le32 changes;
	__le32 done;
	__le32 result;
	__le32 lives;
	__le32 pad[10];
};

/**
 * struct parley_shm_ask - what the driver asks for
 * @number: of the request, written last; another than before
 * @what: PARLEY_SHM_*
 * @queue: number of a queue
 * @size: descriptors of the queue, or bytes of @data
 * @offset: in the configuration
 * @status: to be written
 * @arg: features, or the addresses of a ring: descriptors, driver, device
 * @pad: zero
 */
struct parley_shm_ask {
	__le32 number;
	__le32 what;
	__le32 queue;
	__le32 size;
	__le32 offset;
	__le32 status;
	__le64 arg[3];
	__le64 pad[2];
};

#define PARLEY_SHM_NOTHING	0	/* is there somebody? */
#define PARLEY_SHM_RESET	1	/* done when no memory is touched any more */
#define PARLEY_SHM_FEATURES	2	/* @arg[0], @arg[1]: accepted */
#define PARLEY_SHM_STATUS	3	/* @status, not 0 */
#define PARLEY_SHM_QUEUE	4	/* @queue, @size, @arg: enable it */
#define PARLEY_SHM_WRITE	5	/* @offset, @size: @data to the configuration */

/**
 * struct parley_shm_header - the beginning of the memory
 * @about: offset 0
 * @state: offset 64
 * @ask: offset 128
 * @pad: zero
 * @config: offset 256: device configuration
 * @data: offset 512: of PARLEY_SHM_WRITE
 */
struct parley_shm_header {
	struct parley_shm_about about;
	struct parley_shm_state state;
	struct parley_shm_ask ask;
	__u8 pad[64];
	__u8 config[PARLEY_SHM_CONFIG];
	__u8 data[PARLEY_SHM_CONFIG];
};

/*
 * Interrupts and notifications are numbered alike, in both directions: 0 is for
 * requests, configuration and status, and those of a queue follow.
 */
#define PARLEY_SHM_VECTOR(queue)	((queue) + 1)

#endif /* _UAPI_LINUX_PARLEY_SHM_H */
