/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace events of the vhost library, beside those of the core, which tell of
 * each batch.  Here: what wakes a ring, what a round did, who was called.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM parley_vhost

#if !defined(_PARLEY_VHOST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _PARLEY_VHOST_TRACE_H

#include <linux/tracepoint.h>
#include "state.h"

DECLARE_EVENT_CLASS(parley_vhost_vq,
	TP_PROTO(const struct parley_vhost_vq *vq),
	TP_ARGS(vq),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(unsigned int, queue)
		__field(int, state)
	),
	TP_fast_assign(
		__entry->dev = vq->dev->id;
		__entry->queue = vq->index;
		__entry->state = vq->state;
	),
	TP_printk("dev=%u queue=%u state=%s", __entry->dev, __entry->queue,
		  __print_symbolic(__entry->state,
				   { VH_VQ_IDLE, "idle" },
				   { VH_VQ_RUNNING, "running" },
				   { VH_VQ_STOPPING, "stopping" },
				   { VH_VQ_BROKEN, "broken" }))
);

/* The guest kicked. */
DEFINE_EVENT(parley_vhost_vq, parley_vhost_kick,
	TP_PROTO(const struct parley_vhost_vq *vq),
	TP_ARGS(vq)
);

/* A ring started, stopped or broke. */
DEFINE_EVENT(parley_vhost_vq, parley_vhost_state,
	TP_PROTO(const struct parley_vhost_vq *vq),
	TP_ARGS(vq)
);

/* A round ended: requests taken and requests published in it. */
TRACE_EVENT(parley_vhost_round,
	TP_PROTO(const struct parley_vhost_vq *vq, unsigned int taken,
		 unsigned int reaped),
	TP_ARGS(vq, taken, reaped),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(unsigned int, queue)
		__field(unsigned int, taken)
		__field(unsigned int, reaped)
	),
	TP_fast_assign(
		__entry->dev = vq->dev->id;
		__entry->queue = vq->index;
		__entry->taken = taken;
		__entry->reaped = reaped;
	),
	TP_printk("dev=%u queue=%u taken=%u reaped=%u", __entry->dev,
		  __entry->queue, __entry->taken, __entry->reaped)
);

/* The driver was called, for that many completions. */
TRACE_EVENT(parley_vhost_call,
	TP_PROTO(const struct parley_vhost_vq *vq, unsigned int nr),
	TP_ARGS(vq, nr),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(unsigned int, queue)
		__field(unsigned int, nr)
	),
	TP_fast_assign(
		__entry->dev = vq->dev->id;
		__entry->queue = vq->index;
		__entry->nr = nr;
	),
	TP_printk("dev=%u queue=%u nr=%u", __entry->dev, __entry->queue,
		  __entry->nr)
);

/* An accelerator finished a request. */
TRACE_EVENT(parley_vhost_done,
	TP_PROTO(const struct parley_vhost_req *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__field(u32, dev)
		__field(unsigned int, queue)
		__field(u16, id)
		__field(u32, written)
	),
	TP_fast_assign(
		__entry->dev = req->vq->dev->id;
		__entry->queue = req->vq->index;
		__entry->id = req->chain.id;
		__entry->written = req->chain.written;
	),
	TP_printk("dev=%u queue=%u id=%u written=%u", __entry->dev,
		  __entry->queue, __entry->id, __entry->written)
);

#endif /* _PARLEY_VHOST_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
