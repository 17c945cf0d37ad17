// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the controller says of itself.  Each structure is copied out of the memory
 * that the controller can write, and what is used of it is checked in the copy.
 *
 * What is odd about virtual functions costs those and no more: namespaces can be
 * seen to all the same.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include "pf.h"

/* One kind of resources: NULL, or why it cannot be. */
static const char *pnv_check_pool(const struct parley_nvme_resources *wire,
				  struct parley_nvme_pool *pool)
{
	pool->total = le32_to_cpu(wire->total);
	pool->mine = le16_to_cpu(wire->primary);
	pool->fixed = le16_to_cpu(wire->fixed);
	pool->most = le16_to_cpu(wire->most);
	pool->grain = max_t(u16, le16_to_cpu(wire->grain), 1);
	if (!pool->total)
		return "it has no flexible resources";
	if (pool->total > U16_MAX || pool->mine > pool->total)
		return "its numbers of flexible resources cannot be";
	if (!pool->most)
		return "it gives no resources to virtual functions";
	return NULL;
}

/* What was asked for, until all of it is known to be sound. */
struct pnv_view {
	struct parley_nvme_pool pool[PARLEY_NVME_KINDS];
	struct parley_nvme_secondary vf[PARLEY_NVME_SECONDARIES_MAX];
	unsigned int nr;
	u8 data[NVME_IDENTIFY_DATA_SIZE] __aligned(8);
};

static const char *pnv_check_primary(struct parley_nvme_pf *pf, struct pnv_view *view)
{
	const struct parley_nvme_primary_wire *wire = (void *)view->data;
	enum parley_nvme_kind kind;
	const char *why;

	if (le16_to_cpu(wire->cntlid) != pf->n.id.cntlid)
		return "its primary controller is another one";
	for (kind = 0; kind < PARLEY_NVME_KINDS; kind++) {
		if (!(wire->kinds & BIT(kind)))
			return "its queues or interrupts are not flexible";
		why = pnv_check_pool(&wire->kind[kind], &view->pool[kind]);
		if (why)
			return why;
	}
	return NULL;
}

static bool pnv_known(const struct pnv_view *view, const struct parley_nvme_secondary *vf)
{
	unsigned int i;

	for (i = 0; i < view->nr; i++)
		if (view->vf[i].number == vf->number || view->vf[i].cntlid == vf->cntlid)
			return true;
	return false;
}

static const char *pnv_check_secondary(struct parley_nvme_pf *pf, struct pnv_view *view,
				       const struct parley_nvme_secondary_wire *wire)
{
	struct parley_nvme_secondary vf = {
		.cntlid = le16_to_cpu(wire->scid),
		.number = le16_to_cpu(wire->vfn),
		.have[PARLEY_NVME_QUEUES] = le16_to_cpu(wire->queues),
		.have[PARLEY_NVME_INTERRUPTS] = le16_to_cpu(wire->interrupts),
		.online = wire->state & PARLEY_NVME_SECONDARY_ONLINE,
	};
	enum parley_nvme_kind kind;

	if (le16_to_cpu(wire->pcid) != pf->n.id.cntlid || vf.cntlid == pf->n.id.cntlid)
		return "its list of secondary controllers has one that is not its own";
	/* One that is no virtual function is nothing to us. */
	if (!vf.number)
		return NULL;
	if (pnv_known(view, &vf))
		return "its list of secondary controllers has one twice";
	for (kind = 0; kind < PARLEY_NVME_KINDS; kind++)
		if (vf.have[kind] > view->pool[kind].total)
			return "a virtual function has more resources than there are";
	view->vf[view->nr++] = vf;
	return NULL;
}

static const char *pnv_check_secondaries(struct parley_nvme_pf *pf, struct pnv_view *view)
{
	const struct parley_nvme_secondaries_wire *wire = (void *)view->data;
	const char *why;
	unsigned int i;

	if (wire->nr > PARLEY_NVME_SECONDARIES_MAX)
		return "its list of secondary controllers is longer than a list can be";
	for (i = 0; i < wire->nr; i++) {
		why = pnv_check_secondary(pf, view, &wire->entry[i]);
		if (why)
			return why;
	}
	return view->nr ? NULL : "it has no virtual functions";
}

/*
 * Whether it can have virtual functions, and what they have now.  An error is one
 * of the command, with @pf->virt saying what it was about.
 */
static int pnv_ask_virt(struct parley_nvme_pf *pf, struct pnv_view *view)
{
	int err;

	pf->virt = "it has no virtualization management";
	if (pf->n.version < NVME_VS(1, 3, 0))
		return 0;
	/* Some have it and do not say so, as QEMU's: they are asked all the same. */
	if (pf->n.id.oacs & PARLEY_NVME_OACS_VIRT)
		pf->virt = "it does not describe its resources";
	err = parley_nvme_identify(&pf->n, PARLEY_NVME_CNS_PRIMARY, 0, 0, view->data);
	if (err)
		return err;
	pf->virt = pnv_check_primary(pf, view);
	if (pf->virt)
		return 0;
	pf->virt = "it does not list its secondary controllers";
	err = parley_nvme_identify(&pf->n, NVME_ID_CNS_SCNDRY_CTRL_LIST, 0, 0, view->data);
	if (!err)
		pf->virt = pnv_check_secondaries(pf, view);
	return err;
}

/**
 * parley_pf_learn_virt() - ask again for resources and secondary controllers
 * @pf: the function, LIVE
 *
 * Sets @pf->virt, @pf->pool and @pf->vf.  If @pf->virt says why there can be no
 * virtual functions, the others are what they were: what is to be undone is known
 * from there.
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0, -ENOMEM, or what parley_nvme_admin() returns where it is not the
 *	controller's refusal.
 */
int parley_pf_learn_virt(struct parley_nvme_pf *pf)
{
	struct pnv_view *view __free(kfree) = kzalloc(sizeof(*view), GFP_KERNEL);
	int err;

	lockdep_assert_held(&pf->n.mutex);
	if (!view)
		return -ENOMEM;
	err = pnv_ask_virt(pf, view);
	if (!pf->virt) {
		memcpy(pf->pool, view->pool, sizeof(pf->pool));
		memcpy(pf->vf, view->vf, sizeof(pf->vf));
		pf->nr_secondaries = view->nr;
	}
	return err == -EREMOTEIO || err == -EOPNOTSUPP ? 0 : err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_learn_virt);
