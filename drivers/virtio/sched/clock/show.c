// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/parley_clock: "state", what the clock is made of and what became of
 * what the host said; "now", the clock and the kernel's own, read one after the other.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include "clock.h"

static struct dentry *pclk_dir;

static int pclk_state_show(struct seq_file *s, void *unused)
{
	struct pclk *clk = &parley_pclk;
	bool fed = parley_pclk_fed(clk);
	struct pclk copy;

	scoped_guard(raw_spinlock_irqsave, &clk->lock)
		copy = *clk;
	seq_printf(s, "fed %d\nns %llu\n", fed, parley_pclk_read(clk));
	seq_printf(s, "epoch %#llx seq %llu\n", copy.said.word >> PARLEY_SCHED_C_EPOCH,
		   copy.said.word & PARLEY_SCHED_C_SEQ);
	seq_printf(s, "rate %u / 2^%u ns\nerror %llu ns\noffset %lld ns\n", copy.said.mult,
		   copy.said.shift, copy.said.error_ns, copy.offset);
	seq_printf(s, "even %llu bent %llu steps %llu kept %llu\n", copy.joins[PCLK_JOIN_EVEN],
		   copy.joins[PCLK_JOIN_BENT], copy.joins[PCLK_JOIN_STEP],
		   copy.joins[PCLK_JOIN_KEPT]);
	seq_printf(s, "epochs %llu refused %llu leaps %llu stood_in %llu\nahead %lld ns\n",
		   copy.epochs, copy.refused, copy.leaps, copy.stood_in, copy.news.ahead);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pclk_state);

static int pclk_now_show(struct seq_file *s, void *unused)
{
	u64 ours = parley_pclk_read(&parley_pclk);

	seq_printf(s, "%llu %llu\n", ours, ktime_get_raw_ns());
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pclk_now);

/** parley_pclk_show_init() - make the view; without debugfs there is none */
void parley_pclk_show_init(void)
{
	pclk_dir = debugfs_create_dir("parley_clock", NULL);
	debugfs_create_file("state", 0400, pclk_dir, NULL, &pclk_state_fops);
	debugfs_create_file("now", 0400, pclk_dir, NULL, &pclk_now_fops);
	parley_pclk_compare_init(pclk_dir);
}

/** parley_pclk_show_exit() - the mirror of parley_pclk_show_init() */
void parley_pclk_show_exit(void)
{
	debugfs_remove(pclk_dir);
}
