// SPDX-License-Identifier: GPL-2.0-only
/*
 * From rules to tables.  Here is decided whether a rule may say what it says: each
 * cell that it fills is held against what the language permits there.
 */
#include <linux/overflow.h>
#include <linux/slab.h>
#include "policy.h"

/* ------------------------------------------------- the engine's own rules */

/* Fill them in, unless @rule is NULL; how many there are. */
unsigned int parley_policy_own(struct parley_policy *p, struct parley_policy_rule *rule)
{
	const struct parley_policy_language *l = p->language;
	const struct parley_policy_set *set;
	const struct parley_policy_op *op;
	unsigned int nr = 1 + 2 * parley_policy_sets(l);
	unsigned int i;

	if (!rule)
		return nr + parley_policy_fields(l);
	rule[0].status = l->set[0].status;
	for (i = 0; l->set[i].name; i++) {
		set = &l->set[i];
		rule[PARLEY_POLICY_NO_OP(i)].set = i;
		rule[PARLEY_POLICY_NO_OP(i)].status = set->status;
		rule[PARLEY_POLICY_NO_SCOPE(i)].set = i;
		rule[PARLEY_POLICY_NO_SCOPE(i)].status = set->scope_status;
		for (op = set->op; op->name; op++) {
			if (!op->field)
				continue;
			rule[nr].set = i;
			rule[nr].first = op->number;
			rule[nr].last = op->number;
			rule[nr++].status = op->field->status;
		}
	}
	return nr;
}

/* The number of the one for a field. */
unsigned int parley_policy_own_field(const struct parley_policy_language *l,
				     unsigned int set, const struct parley_policy_op *op)
{
	unsigned int nr = 1 + 2 * parley_policy_sets(l), i;
	const struct parley_policy_op *other;

	for (i = 0; i <= set; i++)
		for (other = l->set[i].op; other->name && other != op; other++)
			nr += !!other->field;
	return nr;
}

/* ------------------------------------------------------------ cells */

static unsigned int pp_values(const struct parley_policy_op *op)
{
	return op && op->field ? PARLEY_POLICY_VALUES : 1;
}

static void pp_place_one(struct parley_policy *p, unsigned int set, u32 number)
{
	struct parley_policy_place *place = &p->place[set][number];
	const struct parley_policy_op *op;

	op = parley_policy_op(&p->language->set[set], number);
	place->start = p->cells;
	place->values = pp_values(op);
	if (place->values > 1)
		place->beyond = parley_policy_own_field(p->language, set, op);
	p->cells += place->values * p->scopes;
}

/* Where each operation that a rule names has its cells, and how many there are. */
static void pp_place(struct parley_policy *p)
{
	const struct parley_policy_rule *rule;
	unsigned int i;
	u32 op;

	/* The first is nobody's: 0 says that an operation has none. */
	p->cells = 1;
	for (i = p->own; i < p->rules; i++) {
		rule = &p->rule[i];
		for (op = rule->first; op <= rule->last; op++)
			if (!p->place[rule->set][op].start)
				pp_place_one(p, rule->set, op);
	}
}

static int pp_tables(struct parley_policy *p)
{
	unsigned int i;

	for (i = 0; i < p->sets; i++) {
		p->place[i] = kvcalloc(p->language->set[i].ops, sizeof(*p->place[i]),
				       GFP_KERNEL);
		if (!p->place[i])
			return -ENOMEM;
	}
	pp_place(p);
	p->cell = kvcalloc(p->cells, sizeof(*p->cell), GFP_KERNEL);
	p->counts = __alloc_percpu(array_size(p->rules, sizeof(u64)), sizeof(u64));
	return p->cell && p->counts ? 0 : -ENOMEM;
}

/* What the language permits there. */
static bool pp_may(const struct parley_policy_op *op, unsigned int value,
		   unsigned int scope, unsigned int verdict)
{
	const struct parley_policy_value *of;
	unsigned int can, scopes;

	if (verdict == PARLEY_DENY)
		return true;
	if (!op)
		return false;
	can = op->can;
	scopes = op->scopes;
	if (op->field) {
		of = parley_policy_value(op, value);
		can = of ? of->can : 0;
		scopes = of ? of->scopes : 0;
	}
	return (can & BIT(verdict)) && (scopes & BIT(scope));
}

/* A rule's cells of one operation; how many it may have, and how many not. */
static int pp_fill(struct parley_policy *p, u16 nr, u16 number, unsigned int *may,
		   unsigned int *not, struct parley_policy_error *error)
{
	const struct parley_policy_rule *rule = &p->rule[nr];
	const struct parley_policy_place *place = &p->place[rule->set][number];
	const struct parley_policy_op *op;
	unsigned int value, scope;
	u16 *cell;

	op = parley_policy_op(&p->language->set[rule->set], number);
	for (value = 0; value < place->values; value++) {
		if (rule->value != PARLEY_POLICY_EACH && rule->value != value)
			continue;
		for (scope = 0; scope < p->scopes; scope++) {
			if (!(rule->scopes & BIT(scope)))
				continue;
			if (!pp_may(op, value, scope, rule->verdict)) {
				(*not)++;
				continue;
			}
			(*may)++;
			cell = &p->cell[place->start + value * p->scopes + scope];
			if (*cell)
				return parley_policy_wrong(error, rule->line,
							   "line %u says it already",
							   p->rule[*cell].line);
			*cell = nr;
		}
	}
	return 0;
}

static int pp_apply(struct parley_policy *p, u16 nr, struct parley_policy_error *error)
{
	const struct parley_policy_rule *rule = &p->rule[nr];
	const char *verdict = parley_policy_verdict[rule->verdict];
	const char *set = p->language->set[rule->set].name;
	unsigned int may = 0, not = 0;
	int err = 0;
	u32 op;

	for (op = rule->first; op <= rule->last && !err; op++)
		err = pp_fill(p, nr, op, &may, &not, error);
	if (err || !not)
		return err;
	return parley_policy_wrong(error, rule->line, may ?
				   "there is no way to %s each of it: say of %s which" :
				   "there is no way to %s that of %s", verdict, set);
}

/* ---------------------------------------------- what no rule names */

static void pp_rest_of(struct parley_policy *p, unsigned int set,
		       const struct parley_policy_place *place)
{
	u16 *cell = &p->cell[place->start], otherwise;
	unsigned int value, scope;
	bool named;

	for (value = 0; value < place->values; value++, cell += p->scopes) {
		named = place->values == 1;
		for (scope = 0; scope < p->scopes; scope++)
			named |= cell[scope];
		otherwise = named ? PARLEY_POLICY_NO_SCOPE(set) : place->beyond;
		for (scope = 0; scope < p->scopes; scope++)
			cell[scope] = cell[scope] ?: otherwise;
	}
}

static void pp_rest(struct parley_policy *p)
{
	unsigned int set;
	u32 op;

	for (set = 0; set < p->sets; set++)
		for (op = 0; op < p->language->set[set].ops; op++)
			if (p->place[set][op].start)
				pp_rest_of(p, set, &p->place[set][op]);
}

/* The tables of a policy that has its rules. */
int parley_policy_build(struct parley_policy *p, struct parley_policy_error *error)
{
	int err = pp_tables(p);
	unsigned int i;

	for (i = p->own; i < p->rules && !err; i++)
		err = pp_apply(p, i, error);
	if (!err)
		pp_rest(p);
	return err;
}
