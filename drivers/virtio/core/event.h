/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "Must I notify?" as pure functions of what the peer wrote and of how far the
 * index moved.  Any value the peer may write gives an answer; a lie costs the
 * liar an interrupt or a wait, and us nothing.
 */
#ifndef _PARLEY_CORE_EVENT_H
#define _PARLEY_CORE_EVENT_H

#include "os.h"

/**
 * vq_event_split() - split ring with event index (spec 2.7.7.2, 2.7.10)
 * @event: index after which the peer wants to know
 * @from: index at the publication before this one
 * @to: index at this one
 *
 * Return: true if the peer wants to be notified.
 */
static __always_inline bool vq_event_split(u16 event, u16 from, u16 to)
{
	return vring_need_event(event, to, from);
}

/**
 * vq_event_packed() - packed ring (spec 2.8.10, 2.8.14)
 * @event: the peer's event suppression structure, read as one: descriptor
 *	offset and wrap counter in the low half, flags in the high one
 * @to: our position, below @num, after this publication
 * @wrap: our wrap counter there
 * @count: slots that this publication made visible
 * @num: ring size
 *
 * Reserved flags mean "notify": a spurious notification is harmless.
 *
 * Return: true if the peer wants to be notified.
 */
static __always_inline bool vq_event_packed(u32 event, u16 to, bool wrap,
					    u16 count, u16 num)
{
	u16 at = event & ((1 << VRING_PACKED_EVENT_F_WRAP_CTR) - 1);
	bool at_wrap = event >> VRING_PACKED_EVENT_F_WRAP_CTR & 1;
	u16 flags = event >> 16 & 0x3;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	if (wrap != at_wrap)
		at -= num;
	return vring_need_event(at, to, (u16)(to - count));
}

#endif /* _PARLEY_CORE_EVENT_H */
