// SPDX-License-Identifier: GPL-2.0-only
/* A server of ivshmem with one client. */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "ivshmem.h"
#include "sock.h"

#define PROTOCOL	0	/* version of what QEMU is told */
#define MEMORY		-1	/* not a peer, but the memory */

/*
 * Neither side can make it shorter, so this process and the kernel may touch it
 * without fear of a fault.
 */
static int memory(uint64_t size)
{
	int fd = memfd_create("parley-shm", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return -1;
	if (!ftruncate(fd, (off_t)size) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/**
 * ivshmem_new - what one guest and its device share
 * @mib: MiB of memory, a power of two
 * @queues: 1 to IVSHMEM_QUEUES
 *
 * Return: it, or NULL with errno set.
 */
struct ivshmem *ivshmem_new(unsigned int mib, unsigned int queues)
{
	struct ivshmem *iv = malloc(sizeof(*iv));
	unsigned int i;
	int err;

	if (!iv)
		return NULL;
	iv->size = (uint64_t)mib << 20;
	iv->vectors = 0;
	iv->memory = memory(iv->size);
	for (i = 0; iv->memory >= 0 && i <= queues; i++) {
		iv->ring[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		iv->call[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		iv->vectors++;
		if (iv->ring[i] < 0 || iv->call[i] < 0)
			break;
	}
	if (iv->memory >= 0 && i > queues)
		return iv;
	err = errno;
	ivshmem_free(iv);
	errno = err;
	return NULL;
}

static int say_number(int sock, int64_t number, int fd)
{
	int64_t le = (int64_t)htole64((uint64_t)number);

	return sock_send(sock, &le, sizeof(le), fd);
}

/**
 * ivshmem_introduce - tell a VMM of all of it
 * @iv: what it shall have
 * @sock: of the VMM
 *
 * In the order that the protocol asks for: version, the guest's number, memory, the
 * other peer's vectors, its own.
 *
 * Return: 0 or -errno.
 */
int ivshmem_introduce(const struct ivshmem *iv, int sock)
{
	int ret = say_number(sock, PROTOCOL, -1);
	unsigned int i;

	if (!ret)
		ret = say_number(sock, IVSHMEM_GUEST, -1);
	if (!ret)
		ret = say_number(sock, MEMORY, iv->memory);
	for (i = 0; i < iv->vectors && !ret; i++)
		ret = say_number(sock, IVSHMEM_DEVICE, iv->ring[i]);
	for (i = 0; i < iv->vectors && !ret; i++)
		ret = say_number(sock, IVSHMEM_GUEST, iv->call[i]);
	return ret;
}

/**
 * ivshmem_fds - its file descriptors
 * @iv: of which
 * @out: room for IVSHMEM_FDS
 *
 * Return: how many.
 */
unsigned int ivshmem_fds(const struct ivshmem *iv, int *out)
{
	unsigned int i, n = 0;

	out[n++] = iv->memory;
	for (i = 0; i < iv->vectors; i++) {
		out[n++] = iv->ring[i];
		out[n++] = iv->call[i];
	}
	return n;
}

void ivshmem_free(struct ivshmem *iv)
{
	int fds[IVSHMEM_FDS];
	unsigned int i, n;

	if (!iv)
		return;
	n = ivshmem_fds(iv, fds);
	for (i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(iv);
}
