/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first process: it listens, and starts a process for each VMM that connects.
 * It maps no guest's memory, reads no message, opens no back end, and waits for
 * nobody.
 */
#ifndef BRIDGE_SUPERVISE_H
#define BRIDGE_SUPERVISE_H

#include "options.h"

int supervise(struct options *o);

#endif
