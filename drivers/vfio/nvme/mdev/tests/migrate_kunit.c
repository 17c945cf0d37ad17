// SPDX-License-Identifier: GPL-2.0-only
/*
 * Migration: each pair of states, a guest that moves, states that are refused, and
 * what is left then.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/pci.h>
#include <parley/compat.h>
#include "../../emu/tests/guest.h"
#include "../mdev.h"

#define STATE(name)	VFIO_DEVICE_STATE_##name
#define DATA		GUEST_AT(GUEST_DATA)

/* A device, of which there is no more than migration knows. */
struct side {
	struct guest *g;
	struct vfio_device vdev;
	struct mutex mutex;
	struct parley_mdev_config config;
	char serial[PARLEY_STATE_NAME_LEN + 1];
	struct parley_mdev_migration m;
};

static void side_end(void *data)
{
	struct side *s = data;

	mutex_lock(&s->mutex);
	parley_mdev_migration_end(&s->m);
	mutex_unlock(&s->mutex);
	parley_emu_go(&s->g->e);
}

static struct side *side_new(struct kunit *test, struct guest *g, const char *serial)
{
	struct side *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	const struct parley_mdev_ids ids = { 0x1b36, 0x10, 0x1af4, 0x1100 };

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->g = g;
	s->vdev.migration_flags = PARLEY_MDEV_MIGRATION;
	mutex_init(&s->mutex);
	strscpy(s->serial, serial, sizeof(s->serial));
	parley_mdev_config_init(&s->config, &ids, 3);
	s->m = (struct parley_mdev_migration) {
		.vdev = &s->vdev,
		.emu = &g->e,
		.config = &s->config,
		.serial = s->serial,
		.mutex = &s->mutex,
		.state = STATE(RUNNING),
	};
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, side_end, s));
	return s;
}

/* As VFIO_DEVICE_RESET does. */
static void reset(struct side *s)
{
	mutex_lock(&s->mutex);
	parley_mdev_config_reset(&s->config);
	parley_emu_reset(&s->g->e);
	parley_mdev_migration_reset(&s->m);
	mutex_unlock(&s->mutex);
}

/* To a state; its file if there is one. */
static struct file *go(struct side *s, enum vfio_device_mig_state state)
{
	struct file *file = parley_mdev_migration_set(&s->m, state);

	KUNIT_ASSERT_FALSE(s->g->test, IS_ERR(file));
	KUNIT_ASSERT_EQ(s->g->test, state, s->m.state);
	return file;
}

static struct file *go_file(struct side *s, enum vfio_device_mig_state state)
{
	struct file *file = go(s, state);

	KUNIT_ASSERT_NOT_NULL(s->g->test, file);
	return file;
}

static void go_none(struct side *s, enum vfio_device_mig_state state)
{
	KUNIT_ASSERT_NULL(s->g->test, go(s, state));
}

static bool stopped(struct side *s)
{
	return READ_ONCE(s->g->e.stopped);
}

/* ------------------------------------------------------------ the states */

struct pair {
	enum vfio_device_mig_state from;
	enum vfio_device_mig_state to;
};

static const void *pair_next(const void *prev, char *name)
{
	static struct pair pair;

	if (!prev)
		pair = (struct pair) {};
	else if (++pair.to == VFIO_DEVICE_STATE_NR + 1)
		pair = (struct pair) { .from = pair.from + 1 };
	if (pair.from == VFIO_DEVICE_STATE_NR)
		return NULL;
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%d to %d", pair.from, pair.to);
	return &pair;
}

#ifdef PARLEY_COMPAT_KUNIT_GEN
#define pair_gen_params	pair_next
#else
static const void *pair_gen_params(struct kunit *test, const void *prev, char *name)
{
	return pair_next(prev, name);
}
#endif

static bool works(enum vfio_device_mig_state state)
{
	return state == STATE(RUNNING) || state == STATE(PRE_COPY);
}

static bool copies(enum vfio_device_mig_state state)
{
	return state == STATE(PRE_COPY) || state == STATE(PRE_COPY_P2P);
}

/* Whether there is a way; else what is refused, and where that ends. */
static bool leads(const struct pair *pair, enum vfio_device_mig_state *end)
{
	*end = pair->from == pair->to ? pair->to : pair->from;
	if (pair->from == pair->to)
		return true;
	if (pair->to >= VFIO_DEVICE_STATE_NR || pair->to == STATE(ERROR) ||
	    pair->from == STATE(ERROR))
		return false;
	if (pair->from == STATE(STOP_COPY) && copies(pair->to))
		return false;
	/* A state that did not come is none. */
	if (pair->from == STATE(RESUMING)) {
		*end = STATE(ERROR);
		return false;
	}
	*end = pair->to;
	return true;
}

static bool has_file(const struct pair *pair)
{
	if (pair->from == pair->to || (copies(pair->from) && copies(pair->to)))
		return false;
	if (pair->to == STATE(STOP_COPY))
		return !copies(pair->from);
	return copies(pair->to) || pair->to == STATE(RESUMING);
}

static void bring(struct side *s, enum vfio_device_mig_state state)
{
	struct file *file;

	if (state == STATE(ERROR)) {
		fput(go_file(s, STATE(RESUMING)));
		file = parley_mdev_migration_set(&s->m, STATE(STOP));
		KUNIT_ASSERT_EQ(s->g->test, -EINVAL, PTR_ERR(file));
		KUNIT_ASSERT_EQ(s->g->test, STATE(ERROR), s->m.state);
		return;
	}
	file = go(s, state);
	if (file)
		fput(file);
}

static void each_pair_of_states_is_taken_or_refused(struct kunit *test)
{
	const struct pair *pair = test->param_value;
	struct side *s = side_new(test, guest_ready(test), "here");
	enum vfio_device_mig_state end;
	bool leads_there = leads(pair, &end);
	struct file *file;

	bring(s, pair->from);
	KUNIT_EXPECT_EQ(test, !works(pair->from), stopped(s));
	file = parley_mdev_migration_set(&s->m, pair->to);
	KUNIT_EXPECT_EQ(test, end, s->m.state);
	KUNIT_EXPECT_EQ(test, !works(end), stopped(s));
	KUNIT_EXPECT_EQ(test, leads_there, !IS_ERR(file));
	KUNIT_EXPECT_EQ(test, leads_there && has_file(pair), !IS_ERR_OR_NULL(file));
	if (!IS_ERR_OR_NULL(file))
		fput(file);
	/* There is a stream where there is something to read or to write. */
	if (end != STATE(ERROR))
		KUNIT_EXPECT_EQ(test, copies(end) || end == STATE(STOP_COPY) ||
				end == STATE(RESUMING), !!s->m.file);
	/* From anywhere this leads out. */
	reset(s);
	KUNIT_EXPECT_EQ(test, STATE(RUNNING), s->m.state);
	KUNIT_EXPECT_NULL(test, s->m.file);
	KUNIT_EXPECT_FALSE(test, stopped(s));
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(s->g));
}

/* ------------------------------------------------------ a guest that moves */

/* All that there is to read now goes to the other side; what the last read said. */
static int carry(struct file *from, struct file *to)
{
	u8 piece[108];
	ssize_t len;

	do {
		len = kernel_read(from, piece, sizeof(piece), NULL);
		if (len > 0 && kernel_write(to, piece, len, NULL) != len)
			return -EPIPE;
	} while (len > 0);
	return len;
}

static void a_guest_moves(struct kunit *test, bool early)
{
	struct side *from = side_new(test, guest_ready(test), "it came from here");
	struct side *to = side_new(test, guest_new(test), "and went there");
	const u8 master[] = { PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY };
	struct file *out, *in = go_file(to, STATE(RESUMING));
	struct nvme_command cmd = { .rw = { .opcode = nvme_cmd_flush, .nsid = cpu_to_le32(1) } };
	u64 left;

	parley_mdev_config_write(&from->config, PCI_COMMAND, master, sizeof(master));
	out = go_file(from, early ? STATE(PRE_COPY) : STATE(STOP_COPY));
	if (early) {
		KUNIT_EXPECT_EQ(test, 0, parley_mdev_stream_left(out->private_data, &left));
		KUNIT_EXPECT_GT(test, left, 0);
		KUNIT_EXPECT_LT(test, left, 200);
		KUNIT_EXPECT_EQ(test, -ENOMSG, carry(out, in));
		KUNIT_EXPECT_EQ(test, 0, parley_mdev_stream_left(out->private_data, &left));
		KUNIT_EXPECT_EQ(test, 0, left);
		/* It works meanwhile. */
		memset(guest_at(from->g, GUEST_DATA), 0x5a, PARLEY_NVME_PAGE);
		KUNIT_EXPECT_EQ(test, 0, guest_rw(from->g, nvme_cmd_write, 3, 8, DATA));
		go_none(from, STATE(STOP_COPY));
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_mdev_stream_left(out->private_data, &left));
	/* Nothing is fetched on this side any more, and not yet on the other. */
	fake_arm(&from->g->f->c, FAKE_HONEST, 0);
	guest_put(from->g, 1, &cmd);
	kthread_flush_work(&from->g->e.work);
	KUNIT_EXPECT_EQ(test, 0, from->g->f->c.commands);
	from->g->queue[1].tail--;
	guest_doorbell(from->g, 1, false, from->g->queue[1].tail);
	KUNIT_EXPECT_EQ(test, 0, carry(out, in));
	guest_move(from->g, to->g);
	go_none(to, STATE(STOP));
	KUNIT_EXPECT_TRUE(test, stopped(to));
	go_none(to, STATE(RUNNING));
	KUNIT_EXPECT_STREQ(test, to->serial, "it came from here");
	KUNIT_EXPECT_MEMEQ(test, to->config.byte, from->config.byte, sizeof(to->config.byte));
	memset(guest_at(to->g, GUEST_DATA), 0, PARLEY_NVME_PAGE);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(to->g, nvme_cmd_read, 3, 8, DATA));
	if (early)
		KUNIT_EXPECT_NULL(test, memchr_inv(guest_at(to->g, GUEST_DATA), 0x5a,
						   PARLEY_NVME_PAGE));
	/* The device has left both files. */
	go_none(from, STATE(STOP));
	KUNIT_EXPECT_EQ(test, -ENODEV, carry(out, in));
	KUNIT_EXPECT_EQ(test, -ENODEV, kernel_write(in, master, 1, NULL));
	fput(out);
	fput(in);
}

static void a_guest_moves_that_stopped_before(struct kunit *test)
{
	a_guest_moves(test, false);
}

static void a_guest_moves_that_works_until_then(struct kunit *test)
{
	a_guest_moves(test, true);
}

/* The migration is called off, and the guest goes on where it was. */
static void a_guest_stays(struct kunit *test)
{
	struct side *s = side_new(test, guest_ready(test), "here");
	struct file *out = go_file(s, STATE(PRE_COPY));

	go_none(s, STATE(STOP_COPY));
	go_none(s, STATE(RUNNING));
	KUNIT_EXPECT_EQ(test, 0, guest_rw(s->g, nvme_cmd_read, 3, 8, DATA));
	fput(out);
}

/* --------------------------------------------------------- what is refused */

/* A whole state of one side; how long it is. */
static size_t state_of(struct side *s, u8 *data)
{
	struct file *out = go_file(s, STATE(STOP_COPY));
	ssize_t len = kernel_read(out, data, PARLEY_STATE_MAX, NULL);

	fput(out);
	KUNIT_ASSERT_GT(s->g->test, len, 0);
	KUNIT_ASSERT_LT(s->g->test, len, PARLEY_STATE_MAX);
	return len;
}

/* Whether a side becomes what it says; nothing is left of it then. */
static int become(struct side *s, const u8 *data, size_t len)
{
	struct file *in = go_file(s, STATE(RESUMING)), *none;
	ssize_t done = kernel_write(in, data, len, NULL);
	struct kunit *test = s->g->test;

	none = parley_mdev_migration_set(&s->m, STATE(STOP));
	fput(in);
	/* Who was told that it cannot be is told so again. */
	KUNIT_EXPECT_TRUE(test, done == len || IS_ERR(none));
	KUNIT_EXPECT_EQ(test, IS_ERR(none) ? STATE(ERROR) : STATE(STOP), s->m.state);
	reset(s);
	return PTR_ERR_OR_ZERO(none);
}

static void bad_57_what_was_altered_or_cut_off_is_refused(struct kunit *test)
{
	struct side *from = side_new(test, guest_ready(test), "here");
	struct side *to = side_new(test, guest_new(test), "there");
	u8 *data = kunit_kzalloc(test, PARLEY_STATE_MAX, GFP_KERNEL);
	size_t len, at;

	KUNIT_ASSERT_NOT_NULL(test, data);
	len = state_of(from, data);
	for (at = 0; at < len; at++) {
		KUNIT_ASSERT_EQ(test, -EINVAL, become(to, data, at));
		data[at] ^= 1 << at % 8;
		KUNIT_ASSERT_EQ(test, -EINVAL, become(to, data, len));
		data[at] ^= 1 << at % 8;
	}
	KUNIT_EXPECT_EQ(test, -EINVAL, become(to, data, len + 1));
	KUNIT_EXPECT_STREQ(test, to->serial, "there");
	KUNIT_EXPECT_EQ(test, 0, become(to, data, len));
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(to->g));
}

static void more_than_a_state_can_be_is_refused(struct kunit *test)
{
	struct side *s = side_new(test, guest_new(test), "here");
	u8 *data = kunit_kzalloc(test, PARLEY_STATE_MAX + 1, GFP_KERNEL);
	struct file *in = go_file(s, STATE(RESUMING));

	KUNIT_ASSERT_NOT_NULL(test, data);
	KUNIT_EXPECT_EQ(test, -EFBIG, kernel_write(in, data, PARLEY_STATE_MAX + 1, NULL));
	fput(in);
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(parley_mdev_migration_set(&s->m, STATE(RUNNING))));
	KUNIT_EXPECT_EQ(test, STATE(ERROR), s->m.state);
}

static void other_ids(struct side *s)
{
	s->config.ids.device++;
}

static void other_vectors(struct side *s)
{
	s->config.vectors++;
}

static void other_size(struct side *s)
{
	s->g->e.blocks--;
}

static void other_block(struct side *s)
{
	s->g->f->vf.ns.block_size *= 8;
}

static void other_namespace(struct side *s)
{
	s->g->f->vf.nsid++;
}

static void other_slice(struct side *s)
{
	s->g->e.first++;
}

static void other_drive(struct side *s)
{
	s->g->f->vf.n.id.serial[0] ^= 1;
}

static void other_queues(struct side *s)
{
	s->g->e.nr_queues--;
}

static void other_lengths(struct side *s)
{
	s->g->f->vf.n.id.transfer = PARLEY_NVME_PAGE;
}

static void other_cache(struct side *s)
{
	s->g->f->vf.n.id.vwc ^= 1;
}

struct foreign {
	const char *name;
	void (*alter)(struct side *s);
	const char *why;
};

static const struct foreign foreigns[] = {
	{ "another device", other_ids,
	  "is of another kind of PCI device" },
	{ "other interrupts", other_vectors,
	  "is of a device with another number of queues" },
	{ "another size", other_size,
	  "is of a disk of another size, or with other blocks" },
	{ "other blocks", other_block,
	  "is of a disk of another size, or with other blocks" },
	{ "another namespace", other_namespace,
	  "is of another namespace or slice" },
	{ "another part of it", other_slice,
	  "is of another namespace or slice" },
	{ "another drive", other_drive,
	  "is of another namespace or slice" },
	{ "fewer queues", other_queues,
	  "is of a device with another number of queues" },
	{ "shorter commands", other_lengths,
	  "is of a device with longer or shorter commands" },
	{ "another cache", other_cache,
	  "is of a controller that says other things of itself" },
};

static void foreign_name(const struct foreign *foreign, char *name)
{
	strscpy(name, foreign->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(foreign, foreigns, foreign_name);

/* While the source still works: what it sends first says who it is. */
static void what_is_foreign_is_refused_before_the_source_stops(struct kunit *test)
{
	const struct foreign *foreign = test->param_value;
	struct side *from = side_new(test, guest_ready(test), "here");
	struct side *to = side_new(test, guest_new(test), "there");
	struct file *out, *in;

	foreign->alter(to);
	out = go_file(from, STATE(PRE_COPY));
	in = go_file(to, STATE(RESUMING));
	KUNIT_EXPECT_EQ(test, -EPIPE, carry(out, in));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR(parley_mdev_migration_set(&to->m, STATE(RUNNING))));
	KUNIT_EXPECT_EQ(test, STATE(ERROR), to->m.state);
	KUNIT_EXPECT_STREQ(test, foreign->why, to->m.refused);
	KUNIT_EXPECT_FALSE(test, stopped(from));
	KUNIT_EXPECT_EQ(test, 0, guest_rw(from->g, nvme_cmd_read, 3, 8, DATA));
	fput(in);
	fput(out);
	reset(to);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(to->g));
}

/* A VMM ends when it is refused, and asks for no other state. */
static void who_ends_at_once_is_told_of_all_the_same(struct kunit *test)
{
	struct side *from = side_new(test, guest_ready(test), "here");
	struct side *to = side_new(test, guest_new(test), "there");
	struct file *out = go_file(from, STATE(PRE_COPY)), *in;
	char *text = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	other_drive(to);
	in = go_file(to, STATE(RESUMING));
	KUNIT_EXPECT_EQ(test, -EPIPE, carry(out, in));
	fput(in);
	mutex_lock(&to->mutex);
	parley_mdev_migration_end(&to->m);
	mutex_unlock(&to->mutex);
	/* Whoever asks does not wait for the device. */
	scoped_guard(mutex, &to->mutex)
		parley_mdev_migration_show(&to->m, text);
	KUNIT_EXPECT_STREQ(test, text, "running\nrefused is of another namespace or slice\n");
	/* The next one is all right. */
	fput(go_file(to, STATE(RESUMING)));
	reset(to);
	parley_mdev_migration_show(&to->m, text);
	KUNIT_EXPECT_STREQ(test, text, "running\nrefused none\n");
	fput(out);
}

/* ------------------------------------------------- from drive to drive */

/* One side becomes the other, on a copy of what root says; why not. */
static const char *moves_to_a_copy(struct kunit *test, u32 nsid, const char *serial)
{
	struct side *from = side_new(test, guest_ready(test), "here");
	struct side *to = side_new(test, guest_new(test), "there");
	char of[64];
	struct file *out, *in;

	other_drive(to);
	other_namespace(to);
	snprintf(of, sizeof(of), "%u %s", nsid, serial ?: from->g->f->vf.n.id.serial);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_space_copied(&to->g->f->vf, of));
	out = go_file(from, STATE(STOP_COPY));
	in = go_file(to, STATE(RESUMING));
	carry(out, in);
	guest_move(from->g, to->g);
	parley_mdev_migration_set(&to->m, STATE(STOP));
	fput(in);
	fput(out);
	return to->m.refused;
}

static void a_copy_takes_what_is_of_its_original(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, moves_to_a_copy(test, 1, NULL));
	KUNIT_EXPECT_STREQ(test, moves_to_a_copy(test, 2, NULL),
			   "is of another namespace or slice");
	KUNIT_EXPECT_STREQ(test, moves_to_a_copy(test, 1, "FAKE"),
			   "is of another namespace or slice");
}

static void a_space_that_cannot_be_is_refused(struct kunit *test)
{
	struct side *s = side_new(test, guest_new(test), "here");
	u8 *byte = kunit_kzalloc(test, PARLEY_MDEV_HEADER, GFP_KERNEL);
	unsigned int at, bit;
	bool fits;

	KUNIT_ASSERT_NOT_NULL(test, byte);
	for (at = 0; at < PARLEY_MDEV_HEADER; at++)
		for (bit = 0; bit < 8; bit++) {
			memcpy(byte, s->config.byte, PARLEY_MDEV_HEADER);
			byte[at] ^= 1 << bit;
			fits = s->config.mask[at] & 1 << bit;
			/* There is no state of power between the two. */
			if (at == PARLEY_MDEV_PM + PCI_PM_CTRL)
				fits = false;
			KUNIT_ASSERT_EQ_MSG(test, fits,
					    parley_mdev_config_fits(&s->config, byte),
					    "byte %#x bit %u", at, bit);
		}
	memcpy(byte, s->config.byte, PARLEY_MDEV_HEADER);
	byte[PARLEY_MDEV_PM + PCI_PM_CTRL] = (__force u8)PCI_D3hot;
	KUNIT_EXPECT_TRUE(test, parley_mdev_config_fits(&s->config, byte));
}

static void a_file_outlives_its_device(struct kunit *test)
{
	struct side *s = side_new(test, guest_new(test), "here");
	struct file *out = go_file(s, STATE(PRE_COPY)), *in;
	u8 data[4] = {};
	u64 left;

	reset(s);
	KUNIT_EXPECT_EQ(test, -ENODEV, kernel_read(out, data, sizeof(data), NULL));
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_mdev_stream_left(out->private_data, &left));
	in = go_file(s, STATE(RESUMING));
	reset(s);
	KUNIT_EXPECT_EQ(test, -ENODEV, kernel_write(in, data, sizeof(data), NULL));
	fput(in);
	fput(out);
}

static struct kunit_case migrate_cases[] = {
	KUNIT_CASE_PARAM(each_pair_of_states_is_taken_or_refused, pair_gen_params),
	KUNIT_CASE(a_guest_moves_that_stopped_before),
	KUNIT_CASE(a_guest_moves_that_works_until_then),
	KUNIT_CASE(a_guest_stays),
	KUNIT_CASE(bad_57_what_was_altered_or_cut_off_is_refused),
	KUNIT_CASE(more_than_a_state_can_be_is_refused),
	KUNIT_CASE_PARAM(what_is_foreign_is_refused_before_the_source_stops, foreign_gen_params),
	KUNIT_CASE(who_ends_at_once_is_told_of_all_the_same),
	KUNIT_CASE(a_copy_takes_what_is_of_its_original),
	KUNIT_CASE(a_space_that_cannot_be_is_refused),
	KUNIT_CASE(a_file_outlives_its_device),
	{}
};

static struct kunit_suite migrate_suite = {
	.name = "parley_nvme_mdev_migrate",
	.test_cases = migrate_cases,
};

kunit_test_suite(migrate_suite);
