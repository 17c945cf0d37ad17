/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * What user space sees of Parley's vhost devices beyond <linux/vhost.h>.
 *
 * /dev/parley-blk and its siblings speak the kernel's vhost ABI unchanged.  What
 * mainline has only for vDPA (configuration space, enabling a ring, the type and
 * number of queues) they offer with vDPA's own numbers and structures:
 * VHOST_VDPA_GET_DEVICE_ID, GET_CONFIG, SET_CONFIG, GET_CONFIG_SIZE,
 * SET_CONFIG_CALL, GET_VQS_COUNT, GET_VRING_NUM, SET_VRING_ENABLE.
 *
 * The numbers below lie in a range of type 0xAF that mainline does not use.
 */
#ifndef _UAPI_LINUX_PARLEY_VHOST_H
#define _UAPI_LINUX_PARLEY_VHOST_H

#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/vhost.h>

/**
 * struct parley_vhost_keep - where the kernel keeps the state of a stopped ring
 * @index: number of the ring
 * @pad: zero
 * @user_addr: of a struct parley_vhost_kept, 8-byte aligned, in memory that may
 *	be pinned; 0 to forget it
 *
 * A process that serves a VMM may be killed.  The kernel then finishes every
 * request of its rings, and writes here where the next process goes on, so that
 * nothing is lost or done twice.  Put it into memory that outlives the process:
 * the in-flight region of vhost-user, say.
 */
struct parley_vhost_keep {
	__u32 index;
	__u32 pad;
	__aligned_u64 user_addr;
};

/**
 * struct parley_vhost_kept - the state of a ring, little-endian
 * @base: as VHOST_GET_VRING_BASE would return
 * @state: PARLEY_VHOST_KEPT_*, written after @base
 */
struct parley_vhost_kept {
	__le32 base;
	__le32 state;
};

#define PARLEY_VHOST_KEPT_NEVER		0	/* never started */
#define PARLEY_VHOST_KEPT_RUNNING	1	/* @base is not valid now */
#define PARLEY_VHOST_KEPT_STOPPED	2	/* @base is where to go on */
#define PARLEY_VHOST_KEPT_BROKEN	3	/* the driver broke the ring */

#define PARLEY_VHOST_SET_VRING_KEEP _IOW(VHOST_VIRTIO, 0xA0, \
					 struct parley_vhost_keep)

/* The number under which netlink and debugfs know this device. */
#define PARLEY_VHOST_GET_ID _IOR(VHOST_VIRTIO, 0xA1, __u32)

/*
 * How many rings the device shall have, before VHOST_SET_OWNER: memory is spent for no
 * more.  -EINVAL for none or more than its kind may have (VHOST_VDPA_GET_VQS_COUNT),
 * -EBUSY if it has others already.  Without this call there are as many as there may be.
 */
#define PARLEY_VHOST_SET_QUEUES _IOW(VHOST_VIRTIO, 0xA2, __u32)

/**
 * struct parley_blk_backend - what /dev/parley-blk serves
 * @fd: a block device or a regular file, opened by the caller; -1 takes the
 *	back end away (rings must be disabled)
 * @flags: PARLEY_BLK_*
 * @serial: what GET_ID answers, padded with zeroes
 * @pad: zero
 *
 * What the file was opened for decides: without write permission the disk is
 * read-only.
 */
struct parley_blk_backend {
	__s32 fd;
	__u32 flags;
	__u8 serial[20];
	__u32 pad;
};

#define PARLEY_BLK_READ_ONLY	0x1	/* even if @fd is writable */
#define PARLEY_BLK_POLL		0x2	/* poll for completions, where @fd can */

/*
 * Logical blocks of so many bytes, one of both; else those of the block device, or
 * 512 for a file.  512 on a device whose blocks are larger: reads and writes go
 * through the host's page cache, and a write completes when it is durable.
 */
#define PARLEY_BLK_512		0x4
#define PARLEY_BLK_4096		0x8

#define PARLEY_BLK_SET_BACKEND _IOW(VHOST_VIRTIO, 0xB0, \
				    struct parley_blk_backend)

/*
 * Ask the back end for its size again; a change is signalled as a
 * configuration change.
 */
#define PARLEY_BLK_UPDATE_SIZE _IO(VHOST_VIRTIO, 0xB1)

/*
 * Whether the guest relies on writes that are durable when they complete, as far as
 * that is known.  It outlives the process and the host: a driver that turned its
 * cache off sends no flush, and nobody repeats it.  Ask when rings run and when the
 * guest wrote the configuration space, keep it where the state of the rings is kept,
 * and say it to the next device before its rings run (else -EBUSY).  Where nobody says
 * anything, a guest of which we cannot know is given durable writes.
 */
#define PARLEY_BLK_CACHE_UNKNOWN	0
#define PARLEY_BLK_CACHE_THROUGH	1	/* it may not flush */
#define PARLEY_BLK_CACHE_BACK		2	/* it flushes */

#define PARLEY_BLK_SET_CACHE _IOW(VHOST_VIRTIO, 0xB2, __u32)
#define PARLEY_BLK_GET_CACHE _IOR(VHOST_VIRTIO, 0xB3, __u32)

/**
 * struct parley_loopback_join - make a device of this kernel out of a vhost one
 * @fd: of a vhost device whose owner is set and whose rings were never enabled
 * @nr_queues: 1 or more
 * @queue_size: descriptors of each, at most
 * @pad: zero
 * @features: feature bits to offer, of those that VHOST_GET_FEATURES returns
 *
 * On /dev/parley-loopback.  Both file descriptors must stay open while the
 * device is used; closing the one of /dev/parley-loopback takes it away.
 */
struct parley_loopback_join {
	__s32 fd;
	__u32 nr_queues;
	__u32 queue_size;
	__u32 pad;
	__aligned_u64 features;
};

#define PARLEY_LOOPBACK_JOIN _IOW(VHOST_VIRTIO, 0xB8, \
				  struct parley_loopback_join)

#endif /* _UAPI_LINUX_PARLEY_VHOST_H */
