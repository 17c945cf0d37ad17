/* SPDX-License-Identifier: GPL-2.0-only */
/* Adds the one module macro that tools/virtio's own stub of 6.12 lacks. */
#ifndef _BENCH_MODULE_H
#define _BENCH_MODULE_H

#include_next <linux/module.h>

#ifndef MODULE_DESCRIPTION
#define MODULE_DESCRIPTION(text)
#endif

#endif
