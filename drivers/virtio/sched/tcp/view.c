// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/parley_tcp/timeouts: what became of them, of all sockets together. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "tcp.h"

static struct dentry *tcp_dir;

static int parley_tcp_timeouts_show(struct seq_file *s, void *unused)
{
	const struct tcp_counts *c = &parley_tcp_counts;

	seq_printf(s, "timeouts %lld\n", atomic64_read(&c->timeouts));
	seq_printf(s, "stolen %lld\n", atomic64_read(&c->stolen));
	seq_printf(s, "undone %lld\n", atomic64_read(&c->undone));
	seq_printf(s, "unproved %lld\n", atomic64_read(&c->unproved));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_tcp_timeouts);

void parley_tcp_view_init(void)
{
	tcp_dir = debugfs_create_dir("parley_tcp", NULL);
	debugfs_create_file("timeouts", 0400, tcp_dir, NULL, &parley_tcp_timeouts_fops);
}

void parley_tcp_view_exit(void)
{
	debugfs_remove(tcp_dir);
}
