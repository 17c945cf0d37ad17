// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy engine: what is no policy, and what a policy says.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include "words.h"

static struct parley_policy *load(struct kunit *test, const char *text)
{
	struct parley_policy_error error;
	struct parley_policy *p = parley_policy_load(&words_language, text, strlen(text),
						     &error);

	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(p), "line %u: %s", error.line, error.reason);
	KUNIT_EXPECT_STREQ(test, "", error.reason);
	return p;
}

static void expect(struct kunit *test, struct parley_policy *p, unsigned int set, u32 op,
		   u32 field, unsigned int scope, unsigned int verdict, u16 status)
{
	struct parley_policy_key key = { set, scope, op, field };
	struct parley_policy_answer looked = parley_policy_look(p, &key);
	struct parley_policy_answer asked = parley_policy_ask(p, "a test", &key);

	KUNIT_EXPECT_EQ_MSG(test, verdict, asked.verdict, "set %u op %u field %u scope %u",
			    set, op, field, scope);
	KUNIT_EXPECT_EQ(test, status, asked.status);
	KUNIT_EXPECT_EQ(test, looked.verdict, asked.verdict);
	KUNIT_EXPECT_EQ(test, looked.status, asked.status);
}

/* ----------------------------------------------------- what is none */

struct fault {
	const char *name;
	const char *text;
	unsigned int line;
	const char *reason;
};

#define L	"language words\n"
#define E	"end\n"
#define BEGIN	"the first line, and no other, is: language words"
#define W20	"01234567890123456789"
#define W100	W20 W20 W20 W20 W20

static const struct fault faults[] = {
	{ "nothing", "", 0, "there is no end: the last line is: end" },
	{ "only comments", "# this\n\n \t\n", 3, "there is no end: the last line is: end" },
	{ "no language", E, 1, BEGIN },
	{ "another language", "language deeds\n" E, 1, BEGIN },
	{ "part of its name", "language word\n" E, 1, BEGIN },
	{ "more than its name", "language words2\n" E, 1, BEGIN },
	{ "language of three words", "language words words\n" E, 1, BEGIN },
	{ "language without a name", "language\n" E, 1, BEGIN },
	{ "language again", L L E, 2, BEGIN },
	{ "no end", L "allow mill grind\n", 2, "there is no end: the last line is: end" },
	{ "half an end", L "en", 2, "no such verdict: en" },
	{ "end with more", L "end of it\n", 2, "nothing comes after the end" },
	{ "behind the end", L E "\n# fine\nallow mill grind\n", 5,
	  "nothing comes after the end" },
	{ "end again", L E E, 3, "nothing comes after the end" },
	{ "a line too long", L "#" W100 W100 "\n" E, 2, "more than 200 characters" },
	{ "too many words", L "a b c d e f g h i\n" E, 2, "more than 8 words" },
	{ "a byte of 8 bits", L "# \xc3\xa4\n" E, 2,
	  "a character that is not of plain text" },
	{ "a carriage return", "language words\r\n" E, 1,
	  "a character that is not of plain text" },
	{ "delete", L "\x7f\n" E, 2, "a character that is not of plain text" },
	{ "no verdict", L "permit mill grind\n" E, 2, "no such verdict: permit" },
	{ "a long word", L W20 W20 "\n" E, 2,
	  "no such verdict: 01234567890123456789012345678901" },
	{ "two words", L "deny mill\n" E, 2, "a rule has a verdict, a set and an operation" },
	{ "no set", L "deny kiln 1\n" E, 2, "no such set: kiln" },
	{ "no operation", L "deny mill sing\n" E, 2, "no such operation: sing" },
	{ "of another set", L "deny mill swim\n" E, 2, "no such operation: swim" },
	{ "number beyond", L "deny mill 64\n" E, 2, "no such operation: 64" },
	{ "number of too many bits", L "deny mill 0x10000000000000001\n" E, 2,
	  "no such operation: 0x10000000000000001" },
	{ "negative", L "deny mill -1\n" E, 2, "no such operation: -1" },
	{ "backwards", L "deny mill 3-2\n" E, 2, "no such operation: 3-2" },
	{ "range beyond", L "deny mill 0-64\n" E, 2, "no such operation: 0-64" },
	{ "half a range", L "deny mill 3-\n" E, 2, "no such operation: 3-" },
	{ "just 0x", L "deny mill 0x\n" E, 2, "no such operation: 0x" },
	{ "octal is none", L "deny mill 0o7\n" E, 2, "no such operation: 0o7" },
	{ "field of none", L "allow mill grind size=small\n" E, 2,
	  "not understood: size=small" },
	{ "field of several", L "deny mill 2-3 size=small\n" E, 2,
	  "not understood: size=small" },
	{ "field of the first of several", L "deny mill 3-4 size=small\n" E, 2,
	  "not understood: size=small" },
	{ "field by another name", L "deny mill bake form=small\n" E, 2,
	  "not understood: form=small" },
	{ "a word alone", L "deny mill bake small\n" E, 2, "not understood: small" },
	{ "no value", L "deny mill bake size=tiny\n" E, 2, "no such size: tiny" },
	{ "value beyond", L "deny mill bake size=256\n" E, 2, "no such size: 256" },
	{ "empty value", L "deny mill bake size=\n" E, 2, "no such size: " },
	{ "field twice", L "deny mill bake size=small size=large\n" E, 2,
	  "said twice: size" },
	{ "no scope", L "deny mill grind scope=theirs\n" E, 2, "no such scope: theirs" },
	{ "empty scope", L "deny mill grind scope=mine,\n" E, 2, "no such scope: " },
	{ "scope twice", L "deny mill grind scope=mine,mine\n" E, 2, "said twice: mine" },
	{ "scopes twice", L "deny mill grind scope=mine scope=yours\n" E, 2,
	  "said twice: scope" },
	{ "no status", L "deny mill grind status=ajar\n" E, 2, "no such status: ajar" },
	{ "status of what may", L "allow mill grind status=closed\n" E, 2,
	  "only what is denied has a status" },
	{ "status twice", L "deny mill grind status=shut status=shut\n" E, 2,
	  "said twice: status" },
	{ "no setting", L "set height 1\n" E, 2, "no such setting: height" },
	{ "setting without number", L "set depth\n" E, 2,
	  "what is set has a name and a number" },
	{ "setting with two", L "set depth 3 4\n" E, 2,
	  "what is set has a name and a number" },
	{ "setting of a word", L "set depth deep\n" E, 2, "not a number: deep" },
	{ "setting too small", L "set depth 1\n" E, 2, "depth is from 2 to 10" },
	{ "setting too large", L "set depth 11\n" E, 2, "depth is from 2 to 10" },
	{ "setting of 65 bits", L "set width 18446744073709551616\n" E, 2,
	  "not a number: 18446744073709551616" },
	{ "setting of 40 digits", L "set width " W20 W20 "\n" E, 2,
	  "not a number: 01234567890123456789012345678901" },
	{ "setting twice", L "set depth 3\nset depth 3\n" E, 3, "depth is set already" },
	{ "more than it can", L "allow mill sieve scope=mine\n" E, 2,
	  "there is no way to allow that of mill" },
	{ "in a scope where not", L "emulate mill sieve scope=yours\n" E, 2,
	  "there is no way to emulate that of mill" },
	{ "in each scope", L "emulate mill sieve\n" E, 2,
	  "there is no way to emulate each of it: say of mill which" },
	{ "each value", L "allow mill bake\n" E, 2,
	  "there is no way to allow each of it: say of mill which" },
	{ "a value without a name", L "allow mill bake size=3\n" E, 2,
	  "there is no way to allow that of mill" },
	{ "what is only denied", L "emulate mill burn\n" E, 2,
	  "there is no way to emulate that of mill" },
	{ "what has no name", L "allow mill 9\n" E, 2, "there is no way to allow that of mill" },
	{ "all there are", L "allow mill 0-63\n" E, 2,
	  "there is no way to allow each of it: say of mill which" },
	{ "twice", L "allow mill grind\n\nallow mill grind\n" E, 4, "line 2 says it already" },
	{ "in part", L "deny mill 0-63\nallow mill grind scope=mine\n" E, 3,
	  "line 2 says it already" },
	{ "a value, then each", L "deny mill bake size=9\ndeny mill bake\n" E, 3,
	  "line 2 says it already" },
};

static void fault_name(const struct fault *fault, char *name)
{
	strscpy(name, fault->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fault, faults, fault_name);

static void a_fault_has_its_line_and_reason(struct kunit *test)
{
	const struct fault *fault = test->param_value;
	struct parley_policy_error error;
	struct parley_policy *p = parley_policy_load(&words_language, fault->text,
						     strlen(fault->text), &error);

	KUNIT_ASSERT_TRUE(test, IS_ERR(p));
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(p));
	KUNIT_EXPECT_EQ(test, fault->line, error.line);
	KUNIT_EXPECT_STREQ(test, fault->reason, error.reason);
}

static void a_zero_byte_is_no_end_of_the_text(struct kunit *test)
{
	static const char text[] = L E "\0allow";
	struct parley_policy_error error;
	struct parley_policy *p;

	p = parley_policy_load(&words_language, text, sizeof(text) - 1, &error);
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(p));
	KUNIT_EXPECT_EQ(test, 3, error.line);
}

/* ----------------------------------------------------------- bounds */

/* From one to the other, with empty lines between them. */
static char *long_text(struct kunit *test, size_t len, const char *head, const char *tail)
{
	char *text = kunit_kmalloc(test, len + 1, GFP_KERNEL);
	size_t at;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (at = 0; at < len; at++)
		text[at] = at % 64 ? ' ' : '\n';
	memcpy(text, head, strlen(head));
	memcpy(text + len - strlen(tail), tail, strlen(tail));
	text[len] = '\0';
	return text;
}

static void bytes_are_bounded(struct kunit *test)
{
	char *text = long_text(test, PARLEY_POLICY_TEXT + 1, L, "\n" E);
	struct parley_policy_error error;
	struct parley_policy *p;

	p = parley_policy_load(&words_language, text, PARLEY_POLICY_TEXT + 1, &error);
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(p));
	KUNIT_EXPECT_EQ(test, 0, error.line);
	KUNIT_EXPECT_STREQ(test, "more than 32768 bytes", error.reason);
	text = long_text(test, PARLEY_POLICY_TEXT, L, "\n" E);
	parley_policy_put(load(test, text));
}

static void characters_and_words_are_bounded(struct kunit *test)
{
	/* 200 of them. */
	parley_policy_put(load(test, L "#" W100 W20 W20 W20 W20 "0123456789012345678\n" E));
	parley_policy_put(load(test, L "deny mill grind scope=mine status=shut # g h i\n" E));
	parley_policy_put(load(test, L "\t deny\tmill  grind\tscope=mine#x\n" E));
}

static void rules_are_bounded(struct kunit *test)
{
	size_t size = PARLEY_POLICY_TEXT, len;
	char *text = kunit_kzalloc(test, size, GFP_KERNEL);
	struct parley_policy_error error;
	struct parley_policy *p;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	len = scnprintf(text, size, L);
	/* Of two operations each value, in each scope by itself. */
	for (i = 0; i < PARLEY_POLICY_RULES; i++)
		len += scnprintf(text + len, size - len, "deny mill bake size=%u scope=%s\n",
				 i / 2, i % 2 ? "mine" : "yours");
	len += scnprintf(text + len, size - len, E);
	parley_policy_put(load(test, text));
	len -= strlen(E);
	scnprintf(text + len, size - len, "allow mill grind\n" E);
	p = parley_policy_load(&words_language, text, strlen(text), &error);
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(p));
	KUNIT_EXPECT_EQ(test, PARLEY_POLICY_RULES + 2, error.line);
	KUNIT_EXPECT_STREQ(test, "more than 512 rules", error.reason);
}

static void settings_have_both_ends(struct kunit *test)
{
	struct parley_policy *p = load(test, L E);

	KUNIT_EXPECT_EQ(test, 5, parley_policy_setting(p, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_policy_setting(p, 1));
	KUNIT_EXPECT_EQ(test, 0, parley_policy_setting(p, 2));
	KUNIT_EXPECT_EQ(test, 0, parley_policy_setting(p, PARLEY_POLICY_SETTINGS));
	parley_policy_put(p);
	p = load(test, L "set depth 2\nset width 18446744073709551615\n" E);
	KUNIT_EXPECT_EQ(test, 2, parley_policy_setting(p, 0));
	KUNIT_EXPECT_EQ(test, U64_MAX, parley_policy_setting(p, 1));
	parley_policy_put(p);
	p = load(test, L "set depth 0xa\n" E);
	KUNIT_EXPECT_EQ(test, 10, parley_policy_setting(p, 0));
	parley_policy_put(p);
}

/* --------------------------------------------------------- verdicts */

static const char whole[] = L
	"set depth 7\n"
	"allow mill grind\n"
	"rewrite mill sieve scope=mine\n"
	"allow mill bake size=small scope=yours\n"
	"emulate mill bake size=small scope=mine\n"
	"rewrite mill bake size=large scope=mine\n"
	"deny mill bake size=0x9 status=closed\n"
	"deny mill burn status=closed\n"
	"deny mill break\n"
	"deny mill 0x30-0x3f\n"
	"allow pond swim scope=mine\n"
	E;

static void each_verdict_is_where_it_was_said(struct kunit *test)
{
	struct parley_policy *p = load(test, whole);
	unsigned int i;

	expect(test, p, WORDS_MILL, 1, 77, WORDS_MINE, PARLEY_ALLOW, 0);
	expect(test, p, WORDS_MILL, 1, 0, WORDS_YOURS, PARLEY_ALLOW, 0);
	expect(test, p, WORDS_MILL, 2, 0, WORDS_MINE, PARLEY_REWRITE, 0);
	expect(test, p, WORDS_MILL, 2, 0, WORDS_YOURS, PARLEY_DENY, WORDS_NO_SCOPE);
	expect(test, p, WORDS_MILL, 3, 1, WORDS_YOURS, PARLEY_ALLOW, 0);
	expect(test, p, WORDS_MILL, 3, 1, WORDS_MINE, PARLEY_EMULATE, 0);
	expect(test, p, WORDS_MILL, 3, 2, WORDS_MINE, PARLEY_REWRITE, 0);
	expect(test, p, WORDS_MILL, 3, 2, WORDS_YOURS, PARLEY_DENY, WORDS_NO_SCOPE);
	expect(test, p, WORDS_MILL, 3, 9, WORDS_YOURS, PARLEY_DENY, WORDS_CLOSED);
	expect(test, p, WORDS_MILL, 3, 255, WORDS_MINE, PARLEY_DENY, WORDS_NO_SIZE);
	expect(test, p, WORDS_MILL, 3, 256, WORDS_MINE, PARLEY_DENY, WORDS_NO_SIZE);
	expect(test, p, WORDS_MILL, 3, U32_MAX, WORDS_MINE, PARLEY_DENY, WORDS_NO_SIZE);
	expect(test, p, WORDS_MILL, 4, 0, WORDS_MINE, PARLEY_DENY, WORDS_CLOSED);
	for (i = 5; i < WORDS_OPS; i++)
		expect(test, p, WORDS_MILL, i, 0, WORDS_MINE, PARLEY_DENY, WORDS_NO_OP);
	expect(test, p, WORDS_POND, 0, 0, WORDS_MINE, PARLEY_ALLOW, 0);
	expect(test, p, WORDS_POND, 0, 0, WORDS_YOURS, PARLEY_DENY, WORDS_NO_POND_SCOPE);
	expect(test, p, WORDS_POND, 63, 1, WORDS_MINE, PARLEY_DENY, WORDS_NO_POND_OP);
	parley_policy_put(p);
}

static void what_there_is_not_is_denied(struct kunit *test)
{
	struct parley_policy *p = load(test, whole);

	expect(test, p, WORDS_MILL, WORDS_OPS, 0, 0, PARLEY_DENY, WORDS_NO_OP);
	expect(test, p, WORDS_MILL, U32_MAX, 0, 0, PARLEY_DENY, WORDS_NO_OP);
	expect(test, p, WORDS_MILL, 1, 0, 2, PARLEY_DENY, WORDS_NO_SCOPE);
	expect(test, p, WORDS_MILL, 3, 1, UINT_MAX, PARLEY_DENY, WORDS_NO_SCOPE);
	expect(test, p, 2, 1, 0, 0, PARLEY_DENY, WORDS_NO_OP);
	expect(test, p, UINT_MAX, 1, 0, 0, PARLEY_DENY, WORDS_NO_OP);
	parley_policy_put(p);
}

static void who_allows_nothing_gets_nothing(struct kunit *test)
{
	struct parley_policy *p = load(test, L E);
	unsigned int set, op;

	for (set = WORDS_MILL; set <= WORDS_POND; set++)
		for (op = 0; op < WORDS_OPS; op++)
			expect(test, p, set, op, 1, WORDS_MINE, PARLEY_DENY,
			       set ? WORDS_NO_POND_OP : WORDS_NO_OP);
	parley_policy_put(p);
}

static void a_language_need_not_have_all(struct kunit *test)
{
	static const char text[] = "language bare\nallow only go\nend";
	static const char scope[] = "language bare\nallow only go scope=own\nend";
	static const char status[] = "language bare\ndeny only go status=none\nend";
	static const char set[] = "language bare\nset nothing 1\nend";
	struct parley_policy_error error;
	struct parley_policy *p;
	char shown[64];

	p = parley_policy_load(&words_bare, text, strlen(text), &error);
	KUNIT_ASSERT_FALSE(test, IS_ERR(p));
	expect(test, p, 0, 0, 0, 0, PARLEY_ALLOW, 0);
	expect(test, p, 0, 0, 0, 1, PARLEY_DENY, WORDS_NO_SCOPE);
	parley_policy_show(p, shown, sizeof(shown));
	KUNIT_EXPECT_STREQ(test, "language bare\nallow only go\nend\n", shown);
	parley_policy_put(p);
	p = parley_policy_load(&words_bare, scope, strlen(scope), &error);
	KUNIT_EXPECT_TRUE(test, IS_ERR(p));
	KUNIT_EXPECT_STREQ(test, "not understood: scope=own", error.reason);
	p = parley_policy_load(&words_bare, status, strlen(status), &error);
	KUNIT_EXPECT_TRUE(test, IS_ERR(p));
	KUNIT_EXPECT_STREQ(test, "no such status: none", error.reason);
	p = parley_policy_load(&words_bare, set, strlen(set), &error);
	KUNIT_EXPECT_TRUE(test, IS_ERR(p));
	KUNIT_EXPECT_STREQ(test, "no such setting: nothing", error.reason);
}

static void a_reference_keeps_it(struct kunit *test)
{
	struct parley_policy *p = load(test, whole);

	KUNIT_EXPECT_PTR_EQ(test, p, parley_policy_get(p));
	parley_policy_put(p);
	expect(test, p, WORDS_MILL, 1, 0, WORDS_MINE, PARLEY_ALLOW, 0);
	parley_policy_put(p);
	parley_policy_put(NULL);
}

/* ---------------------------------------------------------- in words */

static void the_normal_form_is_itself(struct kunit *test)
{
	char *shown = kunit_kzalloc(test, 2048, GFP_KERNEL);
	struct parley_policy *p;

	KUNIT_ASSERT_NOT_NULL(test, shown);
	p = load(test, "# first\n\nlanguage   words\nset depth 0x7 # deep\n"
		 "allow mill 1\nrewrite mill 0x2 scope=mine\n"
		 "allow mill 3 size=1 scope=yours\nemulate mill bake scope=mine size=small\n"
		 "rewrite mill bake size=large scope=mine\n"
		 "deny mill bake status=shut size=9 scope=yours,mine\n"
		 "deny mill burn status=closed\ndeny mill 32-47\ndeny mill 48-63\n"
		 "allow pond 0 scope=mine\nend");
	KUNIT_EXPECT_EQ(test, strlen(whole), parley_policy_show(p, shown, 2048));
	KUNIT_EXPECT_STREQ(test, whole, shown);
	parley_policy_put(p);
	p = load(test, shown);
	parley_policy_show(p, shown, 2048);
	KUNIT_EXPECT_STREQ(test, whole, shown);
	/* No more than there is room for. */
	shown[20] = 'x';
	KUNIT_EXPECT_EQ(test, 19, parley_policy_show(p, shown, 20));
	KUNIT_EXPECT_EQ(test, '\0', shown[19]);
	KUNIT_EXPECT_EQ(test, 'x', shown[20]);
	parley_policy_put(p);
}

static void each_rule_is_counted(struct kunit *test)
{
	struct parley_policy *p = load(test, L "allow mill grind\ndeny mill burn\n" E);
	char *text = kunit_kzalloc(test, 4096, GFP_KERNEL);
	struct parley_policy_key key = { WORDS_MILL, WORDS_MINE, 1, 0 };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	for (i = 0; i < 3; i++)
		parley_policy_ask(p, "a test", &key);
	parley_policy_look(p, &key);
	key.op = 4;
	parley_policy_ask(p, "a test", &key);
	key.op = 9;
	parley_policy_ask(p, "a test", &key);
	key.set = WORDS_POND;
	parley_policy_ask(p, "a test", &key);
	parley_policy_audit(p, text, 4096);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 3     2 allow mill grind\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     3 deny mill burn\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     0 deny mill -\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     0 deny pond -\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 0     0 deny mill bake size=-\n"));
	parley_policy_put(p);
}

static void what_no_rule_names_is_counted(struct kunit *test)
{
	struct parley_policy *p = load(test, whole);
	char *text = kunit_kzalloc(test, 4096, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	expect(test, p, WORDS_MILL, 3, 77, WORDS_MINE, PARLEY_DENY, WORDS_NO_SIZE);
	expect(test, p, WORDS_MILL, 3, 2, WORDS_YOURS, PARLEY_DENY, WORDS_NO_SCOPE);
	expect(test, p, 9, 3, 2, WORDS_YOURS, PARLEY_DENY, WORDS_NO_OP);
	parley_policy_audit(p, text, 4096);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     0 deny mill bake size=-\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     0 deny mill - scope=-\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     0 deny -\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 0     0 deny pond dive size=-\n"));
	parley_policy_put(p);
}

static void a_language_is_told(struct kunit *test)
{
	static const char told[] = "language words\nscope mine\nscope yours\n"
		"status closed 0xd\nstatus shut 0xd\n"
		"setting depth 2 10 5\nsetting width 0 18446744073709551615 0\n"
		"set mill 64 0xa 0xb\n"
		"op grind 0x1 0x1 deny,allow mine yours\n"
		"op sieve 0x2 0x2 deny,emulate,rewrite mine\n"
		"op bake 0x3 0x3 size= 0xc\n"
		"value small 0x1 deny,emulate,allow mine yours\n"
		"value large 0x2 deny,rewrite mine\n"
		"value huge 0xff deny\n"
		"danger burn 0x4 0x4 deny\n"
		"danger break 0x20 0x2f deny\n"
		"set pond 64 0xe 0xf\n"
		"op swim 0x0 0x0 deny,allow mine yours\n"
		"op dive 0x3f 0x3f size= 0xc\n"
		"value small 0x1 deny,emulate,allow mine yours\n"
		"value large 0x2 deny,rewrite mine\n"
		"value huge 0xff deny\n";
	char *text = kunit_kzalloc(test, 2048, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_EQ(test, strlen(told), parley_policy_tell(&words_language, text, 2048));
	KUNIT_EXPECT_STREQ(test, told, text);
}

/* ---------------------------------------------------------- garbage */

#define GARBAGE_ROUNDS	4000

/* Bytes of a good text are altered, taken out and put in: all that matters is the end. */
static void garbage_is_survived(struct kunit *test)
{
	struct parley_policy_error error;
	struct rnd_state rnd;
	size_t len, at;
	unsigned int i, n, good = 0;
	struct parley_policy *p;
	char *text = kunit_kzalloc(test, sizeof(whole), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	prandom_seed_state(&rnd, 0x7061726c6579);
	for (i = 0; i < GARBAGE_ROUNDS; i++) {
		memcpy(text, whole, sizeof(whole));
		len = sizeof(whole) - 1;
		for (n = prandom_u32_state(&rnd) % 4; n; n--) {
			at = prandom_u32_state(&rnd) % len;
			switch (prandom_u32_state(&rnd) % 3) {
			case 0:
				text[at] = prandom_u32_state(&rnd);
				break;
			case 1:
				memmove(text + at, text + at + 1, len - at - 1);
				len--;
				break;
			case 2:
				text[at] = text[prandom_u32_state(&rnd) % len];
				break;
			}
		}
		p = parley_policy_load(&words_language, text, len, &error);
		if (!IS_ERR(p)) {
			good++;
			parley_policy_put(p);
			continue;
		}
		KUNIT_ASSERT_EQ(test, -EINVAL, PTR_ERR(p));
		KUNIT_ASSERT_NE(test, '\0', error.reason[0]);
	}
	/* Some were not altered, some only in a way that does not matter; not all. */
	KUNIT_EXPECT_GT(test, good, GARBAGE_ROUNDS / 8);
	KUNIT_EXPECT_LT(test, good, GARBAGE_ROUNDS / 2);
}

static struct kunit_case policy_cases[] = {
	KUNIT_CASE_PARAM(a_fault_has_its_line_and_reason, fault_gen_params),
	KUNIT_CASE(a_zero_byte_is_no_end_of_the_text),
	KUNIT_CASE(bytes_are_bounded),
	KUNIT_CASE(characters_and_words_are_bounded),
	KUNIT_CASE(rules_are_bounded),
	KUNIT_CASE(settings_have_both_ends),
	KUNIT_CASE(each_verdict_is_where_it_was_said),
	KUNIT_CASE(what_there_is_not_is_denied),
	KUNIT_CASE(who_allows_nothing_gets_nothing),
	KUNIT_CASE(a_language_need_not_have_all),
	KUNIT_CASE(a_reference_keeps_it),
	KUNIT_CASE(the_normal_form_is_itself),
	KUNIT_CASE(each_rule_is_counted),
	KUNIT_CASE(what_no_rule_names_is_counted),
	KUNIT_CASE(a_language_is_told),
	KUNIT_CASE(garbage_is_survived),
	{}
};

static struct kunit_suite policy_suite = {
	.name = "parley_policy",
	.test_cases = policy_cases,
};

kunit_test_suite(policy_suite);
