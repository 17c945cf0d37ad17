// SPDX-License-Identifier: GPL-2.0-only
/*
 * From text to rules, each of which says something that there is in the language.
 * Whether it may be said, build.c knows.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/stdarg.h>
#include <linux/string.h>
#include "policy.h"

/* How much of a word is told in a reason, at most. */
#define PP_TOLD		32

/**
 * struct pp_text - where the parser is
 * @p: what it makes
 * @error: what it has to say
 * @line: the number of the line
 * @begun: the language was named
 * @ended: the end was
 */
struct pp_text {
	struct parley_policy *p;
	struct parley_policy_error *error;
	unsigned int line;
	bool begun;
	bool ended;
};

int parley_policy_wrong(struct parley_policy_error *error, unsigned int line,
			const char *reason, ...)
{
	va_list args;

	error->line = line;
	va_start(args, reason);
	vscnprintf(error->reason, sizeof(error->reason), reason, args);
	va_end(args);
	return -EINVAL;
}

#define PP_WRONG(t, reason, ...) \
	parley_policy_wrong((t)->error, (t)->line, reason, ##__VA_ARGS__)

/* What is wrong is a word. */
static int pp_word(struct pp_text *t, const char *what, const struct parley_policy_word *word)
{
	return PP_WRONG(t, "%s: %.*s", what, (int)min(word->len, PP_TOLD), word->at);
}

/* ------------------------------------------------------- statements */

static int pp_language(struct pp_text *t, const struct parley_policy_word *word,
		       unsigned int nr)
{
	const char *name = t->p->language->name;

	if (t->begun || nr != 2 || !parley_policy_is(&word[0], "language") ||
	    !parley_policy_is(&word[1], name))
		return PP_WRONG(t, "the first line, and no other, is: language %s", name);
	t->begun = true;
	return 0;
}

static int pp_setting(struct pp_text *t, const struct parley_policy_word *word,
		      unsigned int nr)
{
	const struct parley_policy_setting *s = t->p->language->setting;
	unsigned int i;
	u64 value;

	if (nr != 3)
		return PP_WRONG(t, "what is set has a name and a number");
	for (i = 0; s && s[i].name && !parley_policy_is(&word[1], s[i].name); i++)
		;
	if (!s || !s[i].name)
		return pp_word(t, "no such setting", &word[1]);
	if (t->p->chosen & BIT(i))
		return PP_WRONG(t, "%s is set already", s[i].name);
	if (!parley_policy_number(&word[2], &value))
		return pp_word(t, "not a number", &word[2]);
	if (value < s[i].least || value > s[i].most)
		return PP_WRONG(t, "%s is from %llu to %llu", s[i].name, s[i].least, s[i].most);
	t->p->chosen |= BIT(i);
	t->p->setting[i] = value;
	return 0;
}

/* ------------------------------------------------- the terms of a rule */

/* By name, by number, or from one number to another. */
static bool pp_operation(const struct parley_policy_set *set, struct parley_policy_word word,
			 struct parley_policy_rule *rule)
{
	struct parley_policy_word rest = word;
	const struct parley_policy_op *op;
	u64 first, last;

	for (op = set->op; op->name; op++) {
		if (!parley_policy_is(&word, op->name))
			continue;
		rule->first = op->number;
		rule->last = max(op->number, op->last);
		return true;
	}
	parley_policy_cut(&word, '-', &rest);
	if (!parley_policy_number(&word, &first) || !parley_policy_number(&rest, &last) ||
	    first > last || last >= set->ops)
		return false;
	rule->first = first;
	rule->last = last;
	return true;
}

static int pp_field(struct pp_text *t, const struct parley_policy_field *field,
		    const struct parley_policy_word *word, struct parley_policy_rule *rule)
{
	const struct parley_policy_value *value;
	u64 number;

	for (value = field->value; value->name; value++) {
		if (parley_policy_is(word, value->name)) {
			rule->value = value->number;
			return 0;
		}
	}
	if (!parley_policy_number(word, &number) || number >= PARLEY_POLICY_VALUES)
		return PP_WRONG(t, "no such %s: %.*s", field->name,
				(int)min(word->len, PP_TOLD), word->at);
	rule->value = number;
	return 0;
}

static int pp_scopes(struct pp_text *t, struct parley_policy_word word,
		     struct parley_policy_rule *rule)
{
	const char *const *scope = t->p->language->scope;
	struct parley_policy_word rest = word;
	unsigned int i;
	bool more;

	rule->scopes = 0;
	do {
		more = parley_policy_cut(&word, ',', &rest);
		for (i = 0; scope[i] && !parley_policy_is(&word, scope[i]); i++)
			;
		if (!scope[i])
			return pp_word(t, "no such scope", &word);
		if (rule->scopes & BIT(i))
			return pp_word(t, "said twice", &word);
		rule->scopes |= BIT(i);
		word = rest;
	} while (more);
	return 0;
}

static int pp_status(struct pp_text *t, const struct parley_policy_word *word,
		     struct parley_policy_rule *rule)
{
	const struct parley_policy_status *s = t->p->language->status;

	if (rule->verdict != PARLEY_DENY)
		return PP_WRONG(t, "only what is denied has a status");
	for (; s && s->name; s++) {
		if (parley_policy_is(word, s->name)) {
			rule->status = s->status;
			rule->said = true;
			return 0;
		}
	}
	return pp_word(t, "no such status", word);
}

static int pp_term(struct pp_text *t, struct parley_policy_word word,
		   struct parley_policy_rule *rule, unsigned int *said)
{
	enum { FIELD = 1, SCOPE = 2, STATUS = 4 };
	const struct parley_policy_set *set = &t->p->language->set[rule->set];
	const struct parley_policy_op *op = parley_policy_op(set, rule->first);
	struct parley_policy_word whole = word, what;
	unsigned int is = 0;

	if (parley_policy_cut(&word, '=', &what)) {
		if (parley_policy_is(&word, "status"))
			is = STATUS;
		else if (t->p->language->scope && parley_policy_is(&word, "scope"))
			is = SCOPE;
		else if (rule->first == rule->last && op && op->field &&
			 parley_policy_is(&word, op->field->name))
			is = FIELD;
	}
	if (!is)
		return pp_word(t, "not understood", &whole);
	if (*said & is)
		return pp_word(t, "said twice", &word);
	*said |= is;
	if (is == STATUS)
		return pp_status(t, &what, rule);
	if (is == SCOPE)
		return pp_scopes(t, what, rule);
	return pp_field(t, op->field, &what, rule);
}

/* What a denial says if the rule does not. */
static u16 pp_otherwise(const struct parley_policy_set *set,
			const struct parley_policy_rule *rule)
{
	const struct parley_policy_op *op = parley_policy_op(set, rule->first);

	return rule->value != PARLEY_POLICY_EACH ? op->field->status : set->status;
}

static int pp_rule(struct pp_text *t, const struct parley_policy_word *word, unsigned int nr)
{
	struct parley_policy *p = t->p;
	const struct parley_policy_set *set = p->language->set;
	struct parley_policy_rule rule = {
		.line = t->line,
		.value = PARLEY_POLICY_EACH,
		.scopes = BIT(parley_policy_scopes(p->language)) - 1,
	};
	unsigned int i, said = 0;
	int err = 0;

	while (rule.verdict < PARLEY_VERDICTS &&
	       !parley_policy_is(&word[0], parley_policy_verdict[rule.verdict]))
		rule.verdict++;
	if (rule.verdict == PARLEY_VERDICTS)
		return pp_word(t, "no such verdict", &word[0]);
	if (nr < 3)
		return PP_WRONG(t, "a rule has a verdict, a set and an operation");
	for (; set->name && !parley_policy_is(&word[1], set->name); set++)
		rule.set++;
	if (!set->name)
		return pp_word(t, "no such set", &word[1]);
	if (!pp_operation(set, word[2], &rule))
		return pp_word(t, "no such operation", &word[2]);
	for (i = 3; i < nr && !err; i++)
		err = pp_term(t, word[i], &rule, &said);
	if (err)
		return err;
	if (p->rules - p->own == PARLEY_POLICY_RULES)
		return PP_WRONG(t, "more than %u rules", PARLEY_POLICY_RULES);
	if (rule.verdict == PARLEY_DENY && !rule.said)
		rule.status = pp_otherwise(set, &rule);
	p->rule[p->rules++] = rule;
	return 0;
}

/* ------------------------------------------------------------ lines */

static int pp_line(struct pp_text *t, const char *line, size_t len)
{
	struct parley_policy_word word[PARLEY_POLICY_WORDS];
	unsigned int nr;
	size_t i;

	if (len > PARLEY_POLICY_LINE)
		return PP_WRONG(t, "more than %u characters", PARLEY_POLICY_LINE);
	for (i = 0; i < len; i++)
		if (line[i] != '\t' && (line[i] < ' ' || line[i] > '~'))
			return PP_WRONG(t, "a character that is not of plain text");
	nr = parley_policy_words(line, len, word);
	if (!nr)
		return 0;
	if (nr > PARLEY_POLICY_WORDS)
		return PP_WRONG(t, "more than %u words", PARLEY_POLICY_WORDS);
	if (t->ended)
		return PP_WRONG(t, "nothing comes after the end");
	if (!t->begun || parley_policy_is(&word[0], "language"))
		return pp_language(t, word, nr);
	if (parley_policy_is(&word[0], "set"))
		return pp_setting(t, word, nr);
	if (!parley_policy_is(&word[0], "end"))
		return pp_rule(t, word, nr);
	t->ended = true;
	return nr == 1 ? 0 : PP_WRONG(t, "nothing comes after the end");
}

/* As many rules as there can be in so many lines. */
static int pp_room(struct parley_policy *p, const char *text, size_t len)
{
	unsigned int nr = 1;
	size_t i;

	for (i = 0; i < len; i++)
		nr += text[i] == '\n';
	p->own = parley_policy_own(p, NULL);
	nr = min(nr, PARLEY_POLICY_RULES) + p->own;
	p->rule = kvcalloc(nr, sizeof(*p->rule), GFP_KERNEL);
	if (!p->rule)
		return -ENOMEM;
	p->rules = parley_policy_own(p, p->rule);
	return 0;
}

/* The text, into the rules and the settings of @p, which has its language. */
int parley_policy_parse(struct parley_policy *p, const char *text, size_t len,
			struct parley_policy_error *error)
{
	struct pp_text t = { .p = p, .error = error };
	const char *end;
	size_t line;
	int err;

	if (len > PARLEY_POLICY_TEXT)
		return PP_WRONG(&t, "more than %u bytes", PARLEY_POLICY_TEXT);
	err = pp_room(p, text, len);
	while (len && !err) {
		t.line++;
		end = memchr(text, '\n', len);
		line = end ? end - text : len;
		err = pp_line(&t, text, line);
		line += !!end;
		text += line;
		len -= line;
	}
	if (!err && !t.ended)
		err = PP_WRONG(&t, "there is no end: the last line is: end");
	return err;
}
