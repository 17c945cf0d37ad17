// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ten seconds of a guest's life, always the same, whose exits somebody else counts: a
 * timer a thousand times a second that reads the clock, and after so many of its periods
 * a round of reads, of ranges that are given back to the host (discarded), and of turns
 * in which two processors want one lock.  How these are done is what is compared; that
 * all of them were done is what is told.
 *
 *	cd /sys/kernel/debug/parley_exits_load
 *	echo "rounds=50 periods=200 period=1000 reader=/dev/vdpara reads=64 depth=1" >run
 *	cat run
 *
 * Without periods there is no timer, and the rounds follow one another.
 */
#include <linux/atomic.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/kstrtox.h>
#include <linux/kthread.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <parley/export.h>
#include <parley/pvlock.h>
#include <parley/timer.h>
#include <parley/version.h>

#define LOAD_MOST	1000000	/* of any number */
#define LOAD_BATCH	256	/* most bios at a time */
#define LOAD_BLOCK	SZ_4K
#define LOAD_LOCKERS	2

/*
 * struct load_plan - what is asked for
 * @rounds, @periods: so many rounds, of so many periods of the timer each; 0: no timer
 * @period, @tolerance: of the timer, in microseconds
 * @reads, @depth: reads in a round, and how many of them at a time
 * @ranges, @batch: likewise ranges
 * @sections, @inside, @outside: turns of each locker in a round, and how long they are
 * @pv: of which lock: ours, or else the kernel's
 * @cpu: where reads and ranges are submitted
 */
struct load_plan {
	unsigned int rounds, periods, period, tolerance;
	unsigned int reads, depth, ranges, batch;
	unsigned int sections, inside, outside, pv, cpu;
	char reader[32], trimmer[32];
};

/*
 * struct load_disk - one who reads, or who gives back
 * @next: block
 */
struct load_disk {
	struct file *file;
	struct page *page;
	blk_opf_t op;
	unsigned int each, batch;
	u64 blocks, next;
	u64 done;
	atomic_t left;
	struct completion batch_done;
	int err;
};

/* One who wants the lock. */
struct load_locker {
	u64 done;
	u64 longest;
};

/*
 * struct load - one run
 * @begun: rounds
 * @working: threads that have something to do, and one until all are started
 * @served, @events: periods, and calls for them
 * @latest: how late the latest of them was
 */
struct load {
	struct load_plan plan;
	struct parley_timer timer;
	struct completion timer_done;
	wait_queue_head_t wait;
	unsigned int begun;
	atomic_t working;
	struct completion work_done;
	u64 served, events, latest;
	struct load_disk reader, trimmer;
	struct load_locker lockers[LOAD_LOCKERS];
	struct parley_pvlock parley ____cacheline_aligned;
	spinlock_t native ____cacheline_aligned;
};

static DEFINE_MUTEX(load_mutex);
static struct dentry *load_dir;
static char load_result[512];

/* ---------------------------------------------------------------------- timer */

static bool load_period(struct parley_timer *timer, u64 due, u64 periods)
{
	struct load *load = container_of(timer, struct load, timer);
	u64 all = (u64)load->plan.rounds * load->plan.periods, now;

	load->events++;
	periods = min(periods, all - load->served);
	for (; periods; periods--, due += timer->period) {
		/* The work of a period: to know what time it is. */
		now = ktime_get_ns();
		load->latest = max(load->latest, now - min(now, due));
		load->served++;
		if (load->served % load->plan.periods == 0) {
			WRITE_ONCE(load->begun, load->begun + 1);
			wake_up_all(&load->wait);
		}
	}
	if (load->served < all)
		return true;
	complete(&load->timer_done);
	return false;
}

static int load_time(struct load *load)
{
	int err;

	if (!load->plan.periods) {
		WRITE_ONCE(load->begun, load->plan.rounds);
		wake_up_all(&load->wait);
		return 0;
	}
	err = parley_timer_start(&load->timer, load->plan.period * (u64)NSEC_PER_USEC,
				 load->plan.tolerance * (u64)NSEC_PER_USEC);
	if (err)
		return err;
	wait_for_completion(&load->timer_done);
	parley_timer_cancel(&load->timer);
	return 0;
}

/* ---------------------------------------------------------------------- disks */

static void load_bio_end(struct bio *bio)
{
	struct load_disk *disk = bio->bi_private;

	if (bio->bi_status)
		WRITE_ONCE(disk->err, blk_status_to_errno(bio->bi_status));
	bio_put(bio);
	if (atomic_dec_and_test(&disk->left))
		complete(&disk->batch_done);
}

/* Every second block, so that each is one of its own. */
static void load_submit(struct load_disk *disk)
{
	bool data = disk->op == REQ_OP_READ;
	struct bio *bio = bio_alloc(file_bdev(disk->file), data,
				    disk->op | (data ? REQ_NOMERGE : 0), GFP_NOIO);

	bio->bi_iter.bi_sector = disk->next * (LOAD_BLOCK >> SECTOR_SHIFT);
	bio->bi_end_io = load_bio_end;
	bio->bi_private = disk;
	if (data)
		__bio_add_page(bio, disk->page, LOAD_BLOCK, 0);
	else
		bio->bi_iter.bi_size = LOAD_BLOCK;
	disk->next = (disk->next + 2) % disk->blocks;
	submit_bio(bio);
}

static void load_batch(struct load_disk *disk, unsigned int nr)
{
	struct blk_plug plug;
	unsigned int i;

	atomic_set(&disk->left, nr);
	reinit_completion(&disk->batch_done);
	/* One by one is what somebody does who knows nothing of the next. */
	if (nr > 1)
		blk_start_plug(&plug);
	for (i = 0; i < nr; i++)
		load_submit(disk);
	if (nr > 1)
		blk_finish_plug(&plug);
	wait_for_completion_io(&disk->batch_done);
	disk->done += nr;
}

static void load_disk_round(struct load_disk *disk)
{
	unsigned int left, nr;

	for (left = disk->each; left && !disk->err; left -= nr) {
		nr = min(left, disk->batch);
		load_batch(disk, nr);
	}
}

static int load_disk_open(struct load_disk *disk, const char *path, blk_opf_t op,
			  unsigned int each, unsigned int batch)
{
	blk_mode_t mode = op == REQ_OP_READ ? BLK_OPEN_READ : BLK_OPEN_READ | BLK_OPEN_WRITE;

	if (!each)
		return 0;
	if (!batch || batch > LOAD_BATCH)
		return -EINVAL;
	init_completion(&disk->batch_done);
	disk->op = op;
	disk->each = each;
	disk->batch = batch;
	disk->page = alloc_page(GFP_KERNEL);
	if (!disk->page)
		return -ENOMEM;
	disk->file = bdev_file_open_by_path(path, mode, NULL, NULL);
	if (IS_ERR(disk->file))
		return PTR_ERR(disk->file);
	disk->blocks = bdev_nr_bytes(file_bdev(disk->file)) / LOAD_BLOCK;
	return disk->blocks > 2 ? 0 : -ENOSPC;
}

static void load_disk_close(struct load_disk *disk)
{
	if (!IS_ERR_OR_NULL(disk->file))
		fput(disk->file);
	if (disk->page)
		__free_page(disk->page);
}

/* ----------------------------------------------------------------------- lock */

static __always_inline void load_turns(unsigned int turns)
{
	while (turns--)
		barrier();
}

static void load_section(struct load *load)
{
	if (load->plan.pv) {
		parley_pvlock_lock(&load->parley);
		load_turns(load->plan.inside);
		parley_pvlock_unlock(&load->parley);
	} else {
		spin_lock(&load->native);
		load_turns(load->plan.inside);
		spin_unlock(&load->native);
	}
}

static void load_lock_round(struct load *load, struct load_locker *me)
{
	unsigned int n;

	for (n = load->plan.sections; n; n--) {
		load_section(load);
		me->done++;
		load_turns(load->plan.outside);
		cond_resched();
	}
}

/* -------------------------------------------------------------------- threads */

enum { LOAD_READER, LOAD_TRIMMER, LOAD_LOCKER, LOAD_THREADS = LOAD_LOCKER + LOAD_LOCKERS };

/*
 * struct load_thread - somebody who does his part of each round
 * @who: of the enum above
 */
struct load_thread {
	struct load *load;
	struct task_struct *task;
	unsigned int who;
};

static void load_round(struct load *load, unsigned int who)
{
	if (who == LOAD_READER)
		load_disk_round(&load->reader);
	else if (who == LOAD_TRIMMER)
		load_disk_round(&load->trimmer);
	else
		load_lock_round(load, &load->lockers[who - LOAD_LOCKER]);
}

static int load_thread(void *arg)
{
	struct load_thread *me = arg;
	struct load *load = me->load;
	unsigned int round;

	for (round = 0; round < load->plan.rounds; round++) {
		wait_event(load->wait,
			   READ_ONCE(load->begun) > round || kthread_should_stop());
		if (kthread_should_stop())
			break;
		load_round(load, me->who);
	}
	if (atomic_dec_and_test(&load->working))
		complete(&load->work_done);
	wait_event(load->wait, kthread_should_stop());
	return 0;
}

static bool load_wants(const struct load_plan *plan, unsigned int who)
{
	if (who == LOAD_READER)
		return plan->reads;
	if (who == LOAD_TRIMMER)
		return plan->ranges;
	return plan->sections;
}

static int load_threads_start(struct load *load, struct load_thread *threads)
{
	struct load_thread *me;
	unsigned int who, cpu;

	for (who = 0; who < LOAD_THREADS; who++) {
		if (!load_wants(&load->plan, who))
			continue;
		me = &threads[who];
		me->load = load;
		me->who = who;
		cpu = who < LOAD_LOCKER ? load->plan.cpu : who - LOAD_LOCKER;
		me->task = kthread_create_on_cpu(load_thread, me, cpu, "exits_load/%u");
		if (IS_ERR(me->task))
			return PTR_ERR(me->task);
		atomic_inc(&load->working);
		wake_up_process(me->task);
	}
	return 0;
}

static void load_threads_stop(struct load_thread *threads)
{
	unsigned int who;

	for (who = 0; who < LOAD_THREADS; who++)
		if (!IS_ERR_OR_NULL(threads[who].task))
			kthread_stop(threads[who].task);
}

/* ----------------------------------------------------------------------- runs */

static void load_tell(const struct load *load, u64 took)
{
	snprintf(load_result, sizeof(load_result),
		 "took=%llu periods=%llu events=%llu latest=%llu reads=%llu ranges=%llu sections=%llu err=%d\n",
		 took, load->served, load->events, load->latest, load->reader.done,
		 load->trimmer.done, load->lockers[0].done + load->lockers[1].done,
		 load->reader.err ?: load->trimmer.err);
}

static int load_run(struct load *load)
{
	struct load_thread threads[LOAD_THREADS] = {};
	u64 began = ktime_get_ns();
	int err;

	err = load_threads_start(load, threads);
	if (!err)
		err = load_time(load);
	if (!err && !atomic_dec_and_test(&load->working))
		wait_for_completion(&load->work_done);
	load_threads_stop(threads);
	load_tell(load, ktime_get_ns() - began);
	return err;
}

static struct load *load_make(const struct load_plan *plan)
{
	struct load *load = kzalloc(sizeof(*load), GFP_KERNEL);

	if (!load)
		return NULL;
	load->plan = *plan;
	init_completion(&load->timer_done);
	init_completion(&load->work_done);
	atomic_set(&load->working, 1);
	init_waitqueue_head(&load->wait);
	parley_timer_init(&load->timer, load_period);
	parley_pvlock_init(&load->parley);
	spin_lock_init(&load->native);
	return load;
}

static int load_do(const struct load_plan *plan)
{
	struct load *load = load_make(plan);
	int err;

	if (!load)
		return -ENOMEM;
	err = load_disk_open(&load->reader, plan->reader, REQ_OP_READ, plan->reads,
			     plan->depth);
	if (!err)
		err = load_disk_open(&load->trimmer, plan->trimmer, REQ_OP_DISCARD,
				     plan->ranges, plan->batch);
	if (!err)
		err = load_run(load);
	load_disk_close(&load->reader);
	load_disk_close(&load->trimmer);
	kfree(load);
	return err;
}

/* ----------------------------------------------------------------------- file */

/* Where the number is that a word gives. */
static unsigned int *load_number(struct load_plan *plan, const char *name)
{
	struct {
		const char *name;
		unsigned int *where;
	} numbers[] = {
		{ "rounds", &plan->rounds }, { "periods", &plan->periods },
		{ "period", &plan->period }, { "tolerance", &plan->tolerance },
		{ "reads", &plan->reads },
		{ "depth", &plan->depth }, { "ranges", &plan->ranges },
		{ "batch", &plan->batch }, { "sections", &plan->sections },
		{ "inside", &plan->inside }, { "outside", &plan->outside },
		{ "pv", &plan->pv }, { "cpu", &plan->cpu },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (!strcmp(numbers[i].name, name))
			return numbers[i].where;
	return NULL;
}

static int load_word(struct load_plan *plan, char *word)
{
	char *name = strsep(&word, "=");
	unsigned int *number = load_number(plan, name);

	if (!word)
		return -EINVAL;
	if (number)
		return kstrtouint(word, 0, number) ?: *number > LOAD_MOST ? -EINVAL : 0;
	if (!strcmp(name, "reader"))
		return strscpy(plan->reader, word) < 0 ? -EINVAL : 0;
	if (!strcmp(name, "trimmer"))
		return strscpy(plan->trimmer, word) < 0 ? -EINVAL : 0;
	return -EINVAL;
}

static int load_parse(struct load_plan *plan, char *text)
{
	char *word;
	int err;

	text = strim(text);
	while ((word = strsep(&text, " "))) {
		err = load_word(plan, word);
		if (err)
			return err;
	}
	if (!cpu_online(0) || !cpu_online(1) || plan->cpu >= nr_cpu_ids ||
	    !cpu_online(plan->cpu))
		return -ENODEV;
	return 0;
}

static ssize_t load_write(struct file *file, const char __user *from, size_t count,
			  loff_t *pos)
{
	char *text = memdup_user_nul(from, min_t(size_t, count, PAGE_SIZE));
	struct load_plan plan = {};
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = load_parse(&plan, text);
	if (!err) {
		mutex_lock(&load_mutex);
		err = load_do(&plan);
		mutex_unlock(&load_mutex);
	}
	kfree(text);
	return err ?: count;
}

static ssize_t load_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	ssize_t got;

	mutex_lock(&load_mutex);
	got = simple_read_from_buffer(to, count, pos, load_result, strlen(load_result));
	mutex_unlock(&load_mutex);
	return got;
}

static const struct file_operations load_fops = {
	.owner = THIS_MODULE,
	.read = load_read,
	.write = load_write,
};

static int __init load_init(void)
{
	load_dir = debugfs_create_dir("parley_exits_load", NULL);
	debugfs_create_file("run", 0600, load_dir, NULL, &load_fops);
	return 0;
}

static void __exit load_exit(void)
{
	debugfs_remove(load_dir);
}

module_init(load_init);
module_exit(load_exit);

MODULE_DESCRIPTION("Parley: a guest's life whose exits are counted");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
