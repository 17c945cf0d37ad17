// SPDX-License-Identifier: GPL-2.0-only
/*
 * next-kernel: start another kernel from the one that runs.
 *
 *   next-kernel load KERNEL INITRD COMMAND-LINE	for "go"
 *   next-kernel load-crash KERNEL INITRD COMMAND-LINE	for a panic
 *   next-kernel go
 *
 * These are the two system calls of which kexec-tools needs no more either where the
 * kernel reads the files itself. So no package is needed for them, and the small user
 * space of a kernel that was started so has them in one file.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_or_die(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void load(const char *kernel, const char *initrd, const char *words,
		 unsigned long flags)
{
	if (syscall(SYS_kexec_file_load, open_or_die(kernel), open_or_die(initrd),
		    strlen(words) + 1, words, flags))
		err(1, "cannot load %s", kernel);
}

/* As any reboot: devices are shut down. Nothing is synced, processes live on. */
static void go(void)
{
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		LINUX_REBOOT_CMD_KEXEC, NULL);
	err(1, "the kernel does not go");
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "load"))
		load(argv[2], argv[3], argv[4], 0);
	else if (argc == 5 && !strcmp(argv[1], "load-crash"))
		load(argv[2], argv[3], argv[4], KEXEC_FILE_ON_CRASH);
	else if (argc == 2 && !strcmp(argv[1], "go"))
		go();
	else
		errx(1, "usage: next-kernel load|load-crash KERNEL INITRD COMMAND-LINE, or go");
	return 0;
}
