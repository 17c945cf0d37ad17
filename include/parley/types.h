/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core's contracts are written in: the kernel's own types, and in user
 * space, where tests and tools compile the core as well, what stands for them.
 */
#ifndef _PARLEY_TYPES_H
#define _PARLEY_TYPES_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/gfp_types.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <asm/byteorder.h>
#include <uapi/linux/virtio_ring.h>
#else
#include <parley/user.h>	/* in tools/include */
#endif

#endif /* _PARLEY_TYPES_H */
