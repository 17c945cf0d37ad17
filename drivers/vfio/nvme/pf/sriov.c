// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual functions come and go, with all that they need.
 *
 * Flexible resources lie with the primary at first, which needs none of them here.
 * They are taken from it, which a reset makes true; then virtual functions are
 * enabled, all at once, as their number must not be changed while there are some;
 * then each is given its share and goes online; then the lists are read again, to
 * see that it is so.
 *
 *	step	undone by
 *	take	give back, reset	@taken says what the primary had
 *	enable	disable			@nr_vfs says how many there are
 *	equip	offline			takes the resources back as well
 *	online	offline
 *
 * Going down is undoing in the reverse order whatever there is, and that is also
 * what follows a step that fails.  It needs no controller that obeys: a function
 * without virtual functions has no secondary controller at work, and what one that
 * died still has to give back is asked of it when it lives again (pnv_tidy()).
 */
#include <linux/math.h>
#include <linux/module.h>
#include "pf.h"

/* What the primary needs of its flexible resources: nothing, if it has others. */
static u16 pnv_own(const struct parley_nvme_pool *pool)
{
	return pool->fixed >= PARLEY_NVME_OWN_MIN ? 0 :
	       roundup(PARLEY_NVME_OWN_MIN, pool->grain);
}

static u16 pnv_share(const struct parley_nvme_pool *pool, unsigned int nr)
{
	u32 all = pool->total - min_t(u32, pool->total, pnv_own(pool));

	return rounddown(min_t(u32, all / nr, pool->most), pool->grain);
}

/**
 * parley_pf_share() - what each of so many virtual functions would get
 * @pf: the function
 * @nr: how many, not 0
 * @share: how much of each kind
 *
 * Context: process context; @pf->n.mutex held.
 * Return: 0; -EOPNOTSUPP if it cannot have any; -ENOSPC if so many are not there or
 *	would get too little to work with.
 */
int parley_pf_share(struct parley_nvme_pf *pf, unsigned int nr, u16 *share)
{
	unsigned int i;

	lockdep_assert_held(&pf->n.mutex);
	if (pf->virt)
		return -EOPNOTSUPP;
	for (i = 1; i <= nr; i++)
		if (!parley_pf_secondary_find(pf, i))
			return -ENOSPC;
	for (i = 0; i < PARLEY_NVME_KINDS; i++)
		share[i] = pnv_share(&pf->pool[i], nr);
	return share[PARLEY_NVME_QUEUES] < PARLEY_NVME_VF_QUEUES_MIN ||
	       share[PARLEY_NVME_INTERRUPTS] < PARLEY_NVME_VF_INTERRUPTS_MIN ? -ENOSPC : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_share);

/**
 * parley_pf_init() - a physical function that is OFF
 * @pf: zeroed
 * @dev: the device, for messages
 * @ops: how it is reached
 * @pf_ops: how virtual functions are made
 * @bar: bytes of registers
 *
 * The mirror is parley_nvme_exit() of its controller.
 *
 * Context: process context; may sleep.
 * Return: as parley_nvme_init().
 */
int parley_pf_init(struct parley_nvme_pf *pf, struct device *dev,
		   const struct parley_nvme_ops *ops,
		   const struct parley_nvme_pf_ops *pf_ops, size_t bar)
{
	pf->ops = pf_ops;
	pf->virt = "it was not asked yet";
	parley_pf_event_init(pf);
	parley_pf_format_init(pf);
	return parley_nvme_init(&pf->n, dev, ops, bar);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_init);

static int pnv_start(struct parley_nvme_pf *pf)
{
	int err = parley_nvme_start(&pf->n);

	if (err)
		return err;
	err = parley_pf_learn_virt(pf);
	if (!err)
		err = parley_pf_event_on(pf);
	if (err)
		parley_nvme_stop(&pf->n, false);
	return err;
}

/* Reset the whole function, or, where it has no such reset, its controller. */
static int pnv_restart(struct parley_nvme_pf *pf)
{
	int err;

	parley_nvme_stop(&pf->n, false);
	err = pf->n.ops->reset(&pf->n);
	if (err == -ENOTTY)
		err = 0;
	if (err)
		dev_err_ratelimited(pf->n.dev, "cannot be reset (%d)\n", err);
	return err ?: pnv_start(pf);
}

/* Let the primary have so much, and see that it has. */
static int pnv_move(struct parley_nvme_pf *pf, const u16 *want)
{
	enum parley_nvme_kind kind;
	int err = 0;

	/* Both, always: an earlier try may have got half-way and not to the reset. */
	for (kind = 0; kind < PARLEY_NVME_KINDS && !err; kind++)
		err = parley_pf_primary(pf, kind, want[kind]);
	if (!err)
		err = pnv_restart(pf);
	if (!err && pf->virt) {
		dev_err_ratelimited(pf->n.dev, "after a reset, can have no virtual functions: %s\n",
				    pf->virt);
		return -EPROTO;
	}
	for (kind = 0; kind < PARLEY_NVME_KINDS && !err; kind++) {
		if (pf->pool[kind].mine == want[kind])
			continue;
		dev_err_ratelimited(pf->n.dev, "controller keeps %u flexible resources, not %u, after a reset\n",
				    pf->pool[kind].mine, want[kind]);
		err = -EPROTO;
	}
	return err;
}

static int pnv_take(struct parley_nvme_pf *pf)
{
	u16 want[PARLEY_NVME_KINDS];
	enum parley_nvme_kind kind;
	bool enough = true;

	for (kind = 0; kind < PARLEY_NVME_KINDS; kind++) {
		want[kind] = min(pf->pool[kind].mine, pnv_own(&pf->pool[kind]));
		enough = enough && pf->pool[kind].mine == want[kind];
	}
	if (enough)
		return 0;
	for (kind = 0; kind < PARLEY_NVME_KINDS && !pf->took; kind++)
		pf->taken[kind] = pf->pool[kind].mine;
	pf->took = true;
	return pnv_move(pf, want);
}

static void pnv_give_back(struct parley_nvme_pf *pf)
{
	int err;

	if (!pf->took)
		return;
	err = READ_ONCE(pf->n.state) == PARLEY_NVME_LIVE ? pnv_move(pf, pf->taken) : -EIO;
	pf->took = err;
	if (err)
		dev_warn_ratelimited(pf->n.dev, "controller did not take its %u queues and %u interrupts back (%d): that is tried again after its next reset\n",
				     pf->taken[PARLEY_NVME_QUEUES],
				     pf->taken[PARLEY_NVME_INTERRUPTS], err);
}

static bool pnv_has_something(const struct parley_nvme_secondary *vf)
{
	return vf->online || vf->have[PARLEY_NVME_QUEUES] ||
	       vf->have[PARLEY_NVME_INTERRUPTS];
}

/* Whether there was anything to do. */
static bool pnv_offline_all(struct parley_nvme_pf *pf)
{
	struct parley_nvme_secondary *vf;
	bool did = false;

	for (vf = pf->vf; vf < pf->vf + pf->nr_secondaries; vf++) {
		if (!pnv_has_something(vf) || READ_ONCE(pf->n.state) != PARLEY_NVME_LIVE)
			continue;
		parley_pf_offline(pf, vf);
		did = true;
	}
	return did;
}

static int pnv_equip_one(struct parley_nvme_pf *pf, struct parley_nvme_secondary *vf)
{
	enum parley_nvme_kind kind;
	int err = 0;

	/* What is there already may be somebody else's work, and less than it says. */
	if (pnv_has_something(vf))
		err = parley_pf_offline(pf, vf);
	for (kind = 0; kind < PARLEY_NVME_KINDS && !err; kind++) {
		/* Noted before it is so: then it is also undone if nobody answers. */
		vf->have[kind] = pf->share[kind];
		err = parley_pf_assign(pf, vf, kind, pf->share[kind]);
	}
	if (!err)
		err = parley_pf_online(pf, vf);
	return err;
}

static int pnv_see_one(struct parley_nvme_pf *pf, unsigned int number)
{
	struct parley_nvme_secondary *vf = parley_pf_secondary_find(pf, number);

	if (vf && vf->online &&
	    vf->have[PARLEY_NVME_QUEUES] >= pf->share[PARLEY_NVME_QUEUES] &&
	    vf->have[PARLEY_NVME_INTERRUPTS] >= pf->share[PARLEY_NVME_INTERRUPTS])
		return 0;
	dev_err_ratelimited(pf->n.dev, "virtual function %u is not online, although the controller said so\n",
			    number);
	return -EPROTO;
}

static int pnv_see(struct parley_nvme_pf *pf)
{
	int err = parley_pf_learn_virt(pf);
	unsigned int i;

	for_each_set_bit(i, pf->up, PARLEY_NVME_SECONDARIES_MAX + 1)
		err = err ?: pnv_see_one(pf, i);
	return err;
}

static int pnv_equip(struct parley_nvme_pf *pf)
{
	struct parley_nvme_secondary *vf;
	unsigned int i;
	int err = 0;

	for_each_set_bit(i, pf->up, PARLEY_NVME_SECONDARIES_MAX + 1) {
		vf = parley_pf_secondary_find(pf, i);
		err = err ?: vf ? pnv_equip_one(pf, vf) : -EPROTO;
	}
	return err ?: pnv_see(pf);
}

/* A number of a virtual function that can be dealt with by itself. */
static struct parley_nvme_secondary *pnv_single(struct parley_nvme_pf *pf,
						unsigned int number)
{
	lockdep_assert_held(&pf->n.mutex);
	if (READ_ONCE(pf->n.state) != PARLEY_NVME_LIVE || pf->going)
		return ERR_PTR(-ENETDOWN);
	if (!number || number > pf->nr_vfs)
		return ERR_PTR(-EINVAL);
	if (pf->ops->vf_bound(pf, number)) {
		dev_err_ratelimited(pf->n.dev, "virtual function %u has a driver: unbind it first\n",
				    number);
		return ERR_PTR(-EBUSY);
	}
	return parley_pf_secondary_find(pf, number) ?: ERR_PTR(-EPROTO);
}

/**
 * parley_pf_vf_equip() - give one virtual function its share, and let it work
 * @pf: the function, with virtual functions
 * @number: which, without a driver
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0; or, with all of it undone,
 *	-ENETDOWN	the controller is not LIVE, or the virtual functions go
 *	-EINVAL		there is no such virtual function
 *	-EBUSY		it has a driver
 *	-EEXIST		it works already
 *	-EPROTO		the controller did other than it said
 *	or as parley_nvme_admin().
 */
int parley_pf_vf_equip(struct parley_nvme_pf *pf, unsigned int number)
{
	struct parley_nvme_secondary *vf = pnv_single(pf, number);
	int err;

	if (IS_ERR(vf))
		return PTR_ERR(vf);
	if (test_bit(number, pf->up))
		return -EEXIST;
	err = pnv_equip_one(pf, vf);
	if (!err)
		err = parley_pf_learn_virt(pf);
	if (!err)
		err = pnv_see_one(pf, number);
	if (!err)
		set_bit(number, pf->up);
	else if (READ_ONCE(pf->n.state) == PARLEY_NVME_LIVE)
		parley_pf_offline(pf, vf);
	return err;
}

/**
 * parley_pf_vf_strip() - the mirror of parley_pf_vf_equip()
 * @pf: the function, with virtual functions
 * @number: which, without a driver
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0, -ENETDOWN, -EINVAL, -EBUSY, or as parley_nvme_admin().
 */
int parley_pf_vf_strip(struct parley_nvme_pf *pf, unsigned int number)
{
	struct parley_nvme_secondary *vf = pnv_single(pf, number);
	int err;

	if (IS_ERR(vf))
		return PTR_ERR(vf);
	/* Also one that we did not equip: what counts is what the controller has. */
	clear_bit(number, pf->up);
	err = parley_pf_offline(pf, vf);
	return err ?: parley_pf_learn_virt(pf);
}

static void pnv_refuse(struct parley_nvme_pf *pf, unsigned int nr, int err)
{
	if (err == -EOPNOTSUPP)
		dev_err(pf->n.dev, "can have no virtual functions: %s\n", pf->virt);
	else
		dev_err(pf->n.dev, "cannot have %u virtual functions: of %u, with %u flexible queues and %u interrupts, each needs %u and %u\n",
			nr, pf->nr_secondaries, pf->pool[PARLEY_NVME_QUEUES].total,
			pf->pool[PARLEY_NVME_INTERRUPTS].total, PARLEY_NVME_VF_QUEUES_MIN,
			PARLEY_NVME_VF_INTERRUPTS_MIN);
}

static int pnv_prepare(struct parley_nvme_pf *pf, unsigned int nr)
{
	int err;

	if (READ_ONCE(pf->n.state) != PARLEY_NVME_LIVE)
		return -ENETDOWN;
	err = parley_pf_share(pf, nr, pf->share);
	if (err) {
		pnv_refuse(pf, nr, err);
		return err;
	}
	return pnv_take(pf);
}

static int pnv_enable_vfs(struct parley_nvme_pf *pf, unsigned int nr)
{
	int err;

	if (!try_module_get(pf->ops->owner))
		return -ENODEV;
	err = pf->ops->vfs_enable(pf, nr);
	if (err) {
		dev_err(pf->n.dev, "%u virtual functions cannot be enabled (%d)\n", nr, err);
		module_put(pf->ops->owner);
		return err;
	}
	pf->nr_vfs = nr;
	return 0;
}

/**
 * parley_pf_vfs_up() - so many virtual functions, online
 * @pf: the function, LIVE and without any
 * @nr: how many, not 0
 *
 * Context: process context; device lock held by the caller, @pf->n.mutex not; may
 *	sleep.
 * Return: 0; or, with all of it undone,
 *	-EBUSY		there are some
 *	-ENETDOWN	the controller is not LIVE
 *	-EOPNOTSUPP	it can have none
 *	-ENOSPC		not so many
 *	-EPROTO		it did other than it said
 *	-ENODEV		the module goes
 *	or what parley_nvme_start(), parley_nvme_admin() or the bus returns.
 */
int parley_pf_vfs_up(struct parley_nvme_pf *pf, unsigned int nr)
{
	int err;

	/* Their number is never written while there are some. */
	if (pf->nr_vfs)
		return -EBUSY;
	scoped_guard(mutex, &pf->n.mutex)
		err = pnv_prepare(pf, nr);
	if (!err)
		err = pnv_enable_vfs(pf, nr);
	if (!err) {
		scoped_guard(mutex, &pf->n.mutex) {
			if (!pf->on_demand)
				bitmap_set(pf->up, 1, nr);
			err = pnv_equip(pf);
		}
	}
	if (err)
		parley_pf_vfs_down(pf);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_vfs_up);

/**
 * parley_pf_vfs_down() - no virtual functions, and nothing left of them
 * @pf: the function, in any state
 *
 * Context: process context; device lock held by the caller, @pf->n.mutex not; may
 *	sleep.
 */
void parley_pf_vfs_down(struct parley_nvme_pf *pf)
{
	/* What the controller said of itself stands, if nothing was done about it. */
	if (!pf->nr_vfs && !pf->took)
		return;
	if (pf->nr_vfs) {
		/* While they still work: their drivers may have something to save. */
		pf->ops->vfs_release(pf);
		scoped_guard(mutex, &pf->n.mutex) {
			/* From here to their end none is equipped anew. */
			pf->going = true;
			bitmap_zero(pf->up, PARLEY_NVME_SECONDARIES_MAX + 1);
			pnv_offline_all(pf);
		}
		pf->ops->vfs_disable(pf);
		module_put(pf->ops->owner);
	}
	scoped_guard(mutex, &pf->n.mutex) {
		pf->nr_vfs = 0;
		pf->going = false;
		pnv_give_back(pf);
		if (READ_ONCE(pf->n.state) == PARLEY_NVME_LIVE)
			parley_pf_learn_virt(pf);
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_vfs_down);

/*
 * A controller that lives again: without virtual functions nothing may be left of
 * them, whoever made them; with some, they get what they had.
 */
static int pnv_tidy(struct parley_nvme_pf *pf)
{
	int err = 0;

	/* If it is not given back, the next format says so. */
	parley_pf_format_take_back(pf);
	if (pf->nr_vfs)
		return pf->virt ? -EOPNOTSUPP : pnv_equip(pf);
	if (pnv_offline_all(pf))
		err = parley_pf_learn_virt(pf);
	if (!err)
		pnv_give_back(pf);
	return READ_ONCE(pf->n.state) == PARLEY_NVME_LIVE ? err : -EIO;
}

/**
 * parley_pf_go_on() - start the controller after somebody reset the function
 * @pf: the function, stopped by parley_pf_pause()
 *
 * Virtual functions that are enabled get what they had and go online.
 *
 * Context: process context; device lock held by the caller, @pf->n.mutex not; may
 *	sleep.
 * Return: as parley_nvme_start(), or why virtual functions are not online.
 */
int parley_pf_go_on(struct parley_nvme_pf *pf)
{
	int err;

	guard(mutex)(&pf->n.mutex);
	err = pnv_start(pf);
	if (err)
		return err;
	err = pnv_tidy(pf);
	if (err && pf->nr_vfs)
		dev_err(pf->n.dev, "virtual functions are not online again (%d): write 0 to sriov_numvfs, then their number\n",
			err);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_go_on);

/**
 * parley_pf_pause() - stop the controller, because the function will be reset
 * @pf: the function
 * @shutdown: or will lose its power
 *
 * Context: process context; device lock held by the caller, @pf->n.mutex not; may
 *	sleep.
 */
void parley_pf_pause(struct parley_nvme_pf *pf, bool shutdown)
{
	scoped_guard(mutex, &pf->n.mutex)
		parley_nvme_stop(&pf->n, shutdown);
	/* Which may wait for the mutex. */
	parley_pf_event_off(pf);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_pause);

/**
 * parley_pf_down() - a function that will be unbound
 * @pf: the function, in any state
 *
 * Context: process context; device lock held by the caller; may sleep.
 */
void parley_pf_down(struct parley_nvme_pf *pf)
{
	parley_pf_vfs_down(pf);
	parley_pf_pause(pf, true);
	parley_pf_format_exit(pf);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_down);
