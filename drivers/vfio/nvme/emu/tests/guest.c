// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest of the emulated controller.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include "guest.h"
/* The function below is the one of its own tests. */
#include "../../vf/tests/fake_vf.c"

/* As often as doorbells may be taken away before one is written. */
#define GUEST_TRIES	100

/* ------------------------------------------- how its memory is reached */

static struct guest *to_guest(struct parley_emu *e)
{
	return container_of(e, struct guest, e);
}

static u8 *guest_find(struct guest *g, u64 address, size_t len)
{
	u64 offset = address - GUEST_BASE;
	u64 page;

	if (offset >= GUEST_PAGES * PARLEY_NVME_PAGE ||
	    len > GUEST_PAGES * PARLEY_NVME_PAGE - offset)
		return NULL;
	for (page = offset / PARLEY_NVME_PAGE;
	     page <= (offset + len - 1) / PARLEY_NVME_PAGE; page++)
		if (READ_ONCE(g->hidden[page]))
			return NULL;
	return g->memory + offset;
}

static int guest_read(struct parley_emu *e, u64 address, void *data, size_t len)
{
	u8 *memory = guest_find(to_guest(e), address, len);

	if (memory)
		memcpy(data, memory, len);
	return memory ? 0 : -EFAULT;
}

static int guest_write(struct parley_emu *e, u64 address, const void *data, size_t len)
{
	u8 *memory = guest_find(to_guest(e), address, len);

	if (memory)
		memcpy(memory, data, len);
	return memory ? 0 : -EFAULT;
}

static int guest_pin(struct parley_emu *e, u64 address, bool in, dma_addr_t *dma)
{
	struct guest *g = to_guest(e);
	u8 *memory = guest_find(g, address, PARLEY_NVME_PAGE);

	if (address % PARLEY_NVME_PAGE)
		fake_complain(&g->f->c, "a page was pinned that is none");
	if (g->leaves) {
		WRITE_ONCE(g->leaves, g->leaves - 1);
		return -EBUSY;
	}
	if (!memory)
		return -EFAULT;
	if (!fake_lend(&g->f->c, memory, PARLEY_NVME_PAGE, dma))
		return -ENOSPC;
	g->pins[(address - GUEST_BASE) / PARLEY_NVME_PAGE]++;
	return 0;
}

static void guest_unpin(struct parley_emu *e, u64 address, bool in, dma_addr_t dma)
{
	struct guest *g = to_guest(e);

	fake_take_back(&g->f->c, PARLEY_NVME_PAGE, dma);
	g->pins[(address - GUEST_BASE) / PARLEY_NVME_PAGE]--;
}

static int guest_share(struct parley_emu *e, u64 address, void **at)
{
	struct guest *g = to_guest(e);
	u8 *memory = guest_find(g, address, PARLEY_NVME_PAGE);

	if (!memory || address % PARLEY_NVME_PAGE)
		return -EFAULT;
	*at = memory;
	g->shared[(address - GUEST_BASE) / PARLEY_NVME_PAGE]++;
	if (g->share_taken)
		guest_take_away(g, (address - GUEST_BASE) / PARLEY_NVME_PAGE, 1);
	return 0;
}

static void guest_unshare(struct parley_emu *e, u64 address)
{
	unsigned int *shared = &to_guest(e)->shared[(address - GUEST_BASE) / PARLEY_NVME_PAGE];

	if (*shared)
		--*shared;
}

static void guest_nothing_held(struct parley_emu *e)
{
	guest_expect_free(to_guest(e));
}

static void guest_interrupt(struct parley_emu *e, unsigned int vector)
{
	if (vector < PARLEY_EMU_QUEUES)
		to_guest(e)->interrupts[vector]++;
	else
		fake_complain(&to_guest(e)->f->c, "an interrupt that there is none of");
}

static void guest_line(struct parley_emu *e, bool raised)
{
	if (raised == to_guest(e)->raised)
		fake_complain(&to_guest(e)->f->c, "the line is raised or lowered twice");
	WRITE_ONCE(to_guest(e)->raised, raised);
}

static void guest_unmap(struct parley_emu *e)
{
	struct guest *g = to_guest(e);

	scoped_guard(spinlock, &g->lock)
		g->mapped = false;
}

static const struct parley_emu_ops guest_ops = {
	.read = guest_read,
	.write = guest_write,
	.pin = guest_pin,
	.unpin = guest_unpin,
	.share = guest_share,
	.unshare = guest_unshare,
	.rest = guest_nothing_held,
	.interrupt = guest_interrupt,
	.line = guest_line,
	.unmap = guest_unmap,
};

/* ------------------------------------------------------- its driver */

void *guest_at(struct guest *g, unsigned int page)
{
	return g->memory + page * PARLEY_NVME_PAGE;
}

/* Whether it has to ring, by the guest's own reading of the specification. */
static bool guest_shadow_write(struct guest *g, unsigned int bell, u16 value)
{
	__le32 *bells = guest_at(g, GUEST_BELLS), *events = guest_at(g, GUEST_EVENTS);
	u16 old = le32_to_cpu(READ_ONCE(bells[bell])), event;

	/* The command before its doorbell; the controller reads them the other way. */
	smp_wmb();
	WRITE_ONCE(bells[bell], cpu_to_le32(value));
	/* That before the look at the index; the controller's barrier is when it arms. */
	smp_mb();
	event = le32_to_cpu(READ_ONCE(events[bell]));
	return (u16)(value - event - 1) < (u16)(value - old);
}

/* A page fault, if need be. */
static void guest_fault(struct guest *g)
{
	bool fault;

	scoped_guard(spinlock, &g->lock) {
		fault = !g->mapped;
		g->mapped = true;
	}
	if (!fault)
		return;
	g->faults++;
	parley_emu_touched(&g->e);
	/* As long as it takes until it runs again. */
	if (g->slow_us)
		fsleep(g->slow_us);
}

static bool guest_store(struct guest *g, unsigned int bell, u32 value)
{
	guard(spinlock)(&g->lock);
	if (g->mapped)
		WRITE_ONCE(g->e.doorbell[bell], value);
	return g->mapped;
}

static void guest_touch(struct guest *g, unsigned int bell, u32 value)
{
	unsigned int tries;

	for (tries = 0; tries < GUEST_TRIES; tries++) {
		guest_fault(g);
		if (guest_store(g, bell, value))
			return;
	}
	fake_complain(&g->f->c, "doorbells are taken away again and again");
}

void guest_doorbell(struct guest *g, u16 id, bool cq, u32 value)
{
	if ((id ? g->shadow : g->shadow_admin) && !guest_shadow_write(g, 2 * id + cq, value))
		return;
	if (g->maps) {
		guest_touch(g, 2 * id + cq, value);
		return;
	}
	g->rings++;
	parley_emu_write32(&g->e, NVME_REG_DBS + (2 * id + cq) * sizeof(u32), value);
}

u16 guest_put(struct guest *g, unsigned int nr, struct nvme_command *cmd)
{
	struct guest_queue *q = &g->queue[nr];

	cmd->common.command_id = ++g->cid;
	memcpy(g->memory + (q->sq - GUEST_BASE) + q->tail * sizeof(*cmd), cmd,
	       sizeof(*cmd));
	q->tail = (q->tail + 1) % GUEST_DEPTH;
	guest_doorbell(g, q->id, false, q->tail);
	return g->cid;
}

u16 guest_take(struct guest *g, unsigned int nr, struct nvme_completion *cqe)
{
	struct guest_queue *q = &g->queue[nr];
	struct nvme_completion *at;
	unsigned int i;

	at = (void *)(g->memory + (q->cq - GUEST_BASE) + q->head * sizeof(*at));
	for (i = 0; i < FAKE_LONG_MS / 2; i++) {
		/* The rest after the phase, which is written last. */
		if ((le16_to_cpu(smp_load_acquire(&at->status)) & 1) == q->phase)
			break;
		usleep_range(500, 2000);
		/* An answer comes before the fault that it tells of. */
		if (READ_ONCE(g->e.csts) & NVME_CSTS_CFS && i > 50)
			break;
	}
	*cqe = *at;
	if ((le16_to_cpu(cqe->status) & 1) != q->phase)
		return U16_MAX;
	if (++q->head == GUEST_DEPTH) {
		q->head = 0;
		q->phase ^= 1;
	}
	guest_doorbell(g, q->id, true, q->head);
	return le16_to_cpu(cqe->status) >> 1;
}

u16 guest_do(struct guest *g, unsigned int nr, struct nvme_command *cmd)
{
	u16 cid = guest_put(g, nr, cmd), status;
	struct nvme_completion cqe;

	status = guest_take(g, nr, &cqe);
	if (status == U16_MAX)
		return status;
	KUNIT_EXPECT_EQ(g->test, cid, cqe.command_id);
	KUNIT_EXPECT_EQ(g->test, g->queue[nr].id, le16_to_cpu(cqe.sq_id));
	return status;
}

u16 guest_shadow(struct guest *g)
{
	struct nvme_command cmd = {
		.dbbuf = {
			.opcode = nvme_admin_dbbuf,
			.prp1 = cpu_to_le64(GUEST_AT(GUEST_BELLS)),
			.prp2 = cpu_to_le64(GUEST_AT(GUEST_EVENTS)),
		},
	};
	u16 status;

	memset(guest_at(g, GUEST_BELLS), 0, 2 * PARLEY_NVME_PAGE);
	status = guest_do(g, 0, &cmd);
	g->shadow = !status;
	return status;
}

u16 guest_feature(struct guest *g, u8 opcode, u32 fid, u32 value, u32 *result)
{
	struct nvme_command cmd = {
		.features = {
			.opcode = opcode,
			.fid = cpu_to_le32(fid),
			.dword11 = cpu_to_le32(value),
		},
	};
	struct nvme_completion cqe;
	u16 status;

	guest_put(g, 0, &cmd);
	status = guest_take(g, 0, &cqe);
	*result = le32_to_cpu(cqe.result.u32);
	return status;
}

u16 guest_rw(struct guest *g, u8 opcode, u64 block, u32 blocks, u64 address)
{
	unsigned int i, nr = DIV_ROUND_UP(address % PARLEY_NVME_PAGE + blocks * FAKE_BLOCK,
					  PARLEY_NVME_PAGE);
	u64 page = address & ~(PARLEY_NVME_PAGE - 1ULL);
	__le64 *list = guest_at(g, GUEST_LIST);
	struct nvme_command cmd = {
		.rw = {
			.opcode = opcode,
			.nsid = cpu_to_le32(g->nsid),
			.slba = cpu_to_le64(block),
			.length = cpu_to_le16(blocks - 1),
			.dptr.prp1 = cpu_to_le64(address),
		},
	};

	for (i = 1; i < nr && i < PARLEY_EMU_PAGES; i++)
		list[i - 1] = cpu_to_le64(page + i * PARLEY_NVME_PAGE);
	cmd.rw.dptr.prp2 = nr == 2 ? list[0] : cpu_to_le64(GUEST_AT(GUEST_LIST));
	return guest_do(g, 1, &cmd);
}

void guest_take_away(struct guest *g, unsigned int page, unsigned int nr)
{
	unsigned int i;

	for (i = page; i < page + nr; i++)
		WRITE_ONCE(g->hidden[i], true);
	parley_emu_unshared(&g->e, GUEST_AT(page), GUEST_AT(page + nr) - 1);
	for (i = page; i < page + nr; i++)
		g->shared[i] = 0;
}

void guest_move(struct guest *from, struct guest *to)
{
	memcpy(to->memory, from->memory, GUEST_PAGES * PARLEY_NVME_PAGE);
	memcpy(to->f->disk, from->f->disk, sizeof(to->f->disk));
	memcpy(to->queue, from->queue, sizeof(to->queue));
	to->cid = from->cid;
	to->shadow = from->shadow;
	to->shadow_admin = from->shadow_admin;
}

void guest_leave(struct guest *g)
{
	g->gone = true;
	parley_emu_exit(&g->e);
}

void guest_expect_idle(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < GUEST_PAGES; i++)
		KUNIT_EXPECT_EQ(g->test, 0, g->pins[i]);
}

void guest_expect_free(struct guest *g)
{
	unsigned int i;

	guest_expect_idle(g);
	for (i = 0; i < GUEST_PAGES; i++)
		KUNIT_EXPECT_EQ(g->test, 0, g->shared[i]);
}

/* -------------------------------------------------------- in a test */

static void guest_end(void *data)
{
	struct guest *g = data;

	fake_truth(&g->f->c);
	if (g->gone)
		return;
	/* What is in flight with a function that keeps it ends with that. */
	parley_nvme_vf_pause(&g->f->vf, false);
	parley_emu_exit(&g->e);
	guest_expect_free(g);
}

/* Of the text that the test names, or none. */
static struct parley_policy *guest_policy(struct kunit *test)
{
	const char *text = test->priv;
	struct parley_policy_error error;
	struct parley_policy *p;

	if (!text)
		return NULL;
	p = parley_policy_load(&parley_emu_language, text, strlen(text), &error);
	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(p), "line %u: %s", error.line, error.reason);
	return p;
}

static struct guest *guest_of(struct fake_vf *f, struct parley_emu_config config)
{
	struct kunit *test = f->c.test;
	struct guest *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, g);
	g->test = test;
	g->nsid = 1;
	g->f = f;
	spin_lock_init(&g->lock);
	g->memory = kunit_kzalloc(test, GUEST_PAGES * PARLEY_NVME_PAGE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, g->memory);
	config.policy = guest_policy(test);
	KUNIT_ASSERT_EQ(test, 0, parley_emu_init(&g->e, &f->vf, &guest_ops, &config));
	parley_policy_put(config.policy);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, guest_end, g));
	return g;
}

struct guest *guest_like(struct kunit *test, const struct parley_emu_config *config)
{
	return guest_of(fake_vf_up(test), *config);
}

struct guest *guest_with(struct kunit *test, unsigned int queues)
{
	const struct parley_emu_config config = { .serial = "guest", .queues = queues };

	return guest_like(test, &config);
}

struct guest *guest_new(struct kunit *test)
{
	return guest_with(test, PARLEY_NVME_IO_QUEUES);
}

struct guest *guest_rich_like(struct kunit *test, const struct parley_emu_config *config)
{
	struct fake_vf *f = fake_vf_init(test);

	fake_vf_rich(f);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	return guest_of(f, *config);
}

struct guest *guest_rich(struct kunit *test)
{
	const struct parley_emu_config config = {
		.serial = "guest",
		.queues = PARLEY_NVME_IO_QUEUES,
	};

	return guest_rich_like(test, &config);
}

struct guest *guest_polled(struct kunit *test)
{
	const struct parley_emu_config config = {
		.serial = "guest",
		.queues = PARLEY_NVME_IO_QUEUES,
		.polled = true,
	};

	return guest_like(test, &config);
}

static void guest_queue_init(struct guest_queue *q, u16 id, unsigned int sq)
{
	*q = (struct guest_queue) {
		.id = id,
		.sq = GUEST_AT(sq),
		.cq = GUEST_AT(sq + 1),
		.phase = 1,
	};
}

int guest_enable(struct guest *g)
{
	struct parley_emu *e = &g->e;

	guest_queue_init(&g->queue[0], 0, GUEST_ASQ);
	memset(guest_at(g, GUEST_ACQ), 0, PARLEY_NVME_PAGE);
	parley_emu_write32(e, NVME_REG_AQA, (GUEST_DEPTH - 1) * 0x10001);
	parley_emu_write32(e, NVME_REG_ASQ, lower_32_bits(g->queue[0].sq));
	parley_emu_write32(e, NVME_REG_ASQ + 4, upper_32_bits(g->queue[0].sq));
	parley_emu_write32(e, NVME_REG_ACQ, lower_32_bits(g->queue[0].cq));
	parley_emu_write32(e, NVME_REG_ACQ + 4, upper_32_bits(g->queue[0].cq));
	parley_emu_write32(e, NVME_REG_CC, NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES);
	return parley_emu_read32(e, NVME_REG_CSTS);
}

struct guest *guest_enabled(struct kunit *test)
{
	struct guest *g = guest_new(test);

	KUNIT_ASSERT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	return g;
}

void guest_queues(struct guest *g)
{
	struct kunit *test = g->test;
	struct nvme_command cq = {
		.create_cq = {
			.opcode = nvme_admin_create_cq,
			.prp1 = cpu_to_le64(GUEST_AT(GUEST_CQ)),
			.cqid = cpu_to_le16(1),
			.qsize = cpu_to_le16(GUEST_DEPTH - 1),
			.cq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG |
						NVME_CQ_IRQ_ENABLED),
			.irq_vector = cpu_to_le16(1),
		},
	};
	struct nvme_command sq = {
		.create_sq = {
			.opcode = nvme_admin_create_sq,
			.prp1 = cpu_to_le64(GUEST_AT(GUEST_SQ)),
			.sqid = cpu_to_le16(1),
			.qsize = cpu_to_le16(GUEST_DEPTH - 1),
			.sq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG),
			.cqid = cpu_to_le16(1),
		},
	};

	memset(guest_at(g, GUEST_CQ), 0, PARLEY_NVME_PAGE);
	guest_queue_init(&g->queue[1], 1, GUEST_SQ);
	KUNIT_ASSERT_EQ(test, 0, guest_do(g, 0, &cq));
	KUNIT_ASSERT_EQ(test, 0, guest_do(g, 0, &sq));
}

void guest_begin(struct guest *g)
{
	KUNIT_ASSERT_EQ(g->test, NVME_CSTS_RDY, guest_enable(g));
	guest_queues(g);
}

struct guest *guest_ready(struct kunit *test)
{
	struct guest *g = guest_new(test);

	guest_begin(g);
	return g;
}

void guest_put_reads(struct guest *g, unsigned int nr)
{
	struct nvme_command cmd = {
		.rw = {
			.opcode = nvme_cmd_read,
			.nsid = cpu_to_le32(1),
		},
	};
	unsigned int i;

	for (i = 0; i < nr; i++) {
		cmd.rw.dptr.prp1 = cpu_to_le64(GUEST_AT(GUEST_DATA + i));
		guest_put(g, 1, &cmd);
	}
}

bool guest_sees(const unsigned int *what, unsigned int value)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(*what) != value; i++)
		msleep(20);
	return READ_ONCE(*what) == value;
}

bool guest_failed(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && !(READ_ONCE(g->e.csts) & NVME_CSTS_CFS); i++)
		msleep(20);
	return READ_ONCE(g->e.csts) & NVME_CSTS_CFS;
}

void guest_keep(struct guest *g, unsigned int nr)
{
	fake_arm(&g->f->c, FAKE_SILENT, 0);
	guest_put_reads(g, nr);
	KUNIT_EXPECT_TRUE(g->test, guest_sees(&g->f->c.nr_kept, nr));
}

void guest_rest(struct guest *g)
{
	kthread_flush_work(&g->e.work);
	msleep(20);
	kthread_flush_work(&g->e.work);
}
