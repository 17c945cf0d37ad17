// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace is erased by the controller (Format NVM, NVMe 5.23), which also reaches
 * what it has remapped.
 *
 * Only of a namespace that no virtual function has, and where the controller says that
 * it formats one namespace and not all (FNA).  It may take minutes: the mutex is not
 * held meanwhile, nobody gets the namespace, and who waits for it may be killed.  Some
 * controllers format only what they have themselves, so the primary has it for the time.
 */
#include <linux/cleanup.h>
#include <linux/completion.h>
#include <parley/compat.h>
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

/* Root may have detached it from the primary meanwhile, or deleted it. */
static bool pnv_format_has(struct parley_nvme_pf *pf, u32 nsid)
{
	DECLARE_BITMAP(holders, PARLEY_NVME_SECONDARIES_MAX + 1);
	int err = parley_pf_ns_holders(pf, nsid, holders);

	return err ? err != -EREMOTEIO : test_bit(0, holders);
}

/**
 * parley_pf_format_take_back() - the primary has what it was lent no more
 * @pf: the function
 *
 * What cannot be taken from it now is so when its controller lives again: whose data it
 * has must not become a disk of the host's.
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: 0, or as parley_pf_ns_attach().
 */
int parley_pf_format_take_back(struct parley_nvme_pf *pf)
{
	int err;

	lockdep_assert_held(&pf->n.mutex);
	if (!pf->lent || pf->formatting)
		return 0;
	err = parley_pf_ns_attach(pf, pf->lent, 0, false);
	if (!err || (err == -EREMOTEIO && !pnv_format_has(pf, pf->lent)))
		pf->lent = 0;
	return pf->lent ? err : 0;
}

/* Nobody else gets it from now on. */
static int pnv_format_begin(struct parley_nvme_pf *pf, u32 nsid)
{
	DECLARE_BITMAP(holders, PARLEY_NVME_SECONDARIES_MAX + 1);
	struct parley_nvme_ns ns;
	bool lent;
	int err;

	lockdep_assert_held(&pf->n.mutex);
	if (pf->formatting)
		return -EBUSY;
	if (!nsid || nsid > pf->n.id.nn || nsid == PARLEY_NVME_NSID_ALL)
		return -EINVAL;
	err = pnv_format_can(pf) ?: parley_pf_format_take_back(pf) ?:
	      parley_pf_ns_holders(pf, nsid, holders) ?:
	      parley_pf_ns_identify(pf, nsid, &ns);
	if (err)
		return err;
	pf->format = ns.format;
	lent = !test_and_clear_bit(0, holders);
	if (!bitmap_empty(holders, PARLEY_NVME_SECONDARIES_MAX + 1))
		return -EBUSY;
	if (lent)
		err = parley_pf_ns_attach(pf, nsid, 0, true);
	if (err)
		return err;
	pf->formatting = nsid;
	if (lent)
		pf->lent = nsid;
	return 0;
}

static int pnv_format_command(struct parley_nvme_pf *pf)
{
	struct parley_nvme_req req = {
		.cmd.common = {
			.opcode = nvme_admin_format_nvm,
			.nsid = cpu_to_le32(pf->formatting),
			.cdw10 = cpu_to_le32(PARLEY_NVME_FORMAT_ERASE | (pf->format & 0xf) |
					     (pf->format & 0x30) << 8),
		},
		.ms = PARLEY_NVME_FORMAT_MS,
	};
	int err = parley_nvme_admin(&pf->n, &req);

	if (err)
		dev_err_ratelimited(pf->n.dev, "namespace %u is not formatted (%d, status %#x)\n",
				    pf->formatting, err, req.status);
	return err;
}

/* Nobody changes what it is about before it says so. */
static void pnv_format_work(struct work_struct *work)
{
	struct parley_nvme_pf *pf = container_of(work, struct parley_nvme_pf, format_work);
	int err = pnv_format_command(pf), undone;

	guard(mutex)(&pf->n.mutex);
	pf->formatting = 0;
	undone = parley_pf_format_take_back(pf);
	pf->format_err = err ?: undone;
	complete(&pf->formatted);
}

/**
 * parley_pf_format_init() - nothing is being formatted
 * @pf: the function, zeroed
 *
 * Context: process context.
 */
void parley_pf_format_init(struct parley_nvme_pf *pf)
{
	INIT_WORK(&pf->format_work, pnv_format_work);
	init_completion(&pf->formatted);
}

/**
 * parley_pf_format_exit() - the mirror of parley_pf_format_init()
 * @pf: the function, stopped, which ends what was under way
 *
 * Context: process context; @pf->n.mutex not held; sleeps.
 */
void parley_pf_format_exit(struct parley_nvme_pf *pf)
{
	flush_work(&pf->format_work);
}

/**
 * parley_pf_ns_format() - have the controller erase a namespace
 * @pf: the function
 * @nsid: which; one, never all; no virtual function has it
 *
 * Context: process context; @pf->n.mutex not held; sleeps, maybe for minutes.
 * Return: 0; -EOPNOTSUPP if the controller cannot, or only all of them at once; -EINVAL
 *	for a number that is none; -EBUSY if a virtual function has it, or one is being
 *	formatted; -EINTR if whoever asks is being killed: it goes on; or as
 *	parley_nvme_admin().
 */
int parley_pf_ns_format(struct parley_nvme_pf *pf, u32 nsid)
{
	int err;

	scoped_guard(mutex, &pf->n.mutex) {
		err = pnv_format_begin(pf, nsid);
		if (err)
			return err;
		reinit_completion(&pf->formatted);
		queue_work(system_dfl_wq, &pf->format_work);
	}
	return wait_for_completion_killable(&pf->formatted) ? -EINTR : pf->format_err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_ns_format);
