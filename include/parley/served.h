/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernels that Parley serves: 6.12 LTS to 7.3.  Kbuild puts this file ahead
 * of every other, so that for an older kernel the first errors tell what to do,
 * and not a header that is missing there.  A newer one may work; see Kbuild.
 */
#ifndef _PARLEY_SERVED_H
#define _PARLEY_SERVED_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "Parley serves Linux 6.12 to 7.3, and these headers are of an older kernel."
#error "On Debian 12: apt-get install linux-image-6.12-amd64 linux-headers-6.12-amd64; reboot."
#endif

#endif /* _PARLEY_SERVED_H */
