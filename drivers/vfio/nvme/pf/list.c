// SPDX-License-Identifier: GPL-2.0-only
/*
 * What there is, as text for sysfs: namespaces, who has them, and what can be made.
 * The controller is asked each time.
 */
#include <linux/cleanup.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/unaligned.h>
#include "pf.h"

/* As many as a controller lists in one piece. */
#define PNV_LISTED	(NVME_IDENTIFY_DATA_SIZE / sizeof(u32))
/* No line is longer: a number, and those of all functions; or "more". */
#define PNV_LINE	656

static_assert(sizeof("4294967295") + PARLEY_NVME_SECONDARIES_MAX * sizeof(" 127") +
	      sizeof("more\n") <= PNV_LINE);

/* A line each, as many as there is room for, and then that there are more. */
static ssize_t pnv_lines(struct parley_nvme_pf *pf, char *buf,
			 ssize_t (*line)(struct parley_nvme_pf *pf, u32 nsid, char *buf,
					 ssize_t at))
{
	u32 *nsid __free(kfree) = kcalloc(PNV_LISTED, sizeof(*nsid), GFP_KERNEL);
	ssize_t len = 0, more;
	int nr, i;

	lockdep_assert_held(&pf->n.mutex);
	if (!nsid)
		return -ENOMEM;
	nr = parley_pf_ns_list(pf, nsid, PNV_LISTED);
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++) {
		if (len + PNV_LINE > PAGE_SIZE)
			return len + sysfs_emit_at(buf, len, "more\n");
		more = line(pf, nsid[i], buf, len);
		if (more < 0)
			return more;
		len += more;
	}
	return len;
}

static ssize_t pnv_size_line(struct parley_nvme_pf *pf, u32 nsid, char *buf, ssize_t at)
{
	struct parley_nvme_ns ns;
	int err = parley_pf_ns_identify(pf, nsid, &ns);

	if (err)
		return err;
	return sysfs_emit_at(buf, at, "%u %llu %u\n", nsid, ns.blocks, ns.block_size);
}

/**
 * parley_pf_list_sizes() - how large namespaces are
 * @pf: the function, LIVE
 * @buf: a page for the text: number, blocks, bytes of a block
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: how much text, -ENOMEM, or as parley_pf_ns_list() and
 *	parley_pf_ns_identify().
 */
ssize_t parley_pf_list_sizes(struct parley_nvme_pf *pf, char *buf)
{
	return pnv_lines(pf, buf, pnv_size_line);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_list_sizes);

static ssize_t pnv_holders_line(struct parley_nvme_pf *pf, u32 nsid, char *buf, ssize_t at)
{
	DECLARE_BITMAP(holders, PARLEY_NVME_SECONDARIES_MAX + 1);
	int err = parley_pf_ns_holders(pf, nsid, holders);
	unsigned int number;
	ssize_t len;

	if (err)
		return err;
	len = sysfs_emit_at(buf, at, "%u", nsid);
	for_each_set_bit(number, holders, PARLEY_NVME_SECONDARIES_MAX + 1)
		len += sysfs_emit_at(buf, at + len, " %u", number);
	return len + sysfs_emit_at(buf, at + len, "\n");
}

/**
 * parley_pf_list_holders() - whom namespaces are attached to
 * @pf: the function, LIVE
 * @buf: a page for the text: number, and those of the virtual functions that have it; 0
 *	is no such
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: how much text, -ENOMEM, or as parley_pf_ns_list() and
 *	parley_pf_ns_holders().
 */
ssize_t parley_pf_list_holders(struct parley_nvme_pf *pf, char *buf)
{
	return pnv_lines(pf, buf, pnv_holders_line);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_list_holders);

/* Those that can be; what is beyond the last is not looked at. */
static ssize_t pnv_format_lines(const struct nvme_id_ns *id, char *buf)
{
	unsigned int i, last = min_t(unsigned int, id->nlbaf, ARRAY_SIZE(id->lbaf) - 1);
	ssize_t len = 0;

	for (i = 0; i <= last; i++) {
		u8 shift = id->lbaf[i].ds;

		if (shift >= PARLEY_NVME_BLOCK_SHIFT_MIN &&
		    shift <= PARLEY_NVME_BLOCK_SHIFT_MAX)
			len += sysfs_emit_at(buf, len, "%u %u %u\n", i, 1 << shift,
					     le16_to_cpu(id->lbaf[i].ms));
	}
	return len;
}

/**
 * parley_pf_list_formats() - which blocks a new namespace can have
 * @pf: the function, LIVE
 * @buf: a page for the text: number of the format, bytes of a block, and those beside it
 *
 * Of all namespaces, where the controller says that; else those of the first.
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: how much text, -ENODATA if there is no namespace to learn it from, -ENOMEM,
 *	or as parley_nvme_admin().
 */
ssize_t parley_pf_list_formats(struct parley_nvme_pf *pf, char *buf)
{
	struct nvme_id_ns *id __free(kfree) = kzalloc(sizeof(*id), GFP_KERNEL);
	ssize_t len = 0;
	u32 nsid;
	int err;

	lockdep_assert_held(&pf->n.mutex);
	if (!id)
		return -ENOMEM;
	err = parley_nvme_identify(&pf->n, NVME_ID_CNS_NS, PARLEY_NVME_NSID_ALL, 0, id);
	if (!err)
		len = pnv_format_lines(id, buf);
	if (len || (err && err != -EREMOTEIO))
		return len ?: err;
	err = parley_pf_ns_list(pf, &nsid, 1);
	if (err <= 0)
		return err ?: -ENODATA;
	err = parley_nvme_identify(&pf->n, parley_pf_ns_cns(pf), nsid, 0, id);
	return err ?: pnv_format_lines(id, buf);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_list_formats);

/* Of 128 bits those that a namespace can have. */
static u64 pnv_bytes(const __u8 *wire)
{
	return get_unaligned_le64(wire + sizeof(u64)) ? U64_MAX : get_unaligned_le64(wire);
}

/**
 * parley_pf_list_capacity() - how much room there is for namespaces
 * @pf: the function, LIVE
 * @buf: a page for the text: bytes of all, and of these what no namespace has
 *
 * Context: process context; @pf->n.mutex held; may sleep.
 * Return: how much text, -ENOMEM, or as parley_nvme_admin().
 */
ssize_t parley_pf_list_capacity(struct parley_nvme_pf *pf, char *buf)
{
	struct nvme_id_ctrl *id __free(kfree) = kzalloc(sizeof(*id), GFP_KERNEL);
	int err;

	lockdep_assert_held(&pf->n.mutex);
	if (!id)
		return -ENOMEM;
	err = parley_nvme_identify(&pf->n, NVME_ID_CNS_CTRL, 0, 0, id);
	return err ?: sysfs_emit(buf, "%llu %llu\n", pnv_bytes(id->tnvmcap),
				 pnv_bytes(id->unvmcap));
}
EXPORT_SYMBOL_IF_KUNIT(parley_pf_list_capacity);
