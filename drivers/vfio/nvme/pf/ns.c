// SPDX-License-Identifier: GPL-2.0-only
/*
 * Namespaces: made, deleted, attached and detached (NVMe 5.19, 5.20), where the
 * controller says that it can (OACS).  Some say so and know only half of the
 * commands; what they do not know is told apart from what they refuse.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include "pf.h"

static int pnv_ns_can(struct parley_nvme *n)
{
	lockdep_assert_held(&n->mutex);
	if (n->id.oacs & NVME_CTRL_OACS_NS_MNGT_SUPP)
		return 0;
	dev_err_ratelimited(n->dev, "controller has no namespace management: its namespaces are what its maker made them\n");
	return -EOPNOTSUPP;
}

/* One namespace, named: neither none nor all. */
static int pnv_ns_valid(struct parley_nvme *n, u32 nsid)
{
	if (nsid && nsid <= n->id.nn && nsid != PARLEY_NVME_NSID_ALL)
		return 0;
	dev_err_ratelimited(n->dev, "there can be no namespace %u: they are 1 to %u\n", nsid,
			    n->id.nn);
	return -EINVAL;
}

static int pnv_ns_command(struct parley_nvme *n, struct parley_nvme_req *req,
			  const char *what)
{
	int err = parley_nvme_admin(n, req);

	if (err == -EOPNOTSUPP)
		dev_err_ratelimited(n->dev, "controller claims namespace management, but does not know how to %s a namespace\n",
				    what);
	else if (err)
		dev_err_ratelimited(n->dev, "cannot %s namespace %u (%d, status %#x)\n", what,
				    le32_to_cpu(req->cmd.common.nsid), err, req->status);
	return err;
}

/* The numbers of a list, in ascending order, as it must be. */
static int pnv_ns_copy(struct parley_nvme *n, const __le32 *list, u32 *nsid,
		       unsigned int max)
{
	unsigned int nr;
	u32 last = 0;

	for (nr = 0; nr < max; nr++) {
		nsid[nr] = le32_to_cpu(list[nr]);
		if (!nsid[nr])
			break;
		if (nsid[nr] <= last || nsid[nr] > n->id.nn) {
			dev_err_ratelimited(n->dev, "controller lists namespace %u after %u of %u: the list is not used\n",
					    nsid[nr], last, n->id.nn);
			return -EPROTO;
		}
		last = nsid[nr];
	}
	return nr;
}

/**
 * parley_nvme_ns_list() - which namespaces there are
 * @n: the function, LIVE
 * @nsid: where their numbers go
 * @max: how many at most
 *
 * All of the subsystem's where the controller manages namespaces, else its own.
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: how many; -EPROTO if the list cannot be, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_nvme_ns_list(struct parley_nvme *n, u32 *nsid, unsigned int max)
{
	__le32 *list __free(kfree) = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	u8 cns = n->id.oacs & NVME_CTRL_OACS_NS_MNGT_SUPP ?
		 NVME_ID_CNS_NS_PRESENT_LIST : NVME_ID_CNS_NS_ACTIVE_LIST;
	int err;

	lockdep_assert_held(&n->mutex);
	if (!list)
		return -ENOMEM;
	err = parley_nvme_identify(n, cns, 0, 0, list);
	if (err)
		return err;
	return pnv_ns_copy(n, list, nsid,
			   min_t(unsigned int, max, NVME_IDENTIFY_DATA_SIZE / sizeof(u32)));
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_ns_list);

/**
 * parley_nvme_ns_identify() - how large a namespace is
 * @n: the function, LIVE
 * @nsid: which
 * @ns: what it is
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0; -EPROTO if what the controller says cannot be, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_nvme_ns_identify(struct parley_nvme *n, u32 nsid,
			    struct parley_nvme_ns *ns)
{
	struct nvme_id_ns *id __free(kfree) = kzalloc(sizeof(*id), GFP_KERNEL);
	u8 cns = n->id.oacs & NVME_CTRL_OACS_NS_MNGT_SUPP ?
		 NVME_ID_CNS_NS_PRESENT : NVME_ID_CNS_NS;
	unsigned int format;
	int err;

	BUILD_BUG_ON(sizeof(*id) != NVME_IDENTIFY_DATA_SIZE);
	lockdep_assert_held(&n->mutex);
	if (!id)
		return -ENOMEM;
	err = parley_nvme_identify(n, cns, nsid, 0, id);
	if (err)
		return err;
	format = (id->flbas & 0xf) | (id->flbas >> 1 & 0x30);
	if (format > id->nlbaf || format >= ARRAY_SIZE(id->lbaf) ||
	    id->lbaf[format].ds < 9 || id->lbaf[format].ds > 16) {
		dev_err_ratelimited(n->dev, "namespace %u has blocks of a size that cannot be\n",
				    nsid);
		return -EPROTO;
	}
	ns->blocks = le64_to_cpu(id->nsze);
	ns->block_size = 1 << id->lbaf[format].ds;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_ns_identify);

/**
 * parley_nvme_ns_create() - make a namespace, attached to nobody
 * @n: the function, LIVE
 * @blocks: its size
 * @format: number of its format of blocks
 * @nsid: its number
 *
 * It may be attached to several controllers at a time.
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0; -EOPNOTSUPP if the controller cannot, -EINVAL for a size of 0 or a
 *	format that there cannot be, -EPROTO if the number is none, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_nvme_ns_create(struct parley_nvme *n, u64 blocks, u8 format, u32 *nsid)
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
	err = pnv_ns_can(n);
	if (err)
		return err;
	id->nsze = cpu_to_le64(blocks);
	id->ncap = id->nsze;
	id->flbas = (format & 0xf) | (format & 0x30) << 1;
	id->nmic = NVME_NS_NMIC_SHARED;
	err = pnv_ns_command(n, &req, "create");
	if (err)
		return err;
	*nsid = req.result;
	return pnv_ns_valid(n, req.result) ? -EPROTO : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_ns_create);

/**
 * parley_nvme_ns_delete() - delete a namespace with all its data
 * @n: the function, LIVE
 * @nsid: which; one, never all
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0; -EOPNOTSUPP if the controller cannot, -EINVAL for a number that is
 *	none, or as parley_nvme_admin().
 */
int parley_nvme_ns_delete(struct parley_nvme *n, u32 nsid)
{
	struct parley_nvme_req req = {
		.cmd.common = {
			.opcode = nvme_admin_ns_mgmt,
			.nsid = cpu_to_le32(nsid),
			.cdw10 = cpu_to_le32(PARLEY_NVME_NS_DELETE),
		},
	};
	int err = pnv_ns_can(n) ?: pnv_ns_valid(n, nsid);

	return err ?: pnv_ns_command(n, &req, "delete");
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_ns_delete);

/* The controller of a virtual function, or with 0 the primary. */
static int pnv_ns_cntlid(struct parley_nvme *n, unsigned int number, u16 *cntlid)
{
	struct parley_nvme_vf *vf = parley_nvme_vf_find(n, number);

	if (number && !vf) {
		dev_err_ratelimited(n->dev, "there is no virtual function %u\n", number);
		return -EINVAL;
	}
	*cntlid = vf ? vf->cntlid : n->id.cntlid;
	return 0;
}

/**
 * parley_nvme_ns_attach() - give a namespace to a controller, or take it away
 * @n: the function, LIVE
 * @nsid: which
 * @number: to which virtual function; 0: to the primary
 * @attach: give it
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0; -EOPNOTSUPP if the controller cannot, -EINVAL for a number that is
 *	none, -ENOMEM, or as parley_nvme_admin().
 */
int parley_nvme_ns_attach(struct parley_nvme *n, u32 nsid, unsigned int number,
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
	err = pnv_ns_can(n) ?: pnv_ns_valid(n, nsid) ?: pnv_ns_cntlid(n, number, &cntlid);
	if (err)
		return err;
	list->nr = cpu_to_le16(1);
	list->cntlid[0] = cpu_to_le16(cntlid);
	return pnv_ns_command(n, &req, attach ? "attach" : "detach");
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_ns_attach);
