// SPDX-License-Identifier: GPL-2.0-only
/* The back end of a disk: opened, and kept from others while it is written. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "image.h"

/*
 * QEMU's bytes: who uses a permission read-locks one of the first row, who does
 * not want others to use it read-locks one of the second.  Who reads, and nobody
 * ever forbids that, is known to be there.
 */
#define USES_READ	100
#define USES_WRITE	101
#define USES_RESIZE	103
#define FORBIDS_READ	200
#define FORBIDS_WRITE	201
#define FORBIDS_RESIZE	203

#define IN_USE \
	"in use by the host (mounted, swap, volume, RAID); 'share' serves it all the same"

void image_init(struct image *image)
{
	memset(image, 0, sizeof(*image));
	image->fd = -1;
}

static int lock(int fd, short type, off_t byte)
{
	struct flock f = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1,
	};

	return fcntl(fd, F_OFD_SETLK, &f);
}

/* Has somebody else locked this byte? */
static bool locked(int fd, off_t byte)
{
	struct flock f = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte,
		.l_len = 1,
	};

	return !fcntl(fd, F_OFD_GETLK, &f) && f.l_type != F_UNLCK;
}

static const char *fail(struct image *image, const char *what)
{
	snprintf(image->error, sizeof(image->error), "%s: %s", image->path,
		 what);
	return image->error;
}

static const char *fail_errno(struct image *image)
{
	switch (errno) {
	case EROFS:
		return fail(image, "it cannot be written here; serve it with readonly");
	case EACCES:
	case EPERM:
		return fail(image,
			    "permission denied; is it in ReadWritePaths= of the unit?");
	case EBUSY:
		return fail(image, IN_USE);
	case ENOENT:
		return fail(image, "there is no such block device or image");
	default:
		return fail(image, strerror(errno));
	}
}

static int reopen(const struct image *image, int more)
{
	return open(image->path, (image->read_only ? O_RDONLY : O_RDWR) |
		    O_CLOEXEC | more);
}

/*
 * O_EXCL for a block device.  One that is busy may be so because of another
 * bridge, of the source of a migration on this host, say: the locks tell, and they
 * will be asked when a ring starts.  Readers look whether somebody else has it,
 * but do not keep each other away.
 */
static const char *exclude(struct image *image)
{
	int fd = reopen(image, O_EXCL);

	if (fd >= 0 && image->read_only) {
		close(fd);
	} else if (fd >= 0) {
		close(image->fd);
		image->fd = fd;
	} else if (errno != EBUSY) {
		return fail_errno(image);
	} else if (!locked(image->fd, USES_READ)) {
		return fail(image, IN_USE);
	}
	return NULL;
}

/**
 * image_open - open the back end
 * @image: see image_init(); call image_close() in any case
 * @path: block device or image
 * @read_only: it will not be written
 * @share: keep nobody from it
 *
 * Return: NULL, or what is wrong.
 */
const char *image_open(struct image *image, const char *path, bool read_only,
		       bool share)
{
	const char *why = NULL;
	struct stat st;

	image->path = path;
	image->read_only = read_only;
	image->share = share;
	/* Before it is opened: a pipe would wait for somebody at its other end. */
	if (stat(path, &st))
		return fail_errno(image);
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return fail(image, S_ISDIR(st.st_mode) ?
			    "a folder; name a block device or an image" :
			    "neither a block device nor a regular file");
	image->fd = reopen(image, 0);
	if (image->fd < 0)
		return fail_errno(image);
	if (S_ISBLK(st.st_mode) && !share)
		why = exclude(image);
	/* From now on others see that somebody is there. */
	if (!why && lock(image->fd, F_RDLCK, USES_READ) && !share)
		why = fail(image, "its file system has no locks; 'share' serves it without");
	return why;
}

/* The permissions that we use, and those that others may not. */
static bool take(const struct image *image)
{
	if (!image->read_only && lock(image->fd, F_RDLCK, USES_WRITE))
		return false;
	if (image->share)
		return true;
	return !lock(image->fd, F_RDLCK, FORBIDS_WRITE) &&
	       !lock(image->fd, F_RDLCK, FORBIDS_RESIZE);
}

/* Does somebody use what we forbid, or forbid what we use? */
static bool conflicts(const struct image *image)
{
	if (locked(image->fd, FORBIDS_READ))
		return true;
	if (!image->read_only && locked(image->fd, FORBIDS_WRITE))
		return true;
	return !image->share && (locked(image->fd, USES_WRITE) ||
				 locked(image->fd, USES_RESIZE));
}

/**
 * image_claim - from now on it is written, or read by somebody who relies on it
 * @image: open
 *
 * Does not wait.  Locks are taken before anybody else's are looked for, as QEMU
 * does: of two that come at once, at most one gets it.
 *
 * Return: NULL, or that somebody else has it.
 */
const char *image_claim(struct image *image)
{
	const char *why = NULL;

	if (image->claimed || image->fd < 0)
		return NULL;
	image->claimed = true;
	if (!take(image) && !image->share)
		why = fail(image, "it cannot be locked");
	else if (conflicts(image))
		why = fail(image, image->read_only ?
			   "another VM or program writes to it (its lock says so)" :
			   "another VM or program uses it (its lock says so)");
	if (why)
		image_release(image);
	return why;
}

/* Nobody uses it through us for now; that we are there can still be seen. */
void image_release(struct image *image)
{
	if (!image->claimed)
		return;
	lock(image->fd, F_UNLCK, USES_WRITE);
	lock(image->fd, F_UNLCK, FORBIDS_WRITE);
	lock(image->fd, F_UNLCK, FORBIDS_RESIZE);
	image->claimed = false;
}

static bool flag_of(unsigned int major, unsigned int minor, const char *where)
{
	char name[80], on = '0';
	int fd;

	snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/%s/io_poll", major, minor,
		 where);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, &on, 1) < 0)
		on = '0';
	if (fd >= 0)
		close(fd);
	return on == '1';
}

/* Is it a block device, or a part of one, that can be polled for completions? */
bool image_polls(const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return false;
	return flag_of(major(st.st_rdev), minor(st.st_rdev), "queue") ||
	       flag_of(major(st.st_rdev), minor(st.st_rdev), "../queue");
}

static bool begins(int fd, off_t at, const char *with, size_t len)
{
	char buf[8];

	return pread(fd, buf, len, at) == (ssize_t)len && !memcmp(buf, with, len);
}

/* The header of a GPT lies in the second block. */
static bool has_gpt(int fd, off_t block)
{
	return begins(fd, block, "EFI PART", 8);
}

static const char *doubt_blocks(struct image *image, uint32_t block, uint32_t made)
{
	snprintf(image->error, sizeof(image->error),
		 "%s: its partitions were made for blocks of %u bytes, not %u; see block-size=%u",
		 image->path, made, block, made);
	return image->error;
}

/**
 * image_doubts - does it look as if it were served in a wrong way?
 * @image: open
 * @block: bytes of a block that the guest sees
 * @bytes: of the disk that it sees
 *
 * Return: NULL, or what a user should know; it is served all the same.
 */
const char *image_doubts(struct image *image, uint32_t block, uint64_t bytes)
{
	struct stat st;

	if (begins(image->fd, 0, "QFI\xfb", 4))
		return fail(image, "it is qcow2, shown to the guest as it is: qemu-img convert");
	if (block == 4096 && has_gpt(image->fd, 512) && !has_gpt(image->fd, 4096))
		return doubt_blocks(image, block, 512);
	if (block == 512 && has_gpt(image->fd, 4096) && !has_gpt(image->fd, 512))
		return doubt_blocks(image, block, 4096);
	if (!bytes)
		return fail(image, "it is smaller than a block: the guest sees an empty disk");
	if (!block || fstat(image->fd, &st) || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size % block == 0)
		return NULL;
	snprintf(image->error, sizeof(image->error),
		 "%s: its last %llu bytes are no whole block, and the guest does not see them",
		 image->path, (unsigned long long)((uint64_t)st.st_size % block));
	return image->error;
}

void image_close(struct image *image)
{
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
	image->claimed = false;
}
