// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake's commands: it takes them in a work item, as a device takes them in its
 * own time, and calls the driver back from there.
 */
#include "fake.h"

/* -------------------------------------------------------- identify */

static void fake_tell_ctrl(struct fake *f, struct nvme_id_ctrl *id)
{
	memcpy(id->sn, "FAKE-1  \x1b            ", sizeof(id->sn));
	memset(id->mn, ' ', sizeof(id->mn));
	memcpy(id->mn, "a fake", 6);
	memcpy(id->fr, "0.2     ", sizeof(id->fr));
	id->cntlid = cpu_to_le16(FAKE_CNTLID);
	id->oacs = cpu_to_le16(f->oacs);
	id->oncs = cpu_to_le16(f->oncs);
	id->oaes = cpu_to_le32(f->oaes);
	id->fna = f->fna;
	id->nn = cpu_to_le32(FAKE_NAMESPACES);
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
	id->dlfeat = f->dlfeat;
	id->nguid[0] = ns->name;
}

static void fake_tell_holders(struct fake *f, u32 nsid, struct parley_nvme_ctrl_list *list)
{
	struct fake_ns *ns = fake_ns(f, nsid);

	if (!ns || !ns->attached_to)
		return;
	list->nr = cpu_to_le16(1);
	list->cntlid[0] = cpu_to_le16(ns->attached_to);
}

static u16 fake_identify(struct fake *f, const struct nvme_identify *cmd, void *data)
{
	u8 cns = cmd->cns;
	u16 status = 0;

	if (!data)
		return FAKE_REFUSED;
	memset(data, 0, NVME_IDENTIFY_DATA_SIZE);
	switch (cns) {
	case NVME_ID_CNS_CTRL:
		fake_tell_ctrl(f, data);
		break;
	case NVME_ID_CNS_NS_PRESENT_LIST:
	case NVME_ID_CNS_NS_ACTIVE_LIST:
		fake_tell_list(f, data);
		break;
	case PARLEY_NVME_CNS_HOLDERS:
		fake_tell_holders(f, le32_to_cpu(cmd->nsid), data);
		break;
	case NVME_ID_CNS_NS_PRESENT:
	case NVME_ID_CNS_NS:
		fake_tell_ns(f, le32_to_cpu(cmd->nsid), data);
		break;
	case NVME_ID_CNS_CS_CTRL:
		if (!f->limits)
			return FAKE_REFUSED;
		memcpy(data, f->limits, sizeof(*f->limits));
		break;
	default:
		status = f->more->identify ? f->more->identify(f, cns, data) :
					     FAKE_REFUSED;
	}
	if (!status && f->mangle)
		f->mangle(f, cns, data);
	return status;
}

/* ---------------------------------------------------- what it does */

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

static u16 fake_format(struct fake *f, u32 nsid, u32 cdw10)
{
	struct fake_ns *ns = fake_ns(f, nsid);

	/* As some do: only of one that the controller itself has. */
	if (!ns || ns->attached_to != FAKE_CNTLID ||
	    cdw10 != (PARLEY_NVME_FORMAT_ERASE | ns->format))
		return FAKE_REFUSED;
	ns->formats++;
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

/* A queue for answers, or then one for commands (NVMe 5.3, 5.4). */
static u16 fake_create_queue(struct fake *f, const struct nvme_command *cmd, bool cq)
{
	u16 id = le16_to_cpu(cmd->create_cq.cqid), size = le16_to_cpu(cmd->create_cq.qsize);
	struct fake_queue *queue;

	if (!id || id > f->allowed)
		return NVME_SC_QID_INVALID;
	queue = &f->queue[id];
	if (cq ? queue->cq_there : queue->sq_there || !queue->cq_there)
		return NVME_SC_QID_INVALID;
	if (!(le16_to_cpu(cmd->create_cq.cq_flags) & NVME_QUEUE_PHYS_CONTIG))
		fake_complain(f, "a queue in pieces");
	if (cq) {
		queue->cq_there = true;
		queue->cq = le64_to_cpu(cmd->create_cq.prp1);
		queue->vector = le16_to_cpu(cmd->create_cq.irq_vector);
		queue->cq_tail = 0;
		queue->phase = 1;
		queue->depth = size + 1;
		return 0;
	}
	if (le16_to_cpu(cmd->create_sq.cqid) != id || queue->depth != size + 1)
		fake_complain(f, "a pair of queues that is none");
	queue->sq_there = true;
	queue->sq = le64_to_cpu(cmd->create_sq.prp1);
	queue->sq_head = 0;
	queue->sq_tail = 0;
	return 0;
}

static u16 fake_delete_queue(struct fake *f, const struct nvme_command *cmd, bool cq)
{
	u16 id = le16_to_cpu(cmd->delete_queue.qid);
	struct fake_queue *queue;

	if (!id || id >= FAKE_QUEUES)
		return NVME_SC_QID_INVALID;
	queue = &f->queue[id];
	if (!(cq ? queue->cq_there : queue->sq_there))
		return NVME_SC_QID_INVALID;
	if (cq && queue->sq_there)
		return NVME_SC_INVALID_QUEUE;
	if (cq)
		queue->cq_there = false;
	else
		queue->sq_there = false;
	return 0;
}

static u16 fake_features(struct fake *f, const struct nvme_command *cmd, u32 *result)
{
	if (le32_to_cpu(cmd->features.fid) == NVME_FEAT_ASYNC_EVENT) {
		f->told_of = le32_to_cpu(cmd->features.dword11);
		return f->told_of & ~(f->oaes | 0xff) ? FAKE_REFUSED : 0;
	}
	if (le32_to_cpu(cmd->features.fid) != NVME_FEAT_NUM_QUEUES)
		return FAKE_REFUSED;
	*result = (f->allowed - 1) * 0x10001;
	return 0;
}

static u16 fake_execute(struct fake *f, const struct nvme_command *cmd, u32 *result)
{
	u64 prp = le64_to_cpu(cmd->common.dptr.prp1);
	u8 opcode = cmd->common.opcode;
	void *data;

	/* Of these the address is that of the queue, which may be larger. */
	switch (opcode) {
	case nvme_admin_create_cq:
	case nvme_admin_create_sq:
		return fake_create_queue(f, cmd, opcode == nvme_admin_create_cq);
	case nvme_admin_delete_cq:
	case nvme_admin_delete_sq:
		return fake_delete_queue(f, cmd, opcode == nvme_admin_delete_cq);
	case nvme_admin_set_features:
		return fake_features(f, cmd, result);
	}
	data = prp ? fake_reach(f, prp, PARLEY_NVME_PAGE) : NULL;
	switch (opcode) {
	case nvme_admin_identify:
		return fake_identify(f, &cmd->identify, data);
	case nvme_admin_ns_mgmt:
		return le32_to_cpu(cmd->common.cdw10) & 1 ?
		       fake_delete(f, le32_to_cpu(cmd->common.nsid)) :
		       fake_create(f, data, result);
	case nvme_admin_format_nvm:
		return fake_format(f, le32_to_cpu(cmd->common.nsid),
				   le32_to_cpu(cmd->common.cdw10));
	case nvme_admin_ns_attach:
		return fake_attach(f, le32_to_cpu(cmd->common.nsid),
				   le32_to_cpu(cmd->common.cdw10) & 1, data);
	default:
		return f->more->execute ? f->more->execute(f, cmd, data, result) :
					  NVME_SC_INVALID_OPCODE;
	}
}

/* ------------------------------------------------------- the queue */

static void fake_answer(struct fake *f, u16 id, u16 cid, u16 status, u32 result,
			enum fake_lie lie)
{
	struct fake_queue *queue = &f->queue[id];
	struct nvme_completion *cq = fake_reach(f, queue->cq,
						queue->depth * sizeof(*cq));
	struct nvme_completion *cqe;
	u16 phase = queue->phase ^ (lie == FAKE_STALE_PHASE);

	if (!cq)
		return;
	cqe = &cq[queue->cq_tail];
	cqe->result.u32 = cpu_to_le32(result);
	cqe->sq_head = cpu_to_le16(lie == FAKE_BAD_HEAD ? queue->depth : queue->sq_head);
	cqe->sq_id = cpu_to_le16(lie == FAKE_FOREIGN_QUEUE ? id + 1 : id);
	cqe->command_id = lie == FAKE_WRONG_CID ? cid ^ BIT(7) : cid;
	/* As a device does: what tells that it is there comes last. */
	smp_store_release(&cqe->status, cpu_to_le16(status << 1 | phase));
	if (++queue->cq_tail == queue->depth) {
		queue->cq_tail = 0;
		queue->phase ^= 1;
	}
}

static void fake_abort(struct fake *f, const struct nvme_command *cmd)
{
	unsigned int i;

	for (i = 0; i < f->nr_kept && !f->never_aborts; i++) {
		if (f->kept[i].cid != cmd->abort.cid ||
		    f->kept[i].queue != le16_to_cpu(cmd->abort.sqid))
			continue;
		f->kept[i] = f->kept[--f->nr_kept];
		fake_answer(f, le16_to_cpu(cmd->abort.sqid), cmd->abort.cid,
			    NVME_SC_ABORT_REQ, 0, FAKE_HONEST);
		break;
	}
	if (!f->never_aborts)
		fake_answer(f, 0, cmd->common.command_id, 0, 0, FAKE_HONEST);
}

/*
 * A request for events comes when its driver finds the time: counted, it would be now this
 * command and now that one.
 */
static enum fake_lie fake_mood(struct fake *f, bool event)
{
	if (event && !f->counts_events)
		return FAKE_HONEST;
	f->commands++;
	return !f->lie_at || f->commands == f->lie_at ? f->lie : FAKE_HONEST;
}

static void fake_keep(struct fake *f, u16 id, u16 cid)
{
	if (f->nr_kept < FAKE_KEPT)
		f->kept[f->nr_kept++] = (struct fake_kept) { id, cid };
	else
		fake_complain(f, "more commands in flight than the fake can keep");
}

bool fake_event(struct fake *f, u32 event)
{
	bool asked;

	scoped_guard(spinlock_irqsave, &f->lock) {
		asked = f->asked;
		f->asked = false;
		if (asked)
			fake_answer(f, 0, f->asked_by, 0, event, FAKE_HONEST);
	}
	if (asked)
		f->more->interrupt(f);
	return asked;
}

void fake_release(struct fake *f)
{
	struct fake_kept *kept;

	scoped_guard(spinlock_irqsave, &f->lock) {
		while (f->nr_kept) {
			kept = &f->kept[--f->nr_kept];
			fake_answer(f, kept->queue, kept->cid, 0, 0, FAKE_HONEST);
		}
	}
	f->more->interrupt(f);
}

static u16 fake_do(struct fake *f, u16 id, const struct nvme_command *cmd, u32 *result)
{
	if (!id)
		return fake_execute(f, cmd, result);
	return f->more->io ? f->more->io(f, cmd) : NVME_SC_INVALID_OPCODE;
}

/* Take a command; whether the driver is told by an interrupt. */
static bool fake_command(struct fake *f, u16 id, const struct nvme_command *cmd)
{
	bool event = !id && cmd->common.opcode == nvme_admin_async_event;
	u16 cid = cmd->common.command_id, status;
	enum fake_lie lie;
	u32 result = 0;

	__set_bit(cmd->common.opcode, f->given[!!id]);
	if (!id && cmd->common.opcode == nvme_admin_abort_cmd) {
		fake_abort(f, cmd);
		return true;
	}
	lie = fake_mood(f, event);
	switch (lie) {
	case FAKE_SILENT:
		fake_keep(f, id, cid);
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
		if (event) {
			if (f->asked)
				fake_complain(f, "asked for events more often than once");
			f->asked = true;
			f->asked_by = cid;
			return false;
		}
		status = fake_do(f, id, cmd, &result);
	}
	fake_answer(f, id, cid, status, result, lie);
	if (lie == FAKE_TWICE)
		fake_answer(f, id, cid, status, result, lie);
	return lie != FAKE_NO_INTERRUPT;
}

/* One command of a queue, if there is one and it is at work. */
static bool fake_step(struct fake *f, u16 id, bool *tell)
{
	struct fake_queue *queue = &f->queue[id];
	struct nvme_command *sq, cmd;

	if (f->gone || f->dead || f->stopped || !(f->cc & NVME_CC_ENABLE) ||
	    !queue->sq_there || queue->sq_head == queue->sq_tail)
		return false;
	sq = fake_reach(f, queue->sq, queue->depth * sizeof(*sq));
	if (!sq)
		return false;
	cmd = sq[queue->sq_head];
	queue->sq_head = (queue->sq_head + 1) % queue->depth;
	*tell = fake_command(f, id, &cmd);
	return true;
}

void fake_run(struct work_struct *work)
{
	struct fake *f = container_of(work, struct fake, work);
	bool more = true, tell;
	u16 id;

	while (more) {
		more = false;
		for (id = 0; id < FAKE_QUEUES; id++) {
			tell = false;
			scoped_guard(spinlock_irqsave, &f->lock)
				more |= fake_step(f, id, &tell);
			if (tell)
				f->more->interrupt(f);
		}
	}
}
