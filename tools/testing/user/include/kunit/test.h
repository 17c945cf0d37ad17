/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of KUnit as the core's suites use, in plain C, so that the same files
 * run in user space.  Results are printed as KTAP; an assertion leaves the test
 * case, an expectation does not.  See kunit.c.
 */
#ifndef _PARLEY_USER_KUNIT_TEST_H
#define _PARLEY_USER_KUNIT_TEST_H

#include <parley/user.h>

#define KUNIT_PARAM_DESC_SIZE	128

enum kunit_status { KUNIT_SUCCESS, KUNIT_FAILURE, KUNIT_SKIPPED };

struct kunit_action {
	struct kunit_action *next;
	void (*fn)(void *);
	void *ctx;
};

struct kunit {
	void *priv;
	const void *param_value;
	enum kunit_status status;
	struct kunit_action *actions;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

void kunit_register(struct kunit_suite *suite);
void kunit_fail(struct kunit *test, bool abort, const char *file, int line,
		const char *fmt, ...) __printf(5, 6);
void kunit_info(struct kunit *test, const char *fmt, ...) __printf(2, 3);
int kunit_add_action_or_reset(struct kunit *test, void (*fn)(void *), void *ctx);
void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);

#define KUNIT_CASE(fn)			{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_PARAM(fn, gen)	\
	{ .run_case = fn, .name = #fn, .generate_params = gen }

#define KUNIT_ARRAY_PARAM(name, array, get_desc)			\
static const void *name##_gen_params(const void *prev, char *desc)	\
{									\
	typeof(&(array)[0]) next = prev ?				\
		(typeof(&(array)[0]))prev + 1 : (array);		\
									\
	if (next - (array) >= (long)ARRAY_SIZE(array))			\
		return NULL;						\
	get_desc(next, desc);						\
	return next;							\
}

#define kunit_test_suites(suite)					\
__attribute__((constructor)) static void kunit_register_these(void)	\
{									\
	kunit_register(suite);						\
}

#define MODULE_IMPORT_NS(s)	struct kunit
#define MODULE_DESCRIPTION(s)	struct kunit
#define MODULE_LICENSE(s)	struct kunit
#undef PARLEY_IMPORT
#define BUILD_BUG_ON(c)		_Static_assert(!(c), #c)
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define strscpy(dst, src, n)	((void)snprintf(dst, n, "%s", src))

#define KUNIT_FAIL(test, fmt, ...)					\
	kunit_fail(test, false, __FILE__, __LINE__, fmt, ##__VA_ARGS__)

#define kunit_compare(test, abort, a, op, b) do {			\
	typeof(a) __a = (a);						\
	typeof(b) __b = (b);						\
	if (!(__a op __b))						\
		kunit_fail(test, abort, __FILE__, __LINE__,		\
			   "%s %s %s, but %lld and %lld", #a, #op, #b,	\
			   (long long)__a, (long long)__b);		\
} while (0)

#define kunit_truth(test, abort, c, want) do {				\
	if (!!(c) != (want))						\
		kunit_fail(test, abort, __FILE__, __LINE__,		\
			   "%s is not %s", #c, (want) ? "true" : "false"); \
} while (0)

#define KUNIT_EXPECT_EQ(test, a, b)	kunit_compare(test, false, a, ==, b)
#define KUNIT_EXPECT_NE(test, a, b)	kunit_compare(test, false, a, !=, b)
#define KUNIT_EXPECT_LE(test, a, b)	kunit_compare(test, false, a, <=, b)
#define KUNIT_EXPECT_LT(test, a, b)	kunit_compare(test, false, a, <, b)
#define KUNIT_EXPECT_GT(test, a, b)	kunit_compare(test, false, a, >, b)
#define KUNIT_EXPECT_GE(test, a, b)	kunit_compare(test, false, a, >=, b)
#define KUNIT_EXPECT_PTR_EQ(test, a, b)	\
	kunit_compare(test, false, (intptr_t)(a), ==, (intptr_t)(b))
#define KUNIT_EXPECT_TRUE(test, c)	kunit_truth(test, false, c, true)
#define KUNIT_EXPECT_FALSE(test, c)	kunit_truth(test, false, c, false)
#define KUNIT_EXPECT_NULL(test, p)	kunit_truth(test, false, p, false)
#define KUNIT_EXPECT_NOT_NULL(test, p)	kunit_truth(test, false, p, true)
#define KUNIT_ASSERT_EQ(test, a, b)	kunit_compare(test, true, a, ==, b)
#define KUNIT_ASSERT_LE(test, a, b)	kunit_compare(test, true, a, <=, b)
#define KUNIT_ASSERT_GT(test, a, b)	kunit_compare(test, true, a, >, b)
#define KUNIT_ASSERT_GE(test, a, b)	kunit_compare(test, true, a, >=, b)
#define KUNIT_ASSERT_LT(test, a, b)	kunit_compare(test, true, a, <, b)
#define KUNIT_ASSERT_PTR_EQ(test, a, b)	\
	kunit_compare(test, true, (intptr_t)(a), ==, (intptr_t)(b))
#define KUNIT_ASSERT_TRUE(test, c)	kunit_truth(test, true, c, true)
#define KUNIT_ASSERT_FALSE(test, c)	kunit_truth(test, true, c, false)
#define KUNIT_ASSERT_NOT_NULL(test, p)	kunit_truth(test, true, p, true)

#endif /* _PARLEY_USER_KUNIT_TEST_H */
