// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's controller becomes bytes, and another one what it was.
 */
#include "moves.h"

u8 *moves_bytes(struct kunit *test)
{
	u8 *data = kunit_kzalloc(test, PARLEY_STATE_MAX, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	return data;
}

/* The whole of one, as a device's would be; how long it is. */
size_t moves_state(struct guest *g, u8 *data)
{
	struct parley_state_device device = {};
	u8 config[PARLEY_STATE_CONFIG_LEN] = {}, name[PARLEY_STATE_NAME_LEN] = "guest";
	struct parley_state_disk disk;
	struct parley_state_out out;

	parley_state_begin(&out, data);
	KUNIT_ASSERT_EQ(g->test, 0, parley_state_disk_of(&g->e, &disk));
	KUNIT_ASSERT_EQ(g->test, 0, parley_state_put(&out, PARLEY_STATE_DEVICE, &device,
						     sizeof(device)));
	KUNIT_ASSERT_EQ(g->test, 0, parley_state_put(&out, PARLEY_STATE_DISK, &disk,
						     sizeof(disk)));
	KUNIT_ASSERT_EQ(g->test, 0, parley_state_put(&out, PARLEY_STATE_CONFIG, config,
						     sizeof(config)));
	KUNIT_ASSERT_EQ(g->test, 0, parley_state_put(&out, PARLEY_STATE_NAME, name,
						     sizeof(name)));
	KUNIT_ASSERT_EQ(g->test, 0, parley_emu_save(&g->e, &out));
	KUNIT_ASSERT_EQ(g->test, 0, parley_state_put(&out, PARLEY_STATE_END, NULL, 0));
	return out.len;
}

/* Whether a controller becomes what bytes say; it is stopped then. */
int moves_become(struct guest *g, const u8 *data, size_t len, const char **why)
{
	struct parley_state_part part[PARLEY_STATE_TYPES];
	int err = parley_state_parse(data, len, part, why);

	parley_emu_stop(&g->e);
	return err ?: parley_emu_load(&g->e, part, why);
}

/* From one to the other, and it goes on there. */
void moves_on(struct guest *from, struct guest *to)
{
	u8 *data = moves_bytes(from->test);
	const char *why;
	size_t len;

	parley_emu_stop(&from->e);
	len = moves_state(from, data);
	guest_move(from, to);
	KUNIT_ASSERT_EQ_MSG(from->test, 0, moves_become(to, data, len, &why), "%s", why);
	parley_emu_go(&to->e);
}

u32 moves_feature(struct guest *g, u8 opcode, u32 fid, u32 value)
{
	u32 result;

	KUNIT_EXPECT_EQ(g->test, 0, guest_feature(g, opcode, fid, value, &result));
	return result;
}
