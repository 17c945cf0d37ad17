/* SPDX-License-Identifier: GPL-2.0-only */
/* Kicks, calls and files that are watched; see notify.c, watch.c.  Their state: state.h. */
#ifndef _PARLEY_VHOST_NOTIFY_H
#define _PARLEY_VHOST_NOTIFY_H

#include <linux/dim.h>
#include <linux/ktime.h>
#include <linux/types.h>

struct parley_vhost_vq;
struct vh_moderation;

/*
 * All under vq->mutex.  The setters take an eventfd or VHOST_FILE_UNBIND and
 * release what was set before; vh_kick_set() hooks the new one at once if the
 * ring runs.
 */
int vh_kick_set(struct parley_vhost_vq *vq, int fd);
void vh_kick_start(struct parley_vhost_vq *vq);	/* hook the eventfd, if any */
void vh_kick_stop(struct parley_vhost_vq *vq);
int vh_call_set(struct parley_vhost_vq *vq, int fd);
int vh_err_set(struct parley_vhost_vq *vq, int fd);
/* nr completions were published, the driver wants a call or not. */
void vh_call(struct parley_vhost_vq *vq, unsigned int nr, bool wanted);
void vh_call_flush(struct parley_vhost_vq *vq);	/* nothing is held back after */
/* Has the back end something to say?  Nobody is outside. */
bool vh_watch_pending(struct parley_vhost_vq *vq);
/* When the ring is made and before it is freed; the latter lets go of all. */
void vh_notify_init(struct parley_vhost_vq *vq);
void vh_notify_release(struct parley_vhost_vq *vq);

/* Moderation that learns; see adapt.c.  All but the first under vq->mutex. */
extern void (*vh_dim)(struct dim *dim, struct dim_sample sample);
void vh_adapt_init(struct vh_moderation *m);
int vh_adapt_set(struct parley_vhost_vq *vq, bool on);
void vh_adapt(struct parley_vhost_vq *vq, unsigned int nr, ktime_t now);

#endif /* _PARLEY_VHOST_NOTIFY_H */
