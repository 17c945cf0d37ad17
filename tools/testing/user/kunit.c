// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the core's KUnit suites in user space: kunit [NAME], where only suites
 * and cases whose "suite.case" contains NAME are run.  The last line is
 * "N passed, N failed".
 */
#include <setjmp.h>
#include <unistd.h>
#include <kunit/test.h>

int parley_user_fail_nth;
uintptr_t parley_user_fault_start, parley_user_fault_end;
bool parley_user_verbose;

#define MAX_SUITES	16
#define MAX_SAID	20	/* failures printed for one case */
#define LIMIT		300	/* seconds for everything: an endless loop is a failure */

static struct kunit_suite *suites[MAX_SUITES];
static unsigned int nr_suites, passed, failed, said;
static jmp_buf leave;

void kunit_register(struct kunit_suite *suite)
{
	if (nr_suites == MAX_SUITES)
		abort();
	suites[nr_suites++] = suite;
}

void kunit_info(struct kunit *test, const char *fmt, ...)
{
	va_list ap;

	(void)test;
	printf("        # ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void kunit_fail(struct kunit *test, bool abort, const char *file, int line,
		const char *fmt, ...)
{
	const char *name = strrchr(file, '/');
	va_list ap;

	test->status = KUNIT_FAILURE;
	if (said++ < MAX_SAID) {
		printf("        # %s:%d: ", name ? name + 1 : file, line);
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		printf("\n");
	}
	if (abort)
		longjmp(leave, 1);
}

int kunit_add_action_or_reset(struct kunit *test, void (*fn)(void *), void *ctx)
{
	struct kunit_action *a = malloc(sizeof(*a));

	if (!a)
		abort();
	*a = (struct kunit_action){ test->actions, fn, ctx };
	test->actions = a;
	return 0;
}

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	void *p = calloc(1, size);

	(void)gfp;
	if (p)
		kunit_add_action_or_reset(test, free, p);
	return p;
}

static bool run_one(struct kunit_suite *suite, struct kunit_case *c,
		    const void *param)
{
	static struct kunit test;	/* survives longjmp */

	test = (struct kunit){ .param_value = param };
	said = 0;
	if (!setjmp(leave)) {
		if (!suite->init || !suite->init(&test))
			c->run_case(&test);
		else
			test.status = KUNIT_FAILURE;
	}
	if (suite->exit)
		suite->exit(&test);
	while (test.actions) {
		struct kunit_action *a = test.actions;

		test.actions = a->next;
		a->fn(a->ctx);
		free(a);
	}
	if (test.status == KUNIT_SUCCESS)
		passed++;
	else
		failed++;
	return test.status == KUNIT_SUCCESS;
}

static bool run_case(struct kunit_suite *suite, struct kunit_case *c,
		     unsigned int number)
{
	char desc[KUNIT_PARAM_DESC_SIZE];
	const void *param = NULL;
	bool good = true, one;
	unsigned int n = 0;

	if (!c->generate_params) {
		good = run_one(suite, c, NULL);
	} else {
		while ((param = c->generate_params(param, desc))) {
			one = run_one(suite, c, param);
			good &= one;
			printf("        %sok %u %s\n", one ? "" : "not ", ++n, desc);
		}
	}
	printf("    %sok %u %s\n", good ? "" : "not ", number, c->name);
	fflush(stdout);
	return good;
}

static bool wanted(const char *only, const char *suite, const char *name)
{
	char full[256];

	snprintf(full, sizeof(full), "%s.%s", suite, name);
	return !only || strstr(full, only);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	unsigned int i, n;

	parley_user_verbose = getenv("VERBOSE");
	alarm(LIMIT);
	printf("KTAP version 1\n1..%u\n", nr_suites);
	for (i = 0; i < nr_suites; i++) {
		struct kunit_case *c = suites[i]->test_cases;
		bool good = true;

		printf("    # Subtest: %s\n", suites[i]->name);
		for (n = 1; c->run_case; c++)
			if (wanted(only, suites[i]->name, c->name))
				good &= run_case(suites[i], c, n++);
		printf("%sok %u %s\n", good ? "" : "not ", i + 1, suites[i]->name);
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed || !passed;
}
