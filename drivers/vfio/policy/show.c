// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a policy, or a language, to text.
 */
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <parley/export.h>
#include "policy.h"

/**
 * struct pp_out - where text goes
 * @buf: there
 * @size: so much of it is there
 * @len: so much of it is used, less than @size
 */
struct pp_out {
	char *buf;
	size_t size;
	size_t len;
};

static void __printf(2, 3) pp_say(struct pp_out *out, const char *what, ...)
{
	va_list args;

	va_start(args, what);
	out->len += vscnprintf(out->buf + out->len, out->size - out->len, what, args);
	va_end(args);
}

/* ------------------------------------------------------------ rules */

static void pp_say_op(struct pp_out *out, const struct parley_policy_set *set,
		      const struct parley_policy_rule *rule)
{
	const struct parley_policy_op *op = parley_policy_op(set, rule->first);

	if (op && rule->first == op->number && rule->last == max(op->number, op->last))
		pp_say(out, " %s", op->name);
	else if (rule->first == rule->last)
		pp_say(out, " 0x%x", rule->first);
	else
		pp_say(out, " 0x%x-0x%x", rule->first, rule->last);
}

static void pp_say_value(struct pp_out *out, const struct parley_policy_op *op, int value)
{
	const struct parley_policy_value *of;

	if (value == PARLEY_POLICY_EACH)
		return;
	of = parley_policy_value(op, value);
	if (of)
		pp_say(out, " %s=%s", op->field->name, of->name);
	else
		pp_say(out, " %s=0x%x", op->field->name, value);
}

static void pp_say_scopes(struct pp_out *out, const struct parley_policy *p, u8 scopes)
{
	const char *before = " scope=";
	unsigned int i;

	if (scopes == BIT(p->scopes) - 1)
		return;
	for (i = 0; i < p->scopes; i++) {
		if (!(scopes & BIT(i)))
			continue;
		pp_say(out, "%s%s", before, p->language->scope[i]);
		before = ",";
	}
}

static void pp_say_rule(struct pp_out *out, const struct parley_policy *p,
			const struct parley_policy_rule *rule)
{
	const struct parley_policy_set *set = &p->language->set[rule->set];
	const struct parley_policy_status *s;

	pp_say(out, "%s %s", parley_policy_verdict[rule->verdict], set->name);
	pp_say_op(out, set, rule);
	pp_say_value(out, parley_policy_op(set, rule->first), rule->value);
	pp_say_scopes(out, p, rule->scopes);
	if (rule->said) {
		for (s = p->language->status; s->status != rule->status; s++)
			;
		pp_say(out, " status=%s", s->name);
	}
	pp_say(out, "\n");
}

/* The engine's own are denials, too; their words are no rules that could be loaded. */
static void pp_say_own(struct pp_out *out, const struct parley_policy *p, unsigned int nr)
{
	const struct parley_policy_rule *rule = &p->rule[nr];
	const struct parley_policy_set *set = &p->language->set[rule->set];

	if (!nr)
		pp_say(out, "deny -\n");
	else if (nr == PARLEY_POLICY_NO_OP(rule->set))
		pp_say(out, "deny %s -\n", set->name);
	else if (nr == PARLEY_POLICY_NO_SCOPE(rule->set))
		pp_say(out, "deny %s - scope=-\n", set->name);
	else
		pp_say(out, "deny %s %s %s=-\n", set->name,
		       parley_policy_op(set, rule->first)->name,
		       parley_policy_op(set, rule->first)->field->name);
}

static u64 pp_count(const struct parley_policy *p, unsigned int nr)
{
	unsigned int cpu;
	u64 sum = 0;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(&p->counts[nr], cpu));
	return sum;
}

/**
 * parley_policy_show() - the rules, in normal form
 * @p: the policy
 * @buf: where they are written, with a NUL behind them
 * @size: how much can be, at least 1
 *
 * Context: any.
 * Return: how much was, without the NUL.
 */
size_t parley_policy_show(const struct parley_policy *p, char *buf, size_t size)
{
	struct pp_out out = { .buf = buf, .size = size };
	unsigned int i;

	pp_say(&out, "language %s\n", p->language->name);
	for (i = 0; i < PARLEY_POLICY_SETTINGS; i++)
		if (p->chosen & BIT(i))
			pp_say(&out, "set %s %llu\n", p->language->setting[i].name,
			       p->setting[i]);
	for (i = p->own; i < p->rules; i++)
		pp_say_rule(&out, p, &p->rule[i]);
	pp_say(&out, "end\n");
	return out.len;
}
PARLEY_EXPORT(parley_policy_show);

/**
 * parley_policy_audit() - how often each rule held
 * @p: the policy
 * @buf: where they are written, with a NUL behind them
 * @size: how much can be, at least 1
 *
 * A line for each rule of the text: count, line, rule; and then for each of the engine's
 * own, with 0 for the line and "-" for what no rule named.  Counts are of one width, so
 * that who reads it in pieces finds each line where it was.
 *
 * Context: any.
 * Return: how much was, without the NUL.
 */
size_t parley_policy_audit(const struct parley_policy *p, char *buf, size_t size)
{
	struct pp_out out = { .buf = buf, .size = size };
	unsigned int i;

	for (i = p->own; i < p->rules; i++) {
		pp_say(&out, "%20llu %5u ", pp_count(p, i), p->rule[i].line);
		pp_say_rule(&out, p, &p->rule[i]);
	}
	for (i = 0; i < p->own; i++) {
		pp_say(&out, "%20llu %5u ", pp_count(p, i), 0);
		pp_say_own(&out, p, i);
	}
	return out.len;
}
PARLEY_EXPORT(parley_policy_audit);

/* --------------------------------------------------------- language */

static void pp_tell_can(struct pp_out *out, const struct parley_policy_language *l, u8 can,
			u8 scopes)
{
	unsigned int i;

	pp_say(out, " deny");
	for (i = PARLEY_DENY + 1; i < PARLEY_VERDICTS; i++)
		if (can & BIT(i))
			pp_say(out, ",%s", parley_policy_verdict[i]);
	if (!(can & ~PARLEY_CAN(DENY)) || !l->scope)
		return;
	for (i = 0; l->scope[i]; i++)
		if (scopes & BIT(i))
			pp_say(out, " %s", l->scope[i]);
}

static void pp_tell_op(struct pp_out *out, const struct parley_policy_language *l,
		       const struct parley_policy_op *op)
{
	const struct parley_policy_value *value;

	pp_say(out, "%s %s 0x%x 0x%x", op->dangerous ? "danger" : "op", op->name, op->number,
	       max(op->number, op->last));
	if (!op->field) {
		pp_tell_can(out, l, op->can, op->scopes);
		pp_say(out, "\n");
		return;
	}
	pp_say(out, " %s= 0x%x\n", op->field->name, op->field->status);
	for (value = op->field->value; value->name; value++) {
		pp_say(out, "value %s 0x%x", value->name, value->number);
		pp_tell_can(out, l, value->can, value->scopes);
		pp_say(out, "\n");
	}
}

/**
 * parley_policy_tell() - a language
 * @language: which
 * @buf: where it is written, with a NUL behind it
 * @size: how much can be, at least 1
 *
 * A line for each thing that has a name.  An operation ("op", or "danger") has its
 * numbers and, if it has no field, the verdicts that can be and their scopes; those of
 * one with a field stand behind each value.
 *
 * Context: any.
 * Return: how much was, without the NUL.
 */
size_t parley_policy_tell(const struct parley_policy_language *language, char *buf,
			  size_t size)
{
	struct pp_out out = { .buf = buf, .size = size };
	const struct parley_policy_status *status;
	const struct parley_policy_setting *setting;
	const struct parley_policy_set *set;
	const struct parley_policy_op *op;
	unsigned int i;

	pp_say(&out, "language %s\n", language->name);
	for (i = 0; language->scope && language->scope[i]; i++)
		pp_say(&out, "scope %s\n", language->scope[i]);
	for (status = language->status; status && status->name; status++)
		pp_say(&out, "status %s 0x%x\n", status->name, status->status);
	for (setting = language->setting; setting && setting->name; setting++)
		pp_say(&out, "setting %s %llu %llu %llu\n", setting->name, setting->least,
		       setting->most, setting->otherwise);
	for (set = language->set; set->name; set++) {
		pp_say(&out, "set %s %u 0x%x 0x%x\n", set->name, set->ops, set->status,
		       set->scope_status);
		for (op = set->op; op->name; op++)
			pp_tell_op(&out, language, op);
	}
	return out.len;
}
PARLEY_EXPORT(parley_policy_tell);
