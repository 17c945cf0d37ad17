// SPDX-License-Identifier: GPL-2.0-only
/* Runs tests in processes of their own and prints TAP. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "harness.h"

unsigned int patience = 1;
bool brief;
u64 seed = 1;

#define FAULTS_SHOWN	12	/* of one test */
#define GRACE_MS	20000	/* for a killed test to go away */

/* Shared with the process of a test. */
static struct verdict {
	unsigned int faults;
	bool skipped;
	char why[200];
} *verdict;

static const char *running = "";	/* the test's name */

/* ------------------------------------------------------ inside a test */

void fault(const char *file, int line, const char *fmt, ...)
{
	unsigned int nr = __atomic_add_fetch(&verdict->faults, 1,
					     __ATOMIC_RELAXED);
	char text[400];
	va_list args;

	if (nr > FAULTS_SHOWN)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s: %s:%d: %s\n", running, file, line, text);
	fflush(stdout);
}

void note(const char *fmt, ...)
{
	char text[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	printf("# %s: %s\n", running, text);
	fflush(stdout);
}

void skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(verdict->why, sizeof(verdict->why), fmt, args);
	va_end(args);
	verdict->skipped = true;
	fflush(stdout);
	_exit(0);
}

void give_up(void)
{
	fflush(stdout);
	_exit(1);
}

bool failed(void)
{
	return __atomic_load_n(&verdict->faults, __ATOMIC_RELAXED);
}

const char *name_of(long err)
{
	const char *name = err < 0 ? strerrorname_np(-err) : NULL;

	return name ? name : err < 0 ? "?" : "success";
}

/* ----------------------------------------------------- numbers and time */

u64 rng_next(struct rng *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

struct rng rng_for(const char *what, u64 number)
{
	struct rng r = { seed * 0x2545f4914f6cdd1d + number };

	while (*what)
		r.state = r.state * 31 + (unsigned char)*what++;
	return r;
}

u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

	nanosleep(&t, NULL);
}

/* -------------------------------------------------------------- running */

static void print_file(const char *path)
{
	char line[200];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		printf("#     %s", line);
	if (f)
		fclose(f);
}

/* Where the threads of a process that hangs are in the kernel. */
static void print_stacks(pid_t pid)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		printf("#   thread %s\n", e->d_name);
		snprintf(path, sizeof(path), "/proc/%d/task/%s/wchan", pid, e->d_name);
		print_file(path);
		snprintf(path, sizeof(path), "/proc/%d/task/%s/stack", pid, e->d_name);
		print_file(path);
	}
	if (d)
		closedir(d);
}

static bool ended(pid_t pid, int *status, u64 ms)
{
	u64 end = now_ms() + ms * patience;

	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (now_ms() >= end)
			return false;
		sleep_ms(5);
	}
}

static void body(const struct test *t)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	t->run();
	fflush(stdout);
	_exit(failed());
}

/* NULL if the test passed, else why it did not. */
static const char *run_one(const struct test *t)
{
	static char why[100];
	int status;
	pid_t pid;

	memset(verdict, 0, sizeof(*verdict));
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return "cannot fork";
	if (!pid)
		body(t);
	setpgid(pid, pid);
	if (!ended(pid, &status, t->limit * 1000ull)) {
		printf("# %s: over its limit of %u s\n", running, t->limit);
		print_stacks(pid);
		kill(-pid, SIGKILL);
		if (!ended(pid, &status, GRACE_MS)) {
			print_stacks(pid);
			return "stuck in the kernel, cannot be killed";
		}
		return "time limit";
	}
	kill(-pid, SIGKILL);	/* whoever it left behind */
	if (WIFSIGNALED(status)) {
		snprintf(why, sizeof(why), "ended by SIG%s",
			 sigabbrev_np(WTERMSIG(status)));
		return why;
	}
	return WEXITSTATUS(status) || verdict->faults ? "" : NULL;
}

unsigned int harness_run(const struct group *g, const char *only)
{
	static unsigned int nr;
	unsigned int failures = 0;
	const struct test *t;
	const char *why;
	char name[100];
	u64 start;

	verdict = mmap(NULL, sizeof(*verdict), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	running = name;
	for (t = g->tests; t->name; t++) {
		snprintf(name, sizeof(name), "%s.%s", g->name, t->name);
		if (only && strcmp(only, t->name))
			continue;
		start = now_ms();
		why = run_one(t);
		if (why && *why)
			printf("# %s: %s\n", name, why);
		failures += !!why;
		printf("%sok %u - %s", why ? "not " : "", ++nr, name);
		if (!why && verdict->skipped)
			printf(" # SKIP %s\n", verdict->why);
		else
			printf(" # %llu ms\n", (unsigned long long)(now_ms() - start));
		fflush(stdout);
	}
	munmap(verdict, sizeof(*verdict));
	return failures;
}
