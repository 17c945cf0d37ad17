// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's clocksource, and the device's page.
 *
 * It is registered when the host has said the first thing that can be believed, and taken
 * out again when nothing was said for a while: then the kernel takes the next best one.
 * While it is the current one the kernel has a reference to this module.  Where there is
 * no other the clock stays, and goes on with what it knows.
 */
#include <linux/clocksource.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include <parley/compat.h>
#include <parley/counter.h>
#include <parley/export.h>
#include <parley/version.h>
#include "clock.h"

#define PCLK_LOOK_PERIOD	HZ
#define PCLK_LOST		10	/* periods without a word of the host's */

static unsigned short rating = 150;
module_param(rating, ushort, 0444);
MODULE_PARM_DESC(rating, "of the clocksource: 1 to 499 (default 150, chosen by nobody but you)");

struct pclk parley_pclk;

static void pclk_look_again(struct work_struct *work);
static DECLARE_DELAYED_WORK(pclk_look, pclk_look_again);
static DEFINE_MUTEX(pclk_lock);		/* of what follows */
static bool pclk_here;			/* there is a page */
static bool pclk_registered;
static unsigned int pclk_hungry;	/* periods */

static u64 pclk_cs_read(struct clocksource *cs)
{
	return parley_pclk_read(&parley_pclk);
}

static void pclk_cs_resume(struct clocksource *cs)
{
	parley_pclk_resume(&parley_pclk);
}

/*
 * Not CLOCK_SOURCE_MUST_VERIFY: what a watchdog compares it with stands while the guest
 * is moved, or is a counter that goes at another rate afterwards.
 */
static struct clocksource pclk_cs = {
	.name = "parley",
	.read = pclk_cs_read,
	.resume = pclk_cs_resume,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
	.owner = THIS_MODULE,
};

static void pclk_cs_add(void)
{
	int err = clocksource_register_hz(&pclk_cs, NSEC_PER_SEC);

	if (err) {
		pr_err_ratelimited("parley_clock: no clocksource: %d\n", err);
		return;
	}
	pclk_registered = true;
	pr_info("parley_clock: the host feeds a clock; clocksource parley\n");
}

static int pclk_cs_remove(void)
{
	int err = pclk_registered ? clocksource_unregister(&pclk_cs) : 0;

	if (!err)
		pclk_registered = false;
	return err;
}

/*
 * The counter may be another one when the host speaks again.  While the kernel still has
 * this clock for its own, its raw clock is this one, and cannot stand in for it.
 */
static void pclk_lost(void)
{
	bool was = pclk_registered;

	if (pclk_cs_remove()) {
		pr_warn_ratelimited("parley_clock: unstable: the host says nothing any more, and there is no other clocksource\n");
		return;
	}
	parley_pclk_stand_in(&parley_pclk);
	if (was)
		pr_warn("parley_clock: unstable: the host says nothing any more; no clocksource parley\n");
}

static void pclk_look_now(void)
{
	lockdep_assert_held(&pclk_lock);
	if (parley_pclk_fed(&parley_pclk)) {
		pclk_hungry = 0;
		if (!pclk_registered)
			pclk_cs_add();
	} else if (!pclk_here || ++pclk_hungry >= PCLK_LOST) {
		pclk_lost();
		pclk_hungry = 0;
	}
}

/* Also for who does not read: a change is seen within a period. */
static void pclk_look_again(struct work_struct *work)
{
	guard(mutex)(&pclk_lock);
	pclk_look_now();
	if (pclk_here || pclk_registered)
		queue_delayed_work(system_dfl_wq, &pclk_look, PCLK_LOOK_PERIOD);
}

/* When this returns without a page, the clock is ready to be moved. */
static void pclk_page(const struct parley_sched_host_clock *record)
{
	parley_pclk_page(&parley_pclk, record);
	guard(mutex)(&pclk_lock);
	pclk_here = record;
	pclk_hungry = 0;
	if (!record)
		pclk_look_now();
	/* It is not written yet; a moment later it is, as a rule. */
	mod_delayed_work(system_dfl_wq, &pclk_look, HZ / 10);
}

static const struct parley_sched_clock_user pclk_user = { .page = pclk_page };

static int __init parley_clock_init(void)
{
	const char *missing = parley_counter_missing();
	int err;

	if (missing) {
		pr_err("parley_clock: %s\n", missing);
		return -ENODEV;
	}
	if (!rating || rating > 499)
		return -EINVAL;
	pclk_cs.rating = rating;
	parley_pclk_init(&parley_pclk);
	err = parley_sched_clock_use(&pclk_user);
	if (err)
		return err;
	parley_pclk_show_init();
	return 0;
}

static void __exit parley_clock_exit(void)
{
	parley_pclk_show_exit();
	parley_sched_clock_leave();
	cancel_delayed_work_sync(&pclk_look);
	/*
	 * It is not the current one, and jiffies can stand in where it is the watchdog; so
	 * this is not seen.  But what is in the kernel's list must not go.
	 */
	while (pclk_cs_remove()) {
		pr_warn_ratelimited("parley_clock: the kernel does not let go of the clocksource\n");
		msleep(1000);
	}
	parley_pclk_exit(&parley_pclk);
}

module_init(parley_clock_init);
module_exit(parley_clock_exit);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: a clock that the host feeds, over migrations");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
