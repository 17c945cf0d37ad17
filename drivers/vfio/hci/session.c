// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has a controller, and the real one: one has it at a time, and it is reset before
 * anything passes, and when he leaves, so nobody finds what another one left there.
 *
 * A reset is not sent while one is under way ([Vol 4] Part E, 7.3.2): the answer to that
 * is waited for first, also if it was the guest's own.
 */
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <parley/compat.h>
#include "device.h"

/* How long a controller may take to be reset. */
#define PH_RESET	(2 * HZ)
/* Packets that are taken from it before others get the lock. */
#define PH_BURST	64

/* --------------------------------------------------------------- resets */

static void ph_reset(struct parley_hci_dev *d)
{
	static const u8 pkt[] = { HCI_COMMAND_PKT, 0x03, 0x0c, 0 };

	lockdep_assert_held(&d->lock);
	if (!d->owed || d->resets || d->lost || d->ops->send(d->lower, pkt, sizeof(pkt)))
		return;
	d->owed = false;
	d->clean = false;
	WRITE_ONCE(d->resets, 1);
}

static bool ph_is_reset_done(const u8 *pkt, size_t len)
{
	return len >= 7 && pkt[0] == HCI_EVENT_PKT && pkt[1] == HCI_EV_CMD_COMPLETE &&
	       get_unaligned_le16(pkt + 4) == HCI_OP_RESET;
}

static void ph_reset_done(struct parley_hci_dev *d, u8 status)
{
	d->clean = !status;
	WRITE_ONCE(d->resets, d->resets - 1);
	ph_reset(d);
	if (!d->resets)
		wake_up_interruptible(&d->wait);
}

/* Nothing passes any more; why is said once.  Links of the guest's end as well. */
static void ph_break(struct parley_hci_dev *d, const char *why, int err)
{
	lockdep_assert_held(&d->lock);
	if (d->broken)
		return;
	dev_warn_ratelimited(&d->dev, "nothing passes any more: %s (%d)\n", why, err);
	WRITE_ONCE(d->broken, true);
	WRITE_ONCE(d->resets, d->resets + d->hci->resets);
	d->hci->resets = 0;
	d->owed = true;
	ph_reset(d);
	wake_up_interruptible_poll(&d->wait, EPOLLIN | EPOLLOUT | EPOLLHUP);
}

/* ------------------------------------------------------------------ ways */

static int ph_way_down(void *data, const u8 *pkt, size_t len)
{
	struct parley_hci_dev *d = data;
	int err = d->ops->send(d->lower, pkt, len);

	if (err)
		d->why = "the controller takes no more";
	return err;
}

static int ph_way_up(void *data, const u8 *pkt, size_t len)
{
	struct parley_hci_dev *d = data;
	struct parley_hci_packet *p;

	d->why = "there is no room for what nobody reads";
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

static const struct parley_hci_ways ph_ways = {
	.down = ph_way_down,
	.up = ph_way_up,
};

/* ------------------------------------------------------ from the real one */

static void ph_arrived(struct parley_hci_dev *d, size_t len)
{
	int err;

	lockdep_assert_held(&d->lock);
	if (d->resets && ph_is_reset_done(d->up, len)) {
		ph_reset_done(d, d->up[6]);
	} else if (!d->resets && d->open && !d->broken) {
		d->why = "a link would not end";
		err = parley_hci_up(d->hci, d->up, len);
		if (err)
			ph_break(d, d->why, err);
	}
}

/* What got lost may have been what the filter waited for: so all of it is over. */
static void ph_missed(struct parley_hci_dev *d)
{
	lockdep_assert_held(&d->lock);
	d->hci->resets = 0;
	WRITE_ONCE(d->resets, 0);
	d->owed = true;
	if (d->open && !d->broken)
		ph_break(d, "packets of the controller's were lost", -ENOBUFS);
	else
		ph_reset(d);
}

/* Takes what the real controller sent; what is too long to be a packet is none. */
static void ph_work(struct work_struct *work)
{
	struct parley_hci_dev *d = container_of(work, struct parley_hci_dev, work);
	unsigned int i;
	int len;

	guard(mutex)(&d->lock);
	for (i = 0; i < PH_BURST && !d->lost; i++) {
		len = d->ops->receive(d->lower, d->up, sizeof(d->up));
		if (!len)
			return;
		if (len == -ENOBUFS) {
			ph_missed(d);
		} else if (len < 0) {
			WRITE_ONCE(d->lost, true);
			ph_break(d, "the controller is lost", len);
		} else {
			ph_arrived(d, len > sizeof(d->up) ? 0 : len);
		}
	}
	if (!d->lost)
		queue_work(system_percpu_wq, &d->work);
}

/* In any context. */
static void ph_ready(void *data)
{
	struct parley_hci_dev *d = data;

	queue_work(system_percpu_wq, &d->work);
}

/* -------------------------------------------------------------- the life */

/**
 * parley_hci_dev_new() - what has no real controller yet, and no device
 * @ops: how the real one is reached
 *
 * Context: process context; may sleep.
 * Return: it, or NULL.
 */
struct parley_hci_dev *parley_hci_dev_new(const struct parley_hci_lower_ops *ops)
{
	struct parley_hci_dev *d = kzalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return NULL;
	d->hci = kvzalloc(sizeof(*d->hci), GFP_KERNEL);
	if (!d->hci) {
		kfree(d);
		return NULL;
	}
	d->hci->ways = &ph_ways;
	d->hci->data = d;
	d->ops = ops;
	INIT_WORK(&d->work, ph_work);
	init_waitqueue_head(&d->wait);
	mutex_init(&d->writer);
	mutex_init(&d->reader);
	mutex_init(&d->lock);
	INIT_LIST_HEAD(&d->queue);
	return d;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_dev_new);

/**
 * parley_hci_dev_free() - the mirror of parley_hci_dev_new()
 * @d: the controller
 *
 * Context: process context.
 */
void parley_hci_dev_free(struct parley_hci_dev *d)
{
	mutex_destroy(&d->lock);
	mutex_destroy(&d->reader);
	mutex_destroy(&d->writer);
	kvfree(d->hci);
	kfree(d);
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_dev_free);

/**
 * parley_hci_dev_have() - have a real controller
 * @d: the controller
 * @index: the real one's number
 *
 * It may speak at once: the work knows it before that.
 *
 * Context: process context of somebody with CAP_NET_ADMIN; may sleep.
 * Return: 0; -ENODEV, -EBUSY if it is up, -EUSERS if a program has it, -EAFNOSUPPORT if
 *	the kernel has no Bluetooth.
 */
int parley_hci_dev_have(struct parley_hci_dev *d, u16 index)
{
	int err;

	d->index = index;
	d->lower = d->ops->make(ph_ready, d);
	if (IS_ERR(d->lower))
		return PTR_ERR(d->lower);
	err = d->ops->bind(d->lower, index);
	if (err)
		parley_hci_dev_let_go(d);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_dev_have);

/**
 * parley_hci_dev_let_go() - let go of it
 * @d: the controller
 *
 * The work no longer reaches for the real one then, and it is not begun again.
 *
 * Context: process context; may sleep.
 */
void parley_hci_dev_let_go(struct parley_hci_dev *d)
{
	scoped_guard(mutex, &d->lock)
		WRITE_ONCE(d->lost, true);
	d->ops->close(d->lower);
	cancel_work_sync(&d->work);
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_dev_let_go);

/* -------------------------------------------------------------- sessions */

static int ph_begin(struct parley_hci_dev *d)
{
	guard(mutex)(&d->lock);
	if (d->lost)
		return -ENODEV;
	if (d->open)
		return -EBUSY;
	d->owed = d->owed || !d->resets;
	ph_reset(d);
	if (!d->resets)
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

/*
 * 0 if the controller is as new.  What it has not answered by now does not count any more;
 * -EAGAIN if that was what the one before had asked for, and ours is under way since.
 */
static int ph_began(struct parley_hci_dev *d)
{
	guard(mutex)(&d->lock);
	if (!d->resets && d->clean && !d->broken)
		return 0;
	WRITE_ONCE(d->resets, 0);
	if (!d->broken)
		ph_reset(d);
	if (d->resets)
		return -EAGAIN;
	dev_warn_ratelimited(&d->dev, "the controller is not reset: remove it and look\n");
	return -EIO;
}

/**
 * parley_hci_dev_enter() - somebody comes
 * @d: the controller
 *
 * Context: process context; waits for the controller to be reset.
 * Return: 0; -ENODEV if it is lost, -EBUSY if somebody has it, -EIO if it is not reset;
 *	or a signal came.
 */
int parley_hci_dev_enter(struct parley_hci_dev *d)
{
	int err = ph_begin(d);
	long left;

	if (err)
		return err;
	do {
		left = wait_event_interruptible_timeout(d->wait, ph_may_be_reset(d), PH_RESET);
		err = left < 0 ? left : ph_began(d);
	} while (err == -EAGAIN);
	if (err)
		parley_hci_dev_leave(d);
	return err;
}

/**
 * parley_hci_dev_leave() - who came goes
 * @d: the controller
 *
 * Context: process context, without readers and writers.
 */
void parley_hci_dev_leave(struct parley_hci_dev *d)
{
	struct parley_hci_packet *p, *next;

	guard(mutex)(&d->lock);
	list_for_each_entry_safe(p, next, &d->queue, node)
		kfree(p);
	INIT_LIST_HEAD(&d->queue);
	kfree(d->reading);
	d->reading = NULL;
	WRITE_ONCE(d->queued, 0);
	d->have = 0;
	d->open = false;
	parley_policy_put(d->hci->policy);
	d->hci->policy = NULL;
	WRITE_ONCE(d->resets, d->resets + d->hci->resets);
	d->hci->resets = 0;
	d->owed = true;
	ph_reset(d);
}

/* Why nothing passes any more, or 0. */
static int ph_ended(const struct parley_hci_dev *d)
{
	lockdep_assert_held(&d->lock);
	if (d->lost)
		return -ENODEV;
	return d->broken ? -EIO : 0;
}

/**
 * parley_hci_dev_can() - what can be done with it
 * @d: the controller
 * @waiting: set to whether a packet waits for the guest, unless it is NULL
 *
 * Context: process context.
 * Return: 0, or why nothing passes any more.
 */
int parley_hci_dev_can(struct parley_hci_dev *d, bool *waiting)
{
	guard(mutex)(&d->lock);
	if (waiting)
		*waiting = d->queued;
	return ph_ended(d);
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_dev_can);

/**
 * parley_hci_dev_put() - a packet of the guest's
 * @d: the controller
 * @pkt: the packet, which may be changed
 * @len: how long it is; or an error, if there is no telling
 *
 * Context: process context.
 * Return: 0, or why nothing passes any more.
 */
int parley_hci_dev_put(struct parley_hci_dev *d, u8 *pkt, int len)
{
	int err;

	guard(mutex)(&d->lock);
	err = ph_ended(d);
	if (err)
		return err;
	d->why = "what was written is no packet";
	err = len < 0 ? len : parley_hci_down(d->hci, pkt, len);
	if (!err)
		return 0;
	ph_break(d, d->why, err);
	return -EIO;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_dev_put);

/**
 * parley_hci_dev_take() - the next packet for the guest
 * @d: the controller
 *
 * It is to be given back by parley_hci_dev_taken(), or left in @d->reading.
 *
 * Context: process context.
 * Return: the packet, or an ERR_PTR(): -EAGAIN, or why nothing passes any more.
 */
struct parley_hci_packet *parley_hci_dev_take(struct parley_hci_dev *d)
{
	struct parley_hci_packet *p;

	guard(mutex)(&d->lock);
	p = list_first_entry_or_null(&d->queue, struct parley_hci_packet, node);
	if (!p)
		return ERR_PTR(ph_ended(d) ?: -EAGAIN);
	list_del(&p->node);
	return p;
}

/**
 * parley_hci_dev_taken() - a packet is the guest's
 * @d: the controller
 * @p: the packet, from parley_hci_dev_take()
 *
 * Context: process context.
 */
void parley_hci_dev_taken(struct parley_hci_dev *d, struct parley_hci_packet *p)
{
	kfree(p);
	guard(mutex)(&d->lock);
	WRITE_ONCE(d->queued, d->queued - 1);
}
