// SPDX-License-Identifier: GPL-2.0-only
/*
 * tsc-khz: prints how fast the time stamp counter of this machine runs, in kHz.
 *
 * A guest under TCG sees this very counter, and calibrates it against timers that
 * QEMU emulates: on a busy machine it may be wrong many times over, and its clock
 * with it. So the lab tells it.
 */
#include <stdio.h>
#include <stdint.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES	1000
#define PAUSE	100000000L	/* ns between the two readings */

struct reading {
	uint64_t tsc;
	uint64_t ns;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Both at one moment: of many tries the one that took the shortest time. */
static struct reading read_both(void)
{
	struct reading best = { 0, 0 };
	uint64_t shortest = UINT64_MAX;
	int i;

	for (i = 0; i < TRIES; i++) {
		uint64_t before = __rdtsc();
		uint64_t ns = now();
		uint64_t after = __rdtsc();

		if (after - before < shortest) {
			shortest = after - before;
			best = (struct reading){ before + shortest / 2, ns };
		}
	}
	return best;
}

int main(void)
{
	struct timespec pause = { 0, PAUSE };
	struct reading a = read_both(), b;

	nanosleep(&pause, NULL);
	b = read_both();
	printf("%llu\n", (unsigned long long)((b.tsc - a.tsc) * 1000000 / (b.ns - a.ns)));
	return 0;
}
