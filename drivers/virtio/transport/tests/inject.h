/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Letting the nth allocation of the current task fail: see inject.c.
 */
#ifndef _PARLEY_INJECT_H
#define _PARLEY_INJECT_H

#include <linux/types.h>

bool tester_faults_ready(void);
void tester_fault_set(unsigned int nth);
void tester_fault_all(bool on);
unsigned int tester_fault_pause(void);

#endif /* _PARLEY_INJECT_H */
