// SPDX-License-Identifier: GPL-2.0-only
/*
 * tsc-control: has QEMU ask KVM for any rate of a guest's time stamp counter.
 *
 * Without scaling QEMU asks for one within 250 ppm of the host's only, though KVM takes any
 * that is higher: it sets the counter forward again and again then.  So this says that
 * there is scaling, to QEMU alone; what KVM makes of what it is asked for is KVM's affair.
 *
 *	gcc -shared -fPIC -o tsc-control.so tsc-control.c; LD_PRELOAD=./tsc-control.so qemu...
 */
#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int ioctl(int fd, unsigned long request, ...)
{
	va_list more;
	long arg;

	va_start(more, request);
	arg = va_arg(more, long);
	va_end(more);
	if (request == KVM_CHECK_EXTENSION && arg == KVM_CAP_TSC_CONTROL)
		return 1;
	return syscall(SYS_ioctl, fd, request, arg);
}
