// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzers: episodes, threads, time. */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fuzz.h"
#include "groups.h"
#include "nl.h"

#define EPISODE_MS	700
#define END_MS		15000	/* for an episode to go away */

unsigned int fuzz_seconds = 10;

struct crew {
	const struct fuzz *f;
	void *world;
	u64 end;
	u64 *steps;	/* of all episodes */
	u64 episode;
};

struct member {
	struct crew *crew;
	unsigned int number;
	pthread_t thread;
};

static void *work(void *priv)
{
	struct member *m = priv;
	struct crew *c = m->crew;
	struct rng rng = rng_for(c->f->name, c->episode * FUZZ_THREADS + m->number);

	for (; now_ms() < c->end; __atomic_add_fetch(c->steps, 1, __ATOMIC_RELAXED))
		c->f->step(c->world, &rng, m->number);
	return NULL;
}

static void episode(const struct fuzz *f, u64 number, u64 *steps)
{
	struct rng rng = rng_for(f->name, ~number);
	struct crew c = { .f = f, .episode = number, .steps = steps };
	struct member m[FUZZ_THREADS];
	unsigned int i;

	c.world = f->make(&rng);
	c.end = now_ms() + EPISODE_MS;
	for (i = 0; i < FUZZ_THREADS; i++) {
		m[i] = (struct member){ &c, i };
		must(!pthread_create(&m[i].thread, NULL, work, &m[i]), "no thread");
	}
	/* Some end under way, as a killed VMM does. */
	if (rng_chance(&rng, 25)) {
		sleep_ms(rng_below(&rng, EPISODE_MS));
		kill(getpid(), SIGKILL);
	}
	for (i = 0; i < FUZZ_THREADS; i++)
		pthread_join(m[i].thread, NULL);
}

/* False if the episode does not end. */
static bool ends(pid_t pid, u64 ms)
{
	u64 end = now_ms() + ms * patience;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_ms() > end)
			return false;
		sleep_ms(5);
	}
	return true;
}

static void fuzz_run(const struct fuzz *f)
{
	u64 end = now_ms() + fuzz_seconds * 1000ull, n;
	u64 *steps = mmap(NULL, sizeof(*steps), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	must(steps != MAP_FAILED, "no memory");
	for (n = 0; now_ms() < end && !failed(); n++) {
		pid = fork();
		must(pid >= 0, "cannot fork");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			episode(f, n, steps);
			_exit(0);
		}
		if (!ends(pid, EPISODE_MS + END_MS)) {
			kill(pid, SIGKILL);
			expect(ends(pid, END_MS), "episode %llu of seed %llu cannot be killed",
			       (unsigned long long)n, (unsigned long long)seed);
			expect(false, "episode %llu of seed %llu does not end",
			       (unsigned long long)n, (unsigned long long)seed);
		}
	}
	note("seed %llu: %llu episodes, %llu steps", (unsigned long long)seed,
	     (unsigned long long)n, (unsigned long long)*steps);
	expect(*steps > 100, "%llu steps are no fuzzing", (unsigned long long)*steps);
}

static void calls(void)
{
	need(nl_pool_add(FUZZ_POOL, 2, false));
	need(nl_pool_add(FUZZ_POOL_ONE_VM, 1, true));
	fuzz_run(&fuzz_ioctl);
	expect(wait_until(!nl_pool_remove(FUZZ_POOL), 5000), "a device is left in a pool");
	expect(wait_until(!nl_pool_remove(FUZZ_POOL_ONE_VM), 5000),
	       "a device is left in the pool for one VM");
}

static void rings(void)
{
	fuzz_run(&fuzz_ring);
}

static const struct test tests[] = {
	{ "calls", calls, 100000 },
	{ "rings", rings, 100000 },
	{ NULL },
};

const struct group group_fuzz = { "fuzz", "everything, at random", tests };
