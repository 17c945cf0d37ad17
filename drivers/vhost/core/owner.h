/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The owner: whose memory a device works in, what he is and may, and how a thread
 * that is not his gets there.  See owner.c and mm.c.
 */
#ifndef _PARLEY_VHOST_OWNER_H
#define _PARLEY_VHOST_OWNER_H

#include <linux/types.h>
#include <parley/vhost.h>

struct cgroup_subsys_state;
struct cred;
struct mem_cgroup;
struct mm_struct;
struct task_struct;

/**
 * struct vh_owner - what the owner is and may; all zero without one that has memory
 * @mm: his memory; held by mmgrab(), users of it by the workers
 * @task: the thread that became the owner, for its limits
 * @cred: its credentials
 * @may_lock: RLIMIT_MEMLOCK does not bind it
 * @ioprio: its I/O priority, when it became the owner
 * @io: its I/O control group, or NULL
 * @memory: its memory control group, or NULL
 *
 * Changed under dev->mutex, while nothing is in flight.
 */
struct vh_owner {
	struct mm_struct *mm;
	struct task_struct *task;
	const struct cred *cred;
	bool may_lock;
	u16 ioprio;
	struct cgroup_subsys_state *io;
	struct mem_cgroup *memory;
};

/* The caller becomes the owner; the mirror, when nothing is in flight. */
void vh_owner_take(struct vh_owner *owner);
void vh_owner_drop(struct vh_owner *owner);
int vh_owner_lock_pages(struct vh_owner *owner, unsigned long nr);
/* Go on as the owner; parley_vhost_as_before() is the mirror. */
void vh_owner_put_on(const struct vh_owner *owner, struct parley_vhost_as *was);

int vh_in_owner_mm(struct vh_owner *owner, int (*fn)(void *arg), void *arg);
int vh_access_again(int (*access)(void *arg), void *arg);

#endif /* _PARLEY_VHOST_OWNER_H */
