/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How Parley's modules offer symbols to each other and nobody else: every
 * export lives in the symbol namespace PARLEY, so that no name of ours can be
 * picked up by accident and no stock module can be confused by it.  What only a
 * KUnit suite wants of a module is no offer: see <kunit/visibility.h>, and its
 * namespace EXPORTED_FOR_KUNIT_TESTING.
 */
#ifndef _PARLEY_EXPORT_H
#define _PARLEY_EXPORT_H

#ifdef __KERNEL__

#include <linux/export.h>
#include <linux/module.h>
#include <linux/version.h>

/* The namespace argument became a string in 6.13. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define PARLEY_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, "PARLEY")
#else
#define PARLEY_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, PARLEY)
#undef MODULE_IMPORT_NS
#define MODULE_IMPORT_NS(ns)	MODULE_INFO(import_ns, ns)
#endif
#define PARLEY_IMPORT		MODULE_IMPORT_NS("PARLEY")

#else /* user space: one program, nothing to export */

#define PARLEY_EXPORT(sym)
#define PARLEY_IMPORT

#endif

#endif /* _PARLEY_EXPORT_H */
