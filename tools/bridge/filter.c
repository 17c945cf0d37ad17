// SPDX-License-Identifier: GPL-2.0-only
/*
 * The system calls of a process that serves a VMM, and no others.
 *
 * What is not listed fails with EPERM instead of ending the process: a C library
 * that makes another call than those of today must not cost a guest its disk.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/vhost.h>
#include "confine.h"

#if defined(__x86_64__)
#define ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH	AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH	AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define ARCH	AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH	AUDIT_ARCH_PPC64LE
#elif defined(__loongarch64)
#define ARCH	AUDIT_ARCH_LOONGARCH64
#else
#error "name the architecture here, as seccomp_data.arch does"
#endif

static const unsigned int allowed[] = {
	/* messages, notifications, the in-flight region */
	SYS_read, SYS_write, SYS_writev, SYS_pwritev2, SYS_pread64, SYS_pwrite64,
	SYS_recvmsg, SYS_sendmsg, SYS_recvfrom, SYS_sendto, SYS_getsockopt,
	SYS_ppoll, SYS_close, SYS_dup, SYS_eventfd2,
#ifdef SYS_poll
	SYS_poll,
#endif
	/* files that the VMM lends */
	SYS_fstatfs, SYS_memfd_create, SYS_ftruncate, SYS_munmap, SYS_madvise,
#ifdef SYS_fstat
	SYS_fstat,
#endif
#ifdef SYS_newfstatat
	SYS_newfstatat,	/* what the C library makes of fstat() */
#endif
#ifdef SYS_statx
	SYS_statx,
#endif
	/* memory, time and the end */
	SYS_brk, SYS_mremap, SYS_futex, SYS_clock_gettime, SYS_clock_nanosleep,
	SYS_getrandom, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall,
	SYS_getpid, SYS_sigaltstack, SYS_exit, SYS_exit_group,
};

#define NR_ALLOWED	(sizeof(allowed) / sizeof(allowed[0]))

/* The low half of an argument, which is all that these calls look at. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARG(n)		offsetof(struct seccomp_data, args[n])
#else
#define ARG(n)		(offsetof(struct seccomp_data, args[n]) + 4)
#endif

#define LOAD(at)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define AND(mask)	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (mask))
#define RETURN(what)	BPF_STMT(BPF_RET | BPF_K, (what))
#define EQUAL(k, t, f)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (t), (f))
#define DENY		(SECCOMP_RET_ERRNO | EPERM)

static const struct sock_filter head[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	EQUAL(ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(offsetof(struct seccomp_data, nr)),
	/* No request but those of vhost; others go to the end, as nr again. */
	EQUAL(SYS_ioctl, 0, 4),
	LOAD(ARG(1)),
	AND(_IOC_TYPEMASK << _IOC_TYPESHIFT),
	EQUAL(VHOST_VIRTIO << _IOC_TYPESHIFT, 0, 18),
	RETURN(SECCOMP_RET_ALLOW),
	/* Nothing that has signals sent: F_SETOWN names any process of the user. */
	EQUAL(SYS_fcntl, 0, 10),
	LOAD(ARG(1)),
	EQUAL(F_GETFD, 7, 0),
	EQUAL(F_SETFD, 6, 0),
	EQUAL(F_GETFL, 5, 0),
	EQUAL(F_SETFL, 4, 0),
	EQUAL(F_OFD_GETLK, 3, 0),
	EQUAL(F_OFD_SETLK, 2, 0),
	EQUAL(F_ADD_SEALS, 1, 0),
	EQUAL(F_GET_SEALS, 0, 7),
	RETURN(SECCOMP_RET_ALLOW),
	/* No memory that can be executed. */
	EQUAL(SYS_mmap, 1, 0),
	EQUAL(SYS_mprotect, 0, 4),
	LOAD(ARG(2)),
	AND(PROT_EXEC),
	EQUAL(0, 0, 1),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(offsetof(struct seccomp_data, nr)),
};

#define NR_HEAD		(sizeof(head) / sizeof(head[0]))

/**
 * confine_calls - from now on only the calls of the list
 *
 * Return: NULL, or what is wrong.
 */
const char *confine_calls(void)
{
	struct sock_filter filter[NR_HEAD + NR_ALLOWED + 2];
	struct sock_fprog program = {
		.len = sizeof(filter) / sizeof(filter[0]), .filter = filter,
	};
	unsigned int i;

	for (i = 0; i < NR_HEAD; i++)
		filter[i] = head[i];
	/* All jump to the last one: there are fewer than 256. */
	for (i = 0; i < NR_ALLOWED; i++)
		filter[NR_HEAD + i] = (struct sock_filter)
			EQUAL(allowed[i], (unsigned char)(NR_ALLOWED - i), 0);
	filter[NR_HEAD + NR_ALLOWED] = (struct sock_filter)RETURN(DENY);
	filter[NR_HEAD + NR_ALLOWED + 1] =
		(struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return "cannot filter system calls (a kernel without seccomp?)";
	return NULL;
}
