/* SPDX-License-Identifier: GPL-2.0-only */
/* The core's queue of a ring; see devq.c.  All under vq->mutex. */
#ifndef _PARLEY_VHOST_DEVQ_H
#define _PARLEY_VHOST_DEVQ_H

#include <linux/types.h>

struct parley_vhost_vq;

/* Made over the ring's areas; its mirror keeps the position.  Nothing is in flight. */
int vh_vq_open(struct parley_vhost_vq *vq);
void vh_vq_close(struct parley_vhost_vq *vq);
/*
 * In the worker, first thing in a round: is vq->devq there?  With a device IOMMU it
 * may have to wait for the VMM; the round ends then, and the VMM's answer queues the
 * ring again.
 */
bool vh_vq_ready(struct parley_vhost_vq *vq);
/* Take no more, tell the VMM; NULL if it was said already. */
void vh_vq_break(struct parley_vhost_vq *vq, const char *why);
/* The map changed, or the memory table did. */
void vh_vq_set_map(struct parley_vhost_vq *vq);
/* VHOST_F_LOG_ALL or VHOST_VRING_F_LOG may have changed. */
void vh_vq_update_log(struct parley_vhost_vq *vq);
int vh_vq_set_keep(struct parley_vhost_vq *vq, u64 uaddr);

#endif /* _PARLEY_VHOST_DEVQ_H */
