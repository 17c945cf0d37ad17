// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the bridge: TAP, and a last line "N passed, N failed".  After
 * each test there are as many open file descriptors as before.
 *
 *	test [PART OF A NAME]
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include "test.h"

static unsigned int failures;

void test_fail(const char *file, int line, const char *what)
{
	failures++;
	printf("# %s:%d: expected %s\n", file, line, what);
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	const struct test *const suites[] = {
		msg_tests, mem_tests, ring_tests, inflight_tests, cache_tests, image_tests,
		supervise_tests, listen_tests, options_tests, client_tests,
		limit_tests, operator_tests, recovery_tests, shm_tests,
	};
	unsigned int i, n = 0, failed = 0, fds;
	const struct test *t;

	say_quiet = 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 13");
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		for (t = suites[i]; t->name; t++) {
			if (argc > 1 && !strstr(t->name, argv[1]))
				continue;
			failures = 0;
			fds = count_fds();
			t->run();
			if (count_fds() != fds)
				test_fail(t->name, 0, "no file descriptor left");
			failed += failures > 0;
			printf("%sok %u %s\n", failures ? "not " : "", ++n,
			       t->name);
		}
	printf("1..%u\n%u passed, %u failed\n", n, n - failed, failed);
	return failed || !n;
}
