/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of policies: what was denied, and every verdict.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley

#if !defined(_PARLEY_POLICY_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_POLICY_TRACE_H

#include <linux/tracepoint.h>
#include "policy.h"

DECLARE_EVENT_CLASS(parley_policy,
	TP_PROTO(const char *who, const char *set, const struct parley_policy_key *key,
		 const struct parley_policy_rule *rule),
	TP_ARGS(who, set, key, rule),
	TP_STRUCT__entry(
		__string(who, who)
		__string(set, set)
		__field(u32, op)
		__field(u32, field)
		__field(unsigned int, scope)
		__field(unsigned int, verdict)
		__field(unsigned int, status)
		__field(unsigned int, line)
	),
	TP_fast_assign(
		__assign_str(who);
		__assign_str(set);
		__entry->op = key->op;
		__entry->field = key->field;
		__entry->scope = key->scope;
		__entry->verdict = rule->verdict;
		__entry->status = rule->status;
		__entry->line = rule->line;
	),
	TP_printk("%s set=%s op=0x%x field=0x%x scope=%u verdict=%s status=0x%x line=%u",
		  __get_str(who), __get_str(set), __entry->op, __entry->field,
		  __entry->scope,
		  __print_symbolic(__entry->verdict, { PARLEY_DENY, "deny" },
				   { PARLEY_EMULATE, "emulate" },
				   { PARLEY_REWRITE, "rewrite" },
				   { PARLEY_ALLOW, "allow" }),
		  __entry->status, __entry->line)
);

/* Something was denied. */
DEFINE_EVENT(parley_policy, parley_policy_denied,
	TP_PROTO(const char *who, const char *set, const struct parley_policy_key *key,
		 const struct parley_policy_rule *rule),
	TP_ARGS(who, set, key, rule)
);

/* Something was asked for, whatever became of it. */
DEFINE_EVENT(parley_policy, parley_policy_verdict,
	TP_PROTO(const char *who, const char *set, const struct parley_policy_key *key,
		 const struct parley_policy_rule *rule),
	TP_ARGS(who, set, key, rule)
);

#endif /* _PARLEY_POLICY_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
