/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * /dev/parley-steal: clocks without the time that the host stole, and a timer on them
 * for each open file.
 *
 * A file can be polled: EPOLLIN when its timer has fired.  read() then returns one
 * struct parley_steal_event and the timer has not fired any more; before that it waits,
 * or fails with EAGAIN if the file is O_NONBLOCK.
 *
 * All times are nanoseconds of CLOCK_MONOTONIC.  Padding must be zero.
 */
#ifndef _UAPI_LINUX_PARLEY_STEAL_H
#define _UAPI_LINUX_PARLEY_STEAL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PARLEY_STEAL_CPU_MEAN	-1	/* the mean of all that are online */
#define PARLEY_STEAL_CPU_HERE	-2	/* the one that the caller runs on */

/**
 * struct parley_steal_times - what is known of a processor
 * @cpu: its number, or PARLEY_STEAL_CPU_*; where it was HERE, its number is returned
 * @pad: zero
 * @mono: CLOCK_MONOTONIC
 * @stolen: so much of it was stolen since boot
 * @clock: the effective clock: @mono minus @stolen.  It never goes backwards, so it
 *	stands while it makes up for what became known late
 * @grain: what was stolen is known after so much time in which the processor runs; 0:
 *	at once
 */
struct parley_steal_times {
	__s32 cpu;
	__u32 pad;
	__aligned_u64 mono;
	__aligned_u64 stolen;
	__aligned_u64 clock;
	__aligned_u64 grain;
};

/* -EINVAL if there is no such processor. */
#define PARLEY_STEAL_GET_TIMES	_IOWR(0xAF, 0xC0, struct parley_steal_times)

/**
 * struct parley_steal_arm - when the timer shall fire
 * @ns: after so much time in which the processor that the caller is on now could run; 0:
 *	never
 * @most: after so much time in any case, not less than @ns, and a day at most
 *
 * A timer that was armed before is forgotten, and so is one that has fired.
 */
struct parley_steal_arm {
	__aligned_u64 ns;
	__aligned_u64 most;
};

#define PARLEY_STEAL_ARM	_IOW(0xAF, 0xC1, struct parley_steal_arm)

/**
 * struct parley_steal_event - a timer that fired
 * @elapsed: so much time after it was armed
 * @stolen: so much of it was stolen
 * @rounds: how often the kernel looked whether it is to fire
 * @flags: PARLEY_STEAL_CUT if it fired because of its second limit
 */
struct parley_steal_event {
	__aligned_u64 elapsed;
	__aligned_u64 stolen;
	__u32 rounds;
	__u32 flags;
};

#define PARLEY_STEAL_CUT	0x1

#endif /* _UAPI_LINUX_PARLEY_STEAL_H */
