// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that a guest can ask its controller for, under several policies: what is
 * denied is answered as it should be, and the function never hears of it.
 */
#include <linux/err.h>
#include <linux/slab.h>
#include "guest.h"
#include "read_only.h"

#define NO(status)	PARLEY_EMU_NO(status)
#define BEGIN		"language nvme\n"
#define END		"end\n"

/* For the number of a command to tell what it was. */
#define BATCH		(GUEST_DEPTH / 2)

/* Where a range is. */
#define RANGES		(GUEST_DATA + 2)

enum { ADMIN, IO };
enum { NONE, OWN, ALL, OTHER, SCOPES };

static const u32 nsids[SCOPES] = { 0, 1, U32_MAX, 2 };

/* ----------------------------------------------------- the language */

struct known {
	const char *name;
	u16 number;
};

static const struct known admins[] = {
	{ "delete-sq", nvme_admin_delete_sq },
	{ "create-sq", nvme_admin_create_sq },
	{ "get-log", nvme_admin_get_log_page },
	{ "delete-cq", nvme_admin_delete_cq },
	{ "create-cq", nvme_admin_create_cq },
	{ "identify", nvme_admin_identify },
	{ "abort", nvme_admin_abort_cmd },
	{ "set-features", nvme_admin_set_features },
	{ "get-features", nvme_admin_get_features },
	{ "async-event", nvme_admin_async_event },
	{ "namespace-management", nvme_admin_ns_mgmt },
	{ "firmware-commit", nvme_admin_activate_fw },
	{ "firmware-download", nvme_admin_download_fw },
	{ "self-test", nvme_admin_dev_self_test },
	{ "namespace-attachment", nvme_admin_ns_attach },
	{ "keep-alive", nvme_admin_keep_alive },
	{ "directive-send", nvme_admin_directive_send },
	{ "directive-receive", nvme_admin_directive_recv },
	{ "virtualization", nvme_admin_virtual_mgmt },
	{ "mi-send", nvme_admin_nvme_mi_send },
	{ "mi-receive", nvme_admin_nvme_mi_recv },
	{ "doorbell-buffer", nvme_admin_dbbuf },
	{ "format", nvme_admin_format_nvm },
	{ "security-send", nvme_admin_security_send },
	{ "security-receive", nvme_admin_security_recv },
	{ "sanitize", nvme_admin_sanitize_nvm },
	{ "lba-status", nvme_admin_get_lba_status },
	{ "vendor", nvme_admin_vendor_start },
	{}
};

static const struct known ios[] = {
	{ "flush", nvme_cmd_flush },
	{ "write", nvme_cmd_write },
	{ "read", nvme_cmd_read },
	{ "write-uncorrectable", nvme_cmd_write_uncor },
	{ "compare", nvme_cmd_compare },
	{ "write-zeroes", nvme_cmd_write_zeroes },
	{ "deallocate", nvme_cmd_dsm },
	{ "verify", nvme_cmd_verify },
	{ "reservation-register", nvme_cmd_resv_register },
	{ "reservation-report", nvme_cmd_resv_report },
	{ "reservation-acquire", nvme_cmd_resv_acquire },
	{ "reservation-release", nvme_cmd_resv_release },
	{ "zone-send", nvme_cmd_zone_mgmt_send },
	{ "zone-receive", nvme_cmd_zone_mgmt_recv },
	{ "zone-append", nvme_cmd_zone_append },
	{}
};

static const struct known features[] = {
	{ "arbitration", NVME_FEAT_ARBITRATION },
	{ "power", NVME_FEAT_POWER_MGMT },
	{ "temperature", NVME_FEAT_TEMP_THRESH },
	{ "error-recovery", NVME_FEAT_ERR_RECOVERY },
	{ "write-cache", NVME_FEAT_VOLATILE_WC },
	{ "queues", NVME_FEAT_NUM_QUEUES },
	{ "coalescing", NVME_FEAT_IRQ_COALESCE },
	{ "vector", NVME_FEAT_IRQ_CONFIG },
	{ "write-atomicity", NVME_FEAT_WRITE_ATOMIC },
	{ "async-events", NVME_FEAT_ASYNC_EVENT },
	{ "host-memory", NVME_FEAT_HOST_MEM_BUF },
	{ "timestamp", NVME_FEAT_TIMESTAMP },
	{ "write-protection", NVME_FEAT_WRITE_PROTECT },
	{}
};

static const struct parley_policy_op *find_op(struct kunit *test, unsigned int set,
					      const char *name)
{
	const struct parley_policy_op *op = parley_emu_language.set[set].op;

	while (op->name && strcmp(op->name, name))
		op++;
	KUNIT_ASSERT_NOT_NULL_MSG(test, op->name, "no %s", name);
	return op;
}

static void its_words_are_those_of_nvme(struct kunit *test)
{
	const struct parley_policy_value *value;
	const struct known *known;

	for (known = admins; known->name; known++)
		KUNIT_EXPECT_EQ(test, known->number, find_op(test, ADMIN, known->name)->number);
	for (known = ios; known->name; known++)
		KUNIT_EXPECT_EQ(test, known->number, find_op(test, IO, known->name)->number);
	for (known = features; known->name; known++) {
		value = find_op(test, ADMIN, "get-features")->field->value;
		while (value->name && strcmp(value->name, known->name))
			value++;
		KUNIT_EXPECT_EQ(test, known->number, value->number);
	}
	KUNIT_EXPECT_EQ(test, 0xff, find_op(test, ADMIN, "vendor")->last);
	KUNIT_EXPECT_STREQ(test, "own", parley_emu_language.scope[OWN]);
	KUNIT_EXPECT_STREQ(test, "all", parley_emu_language.scope[ALL]);
	KUNIT_EXPECT_STREQ(test, "io", parley_emu_language.set[IO].name);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), parley_emu_language.set[IO].status);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), parley_emu_language.set[IO].scope_status);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_LOG_PAGE),
			find_op(test, ADMIN, "get-log")->field->status);
}

/* -------------------------------------------------- all that there is */

/* What must never be heard of, whoever is asked. */
static bool is_dangerous(unsigned int set, unsigned int opcode)
{
	if (set == IO)
		return opcode >= 0x80;
	switch (opcode) {
	case nvme_admin_ns_mgmt:
	case nvme_admin_activate_fw:
	case nvme_admin_download_fw:
	case nvme_admin_ns_attach:
	case nvme_admin_directive_send:
	case nvme_admin_directive_recv:
	case nvme_admin_virtual_mgmt:
	case nvme_admin_format_nvm:
	case nvme_admin_security_send:
	case nvme_admin_security_recv:
	case nvme_admin_sanitize_nvm:
		return true;
	default:
		return opcode >= nvme_admin_vendor_start;
	}
}

/* Commands of one queue that are put together, and what each is to be answered. */
struct batch {
	struct guest *g;
	unsigned int set;
	unsigned int nr;
	unsigned int denied;
	u16 expected[BATCH];	/* by number; U16_MAX: anything */
	u8 opcode[BATCH];
};

static void batch_end(struct batch *b)
{
	struct kunit *test = b->g->test;
	struct nvme_completion cqe;
	u16 status;

	for (; b->nr; b->nr--) {
		status = guest_take(b->g, b->set, &cqe);
		KUNIT_ASSERT_NE(test, U16_MAX, status);
		if (b->expected[cqe.command_id % BATCH] != U16_MAX)
			KUNIT_EXPECT_EQ_MSG(test, b->expected[cqe.command_id % BATCH], status,
					    "opcode %#x", b->opcode[cqe.command_id % BATCH]);
	}
}

/* One, unless it is an event that would be waited for. */
static void batch_add(struct batch *b, unsigned int opcode, unsigned int field,
		      unsigned int scope)
{
	struct parley_policy_key key = { b->set, scope, opcode, field };
	struct parley_policy_answer answer = parley_policy_look(b->g->e.policy, &key);
	struct nvme_command cmd = {
		.common = {
			.opcode = opcode,
			.nsid = cpu_to_le32(nsids[scope]),
			.dptr.prp1 = cpu_to_le64(GUEST_AT(GUEST_DATA)),
			.cdw10 = cpu_to_le32(field),
		},
	};
	bool may = answer.verdict != PARLEY_DENY;
	u16 at;

	if (b->set == IO && opcode == nvme_cmd_dsm) {
		cmd.dsm.attributes = cpu_to_le32(NVME_DSMGMT_AD);
		cmd.dsm.dptr.prp1 = cpu_to_le64(GUEST_AT(RANGES));
	}
	if (may && b->set == ADMIN && opcode == nvme_admin_async_event)
		return;
	at = guest_put(b->g, b->set, &cmd) % BATCH;
	b->opcode[at] = opcode;
	b->expected[at] = may ? U16_MAX : answer.status;
	b->denied += !may;
	if (is_dangerous(b->set, opcode))
		b->expected[at] = NO(NVME_SC_INVALID_OPCODE);
	if (++b->nr == BATCH)
		batch_end(b);
}

/* A range of one block. */
static void put_range(struct guest *g, u64 block)
{
	struct nvme_dsm_range *range = guest_at(g, RANGES);

	*range = (struct nvme_dsm_range) {
		.nlb = cpu_to_le32(1),
		.slba = cpu_to_le64(block),
	};
}

/* All opcodes, and all fields of those that have one, each in each scope. */
static void ask_for_everything(struct guest *g, unsigned int set, unsigned int *denied)
{
	static const u8 fields[] = {
		nvme_admin_identify, nvme_admin_get_log_page, nvme_admin_get_features,
		nvme_admin_set_features,
	};
	struct batch *b = kunit_kzalloc(g->test, sizeof(*b), GFP_KERNEL);
	unsigned int i, field;

	KUNIT_ASSERT_NOT_NULL(g->test, b);
	b->g = g;
	b->set = set;
	put_range(g, 0);
	for (i = 0; i < 256 * SCOPES; i++)
		batch_add(b, i / SCOPES, 0, i % SCOPES);
	for (field = 0; set == ADMIN && field < 256; field++)
		for (i = 0; i < ARRAY_SIZE(fields) * SCOPES; i++)
			batch_add(b, fields[i / SCOPES], field, i % SCOPES);
	batch_end(b);
	*denied = b->denied;
}

struct under {
	const char *name;
	const char *text;
	bool queues;		/* the guest can make some */
};

static const struct under unders[] = {
	{ "the default", parley_emu_default_policy, true },
	{ "nothing", BEGIN END, false },
	{ "read only", parley_emu_read_only_policy, true },
};

static void under_name(const struct under *under, char *name)
{
	strscpy(name, under->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(under, unders, under_name);

static void no_admin_command_reaches_the_function(struct kunit *test)
{
	const struct under *under = test->param_value;
	unsigned int denied;
	struct guest *g;

	test->priv = (void *)under->text;
	g = guest_enabled(test);
	bitmap_zero(g->f->c.given[0], 256);
	ask_for_everything(g, ADMIN, &denied);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(g->f->c.given[0], 256));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(g->f->c.given[1], 256));
	KUNIT_EXPECT_GE(test, denied, 200 * SCOPES);
	if (!under->queues)
		KUNIT_EXPECT_EQ(test, 256 * SCOPES + 4 * 256 * SCOPES, denied);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, parley_emu_read32(&g->e, NVME_REG_CSTS));
}

static void only_what_may_reaches_the_disk(struct kunit *test)
{
	const struct under *under = test->param_value;
	unsigned int denied, opcode;
	struct guest *g;

	if (!under->queues)
		kunit_skip(test, "who may not make a queue cannot use it");
	test->priv = (void *)under->text;
	g = guest_rich(test);
	guest_begin(g);
	bitmap_zero(g->f->c.given[0], 256);
	ask_for_everything(g, IO, &denied);
	KUNIT_EXPECT_TRUE(test, bitmap_empty(g->f->c.given[0], 256));
	for (opcode = 0; opcode < 256; opcode++)
		KUNIT_EXPECT_EQ_MSG(test, parley_emu_offers(&g->e, opcode),
				    test_bit(opcode, g->f->c.given[1]), "opcode %#x", opcode);
	KUNIT_EXPECT_TRUE(test, parley_emu_offers(&g->e, nvme_cmd_read));
	KUNIT_EXPECT_GE(test, denied, 200 * SCOPES);
}

/* ------------------------------------------- what no policy can say */

static int load(const char *verdict, const char *set, unsigned int nr, const char *more)
{
	struct parley_policy_error error;
	struct parley_policy *p;
	char text[96];

	scnprintf(text, sizeof(text), BEGIN "%s %s %u%s\n" END, verdict, set, nr, more);
	p = parley_policy_load(&parley_emu_language, text, strlen(text), &error);
	if (IS_ERR(p))
		return error.line == 2 ? PTR_ERR(p) : -EIO;
	parley_policy_put(p);
	return 0;
}

static void dangerous_ones_cannot_be_allowed(struct kunit *test)
{
	unsigned int nr;

	for (nr = 0; nr < 256; nr++) {
		/* Nothing goes to hardware as it is, and no admin command at all. */
		KUNIT_EXPECT_EQ(test, -EINVAL, load("allow", "admin", nr, ""));
		KUNIT_EXPECT_EQ(test, -EINVAL, load("rewrite", "admin", nr, ""));
		KUNIT_EXPECT_EQ(test, -EINVAL, load("allow", "io", nr, ""));
		KUNIT_EXPECT_EQ(test, -EINVAL, load("allow", "io", nr, " scope=own"));
		KUNIT_EXPECT_EQ(test, -EINVAL, load("rewrite", "io", nr, ""));
		KUNIT_EXPECT_EQ(test, -EINVAL, load("rewrite", "io", nr, " scope=other"));
		KUNIT_EXPECT_EQ(test, -EINVAL, load("rewrite", "io", nr, " scope=all"));
		KUNIT_EXPECT_EQ(test, 0, load("deny", "admin", nr, ""));
		KUNIT_EXPECT_EQ(test, 0, load("deny", "io", nr, ""));
		if (is_dangerous(ADMIN, nr))
			KUNIT_EXPECT_EQ(test, -EINVAL, load("emulate", "admin", nr, ""));
		if (is_dangerous(IO, nr))
			KUNIT_EXPECT_EQ(test, -EINVAL, load("rewrite", "io", nr, " scope=own"));
	}
}

/* -------------------------------------------------------- rewriting */

static u16 identify(struct guest *g, u8 cns, u32 nsid)
{
	struct nvme_command cmd = {
		.identify = {
			.opcode = nvme_admin_identify,
			.nsid = cpu_to_le32(nsid),
			.cns = cns,
			.dptr.prp1 = cpu_to_le64(GUEST_AT(GUEST_DATA)),
		},
	};

	memset(guest_at(g, GUEST_DATA), 0xee, PARLEY_NVME_PAGE);
	return guest_do(g, 0, &cmd);
}

#define DISK(rules)	BEGIN rules \
	"emulate admin create-cq\nemulate admin create-sq\n" \
	"emulate admin identify cns=controller\n" \
	"emulate admin identify cns=namespace scope=own\n" \
	"emulate admin identify cns=active-namespaces\n"
#define READ_WRITE	"rewrite io read scope=own\nrewrite io write scope=own\n" END

static void a_slice_is_all_that_there_is(struct kunit *test)
{
	struct guest *g;
	struct nvme_id_ns *id;
	u8 *disk;

	test->priv = DISK("set slice-first 100\nset slice-blocks 50\n") READ_WRITE;
	g = guest_ready(test);
	disk = g->f->disk;
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS, 1));
	id = guest_at(g, GUEST_DATA);
	KUNIT_EXPECT_EQ(test, 50, le64_to_cpu(id->nsze));
	KUNIT_EXPECT_EQ(test, 50, le64_to_cpu(id->ncap));
	memset(disk, 0x11, sizeof(g->f->disk));
	memset(guest_at(g, GUEST_DATA), 0x22, PARLEY_NVME_PAGE);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_write, 0, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_write, 48, 2, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk, 0x11, 100 * FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 100 * FAKE_BLOCK, 0x22, FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 101 * FAKE_BLOCK, 0x11, 47 * FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 148 * FAKE_BLOCK, 0x22, 2 * FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 150 * FAKE_BLOCK, 0x11,
					   (FAKE_BLOCKS - 150) * FAKE_BLOCK));
	bitmap_zero(g->f->c.given[1], 256);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			guest_rw(g, nvme_cmd_write, 50, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			guest_rw(g, nvme_cmd_read, 49, 2, GUEST_AT(GUEST_DATA)));
	/* Wraps to the slice, to the first block, and to what is before the slice. */
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			guest_rw(g, nvme_cmd_read, U64_MAX, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			guest_rw(g, nvme_cmd_read, -100ULL, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			guest_rw(g, nvme_cmd_read, 0, 51, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(g->f->c.given[1], 256));
}

static u16 deallocate(struct guest *g, u64 block)
{
	struct nvme_command cmd = {
		.dsm = {
			.opcode = nvme_cmd_dsm,
			.nsid = cpu_to_le32(1),
			.dptr.prp1 = cpu_to_le64(GUEST_AT(RANGES)),
			.attributes = cpu_to_le32(NVME_DSMGMT_AD),
		},
	};

	put_range(g, block);
	return guest_do(g, 1, &cmd);
}

static void ranges_are_of_the_slice(struct kunit *test)
{
	struct guest *g;
	u8 *disk;

	test->priv = DISK("set slice-first 100\nset slice-blocks 50\n")
		     "rewrite io deallocate scope=own\n"
		     "rewrite io write-zeroes scope=own\n" READ_WRITE;
	g = guest_rich(test);
	guest_begin(g);
	disk = g->f->disk;
	memset(disk, 0x11, sizeof(g->f->disk));
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, 49));
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_write_zeroes, 0, 1,
					  GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk, 0x11, 100 * FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 100 * FAKE_BLOCK, 0, FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 101 * FAKE_BLOCK, 0x11, 48 * FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 149 * FAKE_BLOCK, 0, FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(disk + 150 * FAKE_BLOCK, 0x11,
					   (FAKE_BLOCKS - 150) * FAKE_BLOCK));
	bitmap_zero(g->f->c.given[1], 256);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE), deallocate(g, 50));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE), deallocate(g, -100ULL));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			guest_rw(g, nvme_cmd_write_zeroes, 50, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_TRUE(test, bitmap_empty(g->f->c.given[1], 256));
}

struct slice {
	const char *text;
	int err;
};

/* Of FAKE_BLOCKS, which are 512. */
static const struct slice slices[] = {
	{ BEGIN "set slice-first 511\n" END, 0 },
	{ BEGIN "set slice-first 512\n" END, -ERANGE },
	{ BEGIN "set slice-blocks 512\n" END, 0 },
	{ BEGIN "set slice-blocks 513\n" END, -ERANGE },
	{ BEGIN "set slice-first 500\nset slice-blocks 12\n" END, 0 },
	{ BEGIN "set slice-first 500\nset slice-blocks 13\n" END, -ERANGE },
	{ BEGIN "set slice-first 1\nset slice-blocks 9223372036854775807\n" END, -ERANGE },
	{ BEGIN "set slice-first 9223372036854775807\n" END, -ERANGE },
};

static void a_slice_lies_in_the_namespace(struct kunit *test)
{
	const struct parley_policy_language *l = &parley_emu_language;
	struct fake_vf *f = fake_vf_up(test);
	struct parley_policy_error error;
	struct parley_emu_config config = { .serial = "one", .queues = 1 };
	static const struct parley_emu_ops none;
	const struct slice *slice;
	struct parley_emu *e;

	e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, e);
	/* Its memory is given back again and again. */
	parley_nvme_vf_pause(&f->vf, false);
	for (slice = slices; slice < slices + ARRAY_SIZE(slices); slice++) {
		memset(e, 0, sizeof(*e));
		config.policy = parley_policy_load(l, slice->text, strlen(slice->text), &error);
		KUNIT_ASSERT_FALSE(test, IS_ERR(config.policy));
		KUNIT_EXPECT_EQ_MSG(test, slice->err,
				    parley_emu_init(e, &f->vf, &none, &config), "%s",
				    slice->text);
		parley_policy_put(config.policy);
		if (!slice->err)
			parley_emu_exit(e);
		KUNIT_EXPECT_NULL(test, e->policy);
	}
}

static void numbers_are_those_of_the_policy(struct kunit *test)
{
	struct nvme_id_ctrl *id;
	__le32 *list;
	struct guest *g;

	test->priv = DISK("set namespace 5\nset controller 77\n") READ_WRITE;
	g = guest_ready(test);
	id = guest_at(g, GUEST_DATA);
	list = guest_at(g, GUEST_DATA);
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_CTRL, 0));
	KUNIT_EXPECT_EQ(test, 77, le16_to_cpu(id->cntlid));
	KUNIT_EXPECT_EQ(test, 5, le32_to_cpu(id->nn));
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS_ACTIVE_LIST, 4));
	KUNIT_EXPECT_EQ(test, 5, le32_to_cpu(list[0]));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(list[1]));
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS_ACTIVE_LIST, 5));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(list[0]));
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS, 5));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), identify(g, NVME_ID_CNS_NS, 1));
	/* The fake complains if the number of a namespace is not its own, which is 1. */
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS),
			guest_rw(g, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
	g->nsid = 5;
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_TRUE(test, test_bit(nvme_cmd_read, g->f->c.given[1]));
}

static void what_it_says_of_itself_is_what_may_be(struct kunit *test)
{
	struct nvme_id_ctrl *id;
	struct nvme_id_ns *ns;
	struct guest *g;

	test->priv = DISK("") "rewrite io verify scope=own\n" READ_WRITE;
	g = guest_rich(test);
	guest_begin(g);
	id = guest_at(g, GUEST_DATA);
	ns = guest_at(g, GUEST_DATA);
	/* The function has a write cache, but nobody who could flush it. */
	g->f->vf.n.id.vwc = true;
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_CTRL, 0));
	KUNIT_EXPECT_EQ(test, 0, id->vwc);
	/* It has all optional commands, of which one may be. */
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_ONCS_VERIFY, le16_to_cpu(id->oncs));
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS, 1));
	KUNIT_EXPECT_EQ(test, 0, ns->nsattr);
}

static void a_disk_that_is_read_only_says_so(struct kunit *test)
{
	struct nvme_command flush = {
		.common = { .opcode = nvme_cmd_flush, .nsid = cpu_to_le32(1) },
	};
	struct nvme_id_ctrl *id;
	struct nvme_id_ns *ns;
	struct guest *g;

	test->priv = (void *)parley_emu_read_only_policy;
	g = guest_ready(test);
	id = guest_at(g, GUEST_DATA);
	ns = guest_at(g, GUEST_DATA);
	g->f->vf.n.id.vwc = true;
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_CTRL, 0));
	KUNIT_EXPECT_EQ(test, NVME_CTRL_VWC_PRESENT, id->vwc);
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS, 1));
	KUNIT_EXPECT_EQ(test, NVME_NS_ATTR_RO, ns->nsattr);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_NS_WRITE_PROTECTED),
			guest_rw(g, nvme_cmd_write, 0, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk, 0, sizeof(g->f->disk)));
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 1, &flush));
	KUNIT_EXPECT_EQ(test, 1, g->f->flushes);
	KUNIT_EXPECT_FALSE(test, test_bit(nvme_cmd_write, g->f->c.given[1]));
}

/* ------------------------------------------------------- the audit */

static void a_denied_format_is_in_the_audit(struct kunit *test)
{
	struct nvme_command cmd = {
		.common = { .opcode = nvme_admin_format_nvm, .nsid = cpu_to_le32(1) },
	};
	struct guest *g = guest_enabled(test);
	char *text = kunit_kzalloc(test, 16384, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	parley_policy_audit(g->e.policy, text, 16384);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " deny admin format\n"));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), guest_do(g, 0, &cmd));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), guest_do(g, 0, &cmd));
	cmd.common.opcode = nvme_admin_dev_self_test;
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), guest_do(g, 0, &cmd));
	parley_policy_audit(g->e.policy, text, 16384);
	KUNIT_EXPECT_EQ(test, 2, simple_strtoull(strim(strstr(text, " deny admin format\n") - 26),
						 NULL, 10));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     0 deny admin -\n"));
}

/* What is denied is denied before it is looked at any further. */
static void what_is_denied_is_not_looked_at(struct kunit *test)
{
	struct nvme_command cmd = {
		.common = {
			.opcode = nvme_admin_format_nvm,
			.flags = 0xff,
			.nsid = cpu_to_le32(7),
			.dptr.prp1 = cpu_to_le64(1),
		},
	};
	struct guest *g = guest_ready(test);

	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), guest_do(g, 0, &cmd));
	cmd.common.opcode = 0xff;
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), guest_do(g, 1, &cmd));
	cmd.common.opcode = nvme_cmd_read;
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), guest_do(g, 1, &cmd));
	cmd.common.nsid = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD), guest_do(g, 1, &cmd));
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE(its_words_are_those_of_nvme),
	KUNIT_CASE_PARAM(no_admin_command_reaches_the_function, under_gen_params),
	KUNIT_CASE_PARAM(only_what_may_reaches_the_disk, under_gen_params),
	KUNIT_CASE(dangerous_ones_cannot_be_allowed),
	KUNIT_CASE(a_slice_is_all_that_there_is),
	KUNIT_CASE(ranges_are_of_the_slice),
	KUNIT_CASE(a_slice_lies_in_the_namespace),
	KUNIT_CASE(numbers_are_those_of_the_policy),
	KUNIT_CASE(what_it_says_of_itself_is_what_may_be),
	KUNIT_CASE(a_disk_that_is_read_only_says_so),
	KUNIT_CASE(a_denied_format_is_in_the_audit),
	KUNIT_CASE(what_is_denied_is_not_looked_at),
	{}
};

static struct kunit_suite policy_suite = {
	.name = "parley_nvme_emu_policy",
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
