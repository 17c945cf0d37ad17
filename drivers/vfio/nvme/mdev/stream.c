// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file through which a state leaves the device or comes to it.
 *
 * It is a file of its own: the user may keep it longer than the device.  So it knows
 * nothing of the device but who that is, and all that goes through it is in memory of
 * its own, of a bounded size.  The device puts its state there as it goes from one
 * state of migration to the next, and looks at what has come when all of it is there.
 *
 * Of a state that comes, what has come as a whole is checked at once: that it is
 * foreign shows while the source still runs, as it sends who it is before it stops.
 *
 * Its lock comes after the device's and before the controller's.  Whoever closes the
 * device takes it: so user space's memory is never copied with it held, which may take as
 * long as somebody likes whose the memory is.
 */
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include "mdev.h"

/* The next bytes that were not read; how many there are, or why there are none. */
static ssize_t parley_mdev_stream_next(struct parley_mdev_stream *s, u8 *data, size_t room)
{
	size_t len;

	guard(mutex)(&s->lock);
	if (s->over)
		return -ENODEV;
	len = min(room, s->out.len - s->pos);
	/* There may be more later, or there is no more. */
	if (!len)
		return s->more && room ? -ENOMSG : 0;
	memcpy(data, s->data + s->pos, len);
	s->pos += len;
	return len;
}

/* User space did not take them. */
static void parley_mdev_stream_unread(struct parley_mdev_stream *s, size_t len)
{
	guard(mutex)(&s->lock);
	s->pos -= len;
}

static ssize_t parley_mdev_stream_read(struct kiocb *iocb, struct iov_iter *to)
{
	size_t room = min_t(size_t, iov_iter_count(to), PARLEY_STATE_MAX), done;
	u8 *data __free(kfree) = kmalloc(room, GFP_KERNEL_ACCOUNT);
	struct parley_mdev_stream *s = iocb->ki_filp->private_data;
	ssize_t len;

	if (!data)
		return -ENOMEM;
	len = parley_mdev_stream_next(s, data, room);
	if (len <= 0)
		return len;
	done = copy_to_iter(data, len, to);
	if (done < len)
		parley_mdev_stream_unread(s, len - done);
	return done ?: -EFAULT;
}

/**
 * parley_mdev_who_check() - whether a state is of a device like this one
 * @own: this one
 * @part: sections of the state, as far as it has come
 * @why: why not
 *
 * Context: any.
 * Return: 0 or -EINVAL.
 */
int parley_mdev_who_check(const struct parley_mdev_who *own,
			  const struct parley_state_part *part, const char **why)
{
	const struct parley_state_part *device = &part[PARLEY_STATE_DEVICE];
	const struct parley_state_part *disk = &part[PARLEY_STATE_DISK];
	struct parley_state_device other = own->device;

	if (device->data)
		memcpy(&other, device->data, sizeof(other));
	/* One for each pair of queues, and one more. */
	if (other.vectors != own->device.vectors)
		return parley_state_no(why, "is of a device with another number of queues");
	if (memcmp(&own->device, &other, sizeof(other)))
		return parley_state_no(why, "is of another kind of PCI device");
	return disk->data ? parley_state_disk_check(&own->disk, disk->data, why) : 0;
}

static int parley_mdev_stream_look(struct parley_mdev_stream *s)
{
	struct parley_state_part part[PARLEY_STATE_TYPES];
	const char *why;
	int err = parley_state_parse(s->data, s->out.len, part, &why);

	if (err == -EAGAIN)
		err = 0;
	if (!err)
		err = parley_mdev_who_check(&s->who, part, &why);
	if (err)
		s->refused = why;
	return err;
}

static int parley_mdev_stream_add(struct parley_mdev_stream *s, const u8 *data, size_t len)
{
	guard(mutex)(&s->lock);
	if (s->over)
		return -ENODEV;
	if (len > PARLEY_STATE_MAX - s->out.len) {
		s->refused = "is longer than one can be";
		return -EFBIG;
	}
	memcpy(s->data + s->out.len, data, len);
	s->out.len += len;
	return parley_mdev_stream_look(s);
}

static ssize_t parley_mdev_stream_write(struct kiocb *iocb, struct iov_iter *from)
{
	size_t len = iov_iter_count(from), room = min_t(size_t, len, PARLEY_STATE_MAX);
	u8 *data __free(kfree) = kmalloc(room, GFP_KERNEL_ACCOUNT);
	struct parley_mdev_stream *s = iocb->ki_filp->private_data;

	if (!data)
		return -ENOMEM;
	/* What is too long already is refused as such, and not read. */
	if (len == room && !copy_from_iter_full(data, len, from))
		return -EFAULT;
	return parley_mdev_stream_add(s, data, len) ?: len;
}

/**
 * parley_mdev_stream_left() - what there is to read before the device stops
 * @s: the stream
 * @left: bytes
 *
 * Context: process context; may sleep.
 * Return: 0, -ENODEV: the device has left the stream, or -EINVAL: it has stopped.
 */
int parley_mdev_stream_left(struct parley_mdev_stream *s, u64 *left)
{
	guard(mutex)(&s->lock);
	if (s->over)
		return -ENODEV;
	*left = s->out.len - s->pos;
	return s->more ? 0 : -EINVAL;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_stream_left);

static long parley_mdev_stream_ioctl(struct file *file, unsigned int cmd,
				     unsigned long arg)
{
	struct vfio_precopy_info __user *at = (void __user *)arg;
	struct vfio_precopy_info info;
	size_t minsz = offsetofend(struct vfio_precopy_info, dirty_bytes);
	u64 left;
	int err;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, at, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	err = parley_mdev_stream_left(file->private_data, &left);
	if (err)
		return err;
	info.flags = 0;
	info.initial_bytes = left;
	info.dirty_bytes = 0;
	return copy_to_user(at, &info, minsz) ? -EFAULT : 0;
}

/* Nobody has to wait for anything here. */
static __poll_t parley_mdev_stream_poll(struct file *file, poll_table *wait)
{
	return file->f_mode & FMODE_READ ? EPOLLIN | EPOLLRDNORM : EPOLLOUT | EPOLLWRNORM;
}

static int parley_mdev_stream_release(struct inode *inode, struct file *file)
{
	struct parley_mdev_stream *s = file->private_data;

	mutex_destroy(&s->lock);
	kvfree(s);
	return 0;
}

static const struct file_operations parley_mdev_stream_save = {
	.owner = THIS_MODULE,
	.read_iter = parley_mdev_stream_read,
	.unlocked_ioctl = parley_mdev_stream_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = parley_mdev_stream_poll,
	.release = parley_mdev_stream_release,
};

static const struct file_operations parley_mdev_stream_load = {
	.owner = THIS_MODULE,
	.write_iter = parley_mdev_stream_write,
	.poll = parley_mdev_stream_poll,
	.release = parley_mdev_stream_release,
};

/**
 * parley_mdev_stream_open() - a stream, and its file
 * @who: whose state it is, or is to be
 * @in: the state comes; else it leaves
 *
 * Context: process context; may sleep.
 * Return: the file, with one reference, or an error.
 */
struct file *parley_mdev_stream_open(const struct parley_mdev_who *who, bool in)
{
	struct parley_mdev_stream *s = kvzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!s)
		return ERR_PTR(-ENOMEM);
	mutex_init(&s->lock);
	s->who = *who;
	file = anon_inode_getfile("parley-nvme-migration",
				  in ? &parley_mdev_stream_load : &parley_mdev_stream_save,
				  s, in ? O_WRONLY : O_RDONLY);
	if (IS_ERR(file))
		kvfree(s);
	else
		stream_open(file_inode(file), file);
	return file;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_stream_open);

/**
 * parley_mdev_stream_close() - the device leaves its stream
 * @file: its file, whose reference is given back
 *
 * Who still has the file gets errors.
 *
 * Context: process context; may sleep.
 */
void parley_mdev_stream_close(struct file *file)
{
	struct parley_mdev_stream *s = file->private_data;

	scoped_guard(mutex, &s->lock)
		s->over = true;
	fput(file);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_stream_close);
