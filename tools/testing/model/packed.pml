// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packed ring: put, publish, reap, arm against take, complete, publish,
 * arm.  N descriptors, chains of one or two of them, two wrap counters, and
 * the two event suppression structures.
 *
 * Positions are counted unwrapped in here: position p is slot p % N in a lap
 * whose wrap counter is 1 for even p / N.  Memory shows only what the format
 * has (flag bits, offset and wrap bit), so each decision can be held against
 * the one that unwrapped positions give.
 *
 * A batch is published with the flags of its first descriptor, written last;
 * the same goes for a batch of used descriptors.
 *
 * The two halves of an event suppression structure are two locations with no
 * barrier between them, on either side.  That this is enough is a result: a
 * reader that sees the halves torn has read them before the writer's full
 * barrier was done, and then the writer's second look sees what the reader
 * published.
 *
 * Checked: no assertion fails; no state in which nothing can happen, unless
 * every request has come back.  Such a state is a lost notification.
 */

#ifndef N
#define N	3
#endif
#ifndef NREQ
#define NREQ	5
#endif

#ifndef CHAINS
#define CHAINS	1	/* 0: every chain is one descriptor */
#endif

#define NLOC	(2 * N + 4)
#define BODY(p)		((p) % N)
#define FLAGS(p)	(N + (p) % N)
#define DRV_OFF		(2 * N)		/* driver event suppression */
#define DRV_MODE	(2 * N + 1)
#define DEV_OFF		(2 * N + 2)	/* device event suppression */
#define DEV_MODE	(2 * N + 3)

#define DONE	100	/* body of a used descriptor: this and its request */

#define ENABLE	0
#define DISABLE	1
#define DESC	2

#define WRAP(p)		(1 - ((p) / N) % 2)
#define AVAIL		1
#define USED		2
#define NEXT		4
#define AS_AVAIL(p)	(WRAP(p) -> AVAIL : USED)
#define AS_USED(p)	(WRAP(p) -> AVAIL + USED : 0)
#define IS_AVAIL(f, p)	(((f) & 3) == AS_AVAIL(p))
#define IS_USED(f, p)	(((f) & 3) == AS_USED(p))

#include "memory.pml"

bit kick, call;		/* pending notifications, as an eventfd keeps them */

/*
 * Was the event's descriptor among those from old up to new?  All that the
 * format lets us compare is slot and wrap counter; the event becomes an index
 * of the lap that "new" is in, below zero if it belongs to the lap before.
 */
inline must_notify(mode, event, new, old, yes)
{
	d_step {
		if
		:: mode == ENABLE -> yes = 1
		:: mode == DISABLE -> yes = 0
		:: mode == DESC ->
			delta = new % N - event % N - 1;
#ifndef BROKEN_EVENT_WRAP
			if
			:: WRAP(event) != WRAP(new) -> delta = delta + N
			:: else
			fi;
#endif
			if
			:: delta < 0 -> delta = delta + 65536
			:: else
			fi;
			yes = (delta < new - old);
			/* One too many for an event two laps old; never one too few. */
			assert(yes == ((old <= event) && (event < new)) ||
			       (yes && new >= event + 1 + 2 * N));
		fi;
		delta = 0;
	}
}

/* The halves may be read in either order. */
inline load_event(side, where_mode, where_off, mode, event)
{
	if
	:: load(side, where_mode, mode); load(side, where_off, event)
	:: load(side, where_off, event); load(side, where_mode, mode)
	fi;
}

proctype driver()
{
	byte put, reaped;		/* requests */
	byte next, used, shown, last;	/* positions; last: of the last chain */
	bool two[NREQ];			/* has the chain two descriptors? */
	byte first, mode, event, got, early, scan;
	int delta;
	bit yes;

	early = NONE;
	do
	:: reaped == NREQ -> break
	:: reaped < NREQ && put < NREQ && next - used < N ->
		do
		:: put < NREQ && next - used < N ->
			last = next;
			store(DRV, BODY(next), put + 1);
			if
			:: next == shown -> first = AS_AVAIL(next)
			:: else -> store(DRV, FLAGS(next), AS_AVAIL(next))
			fi;
			next++;
			put++
		:: CHAINS && put < NREQ && next + 1 - used < N ->
			last = next;
			two[put] = 1;
			store(DRV, BODY(next), put + 1);
			if
			:: next == shown -> first = AS_AVAIL(next) + NEXT
			:: else -> store(DRV, FLAGS(next), AS_AVAIL(next) + NEXT)
			fi;
			next++;
			store(DRV, BODY(next), put + 1);
			store(DRV, FLAGS(next), AS_AVAIL(next));
			next++;
			put++
		:: next > shown -> break
		od;
#ifndef NO_DRV_PUBLISH_WMB
		wmb(DRV);
#endif
		store(DRV, FLAGS(shown), first);
		first = 0;
#ifndef NO_DRV_KICK_MB
		mb(DRV);
#endif
		load_event(DRV, DEV_MODE, DEV_OFF, mode, event);
		must_notify(mode, event, next, shown, yes);
		shown = next;
		if
		:: yes -> notify(DRV, kick)
		:: else
		fi;
		yes = 0; mode = 0; event = 0
	:: reaped < put ->
reap:
		early_load(DRV, BODY(used), early);
		load(DRV, FLAGS(used), got);
#ifndef NO_DRV_REAP_RMB
		rmb(early);
#endif
		if
		:: !IS_USED(got, used) -> goto arm
		:: else
		fi;
		do
		:: IS_USED(got, used) ->
			late_load(DRV, BODY(used), early, event);
			assert(event == DONE + reaped + 1);
			used = used + 1 + two[reaped];
			two[reaped] = 0;
			reaped++;
			if
			:: reaped < put -> load(DRV, FLAGS(used), got)
			:: else -> break
			fi
		:: else -> break
		od;
		early = NONE; event = 0; got = 0;
		if
		:: reaped == put -> goto next_round
		:: reaped < put ->
			if
			:: goto next_round
			:: goto arm
			fi
		fi;
arm:
		early = NONE; got = 0;
#ifdef EVENT_IDX
		if
		:: event = used
		:: last > used -> event = last
		fi;
		store(DRV, DRV_OFF, event);
		event = 0;
		store(DRV, DRV_MODE, DESC);
#else
		store(DRV, DRV_MODE, ENABLE);
#endif
#ifndef NO_DRV_ARM_MB
		mb(DRV);
#endif
#ifndef NO_DRV_ARM_RECHECK
		load(DRV, FLAGS(used), got);
		if
		:: IS_USED(got, used) -> got = 0; goto disarm
		:: else
		fi;
		got = 0;
#endif
		call -> call = 0;
disarm:
#if !defined(EVENT_IDX) || defined(DISARM)
		store(DRV, DRV_MODE, DISABLE);
#endif
		goto reap;
next_round:
		skip
	od
}

proctype device()
{
	byte taken;			/* requests */
	byte pos, shown;		/* positions: taken up to; published up to */
	byte first, mode, event, got, early, scan;
	int delta;
	bit yes;

	early = NONE;
	do
	:: true ->
		early_load(DEV, BODY(pos), early);
		load(DEV, FLAGS(pos), got);
#ifndef NO_DEV_TAKE_RMB
		rmb(early);
#endif
		if
		:: !IS_AVAIL(got, pos) -> early = NONE; goto arm
		:: else
		fi;
		do
		:: IS_AVAIL(got, pos) ->
			late_load(DEV, BODY(pos), early, event);
			assert(event == taken + 1);
			store(DEV, BODY(pos), DONE + taken + 1);
			if
			:: pos == shown -> first = AS_USED(pos)
			:: else -> store(DEV, FLAGS(pos), AS_USED(pos))
			fi;
			pos++;
			if
			:: got & NEXT ->
				load(DEV, BODY(pos), event);
				assert(event == taken + 1);
				pos++
			:: else
			fi;
			taken++;
			load(DEV, FLAGS(pos), got)
		:: pos > shown -> break
		od;
		early = NONE; event = 0; got = 0;
#ifndef NO_DEV_PUBLISH_WMB
		wmb(DEV);
#endif
		store(DEV, FLAGS(shown), first);
		first = 0;
#ifndef NO_DEV_CALL_MB
		mb(DEV);
#endif
		load_event(DEV, DRV_MODE, DRV_OFF, mode, event);
		must_notify(mode, event, pos, shown, yes);
		shown = pos;
		if
		:: yes -> notify(DEV, call)
		:: else
		fi;
		yes = 0; mode = 0; event = 0;
		goto again;
arm:
		got = 0;
#ifdef EVENT_IDX
		store(DEV, DEV_OFF, pos);
		store(DEV, DEV_MODE, DESC);
#else
		store(DEV, DEV_MODE, ENABLE);
#endif
#ifndef NO_DEV_ARM_MB
		mb(DEV);
#endif
#ifndef NO_DEV_ARM_RECHECK
		load(DEV, FLAGS(pos), got);
		if
		:: IS_AVAIL(got, pos) -> got = 0; goto disarm
		:: else
		fi;
		got = 0;
#endif
end:		kick -> kick = 0;
disarm:
#if !defined(EVENT_IDX) || defined(DISARM)
		store(DEV, DEV_MODE, DISABLE);
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
