// SPDX-License-Identifier: GPL-2.0-only
/*
 * A weakly ordered memory between two processors, the driver and the device.
 *
 * Stores: each side has a buffer of stores that the other does not see yet.
 * They reach memory in any order, except that two stores to one location stay
 * in order, and that no store passes an earlier write barrier (a FENCE entry).
 * A side sees its own stores at once.
 *
 * Loads: a model that wants a load to be satisfied early says so itself, with
 * early_load() before the load that ought to come first; rmb() forgets it.
 *
 * mb(): all stores of the side are in memory, no early load is kept.
 *
 * Together this allows store-load, store-store and load-load reordering: all
 * that the rings care about.  (Load-store: see litmus/.)
 */

#define DRV	0
#define DEV	1
#define SB	7	/* stores that a side may have under way */
#define FENCE	255
#define NONE	255

typedef buffer {
	byte n;
	byte loc[SB];
	byte val[SB];
};

byte mem[NLOC];
buffer sb[2];

inline store(side, where, what)
{
	atomic {
		sb[side].n < SB ->
		sb[side].loc[sb[side].n] = where;
		sb[side].val[sb[side].n] = what;
		sb[side].n++;
	}
}

inline wmb(side)
{
	atomic {
		if
		:: sb[side].n == 0 -> skip
		:: sb[side].n > 0 && sb[side].n < SB ->
			sb[side].loc[sb[side].n] = FENCE;
			sb[side].val[sb[side].n] = 0;
			sb[side].n++;
		fi;
	}
}

inline mb(side)
{
	sb[side].n == 0;
}

/*
 * A notification (a register write, an eventfd) comes after the stores before
 * it; it says nothing about loads.
 */
inline notify(side, flag)
{
	atomic { sb[side].n == 0 -> flag = 1 }
}

inline load(side, where, dst)
{
	d_step {
		dst = mem[where];
		scan = 0;
		do
		:: scan < sb[side].n ->
			if
			:: sb[side].loc[scan] == where -> dst = sb[side].val[scan]
			:: else
			fi;
			scan++;
		:: else -> break
		od;
		scan = 0;
	}
}

/* A load that the processor may do before the one it comes after. */
inline early_load(side, where, dst)
{
	dst = NONE;
	if
	:: load(side, where, dst)
	:: skip
	fi;
}

inline rmb(dst)
{
	dst = NONE;
}

/* What was loaded early, unless a barrier made us forget it. */
inline late_load(side, where, early, dst)
{
	if
	:: early != NONE -> dst = early; early = NONE
	:: else -> load(side, where, dst)
	fi;
}

#define FREE(i, k)	(sb[side].loc[i] != FENCE && sb[side].loc[i] != sb[side].loc[k])
#define MAY0		(sb[side].n > 0)
#define MAY(k)		(sb[side].n > k && sb[side].loc[k] != FENCE)

/* Carries stores of one side to memory, in any order that is allowed. */
proctype carrier(bit side)
{
	byte i;
end:
	do
	:: atomic {
		if
		:: MAY0 -> i = 0
		:: MAY(1) && FREE(0, 1) -> i = 1
		:: MAY(2) && FREE(0, 2) && FREE(1, 2) -> i = 2
		:: MAY(3) && FREE(0, 3) && FREE(1, 3) && FREE(2, 3) -> i = 3
		:: MAY(4) && FREE(0, 4) && FREE(1, 4) && FREE(2, 4) && FREE(3, 4) ->
			i = 4
		:: MAY(5) && FREE(0, 5) && FREE(1, 5) && FREE(2, 5) && FREE(3, 5) &&
		   FREE(4, 5) -> i = 5
		fi;
		mem[sb[side].loc[i]] = sb[side].val[i];
		do
		:: i + 1 < sb[side].n ->
			sb[side].loc[i] = sb[side].loc[i + 1];
			sb[side].val[i] = sb[side].val[i + 1];
			i++
		:: else -> break
		od;
		/* A barrier with nothing before it has done its work. */
		do
		:: sb[side].n--;
		   sb[side].loc[sb[side].n] = 0;
		   sb[side].val[sb[side].n] = 0;
		   if
		   :: sb[side].n > 0 && sb[side].loc[0] == FENCE ->
			i = 0;
			do
			:: i + 1 < sb[side].n ->
				sb[side].loc[i] = sb[side].loc[i + 1];
				sb[side].val[i] = sb[side].val[i + 1];
				i++
			:: else -> break
			od
		   :: else -> break
		   fi
		od;
		i = 0;
	}
	od
}
