// SPDX-License-Identifier: GPL-2.0-only
/*
 * The split ring: put, publish, reap, arm against take, complete, publish,
 * arm.  The ring has N entries and its free-running indices count modulo
 * M = 2 * N, as those of a ring of 32768 entries do modulo 65536.
 *
 * Memory holds indices and events unwrapped; what decides looks at them modulo
 * M only.  So each decision can be held against the one that arithmetic without
 * wrap-around would have made.
 *
 * A descriptor and its available entry are one location here, because a reader
 * gets from one to the other by an address dependency.
 *
 * Checked: no assertion fails; no state in which nothing can happen, unless
 * every request has come back.  Such a state is a lost notification.
 *
 * Flags mode (without EVENT_IDX): the event location holds 1 for "do not
 * notify" and 0 for "do".
 */

#ifndef N
#define N	2
#endif
#ifndef NREQ
#define NREQ	5
#endif
#define M	(2 * N)

#define NLOC	(2 * N + 4)
#define AVAIL(i)	((i) % N)
#define USED(i)		(N + (i) % N)
#define AVAIL_IDX	(2 * N)
#define USED_IDX	(2 * N + 1)
#define USED_EVENT	(2 * N + 2)	/* written by the driver */
#define AVAIL_EVENT	(2 * N + 3)	/* written by the device */

#include "memory.pml"

bit kick, call;		/* pending notifications, as an eventfd keeps them */

/*
 * Was the event passed by the step from old to new?  The exact answer may
 * differ only for an event that is a whole turn of the index old: then one
 * notification too many is sent, never one too few.
 */
#ifdef BROKEN_EVENT_CMP
#define PASSED(event, new, old)	\
	((old) % M <= (event) % M && (event) % M < (new) % M)
#else
#define PASSED(event, new, old)	\
	(((new) + 4 * M - (event) - 1) % M < ((new) + M - (old)) % M)
#endif
#define EXACT(event, new, old)	((old) <= (event) && (event) < (new))

inline must_notify(event, new, old, yes)
{
	d_step {
#ifdef EVENT_IDX
		yes = PASSED(event, new, old);
		assert(yes == EXACT(event, new, old) ||
		       (yes && new >= event + 1 + M));
#else
		yes = (event == 0);
#endif
	}
}

proctype driver()
{
	byte put, reaped, shown;	/* requests; those published */
	byte event, got, early, scan;
	bit yes;

	early = NONE;
	do
	:: reaped == NREQ -> break
	:: reaped < NREQ && put < NREQ && put - reaped < N ->
		/* put: one request or as many as there is room for */
		do
		:: put < NREQ && put - reaped < N ->
			store(DRV, AVAIL(put), put + 1);
			put++
		:: put > shown -> break
		od;
		/* publish */
#ifndef NO_DRV_PUBLISH_WMB
		wmb(DRV);
#endif
		store(DRV, AVAIL_IDX, put);
#ifndef NO_DRV_KICK_MB
		mb(DRV);
#endif
		load(DRV, AVAIL_EVENT, event);
		must_notify(event, put, shown, yes);
		shown = put;
		if
		:: yes -> notify(DRV, kick)
		:: else
		fi;
		yes = 0; event = 0
	:: reaped < put ->
		/* reap all there is */
reap:
		early_load(DRV, USED(reaped), early);
		load(DRV, USED_IDX, got);
#ifndef NO_DRV_REAP_RMB
		rmb(early);
#endif
		if
		:: (got % M) == (reaped % M) -> goto arm
		:: else
		fi;
		do
		:: (got % M) != (reaped % M) ->
			late_load(DRV, USED(reaped), early, event);
			assert(event == reaped + 1);
			reaped++
		:: else -> break
		od;
		early = NONE; event = 0; got = 0;
		if
		:: reaped == put && put < NREQ -> goto next
		:: reaped == NREQ -> goto next
		:: reaped < put ->
			if
			:: goto next
			:: goto arm
			fi
		fi;
arm:
		/* arm: for the next completion, or for the last one in flight */
		early = NONE; got = 0;
#ifdef EVENT_IDX
		if
		:: event = reaped
		:: put - reaped > 1 -> event = put - 1
		fi;
		store(DRV, USED_EVENT, event);
#else
		event = reaped;
		store(DRV, USED_EVENT, 0);
#endif
#ifndef NO_DRV_ARM_MB
		mb(DRV);
#endif
#ifndef NO_DRV_ARM_RECHECK
		load(DRV, USED_IDX, got);
		if
		:: (got % M) != (reaped % M) ->
			event = 0; got = 0;
			goto disarm
		:: else
		fi;
#endif
		event = 0; got = 0;
		call -> call = 0;
disarm:
#ifndef EVENT_IDX
		store(DRV, USED_EVENT, 1);
#endif
		goto reap;
next:
		skip
	od
}

proctype device()
{
	byte taken, shown;	/* requests taken and completed; published */
	byte event, got, early, scan;
	bit yes;

	early = NONE;
	do
	:: true ->
		/* take, complete: one or all there is */
		early_load(DEV, AVAIL(taken), early);
		load(DEV, AVAIL_IDX, got);
#ifndef NO_DEV_TAKE_RMB
		rmb(early);
#endif
		if
		:: (got % M) == (taken % M) -> early = NONE; goto arm
		:: else
		fi;
		do
		:: (got % M) != (taken % M) ->
			late_load(DEV, AVAIL(taken), early, event);
			assert(event == taken + 1);
			store(DEV, USED(taken), taken + 1);
			taken++
		:: taken > shown -> break
		od;
		early = NONE; event = 0; got = 0;
		/* publish */
#ifndef NO_DEV_PUBLISH_WMB
		wmb(DEV);
#endif
		store(DEV, USED_IDX, taken);
#ifndef NO_DEV_CALL_MB
		mb(DEV);
#endif
		load(DEV, USED_EVENT, event);
		must_notify(event, taken, shown, yes);
		shown = taken;
		if
		:: yes -> notify(DEV, call)
		:: else
		fi;
		yes = 0; event = 0;
		goto again;
arm:
		got = 0;
#ifdef EVENT_IDX
		store(DEV, AVAIL_EVENT, taken);
#else
		store(DEV, AVAIL_EVENT, 0);
#endif
#ifndef NO_DEV_ARM_MB
		mb(DEV);
#endif
#ifndef NO_DEV_ARM_RECHECK
		load(DEV, AVAIL_IDX, got);
		if
		:: (got % M) != (taken % M) -> got = 0; goto disarm
		:: else
		fi;
		got = 0;
#endif
end:		kick -> kick = 0;
disarm:
#ifndef EVENT_IDX
		store(DEV, AVAIL_EVENT, 1);
#endif
again:
		skip
	od
}

init {
	atomic {
		run carrier(DRV);
		run carrier(DEV);
		run driver();
		run device();
	}
}
