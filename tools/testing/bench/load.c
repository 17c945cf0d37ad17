// SPDX-License-Identifier: GPL-2.0-only
#include "load.h"

void load_init(struct load *load, const struct bench_ops *ops,
	       const struct bench_conf *conf, unsigned int batch, bool kick,
	       bool irq)
{
	*load = (struct load){
		.ops = ops, .conf = *conf, .batch = batch, .kick = kick,
		.irq = irq,
		.ring = ops->create(conf),
	};
	if (kick)
		ops->listen(load->ring);
	if (irq)
		ops->arm(load->ring);
}

void load_exit(struct load *load)
{
	load->ops->destroy(load->ring);
}

/* The completions of a round are those of its requests. Move on. */
void load_check(struct load *load)
{
	unsigned int i;

	for (i = 0; i < load->batch; i++)
		if (load->done[i].token != bench_token(load->slot + i) ||
		    load->done[i].len != BENCH_SEG_LEN)
			bench_fail("a completion is not that of its request");
	load->slot = (load->slot + load->batch) % load->conf.size;
}
