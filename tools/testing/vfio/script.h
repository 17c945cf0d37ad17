/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A script is what the fuzzer does with a device, step by step.  As text it has a line
 * for each: a name, and its numbers in hexadecimal.  So what failed can be read, kept
 * and done again.
 */
#ifndef _FUZZ_SCRIPT_H
#define _FUZZ_SCRIPT_H

#include <stdio.h>
#include "device.h"

#define NUMBERS		6
#define STEPS		128

/* A stream of random numbers (splitmix64). */
struct rng {
	uint64_t state;
};

uint64_t rng_next(struct rng *r);

static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
	return rng_next(r) % n;
}

struct step {
	unsigned int kind;
	uint64_t number[NUMBERS];
};

struct script {
	unsigned int steps;
	struct step step[STEPS];
};

/**
 * struct kind - a step that there is
 * @name: as it is written
 * @numbers: what its numbers are, one letter each: an 'a'ddress of the guest's, a
 *	'b'yte, where in 'c'onfiguration space, a 'q'ueue, a 'r'egister, a 's'mall
 *	number, a 'w'idth of an access, a 'v'alue of any kind
 * @weight: how often it is chosen
 * @run: does it
 */
struct kind {
	const char *name;
	const char *numbers;
	unsigned int weight;
	void (*run)(struct device *d, const uint64_t *number);
};

extern const struct kind kinds[];
extern const unsigned int nr_kinds;

void script_run(const struct script *s, struct device *d);
void script_print(const struct script *s, FILE *to);
/* 0, or the line that is none. */
unsigned int script_read(struct script *s, FILE *from);
void script_make(struct script *s, struct rng *r);
/* Some numbers and steps are others, and a part may be that of another one. */
void script_change(struct script *s, const struct script *other, struct rng *r);

#endif /* _FUZZ_SCRIPT_H */
