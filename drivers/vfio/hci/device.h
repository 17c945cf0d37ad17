/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A controller for somebody who is not trusted with it: the device that he opens.
 */
#ifndef _PARLEY_HCI_DEVICE_H
#define _PARLEY_HCI_DEVICE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "hci.h"
#include "lower.h"

/* Packets that may wait for the guest; one more, and it is not served any longer. */
#define PARLEY_HCI_QUEUE	256

struct parley_policy_folder;

/**
 * struct parley_hci_packet - one that waits for the guest
 * @node: in the queue
 * @len: how long it is
 * @at: how much of it the guest has
 * @data: it
 */
struct parley_hci_packet {
	struct list_head node;
	u16 len;
	u16 at;
	u8 data[] __counted_by(len);
};

/**
 * struct parley_hci_dev - a mediated controller
 * @dev: in the class parley_hci
 * @cdev: its node
 * @node: among all of them, under ph_lock
 * @index: the number of the real one
 * @ops: how the real one is reached
 * @lower: it
 * @folder: policies of those that open it
 * @work: takes what the real one sends
 * @wait: for the queue, for a reset, for the end
 * @writer: guards @have and @down; who writes may make us wait for his memory
 * @have: bytes of the packet that the guest is writing
 * @down: these
 * @reader: guards @reading; the same of who reads
 * @reading: the packet of which he has a part, or NULL
 * @lock: guards the rest, and is never held while somebody's memory is reached for; of
 *	@broken, @lost, @resets and @queued, who waits reads a hint without it
 * @open: somebody has it open
 * @broken: whoever has it open is not served any longer
 * @lost: the real one is gone, or this one is being removed
 * @owed: it has to be reset, once it has answered to the resets before
 * @clean: the last one was done
 * @resets: that the real one has not answered yet
 * @why: what the filter could not do
 * @hci: the filter
 * @queue: packets for the guest
 * @queued: how many, with the one that he reads
 * @up: a packet of the real one's
 */
struct parley_hci_dev {
	struct device dev;
	struct cdev cdev;
	struct list_head node;
	u16 index;
	const struct parley_hci_lower_ops *ops;
	struct parley_hci_lower *lower;
	struct parley_policy_folder *folder;
	struct work_struct work;
	wait_queue_head_t wait;

	struct mutex writer;
	size_t have;
	u8 down[PARLEY_HCI_FRAME];

	struct mutex reader;
	struct parley_hci_packet *reading;

	struct mutex lock;
	bool open;
	bool broken;
	bool lost;
	bool owed;
	bool clean;
	unsigned int resets;
	const char *why;
	struct parley_hci *hci;
	struct list_head queue;
	unsigned int queued;
	u8 up[PARLEY_HCI_FRAME];
};

/* session.c */
struct parley_hci_dev *parley_hci_dev_new(const struct parley_hci_lower_ops *ops);
void parley_hci_dev_free(struct parley_hci_dev *d);
int parley_hci_dev_have(struct parley_hci_dev *d, u16 index);
void parley_hci_dev_let_go(struct parley_hci_dev *d);
int parley_hci_dev_enter(struct parley_hci_dev *d);
void parley_hci_dev_leave(struct parley_hci_dev *d);
int parley_hci_dev_can(struct parley_hci_dev *d, bool *waiting);
int parley_hci_dev_put(struct parley_hci_dev *d, u8 *pkt, int len);
struct parley_hci_packet *parley_hci_dev_take(struct parley_hci_dev *d);
void parley_hci_dev_taken(struct parley_hci_dev *d, struct parley_hci_packet *p);

/* device.c */
extern const struct file_operations parley_hci_fops;

#endif /* _PARLEY_HCI_DEVICE_H */
