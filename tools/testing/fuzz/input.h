/* SPDX-License-Identifier: GPL-2.0-only */
/* What fuzzers of the bridge read their steps from; a short input goes on with zeroes. */
#ifndef _FUZZ_INPUT_H
#define _FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What an input has left. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline void take(struct input *in, void *out, size_t len)
{
	size_t n = len < in->left ? len : in->left;

	memset(out, 0, len);
	memcpy(out, in->at, n);
	in->at += n;
	in->left -= n;
}

static inline uint8_t byte(struct input *in)
{
	uint8_t b;

	take(in, &b, 1);
	return b;
}

#endif /* _FUZZ_INPUT_H */
