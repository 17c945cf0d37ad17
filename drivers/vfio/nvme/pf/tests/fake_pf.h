/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An NVMe physical function in memory: the fake controller, with flexible resources
 * and secondary controllers.
 */
#ifndef _PARLEY_NVME_FAKE_PF_H
#define _PARLEY_NVME_FAKE_PF_H

#include "../../ctrl/tests/fake.h"
#include "../pf.h"

#define FAKE_VFS		4

/* A secondary controller. */
struct fake_vf {
	u16 have[PARLEY_NVME_KINDS];
	bool online;
};

struct fake_pf {
	struct fake c;
	struct parley_nvme_pf pf;
	bool inited;

	/* the bus */
	bool no_vfs;		/* they cannot be enabled */
	unsigned int released;
	unsigned int nr_vfs;
	unsigned int bound;	/* one that has a driver */

	u8 log;			/* which was read last, and how often one was */
	unsigned int logs;

	/* what it is; under the controller's lock */
	u32 total[PARLEY_NVME_KINDS];
	u16 primary[PARLEY_NVME_KINDS];
	u16 pending[PARLEY_NVME_KINDS];
	u16 fixed;
	u16 most;
	u16 grain;
	struct fake_vf vf[FAKE_VFS];
	bool forgets_online;	/* says yes and does nothing */
	bool keeps_primary;
};

/* A function as a test likes it: honest, disabled, with four virtual functions. */
struct fake_pf *fake_pf_new(struct kunit *test);
/* The same, initialised and started. */
struct fake_pf *fake_pf_live(struct kunit *test);
int fake_pf_start(struct fake_pf *f);
int fake_pf_recover(struct fake_pf *f);
/* Nothing is left of virtual functions, and the primary has what it had. */
void fake_pf_expect_clean(struct fake_pf *f);

#endif /* _PARLEY_NVME_FAKE_PF_H */
