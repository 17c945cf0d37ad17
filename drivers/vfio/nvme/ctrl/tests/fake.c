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
	return dev_get_drvdata(n->dev);
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
		if (f->lent[i].memory && address >= FAKE_BUS(i) &&
		    size <= f->lent[i].size &&
		    address - FAKE_BUS(i) <= f->lent[i].size - size)
			return f->lent[i].memory + (address - FAKE_BUS(i));
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
	memset(f->queue, 0, sizeof(f->queue));
	f->nr_kept = 0;
	f->asked = false;
	f->told_of = 0;
	f->dead = false;
	f->stopped = false;
	if (f->more->reset)
		f->more->reset(f, whole);
}

static void fake_enable(struct fake *f)
{
	if (f->aqa != (PARLEY_NVME_DEPTH - 1) * 0x10001)
		fake_complain(f, "the queue has other sizes");
	memset(f->queue, 0, sizeof(f->queue));
	f->queue[0] = (struct fake_queue) {
		.cq_there = true,
		.sq_there = true,
		.sq = f->asq,
		.cq = f->acq,
		.depth = PARLEY_NVME_DEPTH,
		.phase = 1,
	};
	f->nr_kept = 0;
	f->ready_at = jiffies + msecs_to_jiffies(f->enable_ms);
	f->dead = f->fails_enabled;
}

static void fake_configure(struct fake *f, u32 cc)
{
	bool was = f->cc & NVME_CC_ENABLE, is = cc & NVME_CC_ENABLE;

	if ((cc & NVME_CC_SHN_MASK) && !(f->cc & NVME_CC_SHN_MASK))
		f->shutdowns++;
	if (is && !was)
		fake_enable(f);
	else if (was && !is)
		fake_begin_again(f, false);
	else if (is && (cc ^ f->cc) & ~NVME_CC_SHN_MASK)
		fake_complain(f, "it was configured while it was enabled");
	f->cc = cc;
}

static void fake_doorbell(struct fake *f, u32 number, u32 value)
{
	struct fake_queue *queue = number / 2 < FAKE_QUEUES ? &f->queue[number / 2] : NULL;

	if (!queue || !queue->sq_there || value >= queue->depth) {
		fake_complain(f, "a doorbell of no queue, or beyond it");
		return;
	}
	if (number & 1)
		return;
	queue->sq_tail = value;
	schedule_work(&f->work);
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
	}
	if (reg < NVME_REG_DBS || (reg - NVME_REG_DBS) % stride)
		fake_complain(f, "a register was written that is none");
	else if (f->cc & NVME_CC_ENABLE)
		fake_doorbell(f, (reg - NVME_REG_DBS) / stride, value);
}

static void fake_write32(struct parley_nvme *n, u32 reg, u32 value)
{
	struct fake *f = to_fake(n);

	scoped_guard(spinlock_irqsave, &f->lock)
		fake_write(f, reg, value);
}

/* --------------------------------------------------------- the bus */

bool fake_lend(struct fake *f, void *memory, size_t size, dma_addr_t *dma)
{
	unsigned int i = 0;

	scoped_guard(spinlock_irqsave, &f->lock) {
		for (i = 0; i < FAKE_LENT && f->lent[i].memory; i++)
			;
		if (i < FAKE_LENT)
			f->lent[i] = (struct fake_lent) { memory, size };
	}
	*dma = FAKE_BUS(i);
	return i < FAKE_LENT;
}

bool fake_take_back(struct fake *f, size_t size, dma_addr_t dma)
{
	unsigned int i = 0;

	scoped_guard(spinlock_irqsave, &f->lock) {
		for (i = 0; i < FAKE_LENT; i++)
			if (f->lent[i].memory && FAKE_BUS(i) == dma &&
			    f->lent[i].size == size)
				break;
		if (i < FAKE_LENT)
			f->lent[i].memory = NULL;
		else
			fake_complain(f, "memory was taken back that was not lent");
	}
	return i < FAKE_LENT;
}

static void *fake_alloc(struct parley_nvme *n, size_t size, dma_addr_t *dma)
{
	struct fake *f = to_fake(n);
	void *memory;

	if (!f->alloc_left)
		return NULL;
	f->alloc_left--;
	memory = kzalloc(size, GFP_KERNEL);
	if (!memory || fake_lend(f, memory, size, dma))
		return memory;
	kfree(memory);
	return NULL;
}

static void fake_free(struct parley_nvme *n, size_t size, void *memory, dma_addr_t dma)
{
	struct fake *f = to_fake(n);

	scoped_guard(spinlock_irqsave, &f->lock) {
		if (f->master)
			fake_complain(f, "memory was freed that it still reaches");
	}
	fake_take_back(f, size, dma);
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
	if (f->asleep)
		f->gone = false;
	f->asleep = false;
	fake_reset(f);
	return 0;
}

static bool fake_present(struct parley_nvme *n)
{
	return !to_fake(n)->gone || to_fake(n)->asleep;
}

const struct parley_nvme_ops fake_ops = {
	.read32 = fake_read32,
	.write32 = fake_write32,
	.alloc = fake_alloc,
	.free = fake_free,
	.master = fake_master,
	.present = fake_present,
	.reset = fake_do_reset,
};

/* ------------------------------------------------------ in a test */

void fake_end(struct fake *f)
{
	cancel_work_sync(&f->work);
	KUNIT_EXPECT_FALSE(f->test, f->master);
	KUNIT_EXPECT_STREQ(f->test, "", f->complaint ?: "");
}

void fake_init(struct fake *f, struct kunit *test, struct parley_nvme *n,
	       const struct fake_more *more)
{
	/* Each has a device of its own, and that a name. */
	static unsigned int nr;

	snprintf(f->name, sizeof(f->name), "parley-nvme-fake%u", nr++);
	f->n = n;
	f->more = more;
	f->test = test;
	f->bar = FAKE_BAR;
	f->dev = kunit_device_register(test, f->name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->dev);
	dev_set_drvdata(f->dev, f);
	spin_lock_init(&f->lock);
	INIT_WORK(&f->work, fake_run);
	/* Ready within two seconds, 16-byte strides, the command set of disks. */
	f->cap = 4ULL << 24 | 2ULL << 32 | (u64)NVME_CAP_CSS_NVM << 37 |
		 (FAKE_ENTRIES - 1);
	f->version = NVME_VS(1, 4, 0);
	f->oacs = PARLEY_NVME_OACS_VIRT | NVME_CTRL_OACS_NS_MNGT_SUPP;
	f->allowed = FAKE_QUEUES - 1;
	f->ns[0].blocks = 1000;
	f->alloc_left = UINT_MAX;
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
	f->n->command_ms = FAKE_LONG_MS;
	f->n->look_ms = FAKE_LOOK_MS;
	f->n->abort_ms = FAKE_LONG_MS;
}

void fake_arm(struct fake *f, enum fake_lie lie, unsigned int at)
{
	scoped_guard(spinlock_irqsave, &f->lock) {
		f->lie = lie;
		f->lie_at = at;
		f->commands = 0;
	}
}

unsigned int fake_lent(struct fake *f)
{
	unsigned int i, nr = 0;

	for (i = 0; i < FAKE_LENT; i++)
		nr += !!f->lent[i].memory;
	return nr;
}
