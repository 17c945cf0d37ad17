// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words of a line, and what they are in the language.
 */
#include <linux/ctype.h>
#include <linux/kstrtox.h>
#include <linux/string.h>
#include "policy.h"

/* Digits of the largest number, and 0x. */
#define PP_DIGITS	20

const char *const parley_policy_verdict[PARLEY_VERDICTS] = {
	[PARLEY_DENY] = "deny",
	[PARLEY_EMULATE] = "emulate",
	[PARLEY_REWRITE] = "rewrite",
	[PARLEY_ALLOW] = "allow",
};

static bool pp_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Up to PARLEY_POLICY_WORDS, or one more if there are too many: how many there are.
 * What is behind a "#" is none.
 */
unsigned int parley_policy_words(const char *line, size_t len,
				 struct parley_policy_word *word)
{
	unsigned int nr = 0;
	size_t i = 0, from;

	for (;;) {
		while (i < len && pp_blank(line[i]))
			i++;
		if (i == len || line[i] == '#')
			return nr;
		if (nr == PARLEY_POLICY_WORDS)
			return nr + 1;
		for (from = i; i < len && !pp_blank(line[i]) && line[i] != '#'; i++)
			;
		word[nr++] = (struct parley_policy_word) { line + from, i - from };
	}
}

bool parley_policy_is(const struct parley_policy_word *word, const char *name)
{
	return strlen(name) == word->len && !memcmp(word->at, name, word->len);
}

/* Cut it in two; whether @at was there. */
bool parley_policy_cut(struct parley_policy_word *word, char at,
		       struct parley_policy_word *rest)
{
	const char *here = memchr(word->at, at, word->len);

	if (!here)
		return false;
	rest->at = here + 1;
	rest->len = word->at + word->len - rest->at;
	word->len = here - word->at;
	return true;
}

/* Of digits, or of hexadecimal ones behind 0x; nothing else is a number. */
bool parley_policy_number(const struct parley_policy_word *word, u64 *value)
{
	char digits[PP_DIGITS + 1];
	bool hex = word->len > 2 && word->at[0] == '0' && word->at[1] == 'x';
	unsigned int i;

	if (!word->len || word->len > PP_DIGITS)
		return false;
	for (i = hex ? 2 : 0; i < word->len; i++)
		if (hex ? !isxdigit(word->at[i]) : !isdigit(word->at[i]))
			return false;
	memcpy(digits, word->at, word->len);
	digits[word->len] = '\0';
	return !kstrtoull(digits, hex ? 16 : 10, value);
}

/* ----------------------------------------------------- the language */

unsigned int parley_policy_sets(const struct parley_policy_language *l)
{
	unsigned int nr = 0;

	while (l->set[nr].name)
		nr++;
	return nr;
}

/* At least one, which need not have a name. */
unsigned int parley_policy_scopes(const struct parley_policy_language *l)
{
	unsigned int nr = 0;

	while (l->scope && l->scope[nr])
		nr++;
	return nr ?: 1;
}

unsigned int parley_policy_fields(const struct parley_policy_language *l)
{
	const struct parley_policy_set *set;
	const struct parley_policy_op *op;
	unsigned int nr = 0;

	for (set = l->set; set->name; set++)
		for (op = set->op; op->name; op++)
			nr += !!op->field;
	return nr;
}

const struct parley_policy_op *parley_policy_op(const struct parley_policy_set *set, u16 nr)
{
	const struct parley_policy_op *op;

	for (op = set->op; op->name; op++)
		if (nr == op->number || (nr > op->number && nr <= op->last))
			return op;
	return NULL;
}

const struct parley_policy_value *parley_policy_value(const struct parley_policy_op *op,
						      u16 nr)
{
	const struct parley_policy_value *value;

	for (value = op->field->value; value->name; value++)
		if (value->number == nr)
			return value;
	return NULL;
}
