// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device that a guest's VMM, or a program, opens: a stream of packets both ways, as
 * a UART would carry them.
 *
 * His memory may be one that he answers for himself, when he likes.  So it is reached for
 * with a lock that only those wait for who have the same file.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include "device.h"

static int ph_open(struct inode *inode, struct file *file)
{
	struct parley_hci_dev *d = container_of(inode->i_cdev, struct parley_hci_dev, cdev);
	int err = parley_hci_dev_enter(d);

	if (err)
		return err;
	file->private_data = d;
	return stream_open(inode, file);
}

static int ph_release(struct inode *inode, struct file *file)
{
	parley_hci_dev_leave(file->private_data);
	return 0;
}

/* ----------------------------------------------------------------- reads */

/* At most one packet, so that who has room for each has them one by one. */
static ssize_t ph_take(struct parley_hci_dev *d, char __user *buf, size_t count)
{
	struct parley_hci_packet *p;
	size_t len;

	lockdep_assert_held(&d->reader);
	p = d->reading ?: parley_hci_dev_take(d);
	if (IS_ERR(p))
		return PTR_ERR(p);
	d->reading = p;
	len = min(count, (size_t)p->len - p->at);
	if (copy_to_user(buf, p->data + p->at, len))
		return -EFAULT;
	p->at += len;
	if (p->at == p->len) {
		d->reading = NULL;
		parley_hci_dev_taken(d, p);
	}
	return len;
}

static ssize_t ph_take_alone(struct parley_hci_dev *d, char __user *buf, size_t count)
{
	ssize_t got;

	if (mutex_lock_interruptible(&d->reader))
		return -ERESTARTSYS;
	got = ph_take(d, buf, count);
	mutex_unlock(&d->reader);
	return got;
}

static bool ph_may_be_ready(const struct parley_hci_dev *d)
{
	return READ_ONCE(d->queued) || READ_ONCE(d->lost) || READ_ONCE(d->broken);
}

static ssize_t ph_read(struct file *file, char __user *buf, size_t count, loff_t *at)
{
	struct parley_hci_dev *d = file->private_data;
	ssize_t got;
	int err;

	if (!count)
		return 0;
	for (;;) {
		got = ph_take_alone(d, buf, count);
		if (got != -EAGAIN || (file->f_flags & O_NONBLOCK))
			return got;
		err = wait_event_interruptible(d->wait, ph_may_be_ready(d));
		if (err)
			return err;
	}
}

/* ---------------------------------------------------------------- writes */

/* Up to the end of a packet, or of what there is; returns how much. */
static ssize_t ph_put(struct parley_hci_dev *d, const char __user *buf, size_t count)
{
	int whole = parley_hci_length(d->down, d->have);
	int err = parley_hci_dev_can(d, NULL);
	size_t take;

	lockdep_assert_held(&d->writer);
	if (err)
		return err;
	/* Its length is in its first bytes: those are taken one by one. */
	take = min(count, whole ? whole - d->have : 1);
	if (copy_from_user(d->down + d->have, buf, take))
		return -EFAULT;
	d->have += take;
	whole = parley_hci_length(d->down, d->have);
	if (whole < 0 || (whole && whole == d->have)) {
		d->have = 0;
		err = parley_hci_dev_put(d, d->down, whole);
	}
	return err ?: take;
}

static ssize_t ph_write(struct file *file, const char __user *buf, size_t count, loff_t *at)
{
	struct parley_hci_dev *d = file->private_data;
	ssize_t put = 0;
	size_t done = 0;

	if (mutex_lock_interruptible(&d->writer))
		return -ERESTARTSYS;
	while (done < count && put >= 0) {
		put = ph_put(d, buf + done, count - done);
		if (put > 0)
			done += put;
		if (put >= 0 && signal_pending(current) && !d->have)
			break;
	}
	mutex_unlock(&d->writer);
	return done ?: put;
}

static __poll_t ph_poll(struct file *file, poll_table *wait)
{
	struct parley_hci_dev *d = file->private_data;
	bool waiting;
	__poll_t can;

	poll_wait(file, &d->wait, wait);
	can = parley_hci_dev_can(d, &waiting) ? EPOLLHUP | EPOLLERR : EPOLLOUT | EPOLLWRNORM;
	return waiting ? can | EPOLLIN | EPOLLRDNORM : can;
}

const struct file_operations parley_hci_fops = {
	.owner = THIS_MODULE,
	.open = ph_open,
	.release = ph_release,
	.read = ph_read,
	.write = ph_write,
	.poll = ph_poll,
};
EXPORT_SYMBOL_IF_KUNIT(parley_hci_fops);
