/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A vhost device as a device of this kernel; see loopback.c.  For KUnit, which
 * has no file descriptors.
 */
#ifndef _PARLEY_VHOST_LOOPBACK_H
#define _PARLEY_VHOST_LOOPBACK_H

#include <kunit/visibility.h>
#include <parley/vhost.h>
#include <uapi/linux/parley_vhost.h>

#if IS_ENABLED(CONFIG_KUNIT)
struct parley_loopback;
struct parley_vhost_loopback;

struct parley_vhost_loopback *
parley_vhost_loopback_create(struct parley_vhost *dev,
			     const struct parley_loopback_join *join);
void parley_vhost_loopback_destroy(struct parley_vhost_loopback *vl,
				   bool answers);
struct parley_loopback *
parley_vhost_loopback_device(struct parley_vhost_loopback *vl);
#endif

#endif /* _PARLEY_VHOST_LOOPBACK_H */
