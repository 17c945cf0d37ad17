/* SPDX-License-Identifier: GPL-2.0-only */
/* Trace events of the congestion control: each time-out, and what proved it false. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley

#if !defined(_PARLEY_TCP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_TCP_TRACE_H

#include <linux/tracepoint.h>
#include <net/inet_sock.h>

/* All that is under way was taken for lost. */
TRACE_EVENT(parley_tcp_timeout,
	TP_PROTO(const struct sock *sk, u64 elapsed, u64 stolen, u64 rto, bool suspect),
	TP_ARGS(sk, elapsed, stolen, rto, suspect),
	TP_STRUCT__entry(
		__field(u16, sport)
		__field(u16, dport)
		__field(u64, elapsed)
		__field(u64, stolen)
		__field(u64, rto)
		__field(bool, suspect)
	),
	TP_fast_assign(
		__entry->sport = ntohs(inet_sk(sk)->inet_sport);
		__entry->dport = ntohs(inet_sk(sk)->inet_dport);
		__entry->elapsed = elapsed;
		__entry->stolen = stolen;
		__entry->rto = rto;
		__entry->suspect = suspect;
	),
	TP_printk("sport=%u dport=%u elapsed=%llu stolen=%llu rto=%llu suspect=%d",
		  __entry->sport, __entry->dport, __entry->elapsed, __entry->stolen,
		  __entry->rto, __entry->suspect)
);

/* And the next answer came, soon enough to prove that this was wrong, or not. */
TRACE_EVENT(parley_tcp_answer,
	TP_PROTO(const struct sock *sk, u64 since, u32 min_rtt_us, bool undo),
	TP_ARGS(sk, since, min_rtt_us, undo),
	TP_STRUCT__entry(
		__field(u16, sport)
		__field(u16, dport)
		__field(u64, since)
		__field(u32, min_rtt_us)
		__field(bool, undo)
	),
	TP_fast_assign(
		__entry->sport = ntohs(inet_sk(sk)->inet_sport);
		__entry->dport = ntohs(inet_sk(sk)->inet_dport);
		__entry->since = since;
		__entry->min_rtt_us = min_rtt_us;
		__entry->undo = undo;
	),
	TP_printk("sport=%u dport=%u since=%llu min_rtt_us=%u undo=%d", __entry->sport,
		  __entry->dport, __entry->since, __entry->min_rtt_us, __entry->undo)
);

#endif /* _PARLEY_TCP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
