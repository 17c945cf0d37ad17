// SPDX-License-Identifier: GPL-2.0-only
/* Steps: as text, at random, changed. */
#include <stdlib.h>
#include <string.h>
#include "script.h"

uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

void script_run(const struct script *s, struct device *d)
{
	unsigned int i;

	for (i = 0; i < s->steps; i++)
		kinds[s->step[i].kind].run(d, s->step[i].number);
}

/* ------------------------------------------------------------- as text */

void script_print(const struct script *s, FILE *to)
{
	const struct kind *kind;
	unsigned int i, n;

	for (i = 0; i < s->steps; i++) {
		kind = &kinds[s->step[i].kind];
		fputs(kind->name, to);
		for (n = 0; kind->numbers[n]; n++)
			fprintf(to, " %llx", (unsigned long long)s->step[i].number[n]);
		fputc('\n', to);
	}
}

static bool read_step(struct step *step, char *line)
{
	char *save, *word = strtok_r(line, "\n ", &save);
	const char *numbers;
	unsigned int n;

	for (step->kind = 0; step->kind < nr_kinds; step->kind++)
		if (!strcmp(kinds[step->kind].name, word))
			break;
	if (step->kind == nr_kinds)
		return false;
	numbers = kinds[step->kind].numbers;
	for (n = 0; numbers[n]; n++) {
		word = strtok_r(NULL, "\n ", &save);
		if (!word)
			return false;
		step->number[n] = strtoull(word, NULL, 16);
	}
	return !strtok_r(NULL, "\n ", &save);
}

unsigned int script_read(struct script *s, FILE *from)
{
	unsigned int nr = 0;
	char line[256];

	memset(s, 0, sizeof(*s));
	while (fgets(line, sizeof(line), from)) {
		nr++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (s->steps == STEPS || !read_step(&s->step[s->steps++], line))
			return nr;
	}
	return 0;
}

/* ----------------------------------------------------------- at random */

static uint64_t one_of(struct rng *r, const uint64_t *of, unsigned int nr)
{
	return of[rng_below(r, nr)];
}

#define ONE_OF(r, ...) ({						\
	static const uint64_t __of[] = { __VA_ARGS__ };			\
	one_of(r, __of, sizeof(__of) / sizeof(__of[0]));		\
})

static uint64_t any_value(struct rng *r)
{
	switch (rng_below(r, 4)) {
	case 0:
		return rng_below(r, 20);
	case 1:
		return ONE_OF(r, 0, 1, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
			      0xffffffff, 1ull << 32, 1ull << 63, ~0ull, ~0ull - 7);
	case 2:
		return 1ull << rng_below(r, 64);
	default:
		return rng_next(r) >> rng_below(r, 64);
	}
}

static uint64_t any_address(struct rng *r)
{
	uint64_t page = BASE + rng_below(r, PAGES) * PAGE;

	switch (rng_below(r, 10)) {
	case 0:
		return page + 8 * rng_below(r, PAGE / 8);
	case 1:
		return page + rng_below(r, PAGE);
	case 2:
		return OTHER + rng_below(r, 16) * PAGE;
	case 3:
		return ONE_OF(r, 0, PAGE, BASE - PAGE, BASE + SIZE, BASE + SIZE - PAGE,
			      ~0ull - PAGE + 1, ~0ull, 1ull << 63);
	default:
		return page;
	}
}

static uint64_t any_register(struct rng *r)
{
	if (rng_below(r, 8))
		return ONE_OF(r, 0, 4, 8, 0xc, 0x10, 0x14, 0x14, 0x14, 0x1c, 0x20, 0x24, 0x28,
			      0x2c, 0x30, 0x34, 0x38, 0x3c, 0x1000, 0x1004, 0x1008, 0x100c,
			      0x1010, 0x1014, 0x1040, 0x1ffc, 0x2000, 0x200c, 0x2010, 0x3000,
			      0x3ffc);
	return rng_below(r, 0x4008);
}

static uint64_t any_config(struct rng *r)
{
	if (rng_below(r, 4))
		return ONE_OF(r, 0, 4, 6, 0xc, 0x10, 0x14, 0x30, 0x34, 0x3c, 0x40, 0x44, 0x50,
			      0x52, 0x60, 0x64, 0x68, 0x6a, 0xff, 0x100, 0xffc, 0xfff);
	return rng_below(r, 4100);
}

static uint64_t any_number(char what, struct rng *r)
{
	switch (what) {
	case 'a':
		return any_address(r);
	case 'b':
		return rng_below(r, 3) ? rng_below(r, 16) : rng_below(r, 256);
	case 'c':
		return any_config(r);
	case 'q':
		return rng_below(r, QUEUES);
	case 'r':
		return any_register(r);
	case 's':
		return rng_below(r, 16);
	case 'w':
		return 1ull << rng_below(r, 4);
	default:
		return any_value(r);
	}
}

static void any_step(struct step *step, struct rng *r)
{
	unsigned int all = 0, i, chosen;
	const char *numbers;

	for (i = 0; i < nr_kinds; i++)
		all += kinds[i].weight;
	chosen = rng_below(r, all);
	for (i = 0; chosen >= kinds[i].weight; i++)
		chosen -= kinds[i].weight;
	step->kind = i;
	numbers = kinds[i].numbers;
	for (i = 0; numbers[i]; i++)
		step->number[i] = any_number(numbers[i], r);
}

void script_make(struct script *s, struct rng *r)
{
	unsigned int i;

	s->steps = 1 + rng_below(r, STEPS);
	for (i = 0; i < s->steps; i++)
		any_step(&s->step[i], r);
}

static void change_number(struct step *step, struct rng *r)
{
	const char *numbers = kinds[step->kind].numbers;
	unsigned int n;

	if (!numbers[0])
		return;
	n = rng_below(r, strlen(numbers));
	if (rng_below(r, 2))
		step->number[n] = any_number(numbers[n], r);
	else
		step->number[n] ^= 1ull << rng_below(r, 64);
}

void script_change(struct script *s, const struct script *other, struct rng *r)
{
	unsigned int times = 1 + rng_below(r, 8), at, from;

	while (times-- && s->steps) {
		at = rng_below(r, s->steps);
		from = other->steps ? rng_below(r, other->steps) : 0;
		switch (rng_below(r, 4)) {
		case 0:
			any_step(&s->step[at], r);
			break;
		case 1:
			if (from < other->steps)
				s->step[at] = other->step[from];
			break;
		case 2:
			if (s->steps < STEPS) {
				memmove(&s->step[at + 1], &s->step[at],
					(s->steps++ - at) * sizeof(s->step[0]));
				any_step(&s->step[at], r);
			}
			break;
		default:
			change_number(&s->step[at], r);
			break;
		}
	}
}
