// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes the fake controller a virtual function: a disk.
 */
#include <linux/slab.h>
#include "fake_vf.h"
/* The controller itself is the one of its own tests. */
#include "../../ctrl/tests/fake.c"
#include "../../ctrl/tests/fake_admin.c"

static struct fake_vf *to_fake_vf(struct fake *c)
{
	return container_of(c, struct fake_vf, c);
}

/* The i-th page of a command's data, by its own reading of the list. */
static u64 fake_vf_prp(struct fake *c, const struct nvme_command *cmd, unsigned int i,
		       unsigned int nr)
{
	u64 prp2 = le64_to_cpu(cmd->rw.dptr.prp2);
	__le64 *entry;

	if (!i)
		return le64_to_cpu(cmd->rw.dptr.prp1);
	if (nr == 2)
		return prp2;
	entry = fake_reach(c, prp2 + (i - 1) * sizeof(*entry), sizeof(*entry));
	return entry ? le64_to_cpu(*entry) : 0;
}

static u16 fake_vf_move(struct fake_vf *f, const struct nvme_command *cmd, u8 *disk,
			size_t len)
{
	size_t first = le64_to_cpu(cmd->rw.dptr.prp1) % PARLEY_NVME_PAGE, piece;
	unsigned int i, nr = DIV_ROUND_UP(first + len, PARLEY_NVME_PAGE);
	void *data;
	u64 page;

	for (i = 0; i < nr; i++, disk += piece, len -= piece) {
		page = fake_vf_prp(&f->c, cmd, i, nr);
		piece = min(len, PARLEY_NVME_PAGE - page % PARLEY_NVME_PAGE);
		if (i && page % PARLEY_NVME_PAGE)
			fake_complain(&f->c, "a page that does not begin one");
		data = fake_reach(&f->c, page, piece);
		if (!data)
			return NVME_SC_DATA_XFER_ERROR;
		if (cmd->rw.opcode == nvme_cmd_compare && memcmp(disk, data, piece))
			return NVME_SC_COMPARE_FAILED;
		if (cmd->rw.opcode == nvme_cmd_write && !f->keeps_data)
			memcpy(disk, data, piece);
		else if (cmd->rw.opcode == nvme_cmd_read)
			memcpy(data, disk, piece);
	}
	return 0;
}

/* Ranges, each of which it has; what is in them is zeroes from now on. */
static u16 fake_vf_deallocate(struct fake_vf *f, const struct nvme_command *cmd)
{
	unsigned int i, nr = le32_to_cpu(cmd->dsm.nr) + 1;
	struct nvme_dsm_range *range = fake_reach(&f->c, le64_to_cpu(cmd->dsm.dptr.prp1),
						  nr * sizeof(*range));
	u64 block;
	u32 blocks;

	if (le32_to_cpu(cmd->dsm.attributes) != NVME_DSMGMT_AD || !range)
		fake_complain(&f->c, "ranges that are none");
	for (i = 0; range && i < nr; i++) {
		block = le64_to_cpu(range[i].slba);
		blocks = le32_to_cpu(range[i].nlb);
		if (range[i].cattr || !blocks || block + blocks > FAKE_BLOCKS) {
			fake_complain(&f->c, "a range that it does not have");
			return NVME_SC_LBA_RANGE;
		}
		if (!f->keeps_ranges)
			memset(f->disk + block * FAKE_BLOCK, 0, blocks * FAKE_BLOCK);
		f->deallocated++;
	}
	return 0;
}

static u16 fake_vf_io(struct fake *c, const struct nvme_command *cmd)
{
	struct fake_vf *f = to_fake_vf(c);
	u64 block = le64_to_cpu(cmd->rw.slba);
	u32 blocks = le16_to_cpu(cmd->rw.length) + 1;

	if (le32_to_cpu(cmd->rw.nsid) != 1)
		fake_complain(c, "a command for another namespace");
	if (cmd->rw.opcode == nvme_cmd_flush) {
		f->flushes++;
		return 0;
	}
	if (f->boasts && (cmd->rw.opcode == nvme_cmd_dsm ||
			  cmd->rw.opcode == nvme_cmd_write_zeroes))
		return NVME_SC_INVALID_OPCODE;
	if (cmd->rw.opcode == nvme_cmd_dsm && c->oncs & NVME_CTRL_ONCS_DSM)
		return fake_vf_deallocate(f, cmd);
	if (block + blocks > FAKE_BLOCKS) {
		fake_complain(c, "blocks that it does not have");
		return NVME_SC_LBA_RANGE;
	}
	f->control = le16_to_cpu(cmd->rw.control);
	if (cmd->rw.opcode == nvme_cmd_write_zeroes && c->oncs & NVME_CTRL_ONCS_WRITE_ZEROES) {
		if (!f->keeps_data)
			memset(f->disk + block * FAKE_BLOCK, 0, blocks * FAKE_BLOCK);
		f->zeroed++;
		return 0;
	}
	if (cmd->rw.opcode == nvme_cmd_verify && c->oncs & PARLEY_NVME_ONCS_VERIFY) {
		f->verifies++;
		return 0;
	}
	if (cmd->rw.opcode != nvme_cmd_read && cmd->rw.opcode != nvme_cmd_write &&
	    !(cmd->rw.opcode == nvme_cmd_compare && c->oncs & NVME_CTRL_ONCS_COMPARE)) {
		fake_complain(c, "a command that nobody may send");
		return NVME_SC_INVALID_OPCODE;
	}
	return fake_vf_move(f, cmd, f->disk + block * FAKE_BLOCK, blocks * FAKE_BLOCK);
}

static void fake_vf_interrupt(struct fake *c)
{
	unsigned int i;

	for (i = 0; i < to_fake_vf(c)->vf.vectors; i++)
		parley_nvme_vf_interrupt(&to_fake_vf(c)->vf, i);
}

static const struct fake_more fake_vf_more = {
	.io = fake_vf_io,
	.interrupt = fake_vf_interrupt,
};

static void fake_vf_end(void *data)
{
	struct fake_vf *f = data;

	if (f->inited) {
		fake_truth(&f->c);
		parley_nvme_errand_end(&f->vf);
		parley_nvme_vf_down(&f->vf);
		cancel_work_sync(&f->c.work);
		KUNIT_EXPECT_EQ(f->c.test, FAKE_LIFE, f->vf.life.there);
		parley_life_undo(&f->vf.life, PARLEY_LIFE_INTERRUPTS);
		parley_nvme_vf_exit(&f->vf);
	}
	fake_end(&f->c);
	KUNIT_EXPECT_EQ(f->c.test, 0, fake_lent(&f->c));
}

struct fake_vf *fake_vf_new(struct kunit *test)
{
	struct fake_vf *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	fake_init(&f->c, test, &f->vf.n, &fake_vf_more);
	f->c.ns[0].blocks = FAKE_BLOCKS;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_vf_end, f));
	return f;
}

void fake_vf_rich(struct fake_vf *f)
{
	f->c.oncs = U16_MAX;
	f->c.dlfeat = 1 | PARLEY_NVME_DLFEAT_DEAC;
}

struct fake_vf *fake_vf_init(struct kunit *test)
{
	struct fake_vf *f = fake_vf_new(test);

	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_init(&f->vf, f->c.dev, &fake_ops, f->c.bar));
	f->inited = true;
	KUNIT_ASSERT_EQ(test, 0, parley_life_do(&f->vf.life, PARLEY_LIFE_INTERRUPTS));
	f->vf.n.command_ms = FAKE_LONG_MS;
	f->vf.n.look_ms = FAKE_LOOK_MS;
	f->vf.n.abort_ms = FAKE_LONG_MS;
	f->vf.io_ms = FAKE_LONG_MS;
	f->vf.vectors = 2;
	return f;
}

struct fake_vf *fake_vf_up(struct kunit *test)
{
	struct fake_vf *f = fake_vf_init(test);

	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	KUNIT_ASSERT_EQ(test, PARLEY_NVME_LIVE, f->vf.n.state);
	return f;
}

const uuid_t fake_tenant[3] = {
	UUID_INIT(0x4b0c7a52, 0x59a2, 0x4d0c, 0x9a, 0x80, 0x6f, 0x2c, 0x1a, 0x8d, 0x3e, 1),
	UUID_INIT(0x4b0c7a52, 0x59a2, 0x4d0c, 0x9a, 0x80, 0x6f, 0x2c, 0x1a, 0x8d, 0x3e, 2),
	UUID_INIT(0x4b0c7a52, 0x59a2, 0x4d0c, 0x9a, 0x80, 0x6f, 0x2c, 0x1a, 0x8d, 0x3e, 3),
};

void fake_vf_fill(struct fake_vf *f, u8 byte)
{
	memset(f->disk, byte, sizeof(f->disk));
}

bool fake_vf_is_zero(struct fake_vf *f)
{
	return !memchr_inv(f->disk, 0, sizeof(f->disk));
}

void fake_vf_page(struct fake_vf *f, struct page_of *page)
{
	page->memory = kunit_kzalloc(f->c.test, PARLEY_NVME_PAGE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(f->c.test, page->memory);
	KUNIT_ASSERT_TRUE(f->c.test, fake_lend(&f->c, page->memory, PARLEY_NVME_PAGE,
					       &page->dma));
}

void fake_vf_page_back(struct fake_vf *f, struct page_of *page)
{
	KUNIT_EXPECT_TRUE(f->c.test, fake_take_back(&f->c, PARLEY_NVME_PAGE, page->dma));
}

static void try_done(struct parley_nvme_io *io, int err, u16 status)
{
	struct try *t = container_of(io, struct try, io);

	t->err = err;
	t->status = status;
	t->ended++;
	complete(&t->done);
}

void try_init(struct try *t, u8 opcode, u64 block, u32 blocks, dma_addr_t prp1)
{
	*t = (struct try) {
		.io = {
			.opcode = opcode,
			.block = block,
			.blocks = blocks,
			.prp1 = prp1,
			.done = try_done,
		},
	};
	init_completion(&t->done);
}

int try_do(struct fake_vf *f, struct try *t, unsigned int queue)
{
	int err = parley_nvme_io_submit(&f->vf, queue, &t->io);

	if (err)
		return err;
	/* Without end if it fails: the command uses what the test frees. */
	wait_for_completion(&t->done);
	return t->err;
}

void fake_vf_bound(struct fake_vf *f)
{
	guard(device)(f->c.dev);
	parley_nvme_vf_bound(&f->vf);
}

void fake_vf_unbound(struct fake_vf *f)
{
	guard(device)(f->c.dev);
	parley_nvme_vf_unbound(&f->vf);
}
