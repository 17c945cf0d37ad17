// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue 0: requests that come back, answered or not.
 */
#include "device.h"

static void psd_request_end(struct psd *psd, void *cookie, u32 len)
{
	if (cookie == psd->count)
		parley_psd_count_end(psd, len);
	else
		parley_psd_yield_end(cookie, len);
}

/** parley_psd_request_complete() - the device has answered some */
void parley_psd_request_complete(struct parley_queue *queue, const struct parley_done *done,
				 unsigned int nr, void *ctx)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		psd_request_end(queue->dev->priv, done[i].cookie, done[i].len);
}

/** parley_psd_request_give_back() - it will not answer this one */
void parley_psd_request_give_back(struct parley_queue *queue, void *cookie,
				  enum parley_fate fate)
{
	psd_request_end(queue->dev->priv, cookie, 0);
}
