// SPDX-License-Identifier: GPL-2.0-only
/* A time that a test makes; see time.h. */
#include "time.h"

u64 fake_now;

static u64 time_made(void)
{
	return fake_now;
}

int fake_real_init(struct kunit *test)
{
	int err = fake_init(test);

	if (err)
		return err;
	fake_use(PARLEY_HV_STEAL);
	parley_steal_forget();
	return 0;
}

void fake_real_exit(struct kunit *test)
{
	fake_exit(test);
	parley_steal_forget();
}

int fake_time_init(struct kunit *test)
{
	fake_now = NSEC_PER_SEC;
	parley_steal_mono = time_made;
	return fake_real_init(test);
}

void fake_time_exit(struct kunit *test)
{
	parley_steal_mono = ktime_get_ns;
	fake_real_exit(test);
}
