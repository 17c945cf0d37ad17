// SPDX-License-Identifier: GPL-2.0-only
/*
 * One read-only file for each queue in /sys/kernel/debug/parley: what it is,
 * where it stands, what it did.  A look takes no lock, so that a wedged queue
 * can be looked at: numbers may be of slightly different moments.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "ring.h"

static struct dentry *parley_root;

static void vq_show_ring(struct seq_file *s, const struct vq_ring *r, const char *role)
{
	const struct parley_vq_stats *st = &r->stats;

	seq_printf(s, "queue        %u (%s)\n", r->index, r->name);
	seq_printf(s, "role         %s\n", role);
	seq_printf(s, "format       %s\n", r->packed ? "packed" : "split");
	seq_printf(s, "size         %u\n", r->num);
	seq_printf(s, "options      %s%s%s%s\n", r->event ? "event-index " : "",
		   r->indirect ? "indirect " : "", r->in_order ? "in-order " : "",
		   r->weak ? "" : "platform-order");
	seq_printf(s, "state        %s\n", READ_ONCE(r->broken) ? "broken" : "working");
	seq_printf(s, "buffers      %llu\n", READ_ONCE(st->buffers));
	seq_printf(s, "completed    %llu\n", READ_ONCE(st->completed));
	seq_printf(s, "publishes    %llu\n", READ_ONCE(st->publishes));
	seq_printf(s, "notified     %llu\n", READ_ONCE(st->notified));
	seq_printf(s, "suppressed   %llu\n", READ_ONCE(st->suppressed));
	seq_printf(s, "interrupts   %llu\n", READ_ONCE(st->interrupts));
	seq_printf(s, "errors       %llu\n", READ_ONCE(st->errors));
}

/* The wrap counter of a packed ring's cursor, as the specification counts it. */
static bool vq_wrap_of(const struct vq_cursor *c)
{
	return READ_ONCE(c->bits) & 1 << VRING_PACKED_DESC_F_AVAIL;
}

static int parley_drvq_show(struct seq_file *s, void *unused)
{
	const struct parley_drvq *q = s->private;

	vq_show_ring(s, &q->ring, "driver");
	seq_printf(s, "in flight    %u\n", (u16)(READ_ONCE(q->seq_put) - READ_ONCE(q->seq_done)));
	seq_printf(s, "free         %u\n", READ_ONCE(q->free));
	seq_printf(s, "put          %u\n", READ_ONCE(q->seq_put));
	seq_printf(s, "published    %u\n", READ_ONCE(q->seq_pub));
	seq_printf(s, "reaped       %u\n", READ_ONCE(q->seq_done));
	if (q->ring.packed)
		seq_printf(s, "slots        put %u/%u, next used %u/%u\n",
			   READ_ONCE(q->put.idx), vq_wrap_of(&q->put),
			   READ_ONCE(q->next_used.idx), vq_wrap_of(&q->next_used));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_drvq);

static int parley_devq_show(struct seq_file *s, void *unused)
{
	const struct parley_devq *q = s->private;

	vq_show_ring(s, &q->ring, "device");
	seq_printf(s, "in flight    %u\n", READ_ONCE(q->in_flight));
	seq_printf(s, "taken        %u\n", READ_ONCE(q->seq));
	if (q->ring.packed)
		seq_printf(s, "slots        next %u/%u, next used %u/%u, busy %u\n",
			   READ_ONCE(q->take.idx), vq_wrap_of(&q->take),
			   READ_ONCE(q->done.idx), vq_wrap_of(&q->done),
			   READ_ONCE(q->busy));
	else
		seq_printf(s, "used         %u\n", READ_ONCE(q->done.idx));
	seq_printf(s, "unpublished  %u\n", READ_ONCE(q->pub_count));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_devq);

static void vq_debugfs_add(struct vq_ring *r, void *q, const char *role,
			   const struct file_operations *fops)
{
	char name[64];

	snprintf(name, sizeof(name), "%s-%s-%u-%s",
		 r->dev ? dev_name(r->dev) : "none", r->name, r->index, role);
	r->dentry = debugfs_create_file(name, 0400, parley_root, q, fops);
}

void parley_debugfs_add_drvq(struct parley_drvq *q)
{
	vq_debugfs_add(&q->ring, q, "driver", &parley_drvq_fops);
}

void parley_debugfs_add_devq(struct parley_devq *q)
{
	vq_debugfs_add(&q->ring, q, "device", &parley_devq_fops);
}

/* Waits for readers. */
void parley_debugfs_remove(struct vq_ring *r)
{
	debugfs_remove(r->dentry);
}

void parley_debugfs_init(void)
{
	parley_root = debugfs_create_dir("parley", NULL);
}

void parley_debugfs_exit(void)
{
	debugfs_remove(parley_root);
}
