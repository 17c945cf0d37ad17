// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the controller says of itself.  Each structure is copied out of the memory
 * that the controller can write, and what is used of it is checked in the copy.
 *
 * What is odd about virtual functions costs those and no more: namespaces can be
 * seen to all the same.
 */
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "pf.h"

/**
 * parley_nvme_identify() - one Identify command
 * @n: the function
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

/* Text of the device's, for the log and sysfs: nothing but what can be printed. */
static void pnv_text(char *to, const char *from, size_t len)
{
	size_t i;

	for (i = 0; i < len && from[i]; i++)
		to[i] = isascii(from[i]) && isprint(from[i]) ? from[i] : '?';
	to[i] = '\0';
	strim(to);
}

static int pnv_learn_ctrl(struct parley_nvme *n)
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
	n->id.nn = le32_to_cpu(id->nn);
	n->id.shutdown_ms = clamp(le32_to_cpu(id->rtd3e) / USEC_PER_MSEC,
				  PARLEY_NVME_SHUTDOWN_MIN_MS,
				  PARLEY_NVME_SHUTDOWN_MAX_MS);
	pnv_text(n->id.serial, id->sn, sizeof(id->sn));
	pnv_text(n->id.model, id->mn, sizeof(id->mn));
	pnv_text(n->id.firmware, id->fr, sizeof(id->fr));
	return 0;
}

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
	struct parley_nvme_vf vf[PARLEY_NVME_SECONDARIES_MAX];
	unsigned int nr;
	u8 data[NVME_IDENTIFY_DATA_SIZE] __aligned(8);
};

static const char *pnv_check_primary(struct parley_nvme *n, struct pnv_view *view)
{
	const struct parley_nvme_primary_wire *wire = (void *)view->data;
	enum parley_nvme_kind kind;
	const char *why;

	if (le16_to_cpu(wire->cntlid) != n->id.cntlid)
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

static bool pnv_known(const struct pnv_view *view, const struct parley_nvme_vf *vf)
{
	unsigned int i;

	for (i = 0; i < view->nr; i++)
		if (view->vf[i].number == vf->number || view->vf[i].cntlid == vf->cntlid)
			return true;
	return false;
}

static const char *pnv_check_secondary(struct parley_nvme *n, struct pnv_view *view,
				       const struct parley_nvme_secondary_wire *wire)
{
	struct parley_nvme_vf vf = {
		.cntlid = le16_to_cpu(wire->scid),
		.number = le16_to_cpu(wire->vfn),
		.have[PARLEY_NVME_QUEUES] = le16_to_cpu(wire->queues),
		.have[PARLEY_NVME_INTERRUPTS] = le16_to_cpu(wire->interrupts),
		.online = wire->state & PARLEY_NVME_SECONDARY_ONLINE,
	};
	enum parley_nvme_kind kind;

	if (le16_to_cpu(wire->pcid) != n->id.cntlid || vf.cntlid == n->id.cntlid)
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

static const char *pnv_check_secondaries(struct parley_nvme *n, struct pnv_view *view)
{
	const struct parley_nvme_secondaries_wire *wire = (void *)view->data;
	const char *why;
	unsigned int i;

	if (wire->nr > PARLEY_NVME_SECONDARIES_MAX)
		return "its list of secondary controllers is longer than a list can be";
	for (i = 0; i < wire->nr; i++) {
		why = pnv_check_secondary(n, view, &wire->entry[i]);
		if (why)
			return why;
	}
	return view->nr ? NULL : "it has no virtual functions";
}

/*
 * Whether it can have virtual functions, and what they have now.  An error is one
 * of the command, with @n->virt saying what it was about.
 */
static int pnv_ask_virt(struct parley_nvme *n, struct pnv_view *view)
{
	int err;

	n->virt = "it has no virtualization management";
	if (n->version < NVME_VS(1, 3, 0))
		return 0;
	/* Some have it and do not say so, as QEMU's: they are asked all the same. */
	if (n->id.oacs & PARLEY_NVME_OACS_VIRT)
		n->virt = "it does not describe its resources";
	err = parley_nvme_identify(n, PARLEY_NVME_CNS_PRIMARY, 0, 0, view->data);
	if (err)
		return err;
	n->virt = pnv_check_primary(n, view);
	if (n->virt)
		return 0;
	n->virt = "it does not list its secondary controllers";
	err = parley_nvme_identify(n, NVME_ID_CNS_SCNDRY_CTRL_LIST, 0, 0, view->data);
	if (!err)
		n->virt = pnv_check_secondaries(n, view);
	return err;
}

/**
 * parley_nvme_learn_virt() - ask again for resources and secondary controllers
 * @n: the function, LIVE
 *
 * Sets @n->virt, @n->pool and @n->vf.  If @n->virt says why there can be no
 * virtual functions, the others are what they were: what is to be undone is known
 * from there.
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: 0, -ENOMEM, or what parley_nvme_admin() returns where it is not the
 *	controller's refusal.
 */
int parley_nvme_learn_virt(struct parley_nvme *n)
{
	struct pnv_view *view __free(kfree) = kzalloc(sizeof(*view), GFP_KERNEL);
	int err;

	lockdep_assert_held(&n->mutex);
	if (!view)
		return -ENOMEM;
	err = pnv_ask_virt(n, view);
	if (!n->virt) {
		memcpy(n->pool, view->pool, sizeof(n->pool));
		memcpy(n->vf, view->vf, sizeof(n->vf));
		n->nr_secondaries = view->nr;
	}
	return err == -EREMOTEIO || err == -EOPNOTSUPP ? 0 : err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_learn_virt);

/**
 * parley_nvme_learn() - all that has to be known of a controller
 * @n: the function, LIVE
 *
 * Context: process context; @n->mutex held; may sleep.
 * Return: as parley_nvme_learn_virt(), and any refusal.
 */
int parley_nvme_learn(struct parley_nvme *n)
{
	int err = pnv_learn_ctrl(n);

	if (err)
		dev_err_ratelimited(n->dev, "controller does not say what it is (%d)\n", err);
	return err ?: parley_nvme_learn_virt(n);
}
