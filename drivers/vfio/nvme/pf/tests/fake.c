// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake's registers, its bus, and its life in a test.
 */
#include <kunit/device.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include "fake.h"

/* Addresses on the fake's bus: nothing of the kernel's looks like these. */
#define FAKE_BUS(i)	(((u64)(i) + 1) << 24)

static struct fake *to_fake(struct parley_nvme *n)
{
	return container_of(n, struct fake, n);
}

void fake_complain(struct fake *f, const char *what)
{
	if (!f->complaint)
		f->complaint = what;
}

void *fake_reach(struct fake *f, u64 address, size_t size)
{
	unsigned int i;

	/* As behind a bus that lets nothing through: it may try. */
	if (!f->master)
		return NULL;
	for (i = 0; i < FAKE_LENT; i++)
		if (f->lent[i].memory && address == FAKE_BUS(i) && size <= f->lent[i].size)
			return f->lent[i].memory;
	fake_complain(f, "an address is none");
	return NULL;
}

/* ------------------------------------------------------- registers */

static u32 fake_csts(struct fake *f)
{
	bool enabled = f->cc & NVME_CC_ENABLE;
	u32 csts = f->dead ? NVME_CSTS_CFS : 0;

	if (f->stays_ready ||
	    (enabled && !f->stopped && time_after_eq(jiffies, f->ready_at)))
		csts |= NVME_CSTS_RDY;
	if ((f->cc & NVME_CC_SHN_MASK) && !f->no_shutdown)
		csts |= NVME_CSTS_SHST_CMPLT;
	return csts;
}

static u32 fake_register(struct fake *f, u32 reg)
{
	if (f->gone)
		return U32_MAX;
	switch (reg) {
	case NVME_REG_CAP:
		return lower_32_bits(f->cap);
	case NVME_REG_CAP + 4:
		return upper_32_bits(f->cap);
	case NVME_REG_VS:
		return f->version;
	case NVME_REG_CRTO:
		return f->crto;
	case NVME_REG_CC:
		return f->cc;
	case NVME_REG_CSTS:
		return fake_csts(f);
	default:
		fake_complain(f, "a register was read that is none");
		return 0;
	}
}

static u32 fake_read32(struct parley_nvme *n, u32 reg)
{
	struct fake *f = to_fake(n);
	u32 value = 0;

	scoped_guard(spinlock_irqsave, &f->lock)
		value = fake_register(f, reg);
	return value;
}

/* A reset of the controller; @whole: of the function. */
static void fake_begin_again(struct fake *f, bool whole)
{
	memset(f->vf, 0, sizeof(f->vf));
	f->dead = false;
	f->stopped = false;
	if ((whole || f->no_flr) && !f->keeps_primary)
		memcpy(f->primary, f->pending, sizeof(f->primary));
}

static void fake_configure(struct fake *f, u32 cc)
{
	bool was = f->cc & NVME_CC_ENABLE, is = cc & NVME_CC_ENABLE;

	if ((cc & NVME_CC_SHN_MASK) && !(f->cc & NVME_CC_SHN_MASK))
		f->shutdowns++;
	if (is && !was) {
		if (f->aqa != (PARLEY_NVME_DEPTH - 1) * 0x10001)
			fake_complain(f, "the queue has other sizes");
		f->sq_head = 0;
		f->sq_tail = 0;
		f->cq_tail = 0;
		f->phase = 1;
		f->nr_kept = 0;
		f->ready_at = jiffies + msecs_to_jiffies(f->enable_ms);
		f->dead = f->fails_enabled;
	} else if (was && !is) {
		fake_begin_again(f, false);
	} else if (is && (cc ^ f->cc) & ~NVME_CC_SHN_MASK) {
		fake_complain(f, "it was configured while it was enabled");
	}
	f->cc = cc;
}

static void fake_write(struct fake *f, u32 reg, u32 value)
{
	u32 stride = 4 << NVME_CAP_STRIDE(f->cap);

	if (f->gone)
		return;
	switch (reg) {
	case NVME_REG_CC:
		fake_configure(f, value);
		return;
	case NVME_REG_AQA:
		f->aqa = value;
		return;
	case NVME_REG_ASQ:
	case NVME_REG_ASQ + 4:
		((u32 *)&f->asq)[reg != NVME_REG_ASQ] = value;
		return;
	case NVME_REG_ACQ:
	case NVME_REG_ACQ + 4:
		((u32 *)&f->acq)[reg != NVME_REG_ACQ] = value;
		return;
	case NVME_REG_DBS:
		if (value >= PARLEY_NVME_DEPTH)
			fake_complain(f, "a doorbell beyond the queue");
		f->sq_tail = value % PARLEY_NVME_DEPTH;
		schedule_work(&f->work);
		return;
	}
	if (reg != NVME_REG_DBS + stride || value >= PARLEY_NVME_DEPTH)
		fake_complain(f, "a register was written that is none");
}

static void fake_write32(struct parley_nvme *n, u32 reg, u32 value)
{
	struct fake *f = to_fake(n);

	scoped_guard(spinlock_irqsave, &f->lock)
		fake_write(f, reg, value);
}

/* --------------------------------------------------------- the bus */

static void *fake_alloc(struct parley_nvme *n, size_t size, dma_addr_t *dma)
{
	struct fake *f = to_fake(n);
	void *memory;
	unsigned int i;

	if (!f->alloc_left)
		return NULL;
	f->alloc_left--;
	memory = kzalloc(size, GFP_KERNEL);
	for (i = 0; memory && i < FAKE_LENT; i++) {
		if (f->lent[i].memory)
			continue;
		*dma = FAKE_BUS(i);
		scoped_guard(spinlock_irqsave, &f->lock)
			f->lent[i] = (struct fake_lent) { memory, size };
		return memory;
	}
	kfree(memory);
	return NULL;
}

static void fake_free(struct parley_nvme *n, size_t size, void *memory, dma_addr_t dma)
{
	struct fake *f = to_fake(n);
	unsigned int i;

	scoped_guard(spinlock_irqsave, &f->lock) {
		if (f->master)
			fake_complain(f, "memory was freed that it still reaches");
		for (i = 0; i < FAKE_LENT; i++)
			if (f->lent[i].memory == memory && FAKE_BUS(i) == dma &&
			    f->lent[i].size == size)
				break;
		if (i < FAKE_LENT)
			f->lent[i].memory = NULL;
		else
			fake_complain(f, "memory was freed that was not lent");
	}
	kfree(memory);
}

static void fake_master(struct parley_nvme *n, bool on)
{
	struct fake *f = to_fake(n);

	scoped_guard(spinlock_irqsave, &f->lock) {
		if (on && (f->cc & NVME_CC_ENABLE))
			fake_complain(f, "it got memory before it was disabled");
		f->master = on;
	}
}

void fake_reset(struct fake *f)
{
	scoped_guard(spinlock_irqsave, &f->lock) {
		f->cc = 0;
		fake_begin_again(f, true);
	}
}

static int fake_do_reset(struct parley_nvme *n)
{
	struct fake *f = to_fake(n);

	if (f->no_flr)
		return -ENOTTY;
	if (f->reset_fails)
		return -EIO;
	f->resets++;
	fake_reset(f);
	return 0;
}

static int fake_vfs_enable(struct parley_nvme *n, unsigned int nr)
{
	struct fake *f = to_fake(n);

	if (f->no_vfs)
		return -ENOMEM;
	scoped_guard(spinlock_irqsave, &f->lock) {
		if (f->nr_vfs)
			fake_complain(f, "NumVFs was written while there were some");
		f->nr_vfs = nr;
	}
	return 0;
}

static void fake_vfs_release(struct parley_nvme *n)
{
	struct fake *f = to_fake(n);

	if (mutex_is_locked(&n->mutex))
		fake_complain(f, "drivers of virtual functions are unbound with the mutex held");
	f->released++;
}

static void fake_vfs_disable(struct parley_nvme *n)
{
	struct fake *f = to_fake(n);

	scoped_guard(spinlock_irqsave, &f->lock) {
		if (!f->nr_vfs)
			fake_complain(f, "virtual functions were disabled that are none");
		f->nr_vfs = 0;
	}
}

static const struct parley_nvme_ops fake_ops = {
	.read32 = fake_read32,
	.write32 = fake_write32,
	.alloc = fake_alloc,
	.free = fake_free,
	.master = fake_master,
	.reset = fake_do_reset,
	.vfs_enable = fake_vfs_enable,
	.vfs_release = fake_vfs_release,
	.vfs_disable = fake_vfs_disable,
};

/* ------------------------------------------------------ in a test */

static void fake_end(void *data)
{
	struct fake *f = data;

	if (f->inited) {
		fake_truth(f);
		parley_nvme_down(&f->n);
		cancel_work_sync(&f->work);
		parley_nvme_exit(&f->n);
	}
	KUNIT_EXPECT_FALSE(f->test, f->master);
	KUNIT_EXPECT_EQ(f->test, 0, f->nr_vfs);
	KUNIT_EXPECT_STREQ(f->test, "", f->complaint ?: "");
}

struct fake *fake_new(struct kunit *test)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->bar = FAKE_BAR;
	f->dev = kunit_device_register(test, "parley-nvme-fake");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->dev);
	spin_lock_init(&f->lock);
	INIT_WORK(&f->work, fake_run);
	/* Ready within two seconds, 16-byte strides, the command set of disks. */
	f->cap = 4ULL << 24 | 2ULL << 32 | (u64)NVME_CAP_CSS_NVM << 37 | 1023;
	f->version = NVME_VS(1, 4, 0);
	f->oacs = PARLEY_NVME_OACS_VIRT | NVME_CTRL_OACS_NS_MNGT_SUPP;
	f->total[PARLEY_NVME_QUEUES] = 9;
	f->total[PARLEY_NVME_INTERRUPTS] = 5;
	f->primary[PARLEY_NVME_QUEUES] = 9;
	f->primary[PARLEY_NVME_INTERRUPTS] = 5;
	memcpy(f->pending, f->primary, sizeof(f->pending));
	f->fixed = 1;
	f->most = 4;
	f->grain = 1;
	f->ns[0].blocks = 1000;
	f->alloc_left = UINT_MAX;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_end, f));
	return f;
}

int fake_start(struct fake *f)
{
	int err = parley_nvme_init(&f->n, f->dev, &fake_ops, f->bar);

	if (err)
		return err;
	f->inited = true;
	f->n.command_ms = FAKE_LONG_MS;
	f->n.abort_ms = FAKE_LONG_MS;
	return parley_nvme_go_on(&f->n);
}

struct fake *fake_live(struct kunit *test)
{
	struct fake *f = fake_new(test);

	KUNIT_ASSERT_EQ(test, 0, fake_start(f));
	KUNIT_ASSERT_EQ(test, PARLEY_NVME_LIVE, f->n.state);
	return f;
}

int fake_recover(struct fake *f)
{
	parley_nvme_pause(&f->n, false);
	fake_reset(f);
	return parley_nvme_go_on(&f->n);
}

void fake_truth(struct fake *f)
{
	scoped_guard(spinlock_irqsave, &f->lock) {
		f->lie = FAKE_HONEST;
		f->mangle = NULL;
		f->never_aborts = false;
		f->reset_fails = false;
		f->stays_ready = false;
	}
	f->n.command_ms = FAKE_LONG_MS;
	f->n.abort_ms = FAKE_LONG_MS;
}

void fake_arm(struct fake *f, enum fake_lie lie, unsigned int at)
{
	scoped_guard(spinlock_irqsave, &f->lock) {
		f->lie = lie;
		f->lie_at = at;
		f->commands = 0;
	}
}

void fake_expect_clean(struct fake *f)
{
	struct kunit *test = f->test;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, f->nr_vfs);
	KUNIT_EXPECT_EQ(test, 0, f->n.nr_vfs);
	KUNIT_EXPECT_FALSE(test, f->n.took);
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
