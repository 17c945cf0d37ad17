// SPDX-License-Identifier: GPL-2.0-only
/*
 * parley-vfio-fuzz: everything that a guest and a VMM can do to a mediated NVMe disk, at
 * random and from a corpus.
 *
 * It runs in episodes, each a process with the device opened anew: first the disk has
 * to work, then THREADS threads go through scripts, and at the end, or killed under way,
 * the device is closed.  An episode depends on nothing but the seed and its number.
 */
#include <dirent.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "script.h"

#define THREADS		2
#define EPISODE_MS	700
/* For one to be over after that: a command of the function may take 30 seconds. */
#define END_MS		40000
#define CORPUS		64

static const char *folder, *corpus_folder;
static uint64_t seed = 1, only = UINT64_MAX;
static unsigned int seconds = 10;
static struct script corpus[CORPUS];
static char *names[CORPUS];
static unsigned int nr_corpus;

/* Shared with the episodes. */
static struct {
	uint64_t steps;
	char fault[128];
} *told;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static struct rng rng_for(uint64_t episode, unsigned int thread)
{
	struct rng r = { seed * 0x2545f4914f6cdd1dull + episode * THREADS + thread };

	rng_next(&r);
	return r;
}

static void fault(const char *what)
{
	snprintf(told->fault, sizeof(told->fault), "%s", what);
}

/* ------------------------------------------------------------ episodes */

struct member {
	pthread_t thread;
	struct device *d;
	struct rng rng;
	uint64_t end;
};

static void *work(void *priv)
{
	struct member *m = priv;
	struct script s;

	while (now_ms() < m->end) {
		if (nr_corpus && rng_below(&m->rng, 2)) {
			s = corpus[rng_below(&m->rng, nr_corpus)];
			script_change(&s, &corpus[rng_below(&m->rng, nr_corpus)], &m->rng);
		} else {
			script_make(&s, &m->rng);
		}
		script_run(&s, m->d);
		__atomic_add_fetch(&told->steps, s.steps, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void scramble(struct device *d, uint64_t number)
{
	struct rng r = rng_for(number, THREADS);
	struct member m[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		m[i] = (struct member) {
			.d = d,
			.rng = rng_for(number, i),
			.end = now_ms() + EPISODE_MS,
		};
		if (pthread_create(&m[i].thread, NULL, work, &m[i]))
			_exit(1);
	}
	/* Some end under way, as a killed VMM does. */
	if (!rng_below(&r, 4)) {
		nanosleep(&(struct timespec){
				  .tv_nsec = rng_below(&r, EPISODE_MS) * 1000000L }, NULL);
		kill(getpid(), SIGKILL);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(m[i].thread, NULL);
}

/* One of the corpus as it is, and it works afterwards, or a scramble. */
static void episode(const struct script *s, uint64_t number)
{
	static struct device d;
	const char *wrong = device_open(&d, folder);

	if (!wrong)
		wrong = device_works(&d);
	if (!wrong && s) {
		script_run(s, &d);
		__atomic_add_fetch(&told->steps, s->steps, __ATOMIC_RELAXED);
	} else if (!wrong) {
		scramble(&d, number);
	}
	if (wrong)
		fault(wrong);
}

/* NULL, or what went wrong. */
static const char *run(const struct script *s, uint64_t number)
{
	uint64_t end = now_ms() + EPISODE_MS + END_MS;
	int status;
	pid_t pid;

	told->fault[0] = 0;
	pid = fork();
	if (pid < 0)
		return "cannot fork";
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		episode(s, number);
		_exit(0);
	}
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_ms() > end) {
			kill(pid, SIGKILL);
			return "does not end";
		}
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		return strsignal(WTERMSIG(status));
	return told->fault[0] ? told->fault : NULL;
}

/* -------------------------------------------------------------- corpus */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void load_names(void)
{
	DIR *dir = opendir(corpus_folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)) && nr_corpus < CORPUS)
		if (e->d_name[0] != '.')
			names[nr_corpus++] = strdup(e->d_name);
	if (dir)
		closedir(dir);
	qsort(names, nr_corpus, sizeof(names[0]), by_name);
}

static bool load_corpus(void)
{
	unsigned int i, line;
	char path[512];
	FILE *from;

	load_names();
	for (i = 0; i < nr_corpus; i++) {
		snprintf(path, sizeof(path), "%s/%s", corpus_folder, names[i]);
		from = fopen(path, "r");
		line = from ? script_read(&corpus[i], from) : 1;
		if (from)
			fclose(from);
		if (line) {
			printf("# %s:%u is no step\n", path, line);
			return false;
		}
	}
	return nr_corpus;
}

/* --------------------------------------------------------------- tests */

static bool result(unsigned int nr, const char *what, const char *wrong)
{
	if (wrong)
		printf("# %s\n", wrong);
	printf("%sok %u - %s\n", wrong ? "not " : "", nr, what);
	fflush(stdout);
	return !wrong;
}

/* Each, and that a disk is there afterwards. */
static bool replay(void)
{
	const char *wrong = NULL;
	char why[256] = "";
	unsigned int i;

	for (i = 0; i < nr_corpus && !wrong; i++) {
		wrong = run(&corpus[i], i) ?: run(&(struct script){ 0 }, i);
		if (wrong)
			snprintf(why, sizeof(why), "%s: %s", names[i], wrong);
	}
	return result(1, "each of the corpus", wrong ? why : NULL);
}

static bool fuzz(void)
{
	uint64_t end = now_ms() + seconds * 1000ull, n = only == UINT64_MAX ? 0 : only;
	const char *wrong = NULL;
	char why[256] = "";

	told->steps = 0;
	do {
		wrong = run(NULL, n);
		if (wrong)
			snprintf(why, sizeof(why), "seed %llu, before or in episode %llu: %s",
				 (unsigned long long)seed, (unsigned long long)n, wrong);
		n++;
	} while (!wrong && now_ms() < end && only == UINT64_MAX);
	printf("# seed %llu: %llu episodes, %llu steps\n", (unsigned long long)seed,
	       (unsigned long long)n, (unsigned long long)told->steps);
	if (!wrong && told->steps < 100)
		snprintf(why, sizeof(why), "%llu steps are no fuzzing",
			 (unsigned long long)told->steps);
	return result(2, "at random", why[0] ? why : NULL);
}

static bool options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "d:c:s:t:e:")) != -1) {
		switch (c) {
		case 'd':
			folder = optarg;
			break;
		case 'c':
			corpus_folder = optarg;
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			break;
		case 'e':
			only = strtoull(optarg, NULL, 0);
			break;
		default:
			return false;
		}
	}
	return folder && corpus_folder && optind == argc;
}

int main(int argc, char **argv)
{
	bool fine;

	if (!options(argc, argv)) {
		fprintf(stderr,
			"usage: %s -d FOLDER -c CORPUS [-s SEED] [-t SECONDS] [-e EPISODE]\n"
			"FOLDER is the mediated device's in sysfs\n", argv[0]);
		return 2;
	}
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (told == MAP_FAILED || !load_corpus())
		return 2;
	puts("1..2");
	fine = replay();
	fine &= fuzz();
	return !fine;
}
