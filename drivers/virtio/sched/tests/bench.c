// SPDX-License-Identifier: GPL-2.0-only
/*
 * One lock and a thread on each of some processors, to compare kinds of locks in one
 * guest: ours, the kernel's spinlock, and a ticket lock, which is fair and does nothing
 * for waiters whose host took the processor away.
 *
 *	cd /sys/kernel/debug/parley_sched_bench
 *	echo "parley 4 2000 500 500" >run	for two seconds; turns inside and outside
 *	echo "native 0 10000" >run		so many pairs that nobody waits for
 *	cat run
 *
 * Turns are of a loop that touches no memory.  How long somebody waits is measured
 * alike for all kinds, from before the lock is asked for until it is had, so it holds
 * what the host took meanwhile.  The marks are for the plugin of tools/testing/bench:
 * the window is what lies between them.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <parley/export.h>
#include <parley/pvlock.h>
#include <parley/version.h>

#define BENCH_THREADS	16
#define BENCH_MOST	1000000	/* of anything */

/* What the kinds are made of, each on a line of its own. */
struct bench_locks {
	struct parley_pvlock parley ____cacheline_aligned;
	spinlock_t native ____cacheline_aligned;
	atomic_t next ____cacheline_aligned;
	int serving;
	u64 spins;	/* of who has the ticket lock, and writes when it has it */
};

static struct bench_locks locks;

/*
 * struct bench_run - what was asked for
 * @most: milliseconds, or pairs if there are no threads
 * @inside: turns with the lock
 * @outside: turns without it
 * @end: when the threads are to end
 */
struct bench_run {
	const struct bench_kind *kind;
	unsigned int threads, most, inside, outside;
	u64 end;
};

struct bench_thread {
	const struct bench_run *run;
	struct task_struct *task;
	u64 acquired;
	u64 longest;	/* wait, in nanoseconds */
} ____cacheline_aligned;

static DEFINE_MUTEX(bench_mutex);
static struct dentry *bench_dir;
static char bench_result[640];

/* No-ops that the plugin looks for. */
static __always_inline void bench_open(void)
{
#ifdef CONFIG_X86
	asm volatile(".byte 0x0f, 0x1f, 0x80, 0x00, 0x4d, 0x52, 0x4b" ::: "memory");
#endif
}

static __always_inline void bench_close(void)
{
#ifdef CONFIG_X86
	asm volatile(".byte 0x0f, 0x1f, 0x80, 0x01, 0x4d, 0x52, 0x4b" ::: "memory");
#endif
}

/* ------------------------------------------------------------------ the kinds */

static __always_inline void parley_take(void)
	__acquires(&locks.parley)
{
	parley_pvlock_lock(&locks.parley);
}

static __always_inline void parley_give(void)
	__releases(&locks.parley)
{
	parley_pvlock_unlock(&locks.parley);
}

static __always_inline void native_take(void)
	__acquires(&locks.native)
{
	spin_lock(&locks.native);
}

static __always_inline void native_give(void)
	__releases(&locks.native)
{
	spin_unlock(&locks.native);
}

static __always_inline void ticket_take(void)
{
	u64 spins = 0;
	int mine;

	preempt_disable();
	mine = atomic_fetch_inc_relaxed(&locks.next);
	/* What the holder before us wrote is seen; its partner is in ticket_give(). */
	while (smp_load_acquire(&locks.serving) != mine) {
		cpu_relax();
		spins++;
	}
	locks.spins += spins;
}

static __always_inline void ticket_give(void)
{
	/* What we wrote comes first; its partner is in ticket_take(). */
	smp_store_release(&locks.serving, locks.serving + 1);
	preempt_enable();
}

/* What taking a lock costs is measured against it. */
static __always_inline void none_take(void)
{
	barrier();
}

static __always_inline void none_give(void)
{
	barrier();
}

/* ------------------------------------------------------------------- the runs */

static __always_inline void bench_work(unsigned int turns)
{
	while (turns--)
		barrier();
}

static __always_inline void bench_loop(struct bench_thread *me, void (*take)(void),
				       void (*give)(void))
{
	const struct bench_run *run = me->run;
	u64 now = ktime_get_mono_fast_ns();

	while (now < run->end) {
		take();
		me->longest = max(me->longest, ktime_get_mono_fast_ns() - now);
		me->acquired++;
		bench_work(run->inside);
		give();
		bench_work(run->outside);
		cond_resched();
		now = ktime_get_mono_fast_ns();
	}
}

static __always_inline void bench_pairs(unsigned int n, void (*take)(void),
					void (*give)(void))
{
	local_irq_disable();
	bench_open();
	while (n--) {
		take();
		give();
	}
	bench_close();
	local_irq_enable();
}

struct bench_kind {
	const char *name;
	void (*loop)(struct bench_thread *me);
	void (*pairs)(unsigned int n);
};

#define BENCH_KIND(kind)						\
static void kind##_loop(struct bench_thread *me)			\
{									\
	bench_loop(me, kind##_take, kind##_give);			\
}									\
static void kind##_pairs(unsigned int n)				\
{									\
	bench_pairs(n, kind##_take, kind##_give);			\
}									\
static const struct bench_kind kind##_kind = { #kind, kind##_loop, kind##_pairs }

BENCH_KIND(parley);
BENCH_KIND(native);
BENCH_KIND(ticket);
BENCH_KIND(none);

static const struct bench_kind *const bench_kinds[] = {
	&parley_kind, &native_kind, &ticket_kind, &none_kind,
};

static const struct bench_kind *bench_kind_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bench_kinds); i++)
		if (!strcmp(bench_kinds[i]->name, name))
			return bench_kinds[i];
	return NULL;
}

/* Who is stopped before it ran does not come here. */
static int bench_main(void *arg)
{
	struct bench_thread *me = arg;

	me->run->kind->loop(me);
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void bench_stop(struct bench_thread *threads, unsigned int n)
{
	while (n--)
		kthread_stop(threads[n].task);
}

/* One on each processor, none of which runs yet. */
static int bench_create(struct bench_thread *threads, const struct bench_run *run)
{
	unsigned int n;
	int cpu = -1;

	for (n = 0; n < run->threads; n++) {
		cpu = cpumask_next(cpu, cpu_online_mask);
		threads[n].run = run;
		threads[n].task = kthread_create_on_cpu(bench_main, &threads[n], cpu,
							"parley-bench/%u");
		if (IS_ERR(threads[n].task)) {
			bench_stop(threads, n);
			return PTR_ERR(threads[n].task);
		}
	}
	return 0;
}

static void bench_tell(const struct bench_thread *threads, unsigned int n, u64 took)
{
	u64 longest = 0, sum = 0;
	char *at = bench_result, *end = at + sizeof(bench_result);
	unsigned int i;

	for (i = 0; i < n; i++) {
		longest = max(longest, threads[i].longest);
		sum += threads[i].acquired;
	}
	at += scnprintf(at, end - at, "kind=%s took=%llu sum=%llu longest=%llu spins=%llu each=",
			threads->run->kind->name, took, sum, longest, locks.spins);
	for (i = 0; i < n; i++)
		at += scnprintf(at, end - at, "%s%llu", i ? "," : "", threads[i].acquired);
	scnprintf(at, end - at, "\n");
}

static int bench_threads(struct bench_run *run)
{
	struct bench_thread *threads;
	unsigned int i;
	u64 began;
	int err;

	threads = kcalloc(run->threads, sizeof(*threads), GFP_KERNEL);
	if (!threads)
		return -ENOMEM;
	err = bench_create(threads, run);
	if (err)
		goto out;
	locks.spins = 0;
	bench_open();
	began = ktime_get_mono_fast_ns();
	run->end = began + run->most * NSEC_PER_MSEC;
	for (i = 0; i < run->threads; i++)
		wake_up_process(threads[i].task);
	msleep(run->most);
	bench_stop(threads, run->threads);
	bench_close();
	bench_tell(threads, run->threads, ktime_get_mono_fast_ns() - began);
out:
	kfree(threads);
	return err;
}

/* The threads' numbers are read by the tests' programs; all are in one line. */
static int bench_do(const char *text)
{
	struct bench_run run = {};
	char kind[16];

	if (sscanf(text, "%15s %u %u %u %u", kind, &run.threads, &run.most, &run.inside,
		   &run.outside) < 3)
		return -EINVAL;
	run.kind = bench_kind_of(kind);
	if (!run.kind || run.threads > min(num_online_cpus(), BENCH_THREADS) ||
	    max3(run.most, run.inside, run.outside) > BENCH_MOST)
		return -EINVAL;
	if (run.threads)
		return run.kind == &none_kind ? -EINVAL : bench_threads(&run);
	run.kind->pairs(run.most);
	snprintf(bench_result, sizeof(bench_result), "kind=%s pairs=%u\n", kind, run.most);
	return 0;
}

static ssize_t bench_write(struct file *file, const char __user *from, size_t count,
			   loff_t *pos)
{
	char *text = memdup_user_nul(from, min_t(size_t, count, PAGE_SIZE));
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	mutex_lock(&bench_mutex);
	err = bench_do(text);
	mutex_unlock(&bench_mutex);
	kfree(text);
	return err ?: count;
}

static ssize_t bench_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	ssize_t got;

	mutex_lock(&bench_mutex);
	got = simple_read_from_buffer(to, count, pos, bench_result, strlen(bench_result));
	mutex_unlock(&bench_mutex);
	return got;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.read = bench_read,
	.write = bench_write,
};

static int __init bench_init(void)
{
	parley_pvlock_init(&locks.parley);
	spin_lock_init(&locks.native);
	bench_dir = debugfs_create_dir("parley_sched_bench", NULL);
	debugfs_create_file("run", 0600, bench_dir, NULL, &bench_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dir);
}

module_init(bench_init);
module_exit(bench_exit);

MODULE_DESCRIPTION("Parley: locks compared");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
