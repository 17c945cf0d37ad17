/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that several devices share; see pool.c.  Whose turn it is: turn.h. */
#ifndef _PARLEY_VHOST_POOL_H
#define _PARLEY_VHOST_POOL_H

#include <linux/list.h>
#include <linux/mutex.h>

#include "turn.h"

struct parley_vhost;

#define VH_POOLS_MAX		64
#define VH_POOL_THREADS_MAX	64	/* of a pool at a time */
#define VH_POOL_DEVICES_MAX	256
#define VH_POOL_MEMBERS_MAX	256	/* their workers, beyond one of each */

extern struct mutex vh_pools_lock;
extern struct list_head vh_pools;	/* under it */

/* Each takes vh_pools_lock, none waits for a back end. */
int vh_pool_create(const char *name, unsigned int threads, bool one_vm);
int vh_pool_resize(const char *name, unsigned int threads);
int vh_pool_remove(const char *name);
int vh_pool_attach(struct parley_vhost *dev, const char *name, unsigned int class, u32 weight);
int vh_pool_detach(struct parley_vhost *dev);
void vh_pool_disown(struct parley_vhost *dev);
/* Under vh_pools_lock; NULL for none. */
struct vh_pool *vh_pool_find(const char *name);

/* A worker that comes and goes, under dev->mutex; it may go on with its own thread. */
int vh_pool_welcome(struct vh_worker *w);
void vh_pool_farewell(struct vh_worker *w);

int vh_pools_init(void);
void vh_pools_exit(void);	/* there is no device */

#endif /* _PARLEY_VHOST_POOL_H */
