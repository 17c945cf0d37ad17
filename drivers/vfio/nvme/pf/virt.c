// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtualization Management (NVMe 5.22): one command each.  What became of it is
 * not taken from the answer but from the lists that are asked for afterwards.
 */
#include "pf.h"

static const char *const pnv_kind_name[PARLEY_NVME_KINDS] = {
	[PARLEY_NVME_QUEUES] = "queues",
	[PARLEY_NVME_INTERRUPTS] = "interrupts",
};

static int pnv_virt(struct parley_nvme_pf *pf, enum parley_nvme_act act,
		    enum parley_nvme_kind kind, u16 cntlid, u16 nr, u16 *status)
{
	struct parley_nvme_req req = {
		.cmd.common = {
			.opcode = nvme_admin_virtual_mgmt,
			.cdw10 = cpu_to_le32(PARLEY_NVME_VIRT_CDW10(act, kind, cntlid)),
			.cdw11 = cpu_to_le32(nr),
		},
	};
	int err;

	lockdep_assert_held(&pf->n.mutex);
	err = parley_nvme_admin(&pf->n, &req);
	*status = req.status;
	return err;
}

/**
 * parley_pf_secondary_find() - the secondary controller of a virtual function
 * @pf: the function
 * @number: of the virtual function, from 1
 *
 * Context: any; @pf->n.mutex held.
 * Return: the controller, or NULL.
 */
struct parley_nvme_secondary *parley_pf_secondary_find(struct parley_nvme_pf *pf,
						       unsigned int number)
{
	unsigned int i;

	lockdep_assert_held(&pf->n.mutex);
	for (i = 0; i < pf->nr_secondaries; i++)
		if (pf->vf[i].number == number)
			return &pf->vf[i];
	return NULL;
}

/**
 * parley_pf_primary() - how many flexible resources the primary has
 * @pf: the function, LIVE
 * @kind: which
 * @nr: how many, from its next reset on
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: as parley_nvme_admin().
 */
int parley_pf_primary(struct parley_nvme_pf *pf, enum parley_nvme_kind kind, u16 nr)
{
	u16 status;
	int err = pnv_virt(pf, PARLEY_NVME_ACT_PRIMARY, kind, pf->n.id.cntlid, nr, &status);

	if (err)
		dev_err_ratelimited(pf->n.dev, "controller does not take %u flexible %s for itself (%d, status %#x)\n",
				    nr, pnv_kind_name[kind], err, status);
	return err;
}

/**
 * parley_pf_assign() - give resources to a virtual function
 * @pf: the function, LIVE
 * @vf: to whom; offline
 * @kind: which
 * @nr: how many
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: as parley_nvme_admin().
 */
int parley_pf_assign(struct parley_nvme_pf *pf, const struct parley_nvme_secondary *vf,
		     enum parley_nvme_kind kind, u16 nr)
{
	u16 status;
	int err = pnv_virt(pf, PARLEY_NVME_ACT_ASSIGN, kind, vf->cntlid, nr, &status);

	if (err)
		dev_err_ratelimited(pf->n.dev, "virtual function %u gets no %u %s (%d, status %#x)\n",
				    vf->number, nr, pnv_kind_name[kind], err, status);
	return err;
}

/**
 * parley_pf_online() - let a virtual function work
 * @pf: the function, LIVE
 * @vf: enabled and with resources
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: as parley_nvme_admin().
 */
int parley_pf_online(struct parley_nvme_pf *pf, const struct parley_nvme_secondary *vf)
{
	u16 status;
	int err = pnv_virt(pf, PARLEY_NVME_ACT_ONLINE, 0, vf->cntlid, 0, &status);

	if (err)
		dev_err_ratelimited(pf->n.dev, "virtual function %u does not go online (%d, status %#x)\n",
				    vf->number, err, status);
	return err;
}

/**
 * parley_pf_offline() - end a virtual function's work and take its resources
 * @pf: the function, LIVE
 * @vf: in any state
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: as parley_nvme_admin().
 */
int parley_pf_offline(struct parley_nvme_pf *pf, const struct parley_nvme_secondary *vf)
{
	u16 status;
	int err = pnv_virt(pf, PARLEY_NVME_ACT_OFFLINE, 0, vf->cntlid, 0, &status);

	if (err)
		dev_err_ratelimited(pf->n.dev, "virtual function %u does not go offline (%d, status %#x)\n",
				    vf->number, err, status);
	return err;
}
