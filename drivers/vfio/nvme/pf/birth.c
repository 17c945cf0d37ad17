// SPDX-License-Identifier: GPL-2.0-only
/*
 * One virtual function and its namespace, for one guest.
 *
 * The other way is a pool: all virtual functions get their share at once, and wait
 * with a namespace each.  Here they are there, with nothing, and one of them gets what
 * it needs when a guest is born.
 *
 *	step	undone by
 *	create	delete		left out if the namespace is there already
 *	attach	detach
 *	equip	strip
 *
 * A step that fails undoes those before it.  If nobody is left to undo them, since
 * the driver or the machine died in between, the next driver finds the truth in the
 * controller's lists: a secondary controller with resources is stripped when it starts
 * (pnv_tidy()), and a namespace that is attached to nobody is shown as one.  It is not
 * deleted: it may as well be one that somebody has put aside.
 */
#include "pf.h"

static int pnv_birth_attach(struct parley_nvme_pf *pf, unsigned int number, u32 nsid)
{
	int err = parley_pf_ns_attach(pf, nsid, number, true);

	if (err)
		return err;
	err = parley_pf_vf_equip(pf, number);
	if (err)
		parley_pf_ns_attach(pf, nsid, number, false);
	return err;
}

/**
 * parley_pf_birth() - all that a guest needs
 * @pf: the function, with virtual functions
 * @number: which of them, without a driver and without anything
 * @blocks: size of the namespace that is made, if @nsid is 0
 * @format: number of its format
 * @nsid: a namespace that is there and attached to nobody, or 0; then that of the new one
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0; or, with all of it undone, what the step that failed returned.
 */
int parley_pf_birth(struct parley_nvme_pf *pf, unsigned int number, u64 blocks,
		    u8 format, u32 *nsid)
{
	bool made = !*nsid;
	int err = 0;

	lockdep_assert_held(&pf->n.mutex);
	/* What would fail at the last step need not go through the others. */
	if (number && number <= PARLEY_NVME_SECONDARIES_MAX && test_bit(number, pf->up))
		return -EEXIST;
	if (made)
		err = parley_pf_ns_create(pf, blocks, format, nsid);
	if (err)
		return err;
	err = pnv_birth_attach(pf, number, *nsid);
	if (err && made) {
		parley_pf_ns_delete(pf, *nsid);
		*nsid = 0;
	}
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_birth);

/**
 * parley_pf_death() - the mirror of parley_pf_birth()
 * @pf: the function, with virtual functions
 * @number: which of them, without a driver
 * @nsid: its namespace
 * @delete: with all its data; else it is put aside
 *
 * A step that fails ends it; it can be tried again, and what was done is not done again.
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0, or what the step that failed returned.
 */
int parley_pf_death(struct parley_nvme_pf *pf, unsigned int number, u32 nsid,
		    bool delete)
{
	int err = parley_pf_vf_strip(pf, number);

	if (err)
		return err;
	err = parley_pf_ns_attach(pf, nsid, number, false);
	/* Deleting detaches as well, and a second try finds it detached. */
	if (delete && (!err || err == -EREMOTEIO))
		err = parley_pf_ns_delete(pf, nsid);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_death);
