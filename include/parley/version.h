/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parley's version: what modinfo shows, and what the tools print.  It stands
 * here, and tools/version carries it to where it cannot be included.
 */
#ifndef _PARLEY_VERSION_H
#define _PARLEY_VERSION_H

#define PARLEY_VERSION	"0.2"

#endif /* _PARLEY_VERSION_H */
