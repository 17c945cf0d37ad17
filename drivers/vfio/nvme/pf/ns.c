// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces: made, deleted, attached and detached (NVMe 5.19, 5.20), where the
 * controller says that it can (OACS).  Some say so and know only half of the
 * commands; what they do not know is told apart from what they refuse.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include "pf.h"

static int pnv_ns_can(struct parley_nvme_pf *pf)
{
	lockdep_assert_held(&pf->n.mutex);
	if (pf->n.id.oacs & NVME_CTRL_OACS_NS_MNGT_SUPP)
		return 0;
	dev_err_ratelimited(pf->n.dev, "controller has no namespace management: its namespaces are what its maker made them\n");
	return -EOPNOTSUPP;
}

/* The number of the virtual function with this controller; 0 for all others. */
static unsigned int pnv_number(struct parley_nvme_pf *pf, u16 cntlid)
{
	unsigned int i;

	for (i = 0; i < pf->nr_secondaries; i++)
		if (pf->vf[i].cntlid == cntlid)
			return pf->vf[i].number;
	return 0;
}

/**
 * parley_pf_ns_holders() - whom a namespace is attached to
 * @pf: the function, LIVE
 * @nsid: which
 * @holders: a bit for each: of virtual functions their number, 0 for all others
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0, -EPROTO if the list cannot be, -ENOMEM, or as parley_nvme_admin().
 */
int parley_pf_ns_holders(struct parley_nvme_pf *pf, u32 nsid, unsigned long *holders)
{
	struct parley_nvme_ctrl_list *list __free(kfree) =
		kzalloc(sizeof(*list), GFP_KERNEL);
	unsigned int i, nr;
	int err;

	lockdep_assert_held(&pf->n.mutex);
	bitmap_zero(holders, PARLEY_NVME_SECONDARIES_MAX + 1);
	if (!list)
		return -ENOMEM;
	err = parley_nvme_identify(&pf->n, PARLEY_NVME_CNS_HOLDERS, nsid, 0, list);
	if (err)
		return err;
	nr = le16_to_cpu(list->nr);
	if (nr > ARRAY_SIZE(list->cntlid))
		return -EPROTO;
	for (i = 0; i < nr; i++) {
		unsigned int number = pnv_number(pf, le16_to_cpu(list->cntlid[i]));

		if (number <= PARLEY_NVME_SECONDARIES_MAX)
			set_bit(number, holders);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_ns_holders);

/* One namespace, named: neither none nor all; and not one that is being formatted. */
static int pnv_ns_valid(struct parley_nvme_pf *pf, u32 nsid)
{
	if (nsid && nsid == pf->formatting)
		return -EBUSY;
	if (nsid && nsid <= pf->n.id.nn && nsid != PARLEY_NVME_NSID_ALL)
		return 0;
	dev_err_ratelimited(pf->n.dev, "there can be no namespace %u: they are 1 to %u\n", nsid,
			    pf->n.id.nn);
	return -EINVAL;
}

static int pnv_ns_command(struct parley_nvme_pf *pf, struct parley_nvme_req *req,
			  const char *what)
{
	int err = parley_nvme_admin(&pf->n, req);

	if (err == -EOPNOTSUPP)
		dev_err_ratelimited(pf->n.dev, "controller claims namespace management, but does not know how to %s a namespace\n",
				    what);
	else if (err)
		dev_err_ratelimited(pf->n.dev, "cannot %s namespace %u (%d, status %#x)\n", what,
				    le32_to_cpu(req->cmd.common.nsid), err, req->status);
	return err;
}

/**
 * parley_pf_ns_cns() - how a namespace is asked for that is not the primary's own
 * @pf: the function, LIVE
 *
 * Context: any.
 * Return: the number of the structure; where the controller does not manage namespaces,
 *	that of its own.
 */
u8 parley_pf_ns_cns(const struct parley_nvme_pf *pf)
{
	return pf->n.id.oacs & NVME_CTRL_OACS_NS_MNGT_SUPP ?
	       NVME_ID_CNS_NS_PRESENT : NVME_ID_CNS_NS;
}

/**
 * parley_pf_ns_list() - which namespaces there are
 * @pf: the function, LIVE
 * @nsid: where their numbers go
 * @max: how many at most
 *
 * All of the subsystem's where the controller manages namespaces, else its own.
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: as parley_nvme_list().
 */
int parley_pf_ns_list(struct parley_nvme_pf *pf, u32 *nsid, unsigned int max)
{
	u8 cns = pf->n.id.oacs & NVME_CTRL_OACS_NS_MNGT_SUPP ?
		 NVME_ID_CNS_NS_PRESENT_LIST : NVME_ID_CNS_NS_ACTIVE_LIST;

	return parley_nvme_list(&pf->n, cns, nsid, max);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_ns_list);

/**
 * parley_pf_ns_identify() - how large a namespace is
 * @pf: the function, LIVE
 * @nsid: which
 * @ns: what it is
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: as parley_nvme_measure().
 */
int parley_pf_ns_identify(struct parley_nvme_pf *pf, u32 nsid,
			  struct parley_nvme_ns *ns)
{
	return parley_nvme_measure(&pf->n, parley_pf_ns_cns(pf), nsid, ns);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_ns_identify);

/**
 * parley_pf_ns_create() - make a namespace, attached to nobody
 * @pf: the function, LIVE
 * @blocks: its size
 * @format: number of its format of blocks
 * @nsid: its number
 *
 * It may be attached to several controllers at a time.
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0; -EOPNOTSUPP if the controller cannot, -EINVAL for a size of 0 or a
 *	format that there cannot be, -EPROTO if the number is none, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_pf_ns_create(struct parley_nvme_pf *pf, u64 blocks, u8 format, u32 *nsid)
{
	struct nvme_id_ns *id __free(kfree) = kzalloc(sizeof(*id), GFP_KERNEL);
	struct parley_nvme_req req = {
		.cmd.common = {
			.opcode = nvme_admin_ns_mgmt,
			.cdw10 = cpu_to_le32(PARLEY_NVME_NS_CREATE),
		},
		.data = id,
		.len = sizeof(*id),
		.out = true,
	};
	int err;

	if (!id)
		return -ENOMEM;
	if (!blocks || format >= ARRAY_SIZE(id->lbaf))
		return -EINVAL;
	err = pnv_ns_can(pf);
	if (err)
		return err;
	id->nsze = cpu_to_le64(blocks);
	id->ncap = id->nsze;
	id->flbas = (format & 0xf) | (format & 0x30) << 1;
	id->nmic = NVME_NS_NMIC_SHARED;
	err = pnv_ns_command(pf, &req, "create");
	if (err)
		return err;
	*nsid = req.result;
	return pnv_ns_valid(pf, req.result) ? -EPROTO : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_ns_create);

/* A namespace is not taken from, or given to, a driver that has one already. */
static int pnv_ns_unused(struct parley_nvme_pf *pf, unsigned int number)
{
	if (!number || number > pf->nr_vfs || !pf->ops->vf_bound(pf, number))
		return 0;
	dev_err_ratelimited(pf->n.dev, "virtual function %u has a driver: unbind it before its namespaces change\n",
			    number);
	return -EBUSY;
}

/* No driver has it.  A controller that has no such list is not one with many. */
static int pnv_ns_left(struct parley_nvme_pf *pf, u32 nsid)
{
	DECLARE_BITMAP(holders, PARLEY_NVME_SECONDARIES_MAX + 1);
	unsigned int number;
	int err = parley_pf_ns_holders(pf, nsid, holders);

	if (err == -EREMOTEIO)
		return 0;
	for_each_set_bit(number, holders, PARLEY_NVME_SECONDARIES_MAX + 1)
		err = err ?: pnv_ns_unused(pf, number);
	return err;
}

/**
 * parley_pf_ns_delete() - delete a namespace with all its data
 * @pf: the function, LIVE
 * @nsid: which; one, never all
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0; -EOPNOTSUPP if the controller cannot, -EINVAL for a number that is
 *	none, -EBUSY if a driver has it, or as parley_nvme_admin().
 */
int parley_pf_ns_delete(struct parley_nvme_pf *pf, u32 nsid)
{
	struct parley_nvme_req req = {
		.cmd.common = {
			.opcode = nvme_admin_ns_mgmt,
			.nsid = cpu_to_le32(nsid),
			.cdw10 = cpu_to_le32(PARLEY_NVME_NS_DELETE),
		},
	};
	int err = pnv_ns_can(pf) ?: pnv_ns_valid(pf, nsid) ?: pnv_ns_left(pf, nsid);

	return err ?: pnv_ns_command(pf, &req, "delete");
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_ns_delete);

/* The controller of a virtual function, or with 0 the primary. */
static int pnv_ns_cntlid(struct parley_nvme_pf *pf, unsigned int number, u16 *cntlid)
{
	struct parley_nvme_secondary *vf = parley_pf_secondary_find(pf, number);

	if (number && !vf) {
		dev_err_ratelimited(pf->n.dev, "there is no virtual function %u\n", number);
		return -EINVAL;
	}
	*cntlid = vf ? vf->cntlid : pf->n.id.cntlid;
	return pnv_ns_unused(pf, number);
}

/**
 * parley_pf_ns_attach() - give a namespace to a controller, or take it away
 * @pf: the function, LIVE
 * @nsid: which
 * @number: to which virtual function; 0: to the primary
 * @attach: give it
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0; -EOPNOTSUPP if the controller cannot, -EINVAL for a number that is
 *	none, -EBUSY if the virtual function has a driver, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_pf_ns_attach(struct parley_nvme_pf *pf, u32 nsid, unsigned int number,
			bool attach)
{
	struct parley_nvme_ctrl_list *list __free(kfree) =
		kzalloc(sizeof(*list), GFP_KERNEL);
	struct parley_nvme_req req = {
		.cmd.common = {
			.opcode = nvme_admin_ns_attach,
			.nsid = cpu_to_le32(nsid),
			.cdw10 = cpu_to_le32(attach ? PARLEY_NVME_NS_ATTACH :
						      PARLEY_NVME_NS_DETACH),
		},
		.data = list,
		.len = sizeof(*list),
		.out = true,
	};
	u16 cntlid;
	int err;

	if (!list)
		return -ENOMEM;
	err = pnv_ns_can(pf) ?: pnv_ns_valid(pf, nsid) ?: pnv_ns_cntlid(pf, number, &cntlid);
	if (err)
		return err;
	list->nr = cpu_to_le16(1);
	list->cntlid[0] = cpu_to_le16(cntlid);
	return pnv_ns_command(pf, &req, attach ? "attach" : "detach");
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_ns_attach);
