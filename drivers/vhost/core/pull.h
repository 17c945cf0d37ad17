/* SPDX-License-Identifier: GPL-2.0-only */
/* Rings that are pulled, for who looks at them or waits for them; see pull.c. */
#ifndef _PARLEY_VHOST_PULL_H
#define _PARLEY_VHOST_PULL_H

#include "priv.h"

/* It has something to deliver, and no buffers for it.  Under vq->mutex. */
static inline bool vh_pull_hungry(const struct parley_vhost_vq *vq)
{
	return vq->lack == VH_LACK_BUFFERS;
}

void vh_pull_recall(struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_PULL_H */
