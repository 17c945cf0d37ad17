/* SPDX-License-Identifier: GPL-2.0-only */
/* What a device writes, told to the dirty log; see dirty.c. */
#ifndef _PARLEY_VHOST_DIRTY_H
#define _PARLEY_VHOST_DIRTY_H

#include <linux/types.h>

struct parley_vhost;
struct parley_vhost_req;
struct parley_vhost_vq;

/* Under dev->mutex; the last without running rings. */
int vh_log_set_base(struct parley_vhost *dev, u64 base);
int vh_log_set_ctx(struct parley_vhost *dev, int fd);
void vh_log_release(struct parley_vhost *dev);
/* Both under vq->mutex, and only if vq->logging. */
void vh_log_req(struct parley_vhost_req *req);
void vh_log_ring(struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_DIRTY_H */
