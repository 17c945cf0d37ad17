/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is served next: classes first, within a class by weight.  Arithmetic only;
 * whoever uses it has a lock of his own.
 */
#ifndef _PARLEY_VHOST_ORDER_H
#define _PARLEY_VHOST_ORDER_H

#include <linux/list.h>
#include <linux/types.h>

#define VH_CLASSES	3	/* as there are lanes, see enum vh_lane */
#define VH_FLOOR	8	/* of so many turns at least one is a class's that wants it */

#define VH_WEIGHT_MAX	1000
#define VH_WEIGHT	100	/* unless told otherwise */
#define VH_CREDIT	1024	/* cost that a weight of 1 may have in one pass */

/**
 * struct vh_floor - so that who is urgent keeps nobody out
 * @passed: turns in a row in which a class was ready and others were served
 */
struct vh_floor {
	u8 passed[VH_CLASSES];
};

/**
 * struct vh_account - what somebody may have, in however many shares
 * @class: 0 is first
 * @weight: 1 to VH_WEIGHT_MAX
 * @credit: cost that it may still have in this pass; below zero it owes
 * @pass: the last pass of its class that it had its credit of
 * @users: its shares that are ready or being served
 */
struct vh_account {
	unsigned int class;
	u32 weight;
	s64 credit;
	u64 pass;
	unsigned int users;
};

/**
 * struct vh_share - who takes turns
 * @entry: in the list of its class, while it is ready
 * @account: who pays for them
 * @ready: it is in the list
 * @active: it is ready or being served
 */
struct vh_share {
	struct list_head entry;
	struct vh_account *account;
	bool ready;
	bool active;
};

/**
 * struct vh_order - what is ready
 * @ready: a list for each class, the first one's turn is next
 * @pass: how often all of a class were given credit
 * @floor: that no class is kept out
 * @nr: in each list
 * @nr_ready: in all of them
 */
struct vh_order {
	struct list_head ready[VH_CLASSES];
	u64 pass[VH_CLASSES];
	struct vh_floor floor;
	unsigned int nr[VH_CLASSES];
	unsigned int nr_ready;
};

unsigned int vh_floor_turn(struct vh_floor *f, unsigned long ready);

void vh_order_init(struct vh_order *o);
void vh_order_join(struct vh_share *s, struct vh_account *a);
bool vh_order_add(struct vh_order *o, struct vh_share *s);
void vh_order_idle(struct vh_order *o, struct vh_share *s);
struct vh_share *vh_order_next(struct vh_order *o);
void vh_order_charge(struct vh_order *o, struct vh_share *s, u64 cost);
void vh_order_alone(struct vh_order *o, struct vh_share *s);
unsigned int vh_order_ahead(const struct vh_order *o, unsigned int class);

#endif /* _PARLEY_VHOST_ORDER_H */
