/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of <parley/limits.h> once more: slow, without lists, without anything
 * that is remembered from one question to the next but what the rules speak of.
 * Levels are whole numbers of tokens times nanoseconds.
 */
#ifndef _PARLEY_LIMITS_TESTS_ORACLE_H
#define _PARLEY_LIMITS_TESTS_ORACLE_H

#include "clock.h"

#define ORACLE_NODES	24

struct oracle_bucket {
	u64 rate;
	u64 burst;
	s128 level;
};

struct oracle_node {
	int parent;	/* -1: the root */
	bool inner;
	struct oracle_bucket limit[LIMIT_KINDS];
	struct oracle_bucket guarantee[LIMIT_KINDS];
	s128 account[LIMIT_KINDS];
	s128 want[LIMIT_KINDS];
	u64 first;
	bool asks;
	bool waiting;
	bool hungry;
	u64 got;
	u64 served;	/* where the last service of a child began */
	u64 since;	/* when it got its place in the order */
};

struct oracle {
	struct oracle_node node[ORACLE_NODES];
	int nr;
	u64 now;
	u64 places;
};

void oracle_init(struct oracle *o, u64 now);
int oracle_add(struct oracle *o, int parent, const struct parley_limits *cfg);
unsigned int oracle_admit(struct oracle *o, int leaf, u64 now, const u64 *bytes,
			  unsigned int nr);
void oracle_charge(struct oracle *o, int leaf, u64 now, u64 bytes);
void oracle_idle(struct oracle *o, int leaf, u64 now);
void oracle_look(struct oracle *o, u64 now);
bool oracle_payable(struct oracle *o, int leaf);

#endif /* _PARLEY_LIMITS_TESTS_ORACLE_H */
