// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom virtual functions are offered to.
 *
 * The driver knows nobody above it.  A user registers, is offered each function that
 * is bound, now or later, and is told before one goes.  Who was offered a function
 * may take it and give it back, any number of times.
 */
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rwsem.h>
#include <parley/export.h>
#include "vf.h"

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
	/* Erasing hears of it, too. */
	parley_nvme_space_go(vf);
	scoped_guard(mutex, &pvf_bound_lock)
		list_del(&vf->bound);
	pvf_withdraw(vf);
	/* And is over, since nobody can begin anew. */
	flush_work(&vf->erase.work);
	parley_nvme_errand_end(vf);
	parley_life_undo(&vf->life, PARLEY_LIFE_PRESENT);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_unbound);

static int pvf_take_for(struct parley_nvme_vf *vf, const uuid_t *tenant)
{
	return parley_nvme_errand_claim(vf) ?: parley_nvme_errand_out(vf, tenant);
}

/**
 * parley_nvme_vf_take() - have a function handed out
 * @vf: the function, which was offered
 * @tenant: for whom: he finds his data, or none
 *
 * If there are data of somebody else they are erased first, where root has said so
 * (@vf->next_tenant), and that is waited for.  So is a function that is on its way back.
 *
 * Context: process context; device lock not held; sleeps, until it is killed.
 * Return: as parley_nvme_vf_up(), or
 *	-ENODEV		it goes
 *	-EBUSY		somebody has it, or its namespace is being erased
 *	-EPERM		there are data of somebody else
 *	-EINTR		a signal ended the waiting: erasing goes on, and who is being killed
 *			has nothing to give back
 *	or why they could not be erased.
 */
int parley_nvme_vf_take(struct parley_nvme_vf *vf, const uuid_t *tenant)
{
	enum parley_nvme_way way = READ_ONCE(vf->next_tenant);
	int err = pvf_take_for(vf, tenant);

	if (err != -EPERM)
		return err;
	if (way == PARLEY_NVME_REFUSE) {
		dev_err_ratelimited(vf->n.dev, "namespace %u is not handed out to %pUb: it may have data of somebody else; say in parley/owner whose they are, or erase them by parley/erase\n",
				    vf->nsid, tenant);
		return err;
	}
	err = parley_nvme_erase_start(vf, way) ?: parley_nvme_erase_wait(vf);
	if (err == -ERESTARTSYS)
		err = -EINTR;
	return err ?: pvf_take_for(vf, tenant);
}
PARLEY_EXPORT(parley_nvme_vf_take);

/**
 * parley_nvme_vf_memory() - a guest's memory may be held for it from now on
 * @vf: the function, taken
 *
 * parley_life_undo() is the mirror.  Somebody may have reset it since it was taken: he has
 * the device lock until it is what it was.
 *
 * Context: process context; device lock not held; sleeps, until it is killed.
 * Return: 0; -ENODEV: it goes; -EAGAIN: it is none at the moment, or no more; -EINTR.
 */
int parley_nvme_vf_memory(struct parley_nvme_vf *vf)
{
	int err = parley_nvme_vf_lock_killable(vf);

	if (err)
		return err;
	err = -EAGAIN;
	if (parley_life_has(&vf->life, PARLEY_LIFE_QUEUES))
		err = parley_life_do(&vf->life, PARLEY_LIFE_MEMORY);
	device_unlock(vf->n.dev);
	return err;
}
PARLEY_EXPORT(parley_nvme_vf_memory);
