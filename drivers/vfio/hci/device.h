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
 * struct parley_hci_dev - a mediated controller
 * @dev: in the class parley_hci
 * @cdev: its node
 * @node: among all of them, under ph_lock
 * @index: the number of the real one
 * @lower: the real one
 * @folder: policies of those that open it
 * @work: takes what the real one sends
 * @wait: for the queue, for a reset, for the end
 * @lock: guards the rest; of @broken, @lost, @resets and @queued, who waits reads a hint
 *	without it
 * @open: somebody has it open
 * @broken: whoever has it open is not served any longer
 * @lost: the real one is gone, or this one is being removed
 * @resets: of ours, that the real one has not done yet
 * @hci: the filter
 * @queue: packets for the guest
 * @queued: how many
 * @have: bytes of the packet that the guest is writing
 * @down: these
 * @up: a packet of the real one's
 */
struct parley_hci_dev {
	struct device dev;
	struct cdev cdev;
	struct list_head node;
	u16 index;
	struct parley_hci_lower *lower;
	struct parley_policy_folder *folder;
	struct work_struct work;
	wait_queue_head_t wait;

	struct mutex lock;
	bool open;
	bool broken;
	bool lost;
	unsigned int resets;
	struct parley_hci *hci;
	struct list_head queue;
	unsigned int queued;
	size_t have;
	u8 down[PARLEY_HCI_FRAME];
	u8 up[PARLEY_HCI_FRAME];
};

extern const struct file_operations parley_hci_fops;
extern const struct parley_hci_ways parley_hci_dev_ways;

void parley_hci_dev_work(struct work_struct *work);

#endif /* _PARLEY_HCI_DEVICE_H */
