// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the controller says of itself and of its namespaces.  Each structure is
 * copied out of the memory that the controller can write, and what is used of it is
 * checked in the copy.
 */
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <parley/export.h>
#include "ctrl.h"

/**
 * parley_nvme_identify() - one Identify command
 * @n: the controller
 * @cns: which structure
 * @nsid: of which namespace, or 0
 * @cntlid: of or from which controller, or 0
 * @data: NVME_IDENTIFY_DATA_SIZE bytes
 *
 * Context: process context; may sleep.
 * Return: as parley_nvme_admin().
 */
int parley_nvme_identify(struct parley_nvme *n, u8 cns, u32 nsid, u16 cntlid,
			 void *data)
{
	struct parley_nvme_req req = {
		.cmd.identify = {
			.opcode = nvme_admin_identify,
			.nsid = cpu_to_le32(nsid),
			.cns = cns,
			.ctrlid = cpu_to_le16(cntlid),
		},
		.data = data,
		.len = NVME_IDENTIFY_DATA_SIZE,
	};

	return parley_nvme_admin(n, &req);
}
PARLEY_EXPORT(parley_nvme_identify);

/**
 * parley_nvme_log() - read a log page, which also tells that its event was seen
 * @n: the controller
 * @page: which
 * @data: where its beginning goes
 * @len: how much, a multiple of four, a page at most
 *
 * Context: process context; may sleep.
 * Return: as parley_nvme_admin().
 */
int parley_nvme_log(struct parley_nvme *n, u8 page, void *data, size_t len)
{
	struct parley_nvme_req req = {
		.cmd.get_log_page = {
			.opcode = nvme_admin_get_log_page,
			.nsid = cpu_to_le32(NVME_NSID_ALL),
			.lid = page,
			.numdl = cpu_to_le16(len / sizeof(u32) - 1),
		},
		.data = data,
		.len = len,
	};

	return parley_nvme_admin(n, &req);
}
PARLEY_EXPORT(parley_nvme_log);

/* Text of the device's, for the log and sysfs: nothing but what can be printed. */
static void pnc_text(char *to, const char *from, size_t len)
{
	size_t i;

	for (i = 0; i < len && from[i]; i++)
		to[i] = isascii(from[i]) && isprint(from[i]) ? from[i] : '?';
	to[i] = '\0';
	strim(to);
}

/* In units of the smallest page, as a power of two; 0 is no limit of its own. */
static u32 pnc_transfer(u8 mdts)
{
	return mdts && mdts < 20 ? PARLEY_NVME_PAGE << mdts : U32_MAX;
}

static int pnc_learn_ctrl(struct parley_nvme *n)
{
	struct nvme_id_ctrl *id __free(kfree) = kzalloc(sizeof(*id), GFP_KERNEL);
	int err;

	BUILD_BUG_ON(sizeof(*id) != NVME_IDENTIFY_DATA_SIZE);
	if (!id)
		return -ENOMEM;
	err = parley_nvme_identify(n, NVME_ID_CNS_CTRL, 0, 0, id);
	if (err)
		return err;
	n->id.cntlid = le16_to_cpu(id->cntlid);
	n->id.oacs = le16_to_cpu(id->oacs);
	n->id.oncs = le16_to_cpu(id->oncs);
	n->id.oaes = le32_to_cpu(id->oaes);
	n->id.fna = id->fna;
	n->id.nn = le32_to_cpu(id->nn);
	n->id.shutdown_ms = clamp(le32_to_cpu(id->rtd3e) / USEC_PER_MSEC,
				  PARLEY_NVME_SHUTDOWN_MIN_MS,
				  PARLEY_NVME_SHUTDOWN_MAX_MS);
	n->id.transfer = pnc_transfer(id->mdts);
	n->id.vwc = id->vwc & NVME_CTRL_VWC_PRESENT;
	pnc_text(n->id.serial, id->sn, sizeof(id->sn));
	pnc_text(n->id.model, id->mn, sizeof(id->mn));
	pnc_text(n->id.firmware, id->fr, sizeof(id->fr));
	return 0;
}

/**
 * parley_nvme_learn() - ask the controller who it is
 * @n: the controller, LIVE
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0 with @n->id set, -ENOMEM, or as parley_nvme_admin().
 */
int parley_nvme_learn(struct parley_nvme *n)
{
	int err = pnc_learn_ctrl(n);

	if (err)
		dev_err_ratelimited(n->dev, "controller does not say what it is (%d)\n", err);
	return err;
}
PARLEY_EXPORT(parley_nvme_learn);

/* The same; where there is no limit, so much that 32 bits can say it. */
static u32 pnc_size(u8 shift)
{
	return PARLEY_NVME_PAGE << (shift && shift < 20 ? shift : 19);
}

static void pnc_set_limits(struct parley_nvme *n, const struct nvme_id_ctrl_nvm *id)
{
	n->id.zeroes = pnc_size(id->wzsl);
	n->id.verify = pnc_size(id->vsl);
	n->id.ranges = id->dmrl ?: PARLEY_NVME_RANGES_MAX;
	n->id.range_blocks = le32_to_cpu(id->dmrsl) ?: U32_MAX;
	n->id.ranges_blocks = le64_to_cpu(id->dmsl) ?: U64_MAX;
}

/**
 * parley_nvme_limits() - ask the controller how much its optional commands can do
 * @n: the controller, LIVE
 *
 * One that does not know the question, as it is of NVMe 2.0, has no such limits.
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0 with the limits in @n->id set, -ENOMEM, or as parley_nvme_admin().
 */
int parley_nvme_limits(struct parley_nvme *n)
{
	struct nvme_id_ctrl_nvm *id __free(kfree) = kzalloc(sizeof(*id), GFP_KERNEL);
	int err;

	BUILD_BUG_ON(sizeof(*id) != NVME_IDENTIFY_DATA_SIZE);
	lockdep_assert_held(&n->mutex);
	if (!id)
		return -ENOMEM;
	pnc_set_limits(n, id);
	if (!(n->id.oncs & (NVME_CTRL_ONCS_DSM | NVME_CTRL_ONCS_WRITE_ZEROES |
			    PARLEY_NVME_ONCS_VERIFY)))
		return 0;
	err = parley_nvme_identify(n, NVME_ID_CNS_CS_CTRL, 0, 0, id);
	if (!err)
		pnc_set_limits(n, id);
	return err == -EREMOTEIO ? 0 : err;
}
PARLEY_EXPORT(parley_nvme_limits);

/* The numbers of a list, in ascending order, as it must be. */
static int pnc_copy_list(struct parley_nvme *n, const __le32 *list, u32 *nsid,
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
 * parley_nvme_list() - numbers of namespaces
 * @n: the controller, LIVE
 * @cns: which of them
 * @nsid: where their numbers go
 * @max: how many at most
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: how many; -EPROTO if the list cannot be, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_nvme_list(struct parley_nvme *n, u8 cns, u32 *nsid, unsigned int max)
{
	__le32 *list __free(kfree) = kzalloc(NVME_IDENTIFY_DATA_SIZE, GFP_KERNEL);
	int err;

	lockdep_assert_held(&n->mutex);
	if (!list)
		return -ENOMEM;
	err = parley_nvme_identify(n, cns, 0, 0, list);
	if (err)
		return err;
	return pnc_copy_list(n, list, nsid,
			     min_t(unsigned int, max, NVME_IDENTIFY_DATA_SIZE / sizeof(u32)));
}
PARLEY_EXPORT(parley_nvme_list);

/**
 * parley_nvme_measure() - how large a namespace is
 * @n: the controller, LIVE
 * @cns: NVME_ID_CNS_NS, or NVME_ID_CNS_NS_PRESENT for one of somebody else
 * @nsid: which
 * @ns: what it is
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0; -EPROTO if what the controller says cannot be, -ENOMEM, or as
 *	parley_nvme_admin().
 */
int parley_nvme_measure(struct parley_nvme *n, u8 cns, u32 nsid,
			struct parley_nvme_ns *ns)
{
	struct nvme_id_ns *id __free(kfree) = kzalloc(sizeof(*id), GFP_KERNEL);
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
	    id->lbaf[format].ds < PARLEY_NVME_BLOCK_SHIFT_MIN ||
	    id->lbaf[format].ds > PARLEY_NVME_BLOCK_SHIFT_MAX) {
		dev_err_ratelimited(n->dev, "namespace %u has blocks of a size that cannot be\n",
				    nsid);
		return -EPROTO;
	}
	ns->blocks = le64_to_cpu(id->nsze);
	ns->block_size = 1 << id->lbaf[format].ds;
	ns->metadata = le16_to_cpu(id->lbaf[format].ms);
	ns->format = format;
	ns->dlfeat = id->dlfeat;
	memcpy(ns->nguid, id->nguid, sizeof(ns->nguid));
	memcpy(ns->eui64, id->eui64, sizeof(ns->eui64));
	return 0;
}
PARLEY_EXPORT(parley_nvme_measure);
