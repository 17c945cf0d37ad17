/* SPDX-License-Identifier: GPL-2.0-only */
/* Trace events of vhost sched. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley_vhost_sched

#if !defined(_PARLEY_VHOST_SCHED_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_VHOST_SCHED_TRACE_H

#include <linux/tracepoint.h>
#include <linux/types.h>

/* A boost is over: nanoseconds that were given, and that the vCPU ran. */
TRACE_EVENT(parley_sched_boosted,
	TP_PROTO(u32 dev, unsigned int vcpu, u64 given, u64 used),
	TP_ARGS(dev, vcpu, given, used),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(unsigned int, vcpu)
		__field(u64, given)
		__field(u64, used)
	),
	TP_fast_assign(
		__entry->dev = dev;
		__entry->vcpu = vcpu;
		__entry->given = given;
		__entry->used = used;
	),
	TP_printk("dev=%u vcpu=%u given=%llu used=%llu", __entry->dev, __entry->vcpu,
		  __entry->given, __entry->used)
);

#endif /* _PARLEY_VHOST_SCHED_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
