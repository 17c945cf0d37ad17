/* SPDX-License-Identifier: GPL-2.0-only */
/* What a test waits for happens in another thread. */
#ifndef _PARLEY_VHOST_TESTS_UNTIL_H
#define _PARLEY_VHOST_TESTS_UNTIL_H

#include <linux/delay.h>
#include <linux/jiffies.h>

/* Wait until @cond, for at most thirty seconds: the machine may be slow. */
#define vh_until(cond)							\
({									\
	unsigned long __end = jiffies + 30 * HZ;				\
	bool __true;							\
	while (!(__true = (cond)) && time_before(jiffies, __end))	\
		usleep_range(50, 100);					\
	__true;								\
})

#endif /* _PARLEY_VHOST_TESTS_UNTIL_H */
