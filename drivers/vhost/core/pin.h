/* SPDX-License-Identifier: GPL-2.0-only */
/* Areas of the owner's memory that we hold; see pin.c. */
#ifndef _PARLEY_VHOST_PIN_H
#define _PARLEY_VHOST_PIN_H

#include <linux/types.h>

struct mm_struct;
struct page;
struct vh_owner;

/**
 * struct vh_area - user memory, pinned for as long as we like and mapped
 * @kern: where it is mapped, byte for byte; NULL if it is not
 * @pages: its pages
 * @uaddrs: user address of each
 * @nr: number of pages, accounted to @mm (RLIMIT_MEMLOCK)
 * @mm: whose
 *
 * Who embeds one serialises its use.
 */
struct vh_area {
	void *kern;
	struct page **pages;
	u64 *uaddrs;
	unsigned int nr;
	struct mm_struct *mm;
};

int vh_area_pin(struct vh_area *area, struct vh_owner *owner, u64 uaddr, size_t len);
int vh_area_pin_pages(struct vh_area *area, struct vh_owner *owner, u64 *uaddrs,
		      unsigned int nr, unsigned int off);
void vh_area_unpin(struct vh_area *area);

#endif /* _PARLEY_VHOST_PIN_H */
