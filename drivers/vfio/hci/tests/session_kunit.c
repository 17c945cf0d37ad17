// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has a controller: resets, what the real one does at the wrong moment, and memory of
 * whoever has it that is not there yet.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/spinlock.h>
#include <linux/unaligned.h>
#include <net/sock.h>
#include "bench.h"
#include "../device.h"

#define KEPT	16

/* An answer to a Reset that is not there. */
#define NONE	(-1)

/**
 * struct parley_hci_lower - a real controller that does as the test wants
 * @test: whose it is
 * @d: what stands above it
 * @ready: whom to tell
 * @data: for it
 * @resets: how many it got
 * @others: other packets that it got
 * @status: with which it answers a Reset, or NONE
 * @at_once: it speaks before it is had
 * @busy: how it is had
 * @closed: it was let go of
 * @asked: how often it was asked for a packet
 * @gone: what it answers then, once, or 0
 * @lock: guards the rest
 * @have: packets that are not received
 * @len: how long each is
 * @pkt: these
 */
struct parley_hci_lower {
	struct kunit *test;
	struct parley_hci_dev *d;
	void (*ready)(void *data);
	void *data;
	unsigned int resets;
	unsigned int others;
	int status;
	bool at_once;
	int busy;
	bool closed;
	unsigned int asked;
	int gone;
	spinlock_t lock;
	unsigned int have;
	u8 len[KEPT];
	u8 pkt[KEPT][16];
};

/* The one that is made next. */
static struct parley_hci_lower *fake;

static struct parley_hci_lower *fake_make(void (*ready)(void *data), void *data)
{
	fake->ready = ready;
	fake->data = data;
	return fake;
}

static int fake_bind(struct parley_hci_lower *l, u16 index)
{
	if (l->at_once) {
		l->ready(l->data);
		flush_work(&l->d->work);
	}
	return l->busy;
}

static void fake_close(struct parley_hci_lower *l)
{
	l->closed = true;
}

static void fake_says(struct parley_hci_lower *l, const void *pkt, size_t len)
{
	scoped_guard(spinlock, &l->lock) {
		KUNIT_ASSERT_LT(l->test, l->have, KEPT);
		memcpy(l->pkt[l->have], pkt, len);
		l->len[l->have++] = len;
	}
	l->ready(l->data);
}

static void fake_answers(struct parley_hci_lower *l, u8 status)
{
	u8 pkt[] = { HCI_EVENT_PKT, HCI_EV_CMD_COMPLETE, 4, 1, 0x03, 0x0c, status };

	fake_says(l, pkt, sizeof(pkt));
}

static int fake_send(struct parley_hci_lower *l, const u8 *pkt, size_t len)
{
	if (pkt[0] != HCI_COMMAND_PKT || get_unaligned_le16(pkt + 1) != HCI_OP_RESET) {
		l->others++;
		return 0;
	}
	l->resets++;
	if (l->status != NONE)
		fake_answers(l, l->status);
	return 0;
}

static int fake_receive(struct parley_hci_lower *l, u8 *pkt, size_t size)
{
	int len = fake->gone;

	/* That is the one, and it is known. */
	KUNIT_EXPECT_PTR_EQ(fake->test, l, fake);
	fake->asked++;
	if (len) {
		fake->gone = 0;
		return len;
	}
	guard(spinlock)(&fake->lock);
	if (!fake->have)
		return 0;
	len = fake->len[0];
	memcpy(pkt, fake->pkt[0], len);
	fake->have--;
	memmove(fake->len, fake->len + 1, sizeof(fake->len) - 1);
	memmove(fake->pkt, fake->pkt + 1, sizeof(fake->pkt) - sizeof(fake->pkt[0]));
	return len;
}

static const struct parley_hci_lower_ops fake_ops = {
	fake_make, fake_bind, fake_close, fake_send, fake_receive
};

/**
 * struct session - a controller and somebody who opens it
 * @test: whose it is
 * @d: the controller
 * @l: the real one
 * @kobj: where its policy is
 * @inode: the node
 * @file: his
 */
struct session {
	struct kunit *test;
	struct parley_hci_dev *d;
	struct parley_hci_lower *l;
	struct kobject *kobj;
	struct inode *inode;
	struct file *file;
};

static void session_free(void *data)
{
	struct session *s = data;

	if (!IS_ERR_OR_NULL(s->d->folder))
		parley_policy_folder_remove(s->d->folder);
	parley_hci_dev_free(s->d);
	kobject_put(s->kobj);
}

static struct session *session_new(struct kunit *test)
{
	static const char *const types[] = { "hci" };
	struct session *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->test = test;
	s->l = kunit_kzalloc(test, sizeof(*s->l), GFP_KERNEL);
	s->inode = kunit_kzalloc(test, sizeof(*s->inode), GFP_KERNEL);
	s->file = kunit_kzalloc(test, sizeof(*s->file), GFP_KERNEL);
	s->d = parley_hci_dev_new(&fake_ops);
	KUNIT_ASSERT_NOT_NULL(test, s->l);
	KUNIT_ASSERT_NOT_NULL(test, s->inode);
	KUNIT_ASSERT_NOT_NULL(test, s->file);
	KUNIT_ASSERT_NOT_NULL(test, s->d);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, session_free, s));
	spin_lock_init(&s->l->lock);
	s->l->test = test;
	s->l->d = s->d;
	fake = s->l;
	s->inode->i_cdev = &s->d->cdev;
	s->file->f_flags = O_NONBLOCK;
	s->kobj = kobject_create_and_add("parley_hci_test", NULL);
	KUNIT_ASSERT_NOT_NULL(test, s->kobj);
	s->d->hci->name = "test";
	s->d->folder = parley_policy_folder_add(s->kobj, &parley_hci_language, parley_hci_policy,
						types, 1);
	KUNIT_ASSERT_FALSE(test, IS_ERR(s->d->folder));
	return s;
}

static void let_go(void *data)
{
	parley_hci_dev_let_go(data);
}

/* One that has the real one. */
static struct session *session_had(struct kunit *test)
{
	struct session *s = session_new(test);

	KUNIT_ASSERT_EQ(test, 0, parley_hci_dev_have(s->d, 7));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, let_go, s->d));
	return s;
}

static int session_open(struct session *s)
{
	return parley_hci_fops.open(s->inode, s->file);
}

static void session_close(struct session *s)
{
	parley_hci_fops.release(s->inode, s->file);
	flush_work(&s->d->work);
}

static int session_reset(struct session *s)
{
	u8 pkt[] = { HCI_COMMAND_PKT, 0x03, 0x0c, 0 };

	return parley_hci_dev_put(s->d, pkt, sizeof(pkt));
}

/* ---------------------------------------------------------- wrong moments */

static void who_speaks_at_once_is_heard(struct kunit *test)
{
	struct session *s = session_new(test);

	s->l->at_once = true;
	KUNIT_ASSERT_EQ(test, 0, parley_hci_dev_have(s->d, 7));
	KUNIT_EXPECT_EQ(test, 1, s->l->asked);
	parley_hci_dev_let_go(s->d);
	KUNIT_EXPECT_TRUE(test, s->l->closed);
}

/* It spoke, and so the work is under way; nobody has it after that. */
static void who_speaks_and_is_not_had_is_let_go(struct kunit *test)
{
	struct session *s = session_new(test);

	s->l->at_once = true;
	s->l->gone = -EPIPE;
	s->l->busy = -ENODEV;
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_hci_dev_have(s->d, 7));
	KUNIT_EXPECT_TRUE(test, s->l->closed);
	KUNIT_EXPECT_TRUE(test, s->d->lost);
}

static void what_is_lost_ends_it(struct kunit *test)
{
	struct session *s = session_had(test);
	u8 byte = 1;

	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	flush_work(&s->d->work);
	s->l->gone = -ENOBUFS;
	s->l->ready(s->l->data);
	flush_work(&s->d->work);
	KUNIT_EXPECT_EQ(test, -EIO, parley_hci_dev_can(s->d, NULL));
	KUNIT_EXPECT_EQ(test, -EIO, parley_hci_dev_put(s->d, &byte, -EPROTO));
	/* What was there is gone, links as well; and nothing of it is in the next session. */
	KUNIT_EXPECT_EQ(test, 2, s->l->resets);
	session_close(s);
	KUNIT_EXPECT_EQ(test, 0, session_open(s));
	KUNIT_EXPECT_EQ(test, 0, parley_hci_dev_can(s->d, NULL));
	session_close(s);
	KUNIT_EXPECT_FALSE(test, s->d->lost);
}

static void an_answer_to_a_reset_that_is_lost_is_not_waited_for(struct kunit *test)
{
	struct session *s = session_had(test);

	s->l->status = NONE;
	KUNIT_ASSERT_EQ(test, -EIO, session_open(s));
	s->l->status = 0;
	s->l->gone = -ENOBUFS;
	s->l->ready(s->l->data);
	flush_work(&s->d->work);
	KUNIT_EXPECT_EQ(test, 0, s->d->resets);
	KUNIT_EXPECT_EQ(test, 0, session_open(s));
	session_close(s);
}

static void what_a_socket_drops_is_told_once(struct kunit *test)
{
	struct sock *sk = kunit_kzalloc(test, sizeof(*sk), GFP_KERNEL);
	unsigned int drops = 0;

	KUNIT_ASSERT_NOT_NULL(test, sk);
	KUNIT_EXPECT_FALSE(test, parley_hci_lower_missed(sk, &drops));
	atomic_set(&sk->sk_drops, 2);
	KUNIT_EXPECT_TRUE(test, parley_hci_lower_missed(sk, &drops));
	KUNIT_EXPECT_FALSE(test, parley_hci_lower_missed(sk, &drops));
	atomic_inc(&sk->sk_drops);
	KUNIT_EXPECT_TRUE(test, parley_hci_lower_missed(sk, &drops));
}

/* --------------------------------------------------------------- resets */

static void one_reset_is_under_way_at_a_time(struct kunit *test)
{
	struct session *s = session_had(test);

	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	KUNIT_EXPECT_EQ(test, 1, s->l->resets);
	s->l->status = NONE;
	session_close(s);
	KUNIT_EXPECT_EQ(test, 2, s->l->resets);
	/* Who comes before the answer waits for it: a controller may drop another one. */
	KUNIT_EXPECT_EQ(test, -EIO, session_open(s));
	KUNIT_EXPECT_EQ(test, 3, s->l->resets);
	s->l->status = 0;
	fake_answers(s->l, 0);
	flush_work(&s->d->work);
	KUNIT_EXPECT_EQ(test, 0, session_open(s));
	KUNIT_EXPECT_EQ(test, 4, s->l->resets);
	session_close(s);
	KUNIT_EXPECT_EQ(test, 0, s->d->resets);
	KUNIT_EXPECT_FALSE(test, s->d->owed);
}

/* Ours comes after those, and what he sent behind them is done by then. */
static void the_guests_own_resets_do_not_count_as_ours(struct kunit *test)
{
	static const u8 event[] = { HCI_EVENT_PKT, HCI_EV_INQUIRY_COMPLETE, 1, 0 };
	struct session *s = session_had(test);
	bool waiting;

	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	s->l->status = NONE;
	KUNIT_EXPECT_EQ(test, 0, session_reset(s));
	KUNIT_EXPECT_EQ(test, 0, session_reset(s));
	session_close(s);
	KUNIT_EXPECT_EQ(test, 3, s->l->resets);
	fake_answers(s->l, 0);
	fake_answers(s->l, 0);
	flush_work(&s->d->work);
	KUNIT_EXPECT_EQ(test, 4, s->l->resets);
	KUNIT_EXPECT_EQ(test, 1, s->d->resets);
	/* Nor is what comes before its answer for who comes next. */
	fake_says(s->l, event, sizeof(event));
	fake_answers(s->l, 0);
	flush_work(&s->d->work);
	s->l->status = 0;
	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	KUNIT_EXPECT_EQ(test, 0, parley_hci_dev_can(s->d, &waiting));
	KUNIT_EXPECT_FALSE(test, waiting);
	session_close(s);
}

/* A controller may make one of two: then nobody waits for the other for ever. */
static void a_reset_that_is_never_answered_is_made_good(struct kunit *test)
{
	struct session *s = session_had(test);

	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	s->l->status = NONE;
	session_reset(s);
	session_close(s);
	s->l->status = 0;
	KUNIT_EXPECT_EQ(test, 0, session_open(s));
	KUNIT_EXPECT_EQ(test, 3, s->l->resets);
	session_close(s);
}

static void a_reset_that_failed_is_none(struct kunit *test)
{
	struct session *s = session_had(test);

	s->l->status = HCI_ERROR_COMMAND_DISALLOWED;
	KUNIT_EXPECT_EQ(test, -EIO, session_open(s));
	flush_work(&s->d->work);
	s->l->status = 0;
	KUNIT_EXPECT_EQ(test, 0, session_open(s));
	session_close(s);
}

/* ---------------------------------------------------------------- memory */

/**
 * struct slow - memory that its owner answers for
 * @d: the controller
 * @page: of it
 * @faults: how often it was asked for
 * @held: of these, how often the controller's lock was held
 */
struct slow {
	struct parley_hci_dev *d;
	struct page *page;
	unsigned int faults;
	unsigned int held;
};

static vm_fault_t slow_fault(struct vm_fault *vmf)
{
	struct slow *slow = vmf->vma->vm_private_data;

	slow->faults++;
	if (mutex_trylock(&slow->d->lock))
		mutex_unlock(&slow->d->lock);
	else
		slow->held++;
	get_page(slow->page);
	vmf->page = slow->page;
	return 0;
}

static const struct vm_operations_struct slow_vm_ops = {
	.fault = slow_fault,
};

static int slow_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_private_data = file->private_data;
	vma->vm_ops = &slow_vm_ops;
	return 0;
}

static const struct file_operations slow_ops = {
	.owner = THIS_MODULE,
	.mmap = slow_mmap,
};

static u8 __user *slow_new(struct kunit *test, struct slow *slow)
{
	struct file *file = anon_inode_getfile("parley-slow", &slow_ops, slow, O_RDWR);
	unsigned long at;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	at = kunit_vm_mmap(test, file, 0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	fput(file);
	KUNIT_ASSERT_NE(test, 0, at);
	KUNIT_ASSERT_LT(test, at, TASK_SIZE);
	return (u8 __user *)at;
}

static void free_a_page(void *page)
{
	__free_page(page);
}

/* He may take as long as he likes, and only he waits. */
static void the_lock_is_free_while_memory_is_reached_for(struct kunit *test)
{
	static const u8 unknown[] = { HCI_COMMAND_PKT, 0, 0xfc, 0 };
	struct session *s = session_had(test);
	struct slow slow = { .d = s->d, .page = alloc_page(GFP_KERNEL) };
	struct slow more = { .d = s->d, .page = slow.page };
	u8 __user *from, *to;
	loff_t at = 0;

	KUNIT_ASSERT_NOT_NULL(test, slow.page);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, free_a_page, slow.page));
	memcpy(page_address(slow.page), unknown, sizeof(unknown));
	from = slow_new(test, &slow);
	to = slow_new(test, &more);
	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	KUNIT_EXPECT_EQ(test, sizeof(unknown),
			parley_hci_fops.write(s->file, from, sizeof(unknown), &at));
	KUNIT_EXPECT_EQ(test, 1, slow.faults);
	KUNIT_EXPECT_EQ(test, 0, slow.held);
	/* In two parts, of which each is his. */
	KUNIT_EXPECT_EQ(test, 3, parley_hci_fops.read(s->file, to, 3, &at));
	KUNIT_EXPECT_EQ(test, 1, more.faults);
	KUNIT_EXPECT_EQ(test, 0, more.held);
	KUNIT_EXPECT_EQ(test, 4, parley_hci_fops.read(s->file, to, 300, &at));
	KUNIT_EXPECT_EQ(test, -EAGAIN, parley_hci_fops.read(s->file, to, 300, &at));
	session_close(s);
}

/* What could not be given stays; what is left when he goes is nobody's. */
static void half_a_packet_is_not_for_the_next_one(struct kunit *test)
{
	u8 unknown[] = { HCI_COMMAND_PKT, 0, 0xfc, 0 };
	struct session *s = session_had(test);
	bool waiting;
	loff_t at = 0;
	u8 __user *to;

	to = (u8 __user *)kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
					MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NOT_NULL(test, (__force void *)to);
	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	KUNIT_EXPECT_EQ(test, 0, parley_hci_dev_put(s->d, unknown, sizeof(unknown)));
	KUNIT_EXPECT_EQ(test, -EFAULT, parley_hci_fops.read(s->file, NULL, 300, &at));
	KUNIT_EXPECT_EQ(test, 0, parley_hci_dev_can(s->d, &waiting));
	KUNIT_EXPECT_TRUE(test, waiting);
	KUNIT_EXPECT_EQ(test, 2, parley_hci_fops.read(s->file, to, 2, &at));
	session_close(s);
	KUNIT_ASSERT_EQ(test, 0, session_open(s));
	parley_hci_dev_can(s->d, &waiting);
	KUNIT_EXPECT_FALSE(test, waiting);
	KUNIT_EXPECT_EQ(test, -EAGAIN, parley_hci_fops.read(s->file, to, 300, &at));
	session_close(s);
}

static struct kunit_case session_cases[] = {
	KUNIT_CASE(who_speaks_at_once_is_heard),
	KUNIT_CASE(who_speaks_and_is_not_had_is_let_go),
	KUNIT_CASE(what_is_lost_ends_it),
	KUNIT_CASE(an_answer_to_a_reset_that_is_lost_is_not_waited_for),
	KUNIT_CASE(what_a_socket_drops_is_told_once),
	KUNIT_CASE(one_reset_is_under_way_at_a_time),
	KUNIT_CASE(the_guests_own_resets_do_not_count_as_ours),
	KUNIT_CASE(a_reset_that_is_never_answered_is_made_good),
	KUNIT_CASE(a_reset_that_failed_is_none),
	KUNIT_CASE(the_lock_is_free_while_memory_is_reached_for),
	KUNIT_CASE(half_a_packet_is_not_for_the_next_one),
	{}
};

static struct kunit_suite session_suite = {
	.name = "parley_hci_session",
	.test_cases = session_cases,
};

kunit_test_suite(session_suite);
