/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's controller becomes bytes, and another one what it was.
 */
#ifndef _PARLEY_EMU_MOVES_H
#define _PARLEY_EMU_MOVES_H

#include "../state.h"
#include "guest.h"

/* Room for a state. */
u8 *moves_bytes(struct kunit *test);
/* The whole of one, as a device's would be; how long it is. */
size_t moves_state(struct guest *g, u8 *data);
/* Whether a controller becomes what bytes say; it is stopped then. */
int moves_become(struct guest *g, const u8 *data, size_t len, const char **why);
/* From one to the other, and it goes on there. */
void moves_on(struct guest *from, struct guest *to);
/* A feature is set, or asked for. */
u32 moves_feature(struct guest *g, u8 opcode, u32 fid, u32 value);

#endif /* _PARLEY_EMU_MOVES_H */
