// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where stolen time is read.  A new source is a file with a table of its functions and a
 * line here.
 *
 * kcpustat is what the kernel itself counts, and /proc/stat shows: on every kind of
 * guest, but only in ticks.  A processor that was taken away learns of it in its next
 * tick, and one that is idle, where ticks are off, when it stops being idle.
 */
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kernel_stat.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "steal.h"

static int kcpustat_start(void)
{
	return 0;
}

static void kcpustat_stop(void)
{
}

static u64 kcpustat_read(int cpu)
{
	return READ_ONCE(kcpustat_cpu(cpu).cpustat[CPUTIME_STEAL]);
}

const struct parley_steal_source parley_steal_kcpustat = {
	.name = "kcpustat",
	.start = kcpustat_start,
	.stop = kcpustat_stop,
	.read = kcpustat_read,
	.grain = TICK_NSEC,
};

/* The best first. */
static const struct parley_steal_source *const sources[] = {
#if defined(CONFIG_X86) && defined(CONFIG_KVM_GUEST)
	&parley_steal_kvm,
#endif
	&parley_steal_kcpustat,
};

static const struct parley_steal_source *started;

/* The one called so, or the first that can be read. */
int parley_steal_source_start(const char *name)
{
	bool any = !strcmp(name, "auto");
	int i, err = -EINVAL;

	for (i = 0; i < ARRAY_SIZE(sources); i++) {
		if (!any && strcmp(name, sources[i]->name))
			continue;
		err = sources[i]->start();
		if (!err)
			break;
	}
	if (err) {
		pr_err("parley_steal: source %s: %s\n", name,
		       err == -EINVAL ? "no such source" : "not here");
		return err;
	}
	started = sources[i];
	parley_steal_begin(started);
	pr_info("parley_steal: source %s, known %s\n", started->name,
		started->grain ? "in ticks" : "at once");
	return 0;
}

void parley_steal_source_stop(void)
{
	started->stop();
}
