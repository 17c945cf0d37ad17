// SPDX-License-Identifier: GPL-2.0-only
/*
 * A field of user memory that the current thread did not reach: the queue's
 * owner may know of somebody who does, such as a thread that is not being
 * killed.
 */
#include "ring.h"

/* A field of a ring or table: 2, 4 or 8 bytes at once, as a peer expects. */
struct user_field {
	unsigned long at;
	size_t size;
	u64 value;
};

static int vq_field_load(void *arg)
{
	struct user_field *f = arg;
	void __user *at = (void __user *)f->at;

	switch (f->size) {
	case sizeof(u16):
		return get_user(f->value, (u16 __user *)at);
	case sizeof(u32):
		return get_user(f->value, (u32 __user *)at);
	default:
		return get_user(f->value, (u64 __user *)at);
	}
}

static int vq_field_store(void *arg)
{
	struct user_field *f = arg;
	void __user *at = (void __user *)f->at;

	switch (f->size) {
	case sizeof(u16):
		return put_user(f->value, (u16 __user *)at);
	case sizeof(u32):
		return put_user(f->value, (u32 __user *)at);
	default:
		return put_user(f->value, (u64 __user *)at);
	}
}

int parley_user_load(const struct parley_devq *q, u64 *value, unsigned long at,
		     size_t size)
{
	struct user_field f = { .at = at, .size = size };
	int err = q->again ? q->again(vq_field_load, &f) : -EFAULT;

	*value = f.value;
	return err;
}

int parley_user_store(const struct parley_devq *q, u64 value, unsigned long at,
		      size_t size)
{
	struct user_field f = { .at = at, .size = size, .value = value };

	return q->again ? q->again(vq_field_store, &f) : -EFAULT;
}
