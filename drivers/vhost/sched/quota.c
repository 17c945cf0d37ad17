// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many threads of vCPUs there may be.
 *
 * Each one that is registered makes every switch between threads of the host a bit longer,
 * so there is a most for all of them.  That nobody takes it from others, a user has his
 * part, and all users together have a larger one; beyond that goes who may schedule threads
 * of others anyway.
 */
#include <kunit/static_stub.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/slab.h>

#include "sched.h"

/**
 * struct vhs_user - who has registered threads, as a part of his own
 * @all: in the list of these
 * @id: who
 * @threads: so many
 */
struct vhs_user {
	struct list_head all;
	kuid_t id;
	unsigned int threads;
};

/* These are protected by vhs_threads_lock. */
static LIST_HEAD(vhs_users);
static unsigned int vhs_threads_all;	/* whoever registered them */
static unsigned int vhs_threads_users;	/* as parts of users */

/** vhs_quota_beyond() - may the caller have more than his part? */
VISIBLE_IF_KUNIT bool vhs_quota_beyond(void)
{
	KUNIT_STATIC_STUB_REDIRECT(vhs_quota_beyond);
	return capable(CAP_SYS_NICE);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_quota_beyond);

static struct vhs_user *vhs_user_find(kuid_t id)
{
	struct vhs_user *user;

	list_for_each_entry(user, &vhs_users, all)
		if (uid_eq(user->id, id))
			return user;
	return NULL;
}

static struct vhs_user *vhs_user_add(kuid_t id)
{
	struct vhs_user *user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);

	if (!user)
		return ERR_PTR(-ENOMEM);
	user->id = id;
	list_add(&user->all, &vhs_users);
	return user;
}

/* Of his part; NULL: there is nothing left of it. */
static struct vhs_user *vhs_user_get(kuid_t id)
{
	struct vhs_user *user = vhs_user_find(id);

	if (vhs_threads_users == VHS_THREADS_USERS ||
	    (user && user->threads == VHS_THREADS_USER))
		return NULL;
	user = user ?: vhs_user_add(id);
	if (IS_ERR(user))
		return user;
	user->threads++;
	vhs_threads_users++;
	return user;
}

/**
 * vhs_quota_get() - a thread is about to be registered
 * @id: by whom
 *
 * Context: sleeps; vhs_threads_lock held.
 * Return: what vhs_quota_put() wants, NULL among others; -ENOSPC if @id has too many, and
 * may not have more, or all have; -ENOMEM.
 */
struct vhs_user *vhs_quota_get(kuid_t id)
{
	struct vhs_user *user;

	lockdep_assert_held(&vhs_threads_lock);
	if (vhs_threads_all == VHS_THREADS_MAX)
		return ERR_PTR(-ENOSPC);
	user = vhs_user_get(id);
	if (IS_ERR(user))
		return user;
	if (!user && !vhs_quota_beyond())
		return ERR_PTR(-ENOSPC);
	vhs_threads_all++;
	return user;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_quota_get);

/** vhs_quota_put() - it is registered no more; @user is what vhs_quota_get() returned */
void vhs_quota_put(struct vhs_user *user)
{
	lockdep_assert_held(&vhs_threads_lock);
	vhs_threads_all--;
	if (!user)
		return;
	vhs_threads_users--;
	if (--user->threads)
		return;
	list_del(&user->all);
	kfree(user);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_quota_put);
