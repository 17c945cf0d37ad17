// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do one thing in the kernel with its N-th failure point made to fail.
 *
 *   fail-nth N insmod FILE [PARAMETERS]
 *   fail-nth N rmmod NAME
 *   fail-nth N write FILE TEXT		one write(2), as to a sysfs attribute
 *   fail-nth N read FILE BYTES		one direct read from the start
 *   fail-nth N pwrite FILE BYTES	one direct write of zeroes to the start
 *
 * Everything this program needs for itself is allocated before the counter is
 * set, so N counts what the operation does. Prints the operation's result and
 * exits with 0 if the failure was injected, with 3 if the operation has fewer
 * than N failure points (a sweep is then over), with 1 if it could not start.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECT_ALIGN 4096

enum { INJECTED = 0, FAILED = 1, EXHAUSTED = 3 };

static int nth_fd;

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		err(FAILED, "%s", path);
	return fd;
}

static void set_nth(const char *text)
{
	if (pwrite(nth_fd, text, strlen(text), 0) < 0)
		err(FAILED, "cannot set fail-nth to %s", text);
}

static long left(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0)
		err(FAILED, "cannot read fail-nth");
	return strtol(text, NULL, 10);
}

/* The system call under test, with its arguments made ready beforehand. */
static long operate(const char *nth, const char *verb, const char *target,
		    const char *extra)
{
	void *buffer = NULL;
	size_t bytes = 0;
	int fd = -1;

	if (!strcmp(verb, "insmod")) {
		fd = open_or_die(target, O_RDONLY);
		set_nth(nth);
		return syscall(SYS_finit_module, fd, extra, 0);
	}
	if (!strcmp(verb, "rmmod")) {
		set_nth(nth);
		return syscall(SYS_delete_module, target, O_NONBLOCK);
	}
	if (!strcmp(verb, "write")) {
		fd = open_or_die(target, O_WRONLY);
		set_nth(nth);
		return write(fd, extra, strlen(extra));
	}
	bytes = strtoul(extra, NULL, 0);
	if (posix_memalign(&buffer, DIRECT_ALIGN, bytes))
		errx(FAILED, "no memory for %zu bytes", bytes);
	memset(buffer, 0, bytes);
	if (!strcmp(verb, "read")) {
		fd = open_or_die(target, O_RDONLY | O_DIRECT);
		set_nth(nth);
		return pread(fd, buffer, bytes, 0);
	}
	if (!strcmp(verb, "pwrite")) {
		fd = open_or_die(target, O_WRONLY | O_DIRECT);
		set_nth(nth);
		return pwrite(fd, buffer, bytes, 0);
	}
	errx(FAILED, "unknown operation %s", verb);
}

int main(int argc, char **argv)
{
	long result, rest;
	int error;

	if (argc < 4)
		errx(FAILED, "usage: fail-nth N OPERATION TARGET [ARGUMENT]");
	nth_fd = open_or_die("/proc/thread-self/fail-nth", O_RDWR);
	result = operate(argv[1], argv[2], argv[3], argc > 4 ? argv[4] : "");
	error = errno;
	rest = left();
	set_nth("0");
	printf("%s %s: %s\n", argv[2], argv[3],
	       result < 0 ? strerror(error) : "success");
	return rest ? EXHAUSTED : INJECTED;
}
