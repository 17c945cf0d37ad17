// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/parley-steal: clocks for programs, and a timer for each open file.
 *
 * Everybody may open it: what was stolen stands in /proc/stat as well, and a timer costs
 * no more than one of timerfd_create().
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/parley_steal.h>
#include <parley/compat.h>

#include "steal.h"

/**
 * struct steal_file - an open file
 * @mutex: one at a time arms its timer
 * @timer: its timer
 * @wait: who waits for it; its lock protects the rest
 * @fired: and nobody has read that
 * @event: what there is to be read
 */
struct steal_file {
	struct mutex mutex;
	struct parley_steal_timer timer;
	wait_queue_head_t wait;
	bool fired;
	struct parley_steal_event event;
};

static void steal_file_fires(struct parley_steal_timer *timer)
{
	struct steal_file *sf = container_of(timer, struct steal_file, timer);
	u64 elapsed = ktime_get_ns() - timer->wait.began;

	scoped_guard(spinlock_irqsave, &sf->wait.lock) {
		sf->event = (struct parley_steal_event){
			.elapsed = elapsed,
			.stolen = timer->wait.stolen,
			.rounds = timer->rounds,
			.flags = timer->cut ? PARLEY_STEAL_CUT : 0,
		};
		WRITE_ONCE(sf->fired, true);
		wake_up_locked_poll(&sf->wait, EPOLLIN | EPOLLRDNORM);
	}
}

static int steal_open(struct inode *inode, struct file *file)
{
	struct steal_file *sf = kzalloc(sizeof(*sf), GFP_KERNEL_ACCOUNT);

	if (!sf)
		return -ENOMEM;
	mutex_init(&sf->mutex);
	init_waitqueue_head(&sf->wait);
	parley_steal_timer_init(&sf->timer, steal_file_fires);
	file->private_data = sf;
	return nonseekable_open(inode, file);
}

/* Nobody uses the file any more; not its timer either, after this. */
static int steal_release(struct inode *inode, struct file *file)
{
	struct steal_file *sf = file->private_data;

	parley_steal_timer_cancel(&sf->timer);
	mutex_destroy(&sf->mutex);
	kfree(sf);
	return 0;
}

static ssize_t steal_file_read(struct file *file, char __user *buf, size_t len, loff_t *at)
{
	struct steal_file *sf = file->private_data;
	struct parley_steal_event event;
	int err = 0;

	if (len < sizeof(event))
		return -EINVAL;
	spin_lock_irq(&sf->wait.lock);
	if (!sf->fired && (file->f_flags & O_NONBLOCK))
		err = -EAGAIN;
	else
		err = wait_event_interruptible_locked_irq(sf->wait, sf->fired);
	if (!err)
		WRITE_ONCE(sf->fired, false);
	event = sf->event;
	spin_unlock_irq(&sf->wait.lock);
	if (err)
		return err;
	return copy_to_user(buf, &event, sizeof(event)) ? -EFAULT : sizeof(event);
}

static __poll_t steal_poll(struct file *file, poll_table *table)
{
	struct steal_file *sf = file->private_data;

	poll_wait(file, &sf->wait, table);
	return READ_ONCE(sf->fired) ? EPOLLIN | EPOLLRDNORM : 0;
}

static long steal_get_times(struct parley_steal_times __user *arg)
{
	struct parley_steal_times times;
	struct parley_steal now;
	int err;

	if (copy_from_user(&times, arg, sizeof(times)))
		return -EFAULT;
	if (times.pad)
		return -EINVAL;
	if (times.cpu == PARLEY_STEAL_CPU_HERE)
		times.cpu = raw_smp_processor_id();
	err = parley_steal_read(times.cpu, &now);
	if (err)
		return err;
	times.mono = now.mono;
	times.stolen = now.stolen;
	times.clock = now.clock;
	times.grain = parley_steal_grain();
	return copy_to_user(arg, &times, sizeof(times)) ? -EFAULT : 0;
}

static long steal_arm(struct steal_file *sf, const struct parley_steal_arm __user *arg)
{
	struct parley_steal_arm arm;

	if (copy_from_user(&arm, arg, sizeof(arm)))
		return -EFAULT;
	if (arm.ns && (arm.ns > arm.most || arm.most > PARLEY_STEAL_MOST))
		return -EINVAL;
	guard(mutex)(&sf->mutex);
	parley_steal_timer_cancel(&sf->timer);
	scoped_guard(spinlock_irq, &sf->wait.lock)
		WRITE_ONCE(sf->fired, false);
	return arm.ns ? parley_steal_timer_start(&sf->timer, arm.ns, arm.most) : 0;
}

static long steal_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case PARLEY_STEAL_GET_TIMES:
		return steal_get_times((void __user *)arg);
	case PARLEY_STEAL_ARM:
		return steal_arm(file->private_data, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations steal_fops = {
	.owner		= THIS_MODULE,
	.open		= steal_open,
	.release	= steal_release,
	.read		= steal_file_read,
	.poll		= steal_poll,
	.unlocked_ioctl	= steal_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice steal_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "parley-steal",
	.fops	= &steal_fops,
	.mode	= 0666,
};

int parley_steal_device_init(void)
{
	return misc_register(&steal_misc);
}

void parley_steal_device_exit(void)
{
	misc_deregister(&steal_misc);
}
