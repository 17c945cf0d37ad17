// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake's commands: it takes them in a work item, as a device takes them in its
 * own time, and calls the driver back from there.
 */
#include "fake.h"

#define FAKE_REFUSED	NVME_SC_INVALID_FIELD

static u16 fake_vf_cntlid(unsigned int i)
{
	return FAKE_CNTLID + 10 + i;
}

static struct fake_vf *fake_vf(struct fake *f, u16 cntlid)
{
	unsigned int i;

	for (i = 0; i < FAKE_VFS; i++)
		if (fake_vf_cntlid(i) == cntlid)
			return &f->vf[i];
	return NULL;
}

/* -------------------------------------------------------- identify */

static void fake_tell_ctrl(struct fake *f, struct nvme_id_ctrl *id)
{
	memcpy(id->sn, "FAKE-1  \x1b            ", sizeof(id->sn));
	memset(id->mn, ' ', sizeof(id->mn));
	memcpy(id->mn, "a fake", 6);
	memcpy(id->fr, "0.2     ", sizeof(id->fr));
	id->cntlid = cpu_to_le16(FAKE_CNTLID);
	id->oacs = cpu_to_le16(f->oacs);
	id->nn = cpu_to_le32(FAKE_NAMESPACES);
}

static u32 fake_assigned(struct fake *f, enum parley_nvme_kind kind)
{
	unsigned int i;
	u32 sum = 0;

	for (i = 0; i < FAKE_VFS; i++)
		sum += f->vf[i].have[kind];
	return sum;
}

static void fake_tell_primary(struct fake *f, struct parley_nvme_primary_wire *wire)
{
	enum parley_nvme_kind kind;

	wire->cntlid = cpu_to_le16(FAKE_CNTLID);
	wire->kinds = 3;
	for (kind = 0; kind < PARLEY_NVME_KINDS; kind++)
		wire->kind[kind] = (struct parley_nvme_resources) {
			.total = cpu_to_le32(f->total[kind]),
			.assigned = cpu_to_le32(fake_assigned(f, kind)),
			.primary = cpu_to_le16(f->primary[kind]),
			.fixed = cpu_to_le16(f->fixed),
			.most = cpu_to_le16(f->most),
			.grain = cpu_to_le16(f->grain),
		};
}

static void fake_tell_secondaries(struct fake *f,
				  struct parley_nvme_secondaries_wire *wire)
{
	unsigned int i;

	wire->nr = FAKE_VFS;
	for (i = 0; i < FAKE_VFS; i++)
		wire->entry[i] = (struct parley_nvme_secondary_wire) {
			.scid = cpu_to_le16(fake_vf_cntlid(i)),
			.pcid = cpu_to_le16(FAKE_CNTLID),
			.state = f->vf[i].online,
			.vfn = cpu_to_le16(i + 1),
			.queues = cpu_to_le16(f->vf[i].have[PARLEY_NVME_QUEUES]),
			.interrupts = cpu_to_le16(f->vf[i].have[PARLEY_NVME_INTERRUPTS]),
		};
}

static void fake_tell_list(struct fake *f, __le32 *list)
{
	unsigned int i, nr = 0;

	for (i = 0; i < FAKE_NAMESPACES; i++)
		if (f->ns[i].blocks)
			list[nr++] = cpu_to_le32(i + 1);
}

static struct fake_ns *fake_ns(struct fake *f, u32 nsid)
{
	return nsid && nsid <= FAKE_NAMESPACES && f->ns[nsid - 1].blocks ?
	       &f->ns[nsid - 1] : NULL;
}

static void fake_tell_ns(struct fake *f, u32 nsid, struct nvme_id_ns *id)
{
	struct fake_ns *ns = fake_ns(f, nsid);

	if (!ns)
		return;
	id->nsze = cpu_to_le64(ns->blocks);
	id->nlbaf = 1;
	id->flbas = ns->format;
	id->lbaf[0].ds = 9;
	id->lbaf[1].ds = 12;
}

static u16 fake_identify(struct fake *f, const struct nvme_identify *cmd, void *data)
{
	u8 cns = cmd->cns;

	if (!data)
		return FAKE_REFUSED;
	memset(data, 0, NVME_IDENTIFY_DATA_SIZE);
	switch (cns) {
	case NVME_ID_CNS_CTRL:
		fake_tell_ctrl(f, data);
		break;
	case PARLEY_NVME_CNS_PRIMARY:
		fake_tell_primary(f, data);
		break;
	case NVME_ID_CNS_SCNDRY_CTRL_LIST:
		fake_tell_secondaries(f, data);
		break;
	case NVME_ID_CNS_NS_PRESENT_LIST:
	case NVME_ID_CNS_NS_ACTIVE_LIST:
		fake_tell_list(f, data);
		break;
	case NVME_ID_CNS_NS_PRESENT:
	case NVME_ID_CNS_NS:
		fake_tell_ns(f, le32_to_cpu(cmd->nsid), data);
		break;
	default:
		return FAKE_REFUSED;
	}
	if (f->mangle)
		f->mangle(f, cns, data);
	return 0;
}

/* ---------------------------------------------------- what it does */

static u16 fake_set_primary(struct fake *f, u16 cntlid, unsigned int kind, u32 nr)
{
	if (cntlid != FAKE_CNTLID)
		return NVME_SC_CTRL_ID_INVALID;
	if (nr + fake_assigned(f, kind) > f->total[kind])
		return NVME_SC_CTRL_RES_NUM_INVALID;
	f->pending[kind] = nr;
	return 0;
}

static u16 fake_assign(struct fake *f, struct fake_vf *vf, unsigned int kind, u32 nr)
{
	if (vf->online)
		return NVME_SC_SEC_CTRL_STATE_INVALID;
	if (nr > f->most || nr % f->grain ||
	    nr + f->primary[kind] + fake_assigned(f, kind) - vf->have[kind] >
	    f->total[kind])
		return NVME_SC_CTRL_RES_NUM_INVALID;
	vf->have[kind] = nr;
	return 0;
}

static u16 fake_online(struct fake *f, struct fake_vf *vf)
{
	if (vf - f->vf >= f->nr_vfs || vf->have[PARLEY_NVME_QUEUES] < 2 ||
	    !vf->have[PARLEY_NVME_INTERRUPTS])
		return NVME_SC_SEC_CTRL_STATE_INVALID;
	vf->online = !f->forgets_online;
	return 0;
}

static u16 fake_virt(struct fake *f, const struct nvme_common_command *cmd)
{
	u32 cdw10 = le32_to_cpu(cmd->cdw10), nr = le32_to_cpu(cmd->cdw11);
	unsigned int act = cdw10 & 0xf, kind = cdw10 >> 8 & 7;
	struct fake_vf *vf = fake_vf(f, cdw10 >> 16);

	if (kind >= PARLEY_NVME_KINDS)
		return NVME_SC_RES_ID_INVALID;
	if (act == PARLEY_NVME_ACT_PRIMARY)
		return fake_set_primary(f, cdw10 >> 16, kind, nr);
	if (!vf)
		return NVME_SC_CTRL_ID_INVALID;
	switch (act) {
	case PARLEY_NVME_ACT_ASSIGN:
		return fake_assign(f, vf, kind, nr);
	case PARLEY_NVME_ACT_ONLINE:
		return fake_online(f, vf);
	case PARLEY_NVME_ACT_OFFLINE:
		memset(vf, 0, sizeof(*vf));
		return 0;
	default:
		return FAKE_REFUSED;
	}
}

static u16 fake_create(struct fake *f, const struct nvme_id_ns *id, u32 *result)
{
	unsigned int i;

	for (i = 0; id && i < FAKE_NAMESPACES; i++) {
		if (f->ns[i].blocks)
			continue;
		f->ns[i] = (struct fake_ns) {
			.blocks = le64_to_cpu(id->nsze),
			.format = id->flbas,
		};
		*result = i + 1;
		return 0;
	}
	return NVME_SC_NS_ID_UNAVAILABLE;
}

static u16 fake_delete(struct fake *f, u32 nsid)
{
	struct fake_ns *ns = fake_ns(f, nsid);

	if (nsid == PARLEY_NVME_NSID_ALL)
		fake_complain(f, "all namespaces were to be deleted");
	if (!ns)
		return FAKE_REFUSED;
	memset(ns, 0, sizeof(*ns));
	return 0;
}

static u16 fake_attach(struct fake *f, u32 nsid, bool detach,
		       const struct parley_nvme_ctrl_list *list)
{
	struct fake_ns *ns = fake_ns(f, nsid);

	if (!ns || !list || le16_to_cpu(list->nr) != 1)
		return FAKE_REFUSED;
	if (detach && ns->attached_to != le16_to_cpu(list->cntlid[0]))
		return NVME_SC_NS_NOT_ATTACHED;
	if (!detach && ns->attached_to)
		return NVME_SC_NS_ALREADY_ATTACHED;
	ns->attached_to = detach ? 0 : le16_to_cpu(list->cntlid[0]);
	return 0;
}

static u16 fake_execute(struct fake *f, const struct nvme_command *cmd, u32 *result)
{
	u64 prp = le64_to_cpu(cmd->common.dptr.prp1);
	void *data = prp ? fake_reach(f, prp, PARLEY_NVME_PAGE) : NULL;
	u32 nsid = le32_to_cpu(cmd->common.nsid);
	bool second = le32_to_cpu(cmd->common.cdw10) & 1;

	switch (cmd->common.opcode) {
	case nvme_admin_identify:
		return fake_identify(f, &cmd->identify, data);
	case nvme_admin_virtual_mgmt:
		return fake_virt(f, &cmd->common);
	case nvme_admin_ns_mgmt:
		return second ? fake_delete(f, nsid) : fake_create(f, data, result);
	case nvme_admin_ns_attach:
		return fake_attach(f, nsid, second, data);
	default:
		return NVME_SC_INVALID_OPCODE;
	}
}

/* ------------------------------------------------------- the queue */

static void fake_answer(struct fake *f, u16 cid, u16 status, u32 result,
			enum fake_lie lie)
{
	struct nvme_completion *cq = fake_reach(f, f->acq, PARLEY_NVME_PAGE);
	struct nvme_completion *cqe;
	u16 phase = f->phase ^ (lie == FAKE_STALE_PHASE);

	if (!cq)
		return;
	cqe = &cq[f->cq_tail];
	cqe->result.u32 = cpu_to_le32(result);
	cqe->sq_head = cpu_to_le16(lie == FAKE_BAD_HEAD ? PARLEY_NVME_DEPTH : f->sq_head);
	cqe->sq_id = cpu_to_le16(lie == FAKE_FOREIGN_QUEUE);
	cqe->command_id = lie == FAKE_WRONG_CID ? cid ^ BIT(7) : cid;
	/* As a device does: what tells that it is there comes last. */
	smp_store_release(&cqe->status, cpu_to_le16(status << 1 | phase));
	if (++f->cq_tail == PARLEY_NVME_DEPTH) {
		f->cq_tail = 0;
		f->phase ^= 1;
	}
}

static void fake_abort(struct fake *f, const struct nvme_command *cmd)
{
	unsigned int i;

	for (i = 0; i < f->nr_kept && !f->never_aborts; i++) {
		if (f->kept[i] != cmd->abort.cid)
			continue;
		f->kept[i] = f->kept[--f->nr_kept];
		fake_answer(f, cmd->abort.cid, NVME_SC_ABORT_REQ, 0, FAKE_HONEST);
		break;
	}
	if (!f->never_aborts)
		fake_answer(f, cmd->common.command_id, 0, 0, FAKE_HONEST);
}

static enum fake_lie fake_mood(struct fake *f)
{
	f->commands++;
	return !f->lie_at || f->commands == f->lie_at ? f->lie : FAKE_HONEST;
}

/* Take a command; whether the driver is told by an interrupt. */
static bool fake_command(struct fake *f, const struct nvme_command *cmd)
{
	u16 cid = cmd->common.command_id, status;
	enum fake_lie lie;
	u32 result = 0;

	if (cmd->common.opcode == nvme_admin_abort_cmd) {
		fake_abort(f, cmd);
		return true;
	}
	lie = fake_mood(f);
	switch (lie) {
	case FAKE_SILENT:
		f->kept[f->nr_kept++] = cid;
		return false;
	case FAKE_DIES:
		f->dead = true;
		return false;
	case FAKE_STOPS:
		f->stopped = true;
		return false;
	case FAKE_VANISHES:
		f->gone = true;
		return false;
	case FAKE_REFUSES:
		status = FAKE_REFUSED;
		break;
	case FAKE_UNKNOWN:
		status = NVME_SC_INVALID_OPCODE;
		break;
	default:
		status = fake_execute(f, cmd, &result);
	}
	fake_answer(f, cid, status, result, lie);
	if (lie == FAKE_TWICE)
		fake_answer(f, cid, status, result, lie);
	return lie != FAKE_NO_INTERRUPT;
}

/* One command, if there is one and it is at work. */
static bool fake_step(struct fake *f, bool *tell)
{
	struct nvme_command *sq, cmd;

	if (f->gone || f->dead || f->stopped || !(f->cc & NVME_CC_ENABLE) ||
	    f->sq_head == f->sq_tail)
		return false;
	sq = fake_reach(f, f->asq, PARLEY_NVME_PAGE);
	if (!sq)
		return false;
	cmd = sq[f->sq_head];
	f->sq_head = (f->sq_head + 1) % PARLEY_NVME_DEPTH;
	*tell = fake_command(f, &cmd);
	return true;
}

void fake_run(struct work_struct *work)
{
	struct fake *f = container_of(work, struct fake, work);
	bool more = true, tell;

	while (more) {
		tell = false;
		scoped_guard(spinlock_irqsave, &f->lock)
			more = fake_step(f, &tell);
		if (tell)
			parley_nvme_reap(&f->n);
	}
}
