/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes in flight: see bound.c.  All by who serves the ring, or reaps it. */
#ifndef _PARLEY_VHOST_BOUND_H
#define _PARLEY_VHOST_BOUND_H

#include "state.h"

u64 vh_bound_payload(const struct parley_vhost_vq *vq, const struct parley_chain *c);
unsigned int vh_bound_burst(struct parley_vhost_vq *vq, unsigned int n, u64 left);
void vh_bound_undo(struct parley_vhost_vq *vq, unsigned int from, unsigned int to);
void vh_bound_begin(struct parley_vhost_vq *vq, struct parley_vhost_req *req);
void vh_bound_end(struct parley_vhost_vq *vq, struct parley_vhost_req *req);
bool vh_bound_open(const struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_BOUND_H */
