/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call of the VMM: one row of a table and one small function.
 *
 * The argument is copied in once, before anything is decided by it, and copied
 * out once; in between a function works on our copy.  Ring numbers are checked
 * at that one place, too.
 */
#ifndef _PARLEY_VHOST_IOCTL_H
#define _PARLEY_VHOST_IOCTL_H

#include "state.h"

union vh_arg {
	u8 u8;
	u16 u16;
	u32 u32;
	u64 u64;
	int fd;
	struct vhost_vring_state state;
	struct vhost_vring_file file;
	struct vhost_vring_addr addr;
	struct vhost_worker_state worker;
	struct vhost_vring_worker vring_worker;
	struct vhost_vdpa_config config;	/* without its bytes */
	struct parley_vhost_keep keep;
};

/**
 * struct vh_target - what a call is about
 * @dev: device
 * @vq: ring, for rows with VH_RING
 * @user: the argument in the VMM's memory, for those that it continues
 */
struct vh_target {
	struct parley_vhost *dev;
	struct parley_vhost_vq *vq;
	void __user *user;
};

#define VH_IN		0x01	/* the argument is read */
#define VH_OUT		0x02	/* it is written back; zeroed unless read */
#define VH_ANYBODY	0x04	/* not only the owner */
#define VH_RING		0x08	/* begins with the number of a ring */
#define VH_LOCKED	0x10	/* called under vq->mutex */
#define VH_IDLE		0x20	/* -EBUSY unless the ring is idle */

/**
 * struct vh_call - one row
 * @cmd: number of the call
 * @flags: VH_*
 * @fn: what it does, under dev->mutex
 */
struct vh_call {
	unsigned int cmd;
	unsigned int flags;
	long (*fn)(const struct vh_target *t, union vh_arg *a);
};

long vh_ioctl(struct parley_vhost *dev, unsigned int cmd, unsigned long arg);

extern const struct vh_call vh_config_calls[];
extern const unsigned int vh_config_calls_nr;

#endif /* _PARLEY_VHOST_IOCTL_H */
