// SPDX-License-Identifier: GPL-2.0-only
/*
 * The paravirtual spinlock: drivers/virtio/sched/pvlock.c, whose names it uses.
 *
 * CPUS processors take the lock ROUNDS times each, in every order of the steps that the
 * code makes; one more waits outside the queue, as an NMI does, if UNQUEUED is there.
 * Each step is one change of one word.  That processors see such changes in one order is
 * what the code relies on for who wakes whom; what is guarded by the lock is the business
 * of litmus/L-lock.
 *
 * The hypervisor: a processor that halts sleeps until it is kicked; a kick for one that
 * is awake is kept; SPURIOUS halts end by themselves.  Beyond these nothing wakes a
 * sleeper, so a lost wake-up is a state in which nothing can happen.
 *
 * Checked: one holder at a time; nobody passes the queue, whose order is that in which
 * the tail was exchanged; no dead state.
 */
#ifndef CPUS
#define CPUS	3
#endif
#ifndef ROUNDS
#define ROUNDS	1
#endif
#ifndef SPURIOUS
#define SPURIOUS 1
#endif

/* Processors are 1 to CPUS, so that 0 is nobody as in the code. */
#define LAST	(CPUS + 1)

mtype = { WAIT, HEAD, ASLEEP };

byte holder, kick, tail;	/* the word: owner's two halves, and the tail */
mtype state[LAST + 1] = WAIT;
byte next[LAST + 1];
bit kept[LAST + 1];		/* a kick */
byte spurious = SPURIOUS;

byte inside;			/* holders, if the lock were none */
byte came, went;		/* places in the queue, given and served */

inline enter(who)
{
	inside++;
	assert(inside == 1);
}

/* Sleeps if @still holds, until a kick. */
inline halt(who, still)
{
	if
	:: !(still) -> skip
	:: (still) ->
#ifdef HV_FORGETS
		kept[who] = 0;
#endif
		if
		:: atomic { kept[who] -> kept[who] = 0 }
		:: atomic { spurious > 0 -> spurious-- }
		fi
	fi
}

/* owner = 0, and whom to kick comes with that. */
inline unlock(who)
{
	inside--;
#ifdef UNLOCK_IN_TWO
	woken = kick;
	atomic { holder = 0; kick = 0 }
#else
	atomic { woken = kick; holder = 0; kick = 0 }
#endif
	if
	:: woken != 0 -> kept[woken] = 1
	:: else
	fi;
	woken = 0
}

/* The turn is the next one's; one that sleeps is kicked by our unlock. */
inline hand_over(who)
{
	next[who] != 0;
#ifdef HAND_OVER_BLIND
	state[next[who]] = HEAD;
#else
	atomic { was = state[next[who]]; state[next[who]] = HEAD };
#ifndef NO_KICK_FOR_NEXT
	atomic {
		if
		:: was == ASLEEP && holder == who && kick == 0 -> kick = next[who]
		:: else
		fi
	};
#endif
#endif
	was = WAIT
}

inline wait_turn(who)
{
	do
	:: state[who] == HEAD -> break
	:: state[who] == WAIT ->
#ifdef SLEEP_BLIND
		state[who] = ASLEEP;
#else
		atomic {
			if
			:: state[who] == WAIT -> state[who] = ASLEEP
			:: else -> goto turn
			fi
		};
#endif
		halt(who, state[who] == ASLEEP);
		atomic {
			if
			:: state[who] == ASLEEP -> state[who] = WAIT
			:: else
			fi
		};
turn:		skip
	od
}

inline wait_lock(who)
{
	do
	:: atomic { holder == 0 -> holder = who; kick = 0; enter(who) }; break
	:: holder != 0 ->
		/* It says that it sleeps, unless the holder changed. */
		seen = holder;
#ifdef ANNOUNCE_BLIND
		kick = who; holder = seen;
#else
#ifdef NO_ANNOUNCE
		skip;
#else
		atomic {
			if
			:: holder == seen && seen != 0 -> kick = who
			:: else -> seen = 0
			fi
		};
#endif
#endif
		if
		:: seen == 0
		:: else ->
#ifdef NO_ANNOUNCE
			halt(who, holder == seen);
#else
			halt(who, holder == seen && kick == who);
#endif
			atomic {
				if
				:: holder == seen && kick == who -> kick = 0
				:: else
				fi
			}
		fi;
		seen = 0
	od
}

/* No place in the queue: only if nobody is there. */
#ifdef FAST_PASSES
#define FREE	(holder == 0)
#else
#define FREE	(holder == 0 && tail == 0)
#endif

proctype cpu(byte me)
{
	byte left = ROUNDS, before, place, seen, woken;
	mtype was = WAIT;

	do
	:: left == 0 -> break
	:: left > 0 ->
		left--;
		if
		:: atomic {
			FREE -> holder = me; enter(me);
			/* Nobody who queued before is still waiting. */
			assert(came == went)
		   }
		:: atomic { !(FREE) -> next[me] = 0; state[me] = WAIT }
			atomic {
				before = tail; tail = me;
				place = came; came++
			};
			if
			:: before != 0 ->
				next[before] = me;
				wait_turn(me)
			:: else
			fi;
			before = 0;
			wait_lock(me);
			atomic { assert(place == went); went++; place = 0 };
#ifdef LEAVE_BLIND
			if
			:: tail == me -> tail = 0
			:: else -> hand_over(me)
			fi;
#else
			if
			:: atomic { tail == me -> tail = 0 }
			:: tail != me -> hand_over(me)
			fi;
#endif
		fi;
		unlock(me)
	od
}

/* Outside the queue: takes the lock whenever it is free. */
proctype unqueued(byte me)
{
	byte woken;

#ifdef UNQUEUED_BLIND
	holder == 0;
	holder = me; enter(me);
#else
	atomic { holder == 0 -> holder = me; enter(me) };
#endif
	unlock(me)
}

init {
	byte i = 1;

	atomic {
		do
		:: i <= CPUS -> run cpu(i); i++
		:: else -> break
		od;
#ifdef UNQUEUED
		run unqueued(LAST);
#endif
		i = 0
	}
}
