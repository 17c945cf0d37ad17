// SPDX-License-Identifier: GPL-2.0-only
/*
 * still: does memory stay as it is?
 *
 *   still MEGABYTES SECONDS
 *
 * Fills so much memory, waits, and looks whether it is what was written. What a
 * device of an earlier kernel still writes shows, if it goes there; so take much.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SHOWN	5	/* words that are told one by one */

/* Each word another, and none that a disk, a status or a ring is likely to hold. */
static uint64_t word(size_t n)
{
	return (n + 1) * 0x9e3779b97f4a7c15ull;
}

static size_t changed(const volatile uint64_t *memory, size_t words)
{
	size_t n, bad = 0;

	for (n = 0; n < words; n++) {
		if (memory[n] == word(n))
			continue;
		if (bad++ < SHOWN)
			printf("word %zu is %016llx, was %016llx\n", n,
			       (unsigned long long)memory[n], (unsigned long long)word(n));
	}
	return bad;
}

int main(int argc, char **argv)
{
	volatile uint64_t *memory;
	size_t bytes, words, n;

	if (argc != 3)
		errx(1, "usage: still MEGABYTES SECONDS");
	bytes = strtoul(argv[1], NULL, 10) << 20;
	words = bytes / sizeof(*memory);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!words || memory == MAP_FAILED)
		err(1, "no %s MiB of memory", argv[1]);
	for (n = 0; n < words; n++)
		memory[n] = word(n);
	sleep(strtoul(argv[2], NULL, 10));
	n = changed(memory, words);
	printf("%zu of %zu words were changed\n", n, words);
	return n != 0;
}
