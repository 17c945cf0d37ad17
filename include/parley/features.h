/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Feature bits (spec 2.2): a set of them, wide enough for what virtio 1.4 has
 * given numbers to.  The ring's own are all among the first 64.
 */
#ifndef _PARLEY_FEATURES_H
#define _PARLEY_FEATURES_H

#include <linux/bitmap.h>
#include <linux/types.h>

#define PARLEY_FEATURE_BITS	128

/**
 * struct parley_features - a set of features
 * @bits: bit n is feature n
 *
 * Printed with "%*pbl", PARLEY_FEATURE_BITS, set.bits: numbers and ranges.
 */
struct parley_features {
	DECLARE_BITMAP(bits, PARLEY_FEATURE_BITS);
};

/* No set has what is beyond its end. */
static inline bool parley_features_has(const struct parley_features *set,
				       unsigned int bit)
{
	return bit < PARLEY_FEATURE_BITS && test_bit(bit, set->bits);
}

static inline void parley_features_add(struct parley_features *set,
				       unsigned int bit)
{
	if (!WARN_ON_ONCE(bit >= PARLEY_FEATURE_BITS))
		__set_bit(bit, set->bits);
}

static inline void parley_features_drop(struct parley_features *set,
					unsigned int bit)
{
	if (bit < PARLEY_FEATURE_BITS)
		__clear_bit(bit, set->bits);
}

/* Make it these: bits 0 to 63, and 64 to 127. */
static inline void parley_features_set(struct parley_features *set, u64 low,
				       u64 high)
{
	const u64 words[] = { low, high };

	bitmap_from_arr64(set->bits, words, PARLEY_FEATURE_BITS);
}

/* Bits 0 to 63. */
static inline u64 parley_features_low(const struct parley_features *set)
{
	u64 words[PARLEY_FEATURE_BITS / 64];

	bitmap_to_arr64(words, set->bits, PARLEY_FEATURE_BITS);
	return words[0];
}

/* Bits 64 to 127. */
static inline u64 parley_features_high(const struct parley_features *set)
{
	u64 words[PARLEY_FEATURE_BITS / 64];

	bitmap_to_arr64(words, set->bits, PARLEY_FEATURE_BITS);
	return words[1];
}

/* Is all of @set in @other? */
static inline bool parley_features_within(const struct parley_features *set,
					  const struct parley_features *other)
{
	return bitmap_subset(set->bits, other->bits, PARLEY_FEATURE_BITS);
}

static inline bool parley_features_equal(const struct parley_features *one,
					 const struct parley_features *other)
{
	return bitmap_equal(one->bits, other->bits, PARLEY_FEATURE_BITS);
}

/* Keep of @set what is in @mask. */
static inline void parley_features_mask(struct parley_features *set,
					const struct parley_features *mask)
{
	bitmap_and(set->bits, set->bits, mask->bits, PARLEY_FEATURE_BITS);
}

#endif /* _PARLEY_FEATURES_H */
