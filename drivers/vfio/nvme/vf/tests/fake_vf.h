/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An NVMe virtual function in memory: the fake controller, with a disk.
 */
#ifndef _PARLEY_NVME_FAKE_VF_H
#define _PARLEY_NVME_FAKE_VF_H

#include "../../ctrl/tests/fake.h"
#include "../vf.h"

#define FAKE_BLOCKS		512
#define FAKE_BLOCK		512
/* What there is of one that is not handed out, and nobody is offered. */
#define FAKE_LIFE		(BIT(PARLEY_LIFE_DOMAIN) | BIT(PARLEY_LIFE_INTERRUPTS))

struct fake_vf {
	struct fake c;
	struct parley_nvme_vf vf;
	bool inited;
	unsigned int flushes;
	unsigned int verifies;
	unsigned int deallocated;	/* ranges */
	u16 control;			/* of the last command that has one */
	unsigned int zeroed;		/* commands that wrote zeroes */
	bool keeps_ranges;		/* deallocates nothing */
	bool keeps_data;		/* writes nothing */
	bool boasts;			/* does not know what it says that it does */
	u8 disk[FAKE_BLOCKS * FAKE_BLOCK];
};

/* A function as a test likes it: honest, not handed out, with a small namespace. */
struct fake_vf *fake_vf_new(struct kunit *test);
/* The same, initialised. */
struct fake_vf *fake_vf_init(struct kunit *test);
/* The same, handed out. */
struct fake_vf *fake_vf_up(struct kunit *test);

/* All optional commands that there are, and deallocated blocks read as zeroes. */
void fake_vf_rich(struct fake_vf *f);

/* A command that a test waits for. */
struct try {
	struct parley_nvme_io io;
	struct completion done;
	int err;
	u16 status;
	unsigned int ended;
};

/* Memory for the data of commands, a page that the function may reach. */
struct page_of {
	void *memory;
	dma_addr_t dma;
};

/* Every byte of its disk; whether every byte is zero. */
void fake_vf_fill(struct fake_vf *f, u8 byte);
bool fake_vf_is_zero(struct fake_vf *f);
/* The first tenant's, and others. */
extern const uuid_t fake_tenant[3];

void fake_vf_page(struct fake_vf *f, struct page_of *page);
void fake_vf_page_back(struct fake_vf *f, struct page_of *page);
void try_init(struct try *t, u8 opcode, u64 block, u32 blocks, dma_addr_t prp1);
/* From beginning to end: what submitting said, or what the end was. */
int try_do(struct fake_vf *f, struct try *t, unsigned int queue);
/* As binding it and unbinding it does. */
void fake_vf_bound(struct fake_vf *f);
void fake_vf_unbound(struct fake_vf *f);

#endif /* _PARLEY_NVME_FAKE_VF_H */
