// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device that a guest's VMM, or a program, opens: a stream of packets both ways, as
 * a UART would carry them.
 *
 * One has it at a time.  The real controller is reset before anything passes, and when
 * he leaves: nobody finds what another one left there.
 */
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <parley/compat.h>
#include "device.h"

/* How long a controller may take to be reset. */
#define PH_RESET	(2 * HZ)
/* Packets that are taken from it before others get the lock. */
#define PH_BURST	64

/**
 * struct ph_packet - one that waits for the guest
 * @node: in the queue
 * @len: how long it is
 * @at: how much of it the guest has
 * @data: it
 */
struct ph_packet {
	struct list_head node;
	u16 len;
	u16 at;
	u8 data[] __counted_by(len);
};

/* Nothing passes any more; why is said once. */
static void ph_break(struct parley_hci_dev *d, const char *why, int err)
{
	lockdep_assert_held(&d->lock);
	if (!d->broken)
		dev_warn(&d->dev, "nothing passes any more: %s (%d)\n", why, err);
	WRITE_ONCE(d->broken, true);
	wake_up_interruptible_poll(&d->wait, EPOLLIN | EPOLLOUT | EPOLLHUP);
}

/* ------------------------------------------------------------------ ways */

static int ph_way_down(void *data, const u8 *pkt, size_t len)
{
	struct parley_hci_dev *d = data;

	return parley_hci_lower_send(d->lower, pkt, len);
}

static int ph_way_up(void *data, const u8 *pkt, size_t len)
{
	struct parley_hci_dev *d = data;
	struct ph_packet *p;

	if (d->queued == PARLEY_HCI_QUEUE)
		return -ENOBUFS;
	p = kmalloc(struct_size(p, data, len), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->len = len;
	p->at = 0;
	memcpy(p->data, pkt, len);
	list_add_tail(&p->node, &d->queue);
	WRITE_ONCE(d->queued, d->queued + 1);
	wake_up_interruptible_poll(&d->wait, EPOLLIN);
	return 0;
}

const struct parley_hci_ways parley_hci_dev_ways = {
	.down = ph_way_down,
	.up = ph_way_up,
};

static void ph_drop(struct parley_hci_dev *d, struct ph_packet *p)
{
	lockdep_assert_held(&d->lock);
	list_del(&p->node);
	WRITE_ONCE(d->queued, d->queued - 1);
	kfree(p);
}

/* ------------------------------------------------------ from the real one */

static bool ph_is_reset_done(const u8 *pkt, size_t len)
{
	return len >= 6 && pkt[0] == HCI_EVENT_PKT && pkt[1] == HCI_EV_CMD_COMPLETE &&
	       get_unaligned_le16(pkt + 4) == HCI_OP_RESET;
}

static int ph_arrived(struct parley_hci_dev *d, size_t len)
{
	lockdep_assert_held(&d->lock);
	if (d->resets) {
		if (ph_is_reset_done(d->up, len)) {
			WRITE_ONCE(d->resets, d->resets - 1);
			wake_up_interruptible(&d->wait);
		}
		return 0;
	}
	return d->open && !d->broken ? parley_hci_up(d->hci, d->up, len) : 0;
}

/* Takes what the real controller sent; what is too long to be a packet is none. */
void parley_hci_dev_work(struct work_struct *work)
{
	struct parley_hci_dev *d = container_of(work, struct parley_hci_dev, work);
	unsigned int i;
	int len, err;

	guard(mutex)(&d->lock);
	for (i = 0; i < PH_BURST && !d->lost; i++) {
		len = parley_hci_lower_receive(d->lower, d->up, sizeof(d->up));
		if (!len)
			return;
		if (len < 0) {
			WRITE_ONCE(d->lost, true);
			ph_break(d, "the controller is lost", len);
			return;
		}
		err = ph_arrived(d, len > sizeof(d->up) ? 0 : len);
		if (err)
			ph_break(d, "there is no room for what the controller sent", err);
	}
	if (!d->lost)
		queue_work(system_percpu_wq, &d->work);
}

static int ph_reset(struct parley_hci_dev *d)
{
	static const u8 pkt[] = { HCI_COMMAND_PKT, 0x03, 0x0c, 0 };
	int err;

	lockdep_assert_held(&d->lock);
	err = parley_hci_lower_send(d->lower, pkt, sizeof(pkt));
	if (!err)
		WRITE_ONCE(d->resets, d->resets + 1);
	return err;
}

/* -------------------------------------------------------------- sessions */

static void ph_leave(struct parley_hci_dev *d)
{
	struct ph_packet *p, *next;

	guard(mutex)(&d->lock);
	list_for_each_entry_safe(p, next, &d->queue, node)
		ph_drop(d, p);
	d->open = false;
	d->have = 0;
	parley_policy_put(d->hci->policy);
	d->hci->policy = NULL;
	if (!d->lost)
		ph_reset(d);
}

static int ph_enter(struct parley_hci_dev *d)
{
	guard(mutex)(&d->lock);
	if (d->lost)
		return -ENODEV;
	if (d->open)
		return -EBUSY;
	if (ph_reset(d))
		return -EIO;
	d->hci->policy = parley_policy_folder_take(d->folder, 0);
	memset(d->hci->count, 0, sizeof(d->hci->count));
	parley_hci_start(d->hci);
	d->open = true;
	WRITE_ONCE(d->broken, false);
	return 0;
}

/* For those who wait, who cannot take the lock: it is looked at again with it. */
static bool ph_may_be_reset(const struct parley_hci_dev *d)
{
	return !READ_ONCE(d->resets) || READ_ONCE(d->broken);
}

static bool ph_may_be_ready(const struct parley_hci_dev *d)
{
	return READ_ONCE(d->queued) || READ_ONCE(d->lost) || READ_ONCE(d->broken);
}

static int ph_open(struct inode *inode, struct file *file)
{
	struct parley_hci_dev *d = container_of(inode->i_cdev, struct parley_hci_dev, cdev);
	int err = ph_enter(d);
	long left;

	if (err)
		return err;
	file->private_data = d;
	left = wait_event_interruptible_timeout(d->wait, ph_may_be_reset(d), PH_RESET);
	if (left > 0 && !READ_ONCE(d->broken))
		return stream_open(inode, file);
	if (!left)
		dev_warn(&d->dev, "the controller does not answer to a reset: remove it and look\n");
	ph_leave(d);
	return left < 0 ? left : -EIO;
}

static int ph_release(struct inode *inode, struct file *file)
{
	ph_leave(file->private_data);
	return 0;
}

/* Why nothing passes any more, or 0. */
static int ph_ended(const struct parley_hci_dev *d)
{
	if (d->lost)
		return -ENODEV;
	return d->broken ? -EIO : 0;
}

/* At most one packet, so that who has room for each has them one by one. */
static ssize_t ph_take(struct parley_hci_dev *d, char __user *buf, size_t count)
{
	struct ph_packet *p;
	size_t len;

	guard(mutex)(&d->lock);
	p = list_first_entry_or_null(&d->queue, struct ph_packet, node);
	if (!p)
		return ph_ended(d) ?: -EAGAIN;
	len = min(count, (size_t)p->len - p->at);
	if (copy_to_user(buf, p->data + p->at, len))
		return -EFAULT;
	p->at += len;
	if (p->at == p->len)
		ph_drop(d, p);
	return len;
}

static ssize_t ph_read(struct file *file, char __user *buf, size_t count, loff_t *at)
{
	struct parley_hci_dev *d = file->private_data;
	ssize_t got;
	int err;

	if (!count)
		return 0;
	for (;;) {
		got = ph_take(d, buf, count);
		if (got != -EAGAIN || (file->f_flags & O_NONBLOCK))
			return got;
		err = wait_event_interruptible(d->wait, ph_may_be_ready(d));
		if (err)
			return err;
	}
}

/* Up to the end of a packet, or of what there is; returns how much. */
static ssize_t ph_put(struct parley_hci_dev *d, const char __user *buf, size_t count)
{
	int whole = parley_hci_length(d->down, d->have), err = 0;
	size_t take;

	lockdep_assert_held(&d->lock);
	/* Its length is in its first bytes: those are taken one by one. */
	take = min(count, whole ? whole - d->have : 1);
	if (copy_from_user(d->down + d->have, buf, take))
		return -EFAULT;
	d->have += take;
	whole = parley_hci_length(d->down, d->have);
	if (whole < 0) {
		err = whole;
	} else if (whole && whole == d->have) {
		d->have = 0;
		err = parley_hci_down(d->hci, d->down, whole);
	}
	if (!err)
		return take;
	ph_break(d, "what was written cannot be taken", err);
	return -EIO;
}

static ssize_t ph_write(struct file *file, const char __user *buf, size_t count, loff_t *at)
{
	struct parley_hci_dev *d = file->private_data;
	ssize_t put = 0;
	size_t done = 0;

	/* Once for each packet: who writes much is not alone. */
	while (done < count && put >= 0) {
		guard(mutex)(&d->lock);
		put = ph_ended(d) ?: ph_put(d, buf + done, count - done);
		if (put > 0)
			done += put;
		if (put >= 0 && signal_pending(current) && !d->have)
			break;
	}
	return done ?: put;
}

static __poll_t ph_poll(struct file *file, poll_table *wait)
{
	struct parley_hci_dev *d = file->private_data;
	__poll_t can = 0;

	poll_wait(file, &d->wait, wait);
	guard(mutex)(&d->lock);
	if (!list_empty(&d->queue))
		can |= EPOLLIN | EPOLLRDNORM;
	return can | (ph_ended(d) ? EPOLLHUP | EPOLLERR : EPOLLOUT | EPOLLWRNORM);
}

const struct file_operations parley_hci_fops = {
	.owner = THIS_MODULE,
	.open = ph_open,
	.release = ph_release,
	.read = ph_read,
	.write = ph_write,
	.poll = ph_poll,
};
