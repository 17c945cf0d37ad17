// SPDX-License-Identifier: GPL-2.0-only
/*
 * Verdicts, and what is written down of them.
 */
#include <linux/module.h>
#include <parley/export.h>
#include <parley/version.h>
#include "policy.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/* The number of the rule, whatever is asked for. */
static unsigned int pp_find(const struct parley_policy *p,
			    const struct parley_policy_key *key)
{
	const struct parley_policy_place *place;
	u32 value = 0;

	if (key->set >= p->sets)
		return 0;
	if (key->op >= p->language->set[key->set].ops)
		return PARLEY_POLICY_NO_OP(key->set);
	place = &p->place[key->set][key->op];
	if (!place->start)
		return PARLEY_POLICY_NO_OP(key->set);
	if (key->scope >= p->scopes)
		return PARLEY_POLICY_NO_SCOPE(key->set);
	if (place->values > 1)
		value = key->field;
	if (value >= place->values)
		return place->beyond;
	return p->cell[place->start + value * p->scopes + key->scope];
}

/* Whom it is dangerous to let have it: that is rare, so it may be looked for. */
static void pp_log(struct parley_policy *p, const char *who,
		   const struct parley_policy_key *key)
{
	const struct parley_policy_set *set;
	const struct parley_policy_op *op;

	if (key->set >= p->sets)
		return;
	set = &p->language->set[key->set];
	op = key->op < set->ops ? parley_policy_op(set, key->op) : NULL;
	if (op && op->dangerous && __ratelimit(&p->limit))
		pr_notice("parley_policy: %s was denied %s %s (%#x)\n", who, set->name,
			  op->name, key->op);
}

/**
 * parley_policy_look() - what would be the verdict
 * @p: the policy
 * @key: what would be asked for
 *
 * Context: any.
 * Return: the verdict.
 */
struct parley_policy_answer parley_policy_look(const struct parley_policy *p,
					       const struct parley_policy_key *key)
{
	const struct parley_policy_rule *rule = &p->rule[pp_find(p, key)];

	return (struct parley_policy_answer) { rule->verdict, rule->status };
}
PARLEY_EXPORT(parley_policy_look);

/**
 * parley_policy_ask() - ask for something
 * @p: the policy
 * @who: in whose name it is traced and logged
 * @key: what
 *
 * It is counted, and traced by parley:parley_policy_verdict, and if it is denied by
 * parley:parley_policy_denied; if that is dangerous the log has it, now and then.
 *
 * Context: any.
 * Return: the verdict.
 */
struct parley_policy_answer parley_policy_ask(struct parley_policy *p, const char *who,
					      const struct parley_policy_key *key)
{
	unsigned int nr = pp_find(p, key);
	const struct parley_policy_rule *rule = &p->rule[nr];
	const char *set = key->set < p->sets ? p->language->set[key->set].name : "none";

	this_cpu_inc(p->counts[nr]);
	trace_parley_policy_verdict(who, set, key, rule);
	if (rule->verdict == PARLEY_DENY) {
		trace_parley_policy_denied(who, set, key, rule);
		pp_log(p, who, key);
	}
	return (struct parley_policy_answer) { rule->verdict, rule->status };
}
PARLEY_EXPORT(parley_policy_ask);

/**
 * parley_policy_setting() - a number that the policy chose, or the language
 * @p: the policy
 * @i: its place in the language
 *
 * Context: any.
 * Return: the number; 0 if there is none.
 */
u64 parley_policy_setting(const struct parley_policy *p, unsigned int i)
{
	return i < PARLEY_POLICY_SETTINGS ? p->setting[i] : 0;
}
PARLEY_EXPORT(parley_policy_setting);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: policies of mediated devices");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
