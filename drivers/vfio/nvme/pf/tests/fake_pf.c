// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes the fake controller a physical function.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include "fake_pf.h"
/* The controller itself is the one of its own tests. */
#include "../../ctrl/tests/fake.c"
#include "../../ctrl/tests/fake_admin.c"

static struct fake_pf *to_fake_pf(struct fake *c)
{
	return container_of(c, struct fake_pf, c);
}

static u16 fake_vf_cntlid(unsigned int i)
{
	return FAKE_CNTLID + 10 + i;
}

static struct fake_vf *fake_vf(struct fake_pf *f, u16 cntlid)
{
	unsigned int i;

	for (i = 0; i < FAKE_VFS; i++)
		if (fake_vf_cntlid(i) == cntlid)
			return &f->vf[i];
	return NULL;
}

/* -------------------------------------------------------- identify */

static u32 fake_assigned(struct fake_pf *f, enum parley_nvme_kind kind)
{
	unsigned int i;
	u32 sum = 0;

	for (i = 0; i < FAKE_VFS; i++)
		sum += f->vf[i].have[kind];
	return sum;
}

static void fake_tell_primary(struct fake_pf *f, struct parley_nvme_primary_wire *wire)
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

static void fake_tell_secondaries(struct fake_pf *f,
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

static u16 fake_pf_identify(struct fake *c, u8 cns, void *data)
{
	switch (cns) {
	case PARLEY_NVME_CNS_PRIMARY:
		fake_tell_primary(to_fake_pf(c), data);
		return 0;
	case NVME_ID_CNS_SCNDRY_CTRL_LIST:
		fake_tell_secondaries(to_fake_pf(c), data);
		return 0;
	default:
		return FAKE_REFUSED;
	}
}

/* ---------------------------------------------------- what it does */

static u16 fake_set_primary(struct fake_pf *f, u16 cntlid, unsigned int kind, u32 nr)
{
	if (cntlid != FAKE_CNTLID)
		return NVME_SC_CTRL_ID_INVALID;
	if (nr + fake_assigned(f, kind) > f->total[kind])
		return NVME_SC_CTRL_RES_NUM_INVALID;
	f->pending[kind] = nr;
	return 0;
}

static u16 fake_assign(struct fake_pf *f, struct fake_vf *vf, unsigned int kind, u32 nr)
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

static u16 fake_online(struct fake_pf *f, struct fake_vf *vf)
{
	if (vf - f->vf >= f->nr_vfs || vf->have[PARLEY_NVME_QUEUES] < 2 ||
	    !vf->have[PARLEY_NVME_INTERRUPTS])
		return NVME_SC_SEC_CTRL_STATE_INVALID;
	vf->online = !f->forgets_online;
	return 0;
}

static u16 fake_virt(struct fake_pf *f, const struct nvme_common_command *cmd)
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

static u16 fake_pf_execute(struct fake *c, const struct nvme_command *cmd, void *data,
			   u32 *result)
{
	struct fake_pf *f = to_fake_pf(c);

	switch (cmd->common.opcode) {
	case nvme_admin_virtual_mgmt:
		return fake_virt(f, &cmd->common);
	case nvme_admin_get_log_page:
		f->log = cmd->get_log_page.lid;
		f->logs++;
		return data ? 0 : FAKE_REFUSED;
	default:
		return NVME_SC_INVALID_OPCODE;
	}
}

static void fake_pf_reset(struct fake *c, bool whole)
{
	struct fake_pf *f = to_fake_pf(c);

	memset(f->vf, 0, sizeof(f->vf));
	if ((whole || c->no_flr) && !f->keeps_primary)
		memcpy(f->primary, f->pending, sizeof(f->primary));
}

static void fake_pf_interrupt(struct fake *c)
{
	parley_nvme_reap(c->n);
}

static const struct fake_more fake_pf_more = {
	.identify = fake_pf_identify,
	.execute = fake_pf_execute,
	.reset = fake_pf_reset,
	.interrupt = fake_pf_interrupt,
};

/* --------------------------------------------------------- the bus */

static int fake_vfs_enable(struct parley_nvme_pf *pf, unsigned int nr)
{
	struct fake_pf *f = container_of(pf, struct fake_pf, pf);

	if (f->no_vfs)
		return -ENOMEM;
	scoped_guard(spinlock_irqsave, &f->c.lock) {
		if (f->nr_vfs)
			fake_complain(&f->c, "NumVFs was written while there were some");
		f->nr_vfs = nr;
	}
	return 0;
}

static void fake_vfs_release(struct parley_nvme_pf *pf)
{
	struct fake_pf *f = container_of(pf, struct fake_pf, pf);

	if (mutex_is_locked(&pf->n.mutex))
		fake_complain(&f->c, "virtual functions' drivers are unbound with the mutex held");
	f->released++;
}

static void fake_vfs_disable(struct parley_nvme_pf *pf)
{
	struct fake_pf *f = container_of(pf, struct fake_pf, pf);

	scoped_guard(spinlock_irqsave, &f->c.lock) {
		if (!f->nr_vfs)
			fake_complain(&f->c, "virtual functions were disabled that are none");
		f->nr_vfs = 0;
	}
}

static bool fake_vf_bound(struct parley_nvme_pf *pf, unsigned int number)
{
	return container_of(pf, struct fake_pf, pf)->bound == number;
}

static const struct parley_nvme_pf_ops fake_pf_ops = {
	.owner = THIS_MODULE,
	.vfs_enable = fake_vfs_enable,
	.vfs_release = fake_vfs_release,
	.vfs_disable = fake_vfs_disable,
	.vf_bound = fake_vf_bound,
};

/* ------------------------------------------------------ in a test */

static void fake_pf_end(void *data)
{
	struct fake_pf *f = data;

	if (f->inited) {
		fake_truth(&f->c);
		parley_pf_down(&f->pf);
		cancel_work_sync(&f->c.work);
		parley_nvme_exit(&f->pf.n);
	}
	fake_end(&f->c);
	KUNIT_EXPECT_EQ(f->c.test, 0, f->nr_vfs);
	KUNIT_EXPECT_EQ(f->c.test, 0, fake_lent(&f->c));
}

struct fake_pf *fake_pf_new(struct kunit *test)
{
	struct fake_pf *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	fake_init(&f->c, test, &f->pf.n, &fake_pf_more);
	f->total[PARLEY_NVME_QUEUES] = 9;
	f->total[PARLEY_NVME_INTERRUPTS] = 5;
	f->primary[PARLEY_NVME_QUEUES] = 9;
	f->primary[PARLEY_NVME_INTERRUPTS] = 5;
	memcpy(f->pending, f->primary, sizeof(f->pending));
	f->fixed = 1;
	f->most = 4;
	f->grain = 1;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_pf_end, f));
	return f;
}

int fake_pf_start(struct fake_pf *f)
{
	int err = parley_pf_init(&f->pf, f->c.dev, &fake_ops, &fake_pf_ops, f->c.bar);

	if (err)
		return err;
	f->inited = true;
	f->pf.n.command_ms = FAKE_LONG_MS;
	f->pf.n.look_ms = FAKE_LOOK_MS;
	f->pf.n.abort_ms = FAKE_LONG_MS;
	return parley_pf_go_on(&f->pf);
}

struct fake_pf *fake_pf_live(struct kunit *test)
{
	struct fake_pf *f = fake_pf_new(test);

	KUNIT_ASSERT_EQ(test, 0, fake_pf_start(f));
	KUNIT_ASSERT_EQ(test, PARLEY_NVME_LIVE, f->pf.n.state);
	return f;
}

int fake_pf_recover(struct fake_pf *f)
{
	parley_pf_pause(&f->pf, false);
	fake_reset(&f->c);
	return parley_pf_go_on(&f->pf);
}

void fake_pf_expect_clean(struct fake_pf *f)
{
	struct kunit *test = f->c.test;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
	KUNIT_EXPECT_EQ(test, 0, f->pf.nr_vfs);
	KUNIT_EXPECT_FALSE(test, f->pf.took);
	for (i = 0; i < FAKE_VFS; i++) {
		KUNIT_EXPECT_FALSE(test, f->vf[i].online);
		KUNIT_EXPECT_EQ(test, 0, f->vf[i].have[PARLEY_NVME_QUEUES]);
		KUNIT_EXPECT_EQ(test, 0, f->vf[i].have[PARLEY_NVME_INTERRUPTS]);
	}
	for (i = 0; i < PARLEY_NVME_KINDS; i++) {
		KUNIT_EXPECT_EQ(test, f->total[i], f->primary[i]);
		KUNIT_EXPECT_EQ(test, f->total[i], f->pending[i]);
	}
}
