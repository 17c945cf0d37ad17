// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom virtual functions are offered to.
 *
 * The driver knows nobody above it.  A user registers, is offered each function that
 * is bound, now or later, and is told before one goes.  Who was offered a function
 * may take it and give it back, any number of times.
 *
 * Taking and giving back want the function's device lock (vf.h).  Whoever removes
 * the function holds it, and waits until the user has given it back: so this lock
 * cannot just be taken.  Once @leaving is set, whoever holds it is the one who waits
 * for the user, and will hold it until the user is done: he holds it in the user's
 * place.
 */
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rwsem.h>
#include <parley/export.h>
#include "vf.h"

/* Who cannot have the lock tries again after so many milliseconds. */
#define PVF_LOCK_MS	5

/*
 * Held to read while a user is offered a function, or asked to leave it, which may
 * take as long as the user likes.  A user comes and goes with it held to write: one
 * that still uses a function has a reference to its module and does not go.
 */
static DECLARE_RWSEM(pvf_user_sem);
static const struct parley_nvme_vf_user *pvf_user;

/* Functions that are bound, and a lock for the list alone. */
static DEFINE_MUTEX(pvf_bound_lock);
static LIST_HEAD(pvf_bound);

static void pvf_offer(struct parley_nvme_vf *vf)
{
	lockdep_assert_held(&pvf_user_sem);
	vf->offered = pvf_user && !pvf_user->add(vf);
}

static void pvf_withdraw(struct parley_nvme_vf *vf)
{
	lockdep_assert_held(&pvf_user_sem);
	if (vf->offered)
		pvf_user->remove(vf);
	vf->offered = false;
}

/**
 * parley_nvme_vf_user_register() - be offered all functions
 * @user: who; there until parley_nvme_vf_user_unregister()
 *
 * Context: process context; no device lock of a function held; may sleep.
 * Return: 0, or -EBUSY: there is another user.
 */
int parley_nvme_vf_user_register(const struct parley_nvme_vf_user *user)
{
	struct parley_nvme_vf *vf;

	guard(rwsem_write)(&pvf_user_sem);
	if (pvf_user)
		return -EBUSY;
	pvf_user = user;
	list_for_each_entry(vf, &pvf_bound, bound)
		pvf_offer(vf);
	return 0;
}
PARLEY_EXPORT(parley_nvme_vf_user_register);

/**
 * parley_nvme_vf_user_unregister() - the mirror of parley_nvme_vf_user_register()
 * @user: who, with no function taken
 *
 * Context: process context; no device lock of a function held; may sleep.
 */
void parley_nvme_vf_user_unregister(const struct parley_nvme_vf_user *user)
{
	struct parley_nvme_vf *vf;

	guard(rwsem_write)(&pvf_user_sem);
	if (WARN_ON_ONCE(pvf_user != user))
		return;
	list_for_each_entry(vf, &pvf_bound, bound)
		pvf_withdraw(vf);
	pvf_user = NULL;
}
PARLEY_EXPORT(parley_nvme_vf_user_unregister);

#if IS_ENABLED(CONFIG_KUNIT)
/**
 * parley_nvme_vf_user_swap() - a test's user in place of who is there
 * @user: the test's, or who was there before
 *
 * No function is offered or withdrawn: there is none but the test's.
 *
 * Context: process context; may sleep.
 * Return: who was there, or NULL.
 */
const struct parley_nvme_vf_user *
parley_nvme_vf_user_swap(const struct parley_nvme_vf_user *user)
{
	guard(rwsem_write)(&pvf_user_sem);
	swap(pvf_user, user);
	return user;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_user_swap);
#endif

/**
 * parley_nvme_vf_bound() - a function can be handed out from now on
 * @vf: the function
 *
 * Context: process context; device lock held by the caller; may sleep.
 */
void parley_nvme_vf_bound(struct parley_nvme_vf *vf)
{
	guard(rwsem_read)(&pvf_user_sem);
	if (parley_life_do(&vf->life, PARLEY_LIFE_PRESENT))
		return;
	scoped_guard(mutex, &pvf_bound_lock)
		list_add_tail(&vf->bound, &pvf_bound);
	pvf_offer(vf);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_bound);

/**
 * parley_nvme_vf_unbound() - the function goes; waits until the user has left it
 * @vf: the function
 *
 * Context: process context; device lock held by the caller; sleeps, maybe long.
 */
void parley_nvme_vf_unbound(struct parley_nvme_vf *vf)
{
	guard(rwsem_read)(&pvf_user_sem);
	if (!parley_life_has(&vf->life, PARLEY_LIFE_PRESENT))
		return;
	WRITE_ONCE(vf->leaving, true);
	scoped_guard(mutex, &pvf_bound_lock)
		list_del(&vf->bound);
	pvf_withdraw(vf);
	parley_life_undo(&vf->life, PARLEY_LIFE_PRESENT);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_unbound);

/**
 * parley_nvme_vf_lock() - take the device lock, if it can be
 * @vf: the function, which was offered
 *
 * Context: process context; sleeps.
 * Return: whether it was taken: else who waits for us has it.
 */
bool parley_nvme_vf_lock(struct parley_nvme_vf *vf)
{
	while (!device_trylock(vf->n.dev)) {
		if (READ_ONCE(vf->leaving))
			return false;
		msleep(PVF_LOCK_MS);
	}
	return true;
}

/**
 * parley_nvme_vf_take() - have a function handed out
 * @vf: the function, which was offered
 *
 * Context: process context; device lock not held; sleeps.
 * Return: as parley_nvme_vf_up(), or -ENODEV: it goes.
 */
int parley_nvme_vf_take(struct parley_nvme_vf *vf)
{
	int err;

	if (!parley_nvme_vf_lock(vf))
		return -ENODEV;
	err = parley_nvme_vf_up(vf);
	device_unlock(vf->n.dev);
	return err;
}
PARLEY_EXPORT(parley_nvme_vf_take);

/**
 * parley_nvme_vf_give_back() - the mirror of parley_nvme_vf_take()
 * @vf: the function, to which nobody submits any more
 *
 * Context: process context; device lock not held; sleeps.
 */
void parley_nvme_vf_give_back(struct parley_nvme_vf *vf)
{
	bool locked = parley_nvme_vf_lock(vf);

	parley_nvme_vf_down(vf);
	if (locked)
		device_unlock(vf->n.dev);
}
PARLEY_EXPORT(parley_nvme_vf_give_back);
