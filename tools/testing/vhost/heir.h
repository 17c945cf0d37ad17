/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A VMM that is a process of its own, so that it can be killed, and what the next one
 * is left.  The caller is the guest.
 */
#ifndef _VMM_HEIR_H
#define _VMM_HEIR_H

#include <sys/types.h>
#include "load.h"

/**
 * struct shared - between guest and VMM
 * @kept: what the kernel keeps of each ring
 * @ready: the VMM has started the rings
 * @failed: or could not
 * @restless: another thread of the VMM keeps its address space busy
 * @id: the device's number
 */
struct shared {
	struct parley_vhost_kept kept[QUEUES_MAX] __attribute__((aligned(8)));
	bool ready;
	bool failed;
	bool restless;
	u32 id;
};

struct shared *shared_new(void);
/* Where the next one goes on. */
u32 go_on_at(struct vmm *v, struct shared *s, unsigned int i);
/*
 * A load of the guest's, which asks a device of its own for the capacity.  In a
 * guest without one, see vmm_guest_new().
 */
struct load *heir_load(struct vmm *v, unsigned int depth);
/* A child that serves the guest until it is killed. */
pid_t vmm_fork(struct vmm *v, struct shared *s);
bool all_stopped(struct vmm *v, struct shared *s);

#endif /* _VMM_HEIR_H */
