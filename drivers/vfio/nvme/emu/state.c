// SPDX-License-Identifier: GPL-2.0-only
/*
 * The controller stops, its state is written or read, and it goes on.
 *
 * While it is stopped nothing is fetched, nothing is in flight with the function, and
 * the guest is not interrupted.  Registers and doorbells are as ever; what was rung
 * for meanwhile is seen to when it goes on.
 *
 * A state is applied to a controller that was reset, by the same functions that a
 * guest's registers and commands get to, so nothing gets into it that the guest could
 * not have asked for; and each part of it is held against the policy, which those who
 * only say that they asked have not passed.  What does not fit is refused, and the
 * controller is as after a reset.
 *
 * What the guest has read cannot be taken back: so the destination must say of itself
 * what the source said (@says, a checksum of identify data without the serial number),
 * and have the very same blocks.
 */
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <parley/export.h>
#include "rooms.h"
#include "state.h"

#define PNE_CSTS	(NVME_CSTS_RDY | NVME_CSTS_CFS | NVME_CSTS_SHST_CMPLT)

/**
 * parley_emu_stop() - nothing more is done
 * @e: the controller
 *
 * When it returns the function has answered all that it had, and the guest has these
 * answers.
 *
 * Context: process context; @e->mutex not held; sleeps up to the time-out of a
 *	command.
 */
void parley_emu_stop(struct parley_emu *e)
{
	u16 id;

	guard(parley_emu)(e);
	for (id = 0; id < PARLEY_EMU_QUEUES; id++)
		parley_emu_drain(e, id);
	parley_emu_interrupts(e);
	e->stopped = true;
}
PARLEY_EXPORT(parley_emu_stop);

static bool pne_has_shadow(struct parley_emu *e)
{
	return e->shadow.bells != e->shadow.events;
}

/* Doorbells in the guest's memory, which is there only now. */
static void pne_shadow(struct parley_emu *e)
{
	const struct nvme_dbbuf cmd = {
		.prp1 = cpu_to_le64(e->shadow.bells),
		.prp2 = cpu_to_le64(e->shadow.events),
	};

	if (parley_emu_shadow_set(e, &cmd))
		parley_emu_fault(e, "came with doorbells where it has no memory");
}

/**
 * parley_emu_go() - the mirror of parley_emu_stop()
 * @e: the controller
 *
 * Where there are answers that the guest has not taken it is interrupted: whether an
 * interrupt of before has arrived, nobody knows.
 *
 * Context: process context; @e->mutex not held; may sleep.
 */
void parley_emu_go(struct parley_emu *e)
{
	u16 id;

	guard(parley_emu)(e);
	e->stopped = false;
	if (!e->shadow.on && pne_has_shadow(e))
		pne_shadow(e);
	for (id = 0; id < PARLEY_EMU_QUEUES; id++)
		if (e->cq[id].there &&
		    parley_emu_bell(e, id, true) != e->cq[id].tail)
			e->cq[id].told = true;
	parley_emu_keep(e);
	parley_emu_kick(e);
}
PARLEY_EXPORT(parley_emu_go);

/* ------------------------------------------------------------ the disk */

/**
 * parley_state_disk_of() - what there is behind the controller
 * @e: the controller
 * @disk: where it goes
 *
 * Context: process context; @e->mutex not held; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_state_disk_of(struct parley_emu *e, struct parley_state_disk *disk)
{
	const struct parley_nvme_vf *vf = e->vf;
	u32 says;
	int err;

	guard(parley_emu)(e);
	err = parley_emu_says(e, &says);
	*disk = (struct parley_state_disk) {
		.first = cpu_to_le64(e->first),
		.blocks = cpu_to_le64(e->blocks),
		.block_size = cpu_to_le32(vf->ns.block_size),
		.nsid = cpu_to_le32(vf->nsid),
		.queues = cpu_to_le32(e->nr_queues),
		.most = cpu_to_le32(parley_emu_most(e)),
		.says = cpu_to_le32(says),
	};
	memcpy(disk->serial, vf->n.id.serial,
	       min(strlen(vf->n.id.serial), sizeof(disk->serial)));
	return err;
}
PARLEY_EXPORT(parley_state_disk_of);

/**
 * parley_state_disk_check() - whether a guest of one finds on the other what it had
 * @own: of the destination
 * @other: of the source, which is hostile
 * @why: what is different
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int parley_state_disk_check(const struct parley_state_disk *own,
			    const struct parley_state_disk *other, const char **why)
{
	if (own->blocks != other->blocks || own->block_size != other->block_size)
		return parley_state_no(why, "is of a disk of another size, or with other blocks");
	if (memcmp(own->serial, other->serial, sizeof(own->serial)) ||
	    own->nsid != other->nsid || own->first != other->first)
		return parley_state_no(why, "is of another namespace or slice");
	if (own->queues != other->queues)
		return parley_state_no(why, "is of a device with another number of queues");
	if (own->most != other->most)
		return parley_state_no(why, "is of a device with longer or shorter commands");
	if (own->says != other->says)
		return parley_state_no(why, "is of a controller that says other things of itself");
	return 0;
}
PARLEY_EXPORT(parley_state_disk_check);

/* ----------------------------------------------------------- it is saved */

static int pne_save_regs(struct parley_emu *e, struct parley_state_out *out)
{
	struct parley_state_regs regs = {
		.asq = cpu_to_le64(e->asq),
		.acq = cpu_to_le64(e->acq),
		.cc = cpu_to_le32(e->cc),
		.csts = cpu_to_le32(e->csts),
		.aqa = cpu_to_le32(e->aqa),
		.masked = cpu_to_le32(e->masked),
		.kato = cpu_to_le32(e->kato),
		.events_due = cpu_to_le16(e->events_due),
		.events_told = cpu_to_le16(e->events_told),
	};

	return parley_state_put(out, PARLEY_STATE_REGS, &regs, sizeof(regs));
}

static int pne_save_features(struct parley_emu *e, struct parley_state_out *out, bool all)
{
	struct parley_state_feature feature[PARLEY_EMU_FEATURES];
	unsigned int fid, nr = 0;

	for (fid = 0; all && fid < PARLEY_EMU_FEATURES; fid++)
		if (e->feature[fid])
			feature[nr++] = (struct parley_state_feature) {
				.fid = cpu_to_le32(fid),
				.value = cpu_to_le32(e->feature[fid]),
			};
	return parley_state_put(out, PARLEY_STATE_FEATURES, feature, nr * sizeof(*feature));
}

static int pne_save_events(struct parley_emu *e, struct parley_state_out *out, bool all)
{
	struct parley_state_event event[PARLEY_EMU_EVENTS];
	unsigned int i;

	BUILD_BUG_ON(sizeof(*event) != sizeof(*e->event));
	for (i = 0; all && i < e->nr_events; i++)
		memcpy(&event[i], &e->event[i], sizeof(*event));
	return parley_state_put(out, PARLEY_STATE_EVENTS, event, i * sizeof(*event));
}

static int pne_save_cqs(struct parley_emu *e, struct parley_state_out *out, bool all)
{
	struct parley_state_cq cq[PARLEY_EMU_QUEUES];
	unsigned int id, nr = 0;

	for (id = 0; all && id < PARLEY_EMU_QUEUES; id++)
		if (e->cq[id].there)
			cq[nr++] = (struct parley_state_cq) {
				.base = cpu_to_le64(e->cq[id].base),
				.id = cpu_to_le16(id),
				.size = cpu_to_le16(e->cq[id].size),
				.tail = cpu_to_le16(e->cq[id].tail),
				.phase = cpu_to_le16(e->cq[id].phase),
				.vector = cpu_to_le16(e->cq[id].vector),
				.interrupts = cpu_to_le16(e->cq[id].interrupts),
				.head = cpu_to_le32(parley_emu_bell(e, id, true)),
			};
	return parley_state_put(out, PARLEY_STATE_CQS, cq, nr * sizeof(*cq));
}

static int pne_save_sqs(struct parley_emu *e, struct parley_state_out *out, bool all)
{
	struct parley_state_sq sq[PARLEY_EMU_QUEUES];
	unsigned int id, nr = 0;

	for (id = 0; all && id < PARLEY_EMU_QUEUES; id++)
		if (e->sq[id].there)
			sq[nr++] = (struct parley_state_sq) {
				.base = cpu_to_le64(e->sq[id].base),
				.id = cpu_to_le16(id),
				.size = cpu_to_le16(e->sq[id].size),
				.head = cpu_to_le16(e->sq[id].head),
				.cq = cpu_to_le16(e->sq[id].cq),
				.tail = cpu_to_le32(parley_emu_bell(e, id, false)),
			};
	return parley_state_put(out, PARLEY_STATE_SQS, sq, nr * sizeof(*sq));
}

static int pne_save_shadow(struct parley_emu *e, struct parley_state_out *out, bool all)
{
	struct parley_state_shadow shadow = {
		.bells = cpu_to_le64(e->shadow.bells),
		.events = cpu_to_le64(e->shadow.events),
	};

	return parley_state_put(out, PARLEY_STATE_SHADOW, &shadow,
				all && pne_has_shadow(e) ? sizeof(shadow) : 0);
}

/**
 * parley_emu_save() - write the controller's sections
 * @e: the controller, stopped
 * @out: where they go
 *
 * Of one that has failed only the registers matter: all that the guest can do is to
 * disable it.
 *
 * Context: process context; @e->mutex not held; may sleep.
 * Return: 0 or -ENOSPC.
 */
int parley_emu_save(struct parley_emu *e, struct parley_state_out *out)
{
	bool all;
	int err;

	guard(parley_emu)(e);
	all = !(e->csts & NVME_CSTS_CFS);
	err = pne_save_regs(e, out);
	if (!err)
		err = pne_save_features(e, out, all);
	if (!err)
		err = pne_save_events(e, out, all);
	if (!err)
		err = pne_save_cqs(e, out, all);
	if (!err)
		err = pne_save_sqs(e, out, all);
	if (!err)
		err = pne_save_shadow(e, out, all);
	return err;
}
PARLEY_EXPORT(parley_emu_save);

/* ---------------------------------------------------------- it is loaded */

/* Which of the controller's states it is (regs.c), and whether there is such a one. */
static int pne_load_regs(struct parley_emu *e, const struct parley_state_regs *regs,
			 const char **why)
{
	u32 cc = le32_to_cpu(regs->cc), csts = le32_to_cpu(regs->csts);

	if (csts & ~PNE_CSTS ||
	    (le16_to_cpu(regs->events_due) | le16_to_cpu(regs->events_told)) >=
	    BIT(PARLEY_EMU_EVENT_KINDS))
		return parley_state_no(why, "has registers that cannot be");
	if (cc & NVME_CC_ENABLE ? !(csts & (NVME_CSTS_RDY | NVME_CSTS_CFS)) :
				  csts & (NVME_CSTS_RDY | NVME_CSTS_CFS))
		return parley_state_no(why, "has a controller enabled and not, or neither");
	if (csts & NVME_CSTS_RDY && !(csts & NVME_CSTS_CFS) && !parley_emu_can(e, cc))
		return parley_state_no(why, "has a controller enabled as it cannot be");
	if (regs->kato && !parley_emu_could(e, nvme_admin_set_features, NVME_FEAT_KATO))
		return parley_state_no(why, "keeps its controller alive, which the policy denies");
	e->asq = le64_to_cpu(regs->asq);
	e->acq = le64_to_cpu(regs->acq);
	e->aqa = le32_to_cpu(regs->aqa);
	e->masked = le32_to_cpu(regs->masked);
	e->events_due = le16_to_cpu(regs->events_due);
	e->events_told = le16_to_cpu(regs->events_told);
	parley_emu_keep_set(e, le32_to_cpu(regs->kato));
	e->cc = cc;
	WRITE_ONCE(e->csts, csts);
	return 0;
}

static int pne_load_features(struct parley_emu *e, const struct parley_state_part *part,
			     const char **why)
{
	const struct parley_state_feature *f = part->data, *end = part->data + part->len;
	u32 fid, next = 0;

	for (; f < end; f++, next = fid + 1) {
		fid = le32_to_cpu(f->fid);
		if (fid < next || fid >= PARLEY_EMU_FEATURES || !parley_emu_is_kept(fid))
			return parley_state_no(why, "has a feature that there is none of");
		if (!parley_emu_could(e, nvme_admin_set_features, fid))
			return parley_state_no(why, "has a feature that the policy denies to set");
		e->feature[fid] = le32_to_cpu(f->value);
	}
	return 0;
}

static int pne_load_events(struct parley_emu *e, const struct parley_state_part *part,
			   const char **why)
{
	if (part->len && !parley_emu_could(e, nvme_admin_async_event, 0))
		return parley_state_no(why, "waits for events, which the policy denies");
	e->nr_events = part->len / sizeof(*e->event);
	memcpy(e->event, part->data, part->len);
	return 0;
}

static int pne_load_cq(struct parley_emu *e, const struct parley_state_cq *from,
		       const char **why)
{
	u16 id = le16_to_cpu(from->id), vector = le16_to_cpu(from->vector);
	u16 tail = le16_to_cpu(from->tail), phase = le16_to_cpu(from->phase);
	u16 interrupts = le16_to_cpu(from->interrupts);

	if (id > e->nr_queues || e->cq[id].there)
		return parley_state_no(why, "has a completion queue that there cannot be");
	if (id && !parley_emu_could(e, nvme_admin_create_cq, 0))
		return parley_state_no(why, "has a completion queue, which the policy denies");
	if (vector > e->nr_queues || interrupts > 1 || (!id && (vector || !interrupts)))
		return parley_state_no(why, "has an interrupt that there cannot be");
	if (phase > 1 || tail >= le16_to_cpu(from->size) ||
	    parley_emu_cq_make(e, id, le64_to_cpu(from->base), le16_to_cpu(from->size),
			       vector, interrupts))
		return parley_state_no(why, "has a completion queue as it cannot be");
	e->cq[id].tail = tail;
	e->cq[id].phase = phase;
	WRITE_ONCE(e->doorbell[2 * id + 1], le32_to_cpu(from->head));
	e->cq[id].seen = le32_to_cpu(from->head) % e->cq[id].size;
	return 0;
}

static int pne_load_sq(struct parley_emu *e, const struct parley_state_sq *from,
		       const char **why)
{
	u16 id = le16_to_cpu(from->id), cq = le16_to_cpu(from->cq);
	u16 head = le16_to_cpu(from->head);

	if (id > e->nr_queues || e->sq[id].there ||
	    (id && e->csts & NVME_CSTS_SHST_CMPLT) || from->zero)
		return parley_state_no(why, "has a submission queue that there cannot be");
	if (id && !parley_emu_could(e, nvme_admin_create_sq, 0))
		return parley_state_no(why, "has a submission queue, which the policy denies");
	if (cq > e->nr_queues || !e->cq[cq].there || !id != !cq)
		return parley_state_no(why, "has a submission queue without a place for answers");
	if (head >= le16_to_cpu(from->size) ||
	    parley_emu_sq_make(e, id, le64_to_cpu(from->base), le16_to_cpu(from->size), cq))
		return parley_state_no(why, "has a submission queue as it cannot be");
	e->sq[id].head = head;
	WRITE_ONCE(e->doorbell[2 * id], le32_to_cpu(from->tail));
	return 0;
}

static int pne_load_queues(struct parley_emu *e, const struct parley_state_part *cqs,
			   const struct parley_state_part *sqs, const char **why)
{
	const struct parley_state_cq *cq = cqs->data, *last_cq = cqs->data + cqs->len;
	const struct parley_state_sq *sq = sqs->data, *last_sq = sqs->data + sqs->len;
	int err = 0;

	for (; cq < last_cq && !err; cq++)
		err = pne_load_cq(e, cq, why);
	for (; sq < last_sq && !err; sq++)
		err = pne_load_sq(e, sq, why);
	if (!err && (!e->cq[0].there || !e->sq[0].there))
		err = parley_state_no(why, "has no queues for admin commands");
	return err;
}

static int pne_load_shadow(struct parley_emu *e, const struct parley_state_part *part,
			   const char **why)
{
	const struct parley_state_shadow *shadow = part->data;
	u64 bells, events;

	if (!part->len)
		return 0;
	if (!parley_emu_could(e, nvme_admin_dbbuf, 0))
		return parley_state_no(why, "has doorbells in memory, which the policy denies");
	bells = le64_to_cpu(shadow->bells);
	events = le64_to_cpu(shadow->events);
	if (!parley_emu_area(bells, PARLEY_NVME_PAGE) ||
	    !parley_emu_area(events, PARLEY_NVME_PAGE) || bells == events)
		return parley_state_no(why, "has doorbells where there can be none");
	e->shadow.bells = bells;
	e->shadow.events = events;
	return 0;
}

static bool pne_more_than_registers(const struct parley_state_part *part)
{
	return part[PARLEY_STATE_FEATURES].len || part[PARLEY_STATE_EVENTS].len ||
	       part[PARLEY_STATE_CQS].len || part[PARLEY_STATE_SQS].len ||
	       part[PARLEY_STATE_SHADOW].len;
}

static int pne_load(struct parley_emu *e, const struct parley_state_part *part,
		    const char **why)
{
	int err = pne_load_regs(e, part[PARLEY_STATE_REGS].data, why);

	if (err)
		return err;
	if ((e->csts & (NVME_CSTS_RDY | NVME_CSTS_CFS)) != NVME_CSTS_RDY)
		return pne_more_than_registers(part) ?
		       parley_state_no(why, "has queues, and no controller for them") : 0;
	err = pne_load_features(e, &part[PARLEY_STATE_FEATURES], why);
	if (!err)
		err = pne_load_events(e, &part[PARLEY_STATE_EVENTS], why);
	if (err)
		return err;
	err = pne_load_queues(e, &part[PARLEY_STATE_CQS], &part[PARLEY_STATE_SQS], why);
	return err ?: pne_load_shadow(e, &part[PARLEY_STATE_SHADOW], why);
}

/**
 * parley_emu_load() - become what another controller was
 * @e: the controller, stopped
 * @part: sections that parley_state_parse() accepted
 * @why: why not
 *
 * Whatever it was is gone: it is reset first.
 *
 * Context: process context; @e->mutex not held; may sleep.
 * Return: 0, or -EINVAL and it is as after parley_emu_reset().
 */
int parley_emu_load(struct parley_emu *e, const struct parley_state_part *part,
		    const char **why)
{
	int err;

	/* All at once: nobody writes a register in between. */
	guard(parley_emu)(e);
	parley_emu_clear(e);
	err = pne_load(e, part, why);
	if (err)
		parley_emu_clear(e);
	return err;
}
PARLEY_EXPORT(parley_emu_load);
