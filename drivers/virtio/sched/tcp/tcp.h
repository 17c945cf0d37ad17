/* SPDX-License-Identifier: GPL-2.0-only */
/* What is decided of a retransmission time-out, apart from the socket. */
#ifndef _PARLEY_TCP_H
#define _PARLEY_TCP_H

#include <linux/atomic.h>
#include <linux/time64.h>
#include <linux/types.h>

/*
 * struct tcp_counts - of all sockets
 * @timeouts: of retransmission timers
 * @stolen: of these, without stolen time they would not have been
 * @undone: of these, they were proved to be false, and all that followed was undone
 * @unproved: of these, the answer may have been one to the retransmission
 */
struct tcp_counts {
	atomic64_t timeouts;
	atomic64_t stolen;
	atomic64_t undone;
	atomic64_t unproved;
};

extern struct tcp_counts parley_tcp_counts;

/* Would it not have happened, had nothing been stolen of what elapsed? */
static inline bool parley_tcp_is_stolen(u64 elapsed, u64 stolen, u64 rto)
{
	/* Other reasons to take all for lost come earlier. */
	if (elapsed < rto)
		return false;
	return stolen > elapsed || elapsed - stolen < rto;
}

/*
 * Is what would be undone the time-out's alone?  It is, if the time-out has @reduced the
 * window by itself, for a segment that had not been sent again before; or if it follows a
 * @suspect, of the same loss.  Else a loss that was real would be undone with it, or an
 * answer to an earlier retransmission be taken for one to the original.
 */
static inline bool parley_tcp_is_alone(bool reduced, bool sent_again, bool suspect)
{
	return reduced ? !sent_again : suspect;
}

/* Too soon for an answer to what was sent then; ~0: nobody knows what that would be. */
static inline bool parley_tcp_is_proved(u64 since, u32 min_rtt_us)
{
	return min_rtt_us != ~0U && since < (u64)min_rtt_us * NSEC_PER_USEC;
}

void parley_tcp_view_init(void);
void parley_tcp_view_exit(void);

#endif /* _PARLEY_TCP_H */
