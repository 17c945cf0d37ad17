/* SPDX-License-Identifier: GPL-2.0-only */
/* Trace events of stolen time and of effective timers. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley_sched

#if !defined(_PARLEY_SCHED_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_SCHED_TRACE_H

#include <linux/tracepoint.h>

/* A look found that more was stolen: by how much, and what that makes. */
TRACE_EVENT(parley_steal,
	TP_PROTO(int cpu, u64 more, u64 stolen),
	TP_ARGS(cpu, more, stolen),
	TP_STRUCT__entry(
		__field(int, of)
		__field(u64, more)
		__field(u64, stolen)
	),
	TP_fast_assign(
		__entry->of = cpu;
		__entry->more = more;
		__entry->stolen = stolen;
	),
	TP_printk("cpu=%d more=%llu stolen=%llu", __entry->of, __entry->more,
		  __entry->stolen)
);

DECLARE_EVENT_CLASS(parley_efftimer,
	TP_PROTO(const void *timer, u64 ns),
	TP_ARGS(timer, ns),
	TP_STRUCT__entry(
		__field(const void *, timer)
		__field(u64, ns)
	),
	TP_fast_assign(
		__entry->timer = timer;
		__entry->ns = ns;
	),
	TP_printk("timer=%p ns=%llu", __entry->timer, __entry->ns)
);

/* Its time was over, but so much of it had been stolen: it waits on. */
DEFINE_EVENT(parley_efftimer, parley_efftimer_rearm,
	TP_PROTO(const void *timer, u64 ns),
	TP_ARGS(timer, ns)
);

/* It fires, so much too late by its own clock. */
DEFINE_EVENT(parley_efftimer, parley_efftimer_fire,
	TP_PROTO(const void *timer, u64 ns),
	TP_ARGS(timer, ns)
);

/* It fires because of its limit, so much too early by its own clock. */
DEFINE_EVENT(parley_efftimer, parley_efftimer_limit,
	TP_PROTO(const void *timer, u64 ns),
	TP_ARGS(timer, ns)
);

#endif /* _PARLEY_SCHED_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
