// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policy of those that come next: text in pieces, who keeps which, the folder, and
 * memory that there is not.
 */
#include <kunit/test.h>
#include <linux/err.h>
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "../../../virtio/transport/tests/inject.h"
#include "../home.h"
#include "words.h"

#define NOTHING	"language words\nend\n"
#define GRIND	"language words\nallow mill grind\nend\n"
#define SHOWN	4096

static void home_end(void *data)
{
	parley_policy_home_exit(data);
}

static struct parley_policy_home *home_new(struct kunit *test)
{
	struct parley_policy_home *home = kunit_kzalloc(test, sizeof(*home), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, home);
	KUNIT_ASSERT_EQ(test, 0, parley_policy_home_init(home, &words_language, NOTHING));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, home_end, home));
	return home;
}

static const char *home_file(struct kunit *test, struct parley_policy_home *home,
			     enum parley_policy_file file)
{
	char *text = kunit_kzalloc(test, SHOWN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_EQ(test, parley_policy_home_read(home, file, text, SHOWN), strlen(text));
	return text;
}

static bool may_grind(const struct parley_policy *p)
{
	struct parley_policy_key key = { WORDS_MILL, WORDS_MINE, 1, 0 };

	return parley_policy_look(p, &key).verdict == PARLEY_ALLOW;
}

static int home_piece(struct parley_policy_home *home, size_t at, const char *piece,
		      size_t len)
{
	return parley_policy_home_write(home, home, at, piece, len);
}

static int home_write(struct parley_policy_home *home, const char *text)
{
	return home_piece(home, 0, text, strlen(text));
}

static void one_is_for_those_that_come_next(struct kunit *test)
{
	struct parley_policy_home *home = home_new(test);
	struct parley_policy *before = parley_policy_home_take(home), *after;

	KUNIT_EXPECT_EQ(test, 0, home_write(home, GRIND));
	after = parley_policy_home_take(home);
	KUNIT_EXPECT_FALSE(test, may_grind(before));
	KUNIT_EXPECT_TRUE(test, may_grind(after));
	parley_policy_put(before);
	parley_policy_put(after);
	KUNIT_EXPECT_STREQ(test, GRIND, home_file(test, home, PARLEY_POLICY_RULES_FILE));
}

static void text_comes_in_pieces(struct kunit *test)
{
	struct parley_policy_home *home = home_new(test);
	struct parley_policy *p;
	size_t at;

	for (at = 0; at < strlen(GRIND); at++) {
		p = parley_policy_home_take(home);
		KUNIT_EXPECT_FALSE(test, may_grind(p));
		parley_policy_put(p);
		KUNIT_EXPECT_EQ(test, 0, home_piece(home, at, &GRIND[at], 1));
	}
	p = parley_policy_home_take(home);
	KUNIT_EXPECT_TRUE(test, may_grind(p));
	parley_policy_put(p);
	KUNIT_EXPECT_NULL(test, home->text);
}

static void pieces_that_do_not_fit_are_refused(struct kunit *test)
{
	struct parley_policy_home *home = home_new(test);
	char *text = kunit_kzalloc(test, PARLEY_POLICY_TEXT + 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, text);
	memset(text, '\n', PARLEY_POLICY_TEXT + 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, home_piece(home, 1, "x", 1));
	KUNIT_EXPECT_EQ(test, 0, home_piece(home, 0, "lang", 4));
	/* A gap, and then even what would have fitted does not. */
	KUNIT_EXPECT_EQ(test, -EINVAL, home_piece(home, 5, "x", 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, home_piece(home, 4, "uage", 4));
	/* As much as there can be, and one byte more. */
	KUNIT_EXPECT_EQ(test, 0, home_piece(home, 0, text, PARLEY_POLICY_TEXT));
	KUNIT_EXPECT_EQ(test, -EFBIG,
			home_piece(home, PARLEY_POLICY_TEXT, text, 1));
	KUNIT_EXPECT_EQ(test, -EFBIG,
			home_piece(home, 0, text, PARLEY_POLICY_TEXT + 1));
	/* A new beginning ends what was begun. */
	KUNIT_EXPECT_EQ(test, 0, home_piece(home, 0, "half", 4));
	KUNIT_EXPECT_EQ(test, 0, home_write(home, GRIND));
	KUNIT_EXPECT_STREQ(test, GRIND, home_file(test, home, PARLEY_POLICY_RULES_FILE));
}

/* Each has a policy of its own in two pieces, which are as long as the other's. */
static void two_writers_do_not_make_one_policy(struct kunit *test)
{
	static const char mine[] = "language words\ndeny mill sieve\n";
	static const char yours[] = "language words\nallow pond swim\n";
	struct parley_policy_home *home = home_new(test);
	const void *me = mine, *you = yours;
	size_t at = strlen(mine);

	KUNIT_ASSERT_EQ(test, at, strlen(yours));
	KUNIT_EXPECT_EQ(test, 0, parley_policy_home_write(home, me, 0, mine, at));
	KUNIT_EXPECT_EQ(test, 0, parley_policy_home_write(home, you, 0, yours, at));
	KUNIT_EXPECT_EQ(test, -EBUSY,
			parley_policy_home_write(home, me, at, "allow mill grind\nend\n", 21));
	KUNIT_EXPECT_STREQ(test, NOTHING, home_file(test, home, PARLEY_POLICY_RULES_FILE));
	/* Who was refused has taken nothing from the other. */
	KUNIT_EXPECT_EQ(test, 0, parley_policy_home_write(home, you, at, "end\n", 4));
	KUNIT_EXPECT_STREQ(test, "language words\nallow pond swim\nend\n",
			   home_file(test, home, PARLEY_POLICY_RULES_FILE));
	/* And begins anew. */
	KUNIT_EXPECT_EQ(test, 0, parley_policy_home_write(home, me, 0, mine, at));
	KUNIT_EXPECT_EQ(test, 0, parley_policy_home_write(home, me, at, "end\n", 4));
}

static void what_is_wrong_changes_nothing(struct kunit *test)
{
	struct parley_policy_home *home = home_new(test);

	KUNIT_EXPECT_STREQ(test, "", home_file(test, home, PARLEY_POLICY_ERROR_FILE));
	KUNIT_EXPECT_EQ(test, -EINVAL, home_write(home, "language words\nallow\nend\n"));
	KUNIT_EXPECT_STREQ(test, "line 2: a rule has a verdict, a set and an operation\n",
			   home_file(test, home, PARLEY_POLICY_ERROR_FILE));
	KUNIT_EXPECT_STREQ(test, NOTHING, home_file(test, home, PARLEY_POLICY_RULES_FILE));
	KUNIT_EXPECT_EQ(test, 0, home_write(home, GRIND));
	KUNIT_EXPECT_STREQ(test, "", home_file(test, home, PARLEY_POLICY_ERROR_FILE));
}

static void the_audit_is_of_who_came_last(struct kunit *test)
{
	struct parley_policy_home *home = home_new(test);
	struct parley_policy_key key = { WORDS_MILL, WORDS_MINE, 1, 0 };
	struct parley_policy *p;
	const char *text;

	KUNIT_EXPECT_EQ(test, 0, home_write(home, GRIND));
	text = home_file(test, home, PARLEY_POLICY_AUDIT_FILE);
	KUNIT_EXPECT_EQ(test, 0, strncmp(text, "next\n", 5));
	p = parley_policy_home_take(home);
	parley_policy_ask(p, "a test", &key);
	parley_policy_put(p);
	text = home_file(test, home, PARLEY_POLICY_AUDIT_FILE);
	KUNIT_EXPECT_EQ(test, 0, strncmp(text, "used\n", 5));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     2 allow mill grind\n"));
	KUNIT_EXPECT_NULL(test, strstr(text, "next"));
	/* Another for those that come next: what happened is not forgotten. */
	KUNIT_EXPECT_EQ(test, 0, home_write(home, NOTHING));
	text = home_file(test, home, PARLEY_POLICY_AUDIT_FILE);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, " 1     2 allow mill grind\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\nnext\n"));
	parley_policy_put(parley_policy_home_take(home));
	text = home_file(test, home, PARLEY_POLICY_AUDIT_FILE);
	KUNIT_EXPECT_NULL(test, strstr(text, "grind"));
}

/* ------------------------------------------------------- the folder */

static const char *const types[] = { "one", "two" };

static void each_type_has_one(struct kunit *test)
{
	struct kobject *parent = kobject_create_and_add("parley-policy-test", kernel_kobj);
	struct parley_policy_folder *folder;
	struct parley_policy *one, *two;

	KUNIT_ASSERT_NOT_NULL(test, parent);
	folder = parley_policy_folder_add(parent, &words_language, GRIND, types, 2);
	KUNIT_EXPECT_FALSE(test, IS_ERR(folder));
	if (!IS_ERR(folder)) {
		one = parley_policy_folder_take(folder, 0);
		two = parley_policy_folder_take(folder, 1);
		parley_policy_folder_remove(folder);
		KUNIT_EXPECT_TRUE(test, may_grind(one));
		KUNIT_EXPECT_PTR_NE(test, one, two);
		parley_policy_put(one);
		parley_policy_put(two);
	}
	folder = parley_policy_folder_add(parent, &words_language, "nonsense", types, 2);
	KUNIT_EXPECT_EQ(test, -EINVAL, PTR_ERR(folder));
	parley_policy_folder_remove(NULL);
	kobject_del(parent);
	kobject_put(parent);
}

/* ------------------------------------------------ no memory for it */

#define NTH_MAX		500

static void body(struct kunit *test, struct kobject *parent)
{
	struct parley_policy_folder *folder;
	struct parley_policy_home home = {};
	int err;

	folder = parley_policy_folder_add(parent, &words_language, GRIND, types, 2);
	if (!IS_ERR(folder))
		parley_policy_folder_remove(folder);
	else if (PTR_ERR(folder) != -ENOMEM)
		KUNIT_FAIL(test, "a folder ends with %ld", PTR_ERR(folder));
	err = parley_policy_home_init(&home, &words_language, NOTHING);
	if (!err) {
		err = home_write(&home, GRIND);
		parley_policy_home_exit(&home);
	}
	if (err && err != -ENOMEM)
		KUNIT_FAIL(test, "a home ends with %d", err);
}

static void each_allocation_can_fail(struct kunit *test)
{
	struct kobject *parent;
	bool injected = true;
	unsigned int nth;

	if (!tester_faults_ready())
		kunit_skip(test, "no FAULT_INJECTION_DEBUG_FS, FAILSLAB, FAIL_PAGE_ALLOC");
	parent = kobject_create_and_add("parley-policy-test", kernel_kobj);
	KUNIT_ASSERT_NOT_NULL(test, parent);
	for (nth = 1; injected && nth < NTH_MAX; nth++) {
		tester_fault_set(nth);
		body(test, parent);
		injected = !tester_fault_pause();
	}
	body(test, parent);
	kobject_del(parent);
	kobject_put(parent);
	KUNIT_EXPECT_FALSE(test, injected);
	KUNIT_EXPECT_GT(test, nth, 20);
	kunit_info(test, "%u allocations failed in turn", nth - 2);
}

static struct kunit_case home_cases[] = {
	KUNIT_CASE(one_is_for_those_that_come_next),
	KUNIT_CASE(text_comes_in_pieces),
	KUNIT_CASE(pieces_that_do_not_fit_are_refused),
	KUNIT_CASE(two_writers_do_not_make_one_policy),
	KUNIT_CASE(what_is_wrong_changes_nothing),
	KUNIT_CASE(the_audit_is_of_who_came_last),
	KUNIT_CASE(each_type_has_one),
	KUNIT_CASE(each_allocation_can_fail),
	{}
};

static struct kunit_suite home_suite = {
	.name = "parley_policy_home",
	.test_cases = home_cases,
};

kunit_test_suite(home_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of policies");
MODULE_LICENSE("GPL");
