/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of the core, one for each batch verb that touches the ring.
 * In user space they are nothing.
 */
#ifdef __KERNEL__

#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley

#if !defined(_PARLEY_CORE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_CORE_TRACE_H

#include <linux/tracepoint.h>
#include "ring.h"

DECLARE_EVENT_CLASS(parley_count,
	TP_PROTO(const struct vq_ring *r, int count),
	TP_ARGS(r, count),
	TP_STRUCT__entry(
		__string(name, r->name)
		__field(unsigned int, index)
		__field(int, count)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->index = r->index;
		__entry->count = count;
	),
	TP_printk("%s queue=%u count=%d", __get_str(name), __entry->index,
		  __entry->count)
);

/* Completions collected by the driver role. */
DEFINE_EVENT(parley_count, parley_reap,
	TP_PROTO(const struct vq_ring *r, int count),
	TP_ARGS(r, count)
);

/* Chains taken by the device role; negative: why none. */
DEFINE_EVENT(parley_count, parley_take,
	TP_PROTO(const struct vq_ring *r, int count),
	TP_ARGS(r, count)
);

/* A publication of either role: chains (driver) or slots (device) made visible. */
TRACE_EVENT(parley_publish,
	TP_PROTO(const struct vq_ring *r, unsigned int count, bool notify),
	TP_ARGS(r, count, notify),
	TP_STRUCT__entry(
		__string(name, r->name)
		__field(unsigned int, index)
		__field(unsigned int, count)
		__field(bool, notify)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->index = r->index;
		__entry->count = count;
		__entry->notify = notify;
	),
	TP_printk("%s queue=%u count=%u notify=%d", __get_str(name),
		  __entry->index, __entry->count, __entry->notify)
);

#endif /* _PARLEY_CORE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

#elif !defined(_PARLEY_CORE_TRACE_H)
#define _PARLEY_CORE_TRACE_H

#define trace_parley_publish(r, count, notify)	((void)(count))
#define trace_parley_reap(r, count)		((void)(count))
#define trace_parley_take(r, count)		((void)(count))

#endif
