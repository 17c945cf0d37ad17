/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of stolen time: what was found to be stolen, and what timers made of it.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley

#if !defined(_PARLEY_STEAL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_STEAL_TRACE_H

#include <linux/tracepoint.h>
#include <parley/steal.h>

/* Somebody looked, and found that something had been stolen since the last look. */
TRACE_EVENT(parley_steal_taken,
	TP_PROTO(int cpu, u64 said, u64 believed, const struct parley_steal *now),
	TP_ARGS(cpu, said, believed, now),
	TP_STRUCT__entry(
		__field(int, cpu)
		__field(u64, said)
		__field(u64, believed)
		__field(u64, stolen)
		__field(u64, clock)
	),
	TP_fast_assign(
		__entry->cpu = cpu;
		__entry->said = said;
		__entry->believed = believed;
		__entry->stolen = now->stolen;
		__entry->clock = now->clock;
	),
	TP_printk("cpu=%d said=%llu believed=%llu stolen=%llu clock=%llu", __entry->cpu,
		  __entry->said, __entry->believed, __entry->stolen, __entry->clock)
);

/* A timer's time is over, by the monotonic clock: does it fire? */
TRACE_EVENT(parley_steal_timer,
	TP_PROTO(const struct parley_steal_timer *timer, u64 elapsed, const char *verdict),
	TP_ARGS(timer, elapsed, verdict),
	TP_STRUCT__entry(
		__field(const void *, timer)
		__field(u64, ns)
		__field(u64, elapsed)
		__field(u64, stolen)
		__field(unsigned int, rounds)
		__string(verdict, verdict)
	),
	TP_fast_assign(
		__entry->timer = timer;
		__entry->ns = timer->ns;
		__entry->elapsed = elapsed;
		__entry->stolen = timer->wait.stolen;
		__entry->rounds = timer->rounds;
		__assign_str(verdict);
	),
	TP_printk("%p ns=%llu elapsed=%llu stolen=%llu rounds=%u %s", __entry->timer,
		  __entry->ns, __entry->elapsed, __entry->stolen, __entry->rounds,
		  __get_str(verdict))
);

#endif /* _PARLEY_STEAL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
