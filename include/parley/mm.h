/* SPDX-License-Identifier: GPL-2.0-only */
/* A process's memory, for who is not the process or has no time. */
#ifndef _PARLEY_MM_H
#define _PARLEY_MM_H

struct mm_struct;

int parley_in_mm(struct mm_struct *mm, int (*fn)(void *arg), void *arg);

#endif /* _PARLEY_MM_H */
