// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace is erased by the controller (Format NVM, NVMe 5.23), which also reaches
 * what it has remapped.
 *
 * Only of a namespace that no virtual function has, and where the controller says that
 * it formats one namespace and not all (FNA).  It may take minutes: the mutex is not
 * held meanwhile, and nobody gets the namespace.  Some controllers format only what they
 * have themselves, so the primary has it for the time.
 */
#include <linux/cleanup.h>
#include "pf.h"

static int pnv_format_can(struct parley_nvme_pf *pf)
{
	if (!(pf->n.id.oacs & PARLEY_NVME_OACS_FORMAT))
		dev_err_ratelimited(pf->n.dev, "controller has no Format NVM\n");
	else if (pf->n.id.fna & PARLEY_NVME_FNA_ALL)
		dev_err_ratelimited(pf->n.dev, "controller formats or erases all namespaces at once: it is not asked to\n");
	else
		return 0;
	return -EOPNOTSUPP;
}

/* Whether the primary is to have it; and nobody else gets it from now on. */
static int pnv_format_begin(struct parley_nvme_pf *pf, u32 nsid, u8 *format, bool *lent)
{
	DECLARE_BITMAP(holders, PARLEY_NVME_SECONDARIES_MAX + 1);
	struct parley_nvme_ns ns;
	int err;

	lockdep_assert_held(&pf->n.mutex);
	if (pf->formatting)
		return -EBUSY;
	if (!nsid || nsid > pf->n.id.nn || nsid == PARLEY_NVME_NSID_ALL)
		return -EINVAL;
	err = pnv_format_can(pf) ?: parley_nvme_ns_holders(pf, nsid, holders) ?:
	      parley_nvme_ns_identify(pf, nsid, &ns);
	if (err)
		return err;
	*format = ns.format;
	*lent = !test_and_clear_bit(0, holders);
	if (!bitmap_empty(holders, PARLEY_NVME_SECONDARIES_MAX + 1))
		return -EBUSY;
	if (*lent)
		err = parley_nvme_ns_attach(pf, nsid, 0, true);
	if (!err)
		pf->formatting = nsid;
	return err;
}

/**
 * parley_nvme_ns_format() - have the controller erase a namespace
 * @pf: the function
 * @nsid: which; one, never all; no virtual function has it
 *
 * Context: process context; @pf->n.mutex not held; sleeps, maybe for minutes.
 * Return: 0; -EOPNOTSUPP if the controller cannot, or only all of them at once; -EINVAL
 *	for a number that is none; -EBUSY if a virtual function has it, or one is being
 *	formatted; or as parley_nvme_admin().
 */
int parley_nvme_ns_format(struct parley_nvme_pf *pf, u32 nsid)
{
	struct parley_nvme_req req = {
		.cmd.common = {
			.opcode = nvme_admin_format_nvm,
			.nsid = cpu_to_le32(nsid),
		},
		.ms = PARLEY_NVME_FORMAT_MS,
	};
	int err, undone;
	bool lent = false;
	u8 format = 0;

	scoped_guard(mutex, &pf->n.mutex)
		err = pnv_format_begin(pf, nsid, &format, &lent);
	if (err)
		return err;
	req.cmd.common.cdw10 = cpu_to_le32(PARLEY_NVME_FORMAT_ERASE | (format & 0xf) |
					   (format & 0x30) << 8);
	err = parley_nvme_admin(&pf->n, &req);
	if (err)
		dev_err_ratelimited(pf->n.dev, "namespace %u is not formatted (%d, status %#x)\n",
				    nsid, err, req.status);
	guard(mutex)(&pf->n.mutex);
	pf->formatting = 0;
	undone = lent ? parley_nvme_ns_attach(pf, nsid, 0, false) : 0;
	return err ?: undone;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_ns_format);
