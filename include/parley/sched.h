/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the records of the scheduling device are read by a guest, see
 * Documentation/sched-abi.rst.
 */
#ifndef _PARLEY_SCHED_H
#define _PARLEY_SCHED_H

#include <asm/barrier.h>
#include <linux/compiler.h>
#include <linux/types.h>
#include <uapi/linux/parley_sched.h>

/* Looks at one record; a host that writes it in between does so in nanoseconds. */
#define PARLEY_SCHED_LOOKS	64

/**
 * struct parley_sched_view - a record of the host's, of one moment
 * @state: PARLEY_SCHED_*
 * @boosted: it has time of the budget
 * @changes: of @state
 * @stolen_ns: see struct parley_sched_host_record, as for the rest
 * @ran_ns: the same
 * @boosted_ns: the same
 * @stamp_ns: the same
 */
struct parley_sched_view {
	u32 state;
	bool boosted;
	u32 changes;
	u64 stolen_ns;
	u64 ran_ns;
	u64 boosted_ns;
	u64 stamp_ns;
};

/* Only the state, which is valid by itself: one load. */
static inline u32 parley_sched_state(const struct parley_sched_host_record *r)
{
	return le64_to_cpu(READ_ONCE(r->word)) & PARLEY_SCHED_W_STATE;
}

/* Once; false if it was being written. */
static inline bool parley_sched_look(const struct parley_sched_host_record *r,
				     struct parley_sched_view *v)
{
	u32 seq = le32_to_cpu(READ_ONCE(r->seq));
	u64 word;

	if (seq & 1)
		return false;
	/* Pairs with the last virt_wmb() of the writer: what it wrote before is there. */
	virt_rmb();
	word = le64_to_cpu(READ_ONCE(r->word));
	v->stolen_ns = le64_to_cpu(READ_ONCE(r->stolen_ns));
	v->ran_ns = le64_to_cpu(READ_ONCE(r->ran_ns));
	v->boosted_ns = le64_to_cpu(READ_ONCE(r->boosted_ns));
	v->stamp_ns = le64_to_cpu(READ_ONCE(r->stamp_ns));
	/* Pairs with its first one: who saw something newer sees another number. */
	virt_rmb();
	v->state = word & PARLEY_SCHED_W_STATE;
	v->boosted = word & PARLEY_SCHED_W_BOOSTED;
	v->changes = word >> PARLEY_SCHED_W_CHANGES;
	return le32_to_cpu(READ_ONCE(r->seq)) == seq;
}

/**
 * parley_sched_read() - read a record of the host's
 * @r: record
 * @v: filled
 *
 * Context: any.
 * Return: false if it could not be read, by a host that keeps on writing or stopped in
 * the middle: nothing is known then.
 */
static inline bool parley_sched_read(const struct parley_sched_host_record *r,
				     struct parley_sched_view *v)
{
	unsigned int i;

	for (i = 0; i < PARLEY_SCHED_LOOKS; i++) {
		if (parley_sched_look(r, v))
			return true;
		cpu_relax();
	}
	return false;
}

/* Of the front-end, parley_sched_device. */
int parley_sched_view(int cpu, struct parley_sched_view *v);
void parley_sched_boost(int cpu);
int parley_sched_count(int cpu, struct parley_sched_counted *out);

/**
 * struct parley_sched_clock_user - who reads the host's clock; there is one
 * @page: where the host writes it from now on, or NULL: nowhere.  When it returns, nobody
 *	reads what was there before.  May sleep
 */
struct parley_sched_clock_user {
	void (*page)(const struct parley_sched_host_clock *record);
};

int parley_sched_clock_use(const struct parley_sched_clock_user *user);
void parley_sched_clock_leave(void);

#endif /* _PARLEY_SCHED_H */
