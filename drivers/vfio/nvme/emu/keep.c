// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keep alive (NVMe 7.12): a guest that wants it says so by a feature, and then says so
 * often enough that it lives.  If it does not, its controller reports a fatal fault.
 */
#include <linux/jiffies.h>
#include <linux/math.h>
#include <parley/compat.h>
#include "rooms.h"

static void pne_over(struct work_struct *work)
{
	struct parley_emu *e = container_of(to_delayed_work(work), struct parley_emu, keep);

	guard(mutex)(&e->mutex);
	/* Who is stopped hears nothing; it begins anew when it goes on. */
	if (!e->kato || e->stopped || e->csts != NVME_CSTS_RDY)
		return;
	/* It may have been heard of while we waited. */
	if (time_before(jiffies, e->keep_until))
		mod_delayed_work(system_dfl_wq, &e->keep, e->keep_until - jiffies);
	else
		parley_emu_fault(e, "has not kept its controller alive in time");
}

/**
 * parley_emu_keep_init() - nobody wants it yet
 * @e: the controller
 *
 * Context: process context.
 */
void parley_emu_keep_init(struct parley_emu *e)
{
	INIT_DELAYED_WORK(&e->keep, pne_over);
}

/**
 * parley_emu_keep() - the guest lives
 * @e: the controller
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_keep(struct parley_emu *e)
{
	unsigned long left = msecs_to_jiffies(e->kato);

	lockdep_assert_held(&e->mutex);
	if (!e->kato) {
		cancel_delayed_work(&e->keep);
		return;
	}
	e->keep_until = jiffies + left;
	mod_delayed_work(system_dfl_wq, &e->keep, left);
}

/**
 * parley_emu_keep_set() - how often the guest will say so
 * @e: the controller
 * @ms: milliseconds, 0: it will not
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_keep_set(struct parley_emu *e, u32 ms)
{
	const u32 unit = PARLEY_EMU_KAS * 100;

	lockdep_assert_held(&e->mutex);
	e->kato = ms > U32_MAX - unit ? rounddown(U32_MAX, unit) : roundup(ms, unit);
	parley_emu_keep(e);
}
