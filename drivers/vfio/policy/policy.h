/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The policy engine: what its files share.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	home.c		the policy of those that come next, and its files in sysfs
 *	ask.c		verdicts, and what is written down of them
 *	load.c		from text to a policy
 *	build.c		from rules to tables
 *	parse.c		from text to rules
 *	show.c		from a policy, or a language, to text
 *	words.c		words of a line, and what they are in the language
 *
 * A question finds its answer in two steps, whatever there is: the operation's place
 * in the table of its set, and there a cell for each value of its field and each scope.
 *
 *	set -> place[op] -> cell[start + value * scopes + scope] -> rule
 *
 * A cell that no rule names holds one of the engine's own, so that what was denied for
 * want of a rule is counted as well: for each set one for operations and one for scopes,
 * for each field one for its values.  Rule 0 is for sets that there are not.
 *
 * Locks: none but home.c's, which is a leaf.  What a policy is does not change between
 * parley_policy_load() and the last parley_policy_put(); counters are of each processor.
 */
#ifndef _PARLEY_POLICY_PRIVATE_H
#define _PARLEY_POLICY_PRIVATE_H

#include <linux/kref.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <parley/policy.h>

#define PARLEY_POLICY_EACH	(-1)

/**
 * struct parley_policy_rule - a rule
 * @verdict: what becomes of what it names
 * @status: of a denial
 * @said: the status stands in the text
 * @line: where; 0 if it is the engine's own
 * @set: which set
 * @first: operations
 * @last: the same
 * @value: of the field, or PARLEY_POLICY_EACH
 * @scopes: a bit for each
 */
struct parley_policy_rule {
	u8 verdict;
	u16 status;
	bool said;
	u16 line;
	u16 set;
	u16 first;
	u16 last;
	int value;
	u8 scopes;
};

/* Where those of the engine's own of a set are; rule 0 is for what has no set. */
#define PARLEY_POLICY_NO_OP(set)	(1 + 2 * (set))
#define PARLEY_POLICY_NO_SCOPE(set)	(2 + 2 * (set))

/**
 * struct parley_policy_place - where an operation has its cells
 * @start: the first; 0: no rule names it
 * @values: of its field; 1 if it has none
 * @beyond: the rule for a value that is larger
 */
struct parley_policy_place {
	u32 start;
	u16 values;
	u16 beyond;
};

/**
 * struct parley_policy - a policy
 * @language: its words
 * @sets: how many it has
 * @scopes: the same
 * @ref: references
 * @setting: as chosen, or as the language has it
 * @chosen: a bit for each that the text says
 * @own: rules of the engine's own, which come first
 * @rules: all
 * @rule: these
 * @place: of each set, of each operation
 * @cells: how many there are
 * @cell: numbers of rules
 * @counts: how often each rule held
 * @limit: of lines in the log
 */
struct parley_policy {
	const struct parley_policy_language *language;
	unsigned int sets;
	unsigned int scopes;
	struct kref ref;
	u64 setting[PARLEY_POLICY_SETTINGS];
	u32 chosen;
	unsigned int own;
	unsigned int rules;
	struct parley_policy_rule *rule;
	struct parley_policy_place *place[PARLEY_POLICY_SETS];
	u32 cells;
	u16 *cell;
	u64 __percpu *counts;
	struct ratelimit_state limit;
};

/**
 * struct parley_policy_word - a word of the text, which has no end of its own
 * @at: where
 * @len: how long
 */
struct parley_policy_word {
	const char *at;
	unsigned int len;
};

/* words.c */
extern const char *const parley_policy_verdict[PARLEY_VERDICTS];
unsigned int parley_policy_words(const char *line, size_t len,
				 struct parley_policy_word *word);
bool parley_policy_is(const struct parley_policy_word *word, const char *name);
bool parley_policy_cut(struct parley_policy_word *word, char at,
		       struct parley_policy_word *rest);
bool parley_policy_number(const struct parley_policy_word *word, u64 *value);
unsigned int parley_policy_sets(const struct parley_policy_language *l);
unsigned int parley_policy_scopes(const struct parley_policy_language *l);
unsigned int parley_policy_fields(const struct parley_policy_language *l);
const struct parley_policy_op *parley_policy_op(const struct parley_policy_set *set, u16 op);
const struct parley_policy_value *parley_policy_value(const struct parley_policy_op *op,
						      u16 value);

/* parse.c */
int parley_policy_parse(struct parley_policy *p, const char *text, size_t len,
			struct parley_policy_error *error);
int parley_policy_wrong(struct parley_policy_error *error, unsigned int line,
			const char *reason, ...) __printf(3, 4);

/* build.c */
unsigned int parley_policy_own(struct parley_policy *p, struct parley_policy_rule *rule);
unsigned int parley_policy_own_field(const struct parley_policy_language *l,
				     unsigned int set, const struct parley_policy_op *op);
int parley_policy_build(struct parley_policy *p, struct parley_policy_error *error);

#endif /* _PARLEY_POLICY_PRIVATE_H */
