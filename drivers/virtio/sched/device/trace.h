/* SPDX-License-Identifier: GPL-2.0-only */
/* Trace events of the scheduling device's front-end. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley_sched_device

#if !defined(_PARLEY_SCHED_DEVICE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_SCHED_DEVICE_TRACE_H

#include <linux/tracepoint.h>

/* The host was asked to run this processor: rather than the one that asks, or soon. */
DECLARE_EVENT_CLASS(parley_sched_asked,
	TP_PROTO(int cpu),
	TP_ARGS(cpu),
	TP_STRUCT__entry(
		__field(int, cpu)
	),
	TP_fast_assign(
		__entry->cpu = cpu;
	),
	TP_printk("cpu=%d", __entry->cpu)
);

DEFINE_EVENT(parley_sched_asked, parley_sched_yield, TP_PROTO(int cpu), TP_ARGS(cpu));
DEFINE_EVENT(parley_sched_asked, parley_sched_boost, TP_PROTO(int cpu), TP_ARGS(cpu));

#endif /* _PARLEY_SCHED_DEVICE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
