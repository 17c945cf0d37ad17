// SPDX-License-Identifier: GPL-2.0-only
/*
 * The area with the host's clock, and who reads it: parley_clock, which may be there
 * before the device, or after it.
 */
#include <linux/mutex.h>
#include <parley/export.h>

#include "device.h"

static DEFINE_MUTEX(psd_clock_lock);	/* of both, and while one is told of the other */
static const struct parley_sched_clock_user *psd_clock_user;
static struct psd *psd_clock_of;

/** parley_psd_clock_init() - memory for the area, if the host has a clock; 0 or -ENOMEM */
int parley_psd_clock_init(struct psd *psd)
{
	if (!parley_has_feature(psd->pd, PARLEY_SCHED_F_CLOCK))
		return 0;
	return parley_psd_area_init(&psd->clock, psd, PARLEY_SCHED_AREA_CLOCK, 1);
}

/* Behind the header, which has the size of a record. */
static const struct parley_sched_host_clock *psd_clock_record(const struct psd *psd)
{
	return psd->clock.reads + PARLEY_SCHED_RECORD;
}

/** parley_psd_clock_show_up() - the clock may be read from now on */
void parley_psd_clock_show_up(struct psd *psd)
{
	if (!psd->clock.psd)
		return;
	guard(mutex)(&psd_clock_lock);
	psd_clock_of = psd;
	if (psd_clock_user)
		psd_clock_user->page(psd_clock_record(psd));
}

/** parley_psd_clock_hide() - and is not read any more, when this returns */
void parley_psd_clock_hide(struct psd *psd)
{
	guard(mutex)(&psd_clock_lock);
	if (psd_clock_of != psd)
		return;
	psd_clock_of = NULL;
	if (psd_clock_user)
		psd_clock_user->page(NULL);
}

/**
 * parley_sched_clock_use() - somebody reads the host's clock
 * @user: who; told at once if there is one
 *
 * Context: may sleep.
 * Return: 0, or -EBUSY: somebody else does.
 */
int parley_sched_clock_use(const struct parley_sched_clock_user *user)
{
	guard(mutex)(&psd_clock_lock);
	if (psd_clock_user)
		return -EBUSY;
	psd_clock_user = user;
	if (psd_clock_of)
		user->page(psd_clock_record(psd_clock_of));
	return 0;
}
PARLEY_EXPORT(parley_sched_clock_use);

/** parley_sched_clock_leave() - and does not any more; page() is not called after this */
void parley_sched_clock_leave(void)
{
	guard(mutex)(&psd_clock_lock);
	if (psd_clock_of)
		psd_clock_user->page(NULL);
	psd_clock_user = NULL;
}
PARLEY_EXPORT(parley_sched_clock_leave);
