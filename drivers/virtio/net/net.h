/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Network front-end: what its files share.
 *
 *	main.c		driver table, probe and its mirror, the device's queues
 *	config.c	what the device's configuration and features allow
 *	header.c	the header of a packet, both ways
 *	fill.c		receive buffers: allocated, posted, taken back
 *	rx.c		buffers become packets
 *	tx.c		packets become buffers
 *	xdp.c		programs that see packets before the stack does
 *	run.c		who polls, and when: up and down, stop and start, time-outs
 *	rss.c		which queue a packet comes in
 *	fields.c	by which of its fields
 *	coal.c		moderation of interrupts
 *	standby.c	one of two interfaces with one address
 *	ctrl.c		the control queue, and what is told again after a reset
 *	ops.c		what the stack asks of the interface
 *	ethtool.c	channels, rings, link, statistics
 *
 * Who owns what: struct parley_net is the private part of the net_device, and
 * lives from probe until remove.  The device's queues live from probe until remove
 * has returned, whatever recoveries come between.  A receive buffer is a piece of
 * a page of the pair's pool; it belongs to the device from put to reap, and then
 * to the packet that is being put together, or to the pool.  A packet that is
 * sent belongs to its slot until it is reaped or given back.
 *
 * Who serialises what: both queues of a pair are PARLEY_QUEUE_UNLOCKED.  The
 * receive queue and all of struct parley_net_rx are the NAPI's.  The transmit
 * queue and struct parley_net_tx are under the lock of the stack's transmit queue,
 * which the NAPI takes to reap.  While no NAPI runs (see run.c) both are the
 * model's.  The control queue has the model's lock.
 *
 * Locks, outer first:
 *	RTNL
 *	parley_net.ctrl_lock	what was set, and commands that set it; taken by
 *				reapply(), so never held over parley_queue_resize()
 *	parley_net.lock		who polls; taken by stop(), so never held while a
 *				command is waited for
 */
#ifndef _PARLEY_NET_H
#define _PARLEY_NET_H

#include <kunit/visibility.h>
#include <linux/average.h>
#include <linux/bitops.h>
#include <linux/dim.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/ratelimit.h>
#include <linux/timer.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>
#include <net/page_pool/types.h>
#include <net/xdp.h>
#include <parley/byteorder.h>
#include <parley/compat.h>
#include <parley/device.h>
#include <parley/export.h>
#include <uapi/linux/virtio_net.h>
#include <uapi/linux/virtio_ring.h>

/* A ring begins with at most so many descriptors, and can have at most so many. */
#define PARLEY_NET_RING		1024
#define PARLEY_NET_RING_MAX	4096
/* Commands in flight in the control queue: one, and those that were given up. */
#define PARLEY_NET_CTRL_RING	64
/* The longest packet: an IP packet of the largest size in a tagged frame. */
#define PARLEY_NET_LEN_MAX	(VLAN_ETH_HLEN + 65535)
/* Up to this length a packet is copied and its buffer used again at once. */
#define PARLEY_NET_COPY		256
/* Of longer ones so much is looked through for headers, which are copied. */
#define PARLEY_NET_HEAD		128
/* Pieces of a packet to send: its header, its linear part, its fragments. */
#define PARLEY_NET_TX_SEGS	(MAX_SKB_FRAGS + 2)
/* Bytes of a packet's header, at most: parley_net.hdr_len says how many. */
#define PARLEY_NET_HDR_MAX	sizeof(struct virtio_net_hdr_v1_hash)
/* Entries of a table of queues, and bytes of the key of its hash. */
#define PARLEY_NET_RSS_ENTRIES	128
#define PARLEY_NET_RSS_KEY	40
/* Pages of a buffer that has to hold the longest packet by itself. */
#define PARLEY_NET_BIG_PAGES						\
	DIV_ROUND_UP(PARLEY_NET_HDR_MAX + PARLEY_NET_LEN_MAX, PAGE_SIZE)
/* Bytes of a packet that a program sees in one piece: what the kernel leaves of a page. */
#define PARLEY_NET_XDP_LINEAR	((u32)(SKB_WITH_OVERHEAD(PAGE_SIZE) - XDP_PACKET_HEADROOM))
/* Buffers that are put at once. */
#define PARLEY_NET_BATCH	16

DECLARE_EWMA(parley_net_len, 0, 64)

/**
 * struct parley_net_coal - how long the device holds an interrupt back
 * @usecs: at most so long
 * @packets: or for so many packets
 */
struct parley_net_coal {
	u32 usecs;
	u32 packets;
};

/**
 * struct parley_net_rss - how packets find their queue
 * @offered: kinds of hashes (VIRTIO_NET_RSS_HASH_TYPE_*); constant, 0: there is no hash
 * @kinds: those that are used; written under parley_net.ctrl_lock
 * @entries: of @table, a power of two; 0: there is none
 * @by_hand: @table was set, and is not spread over the queues by us
 * @table: receive queues by hash
 * @key: of the hash
 */
struct parley_net_rss {
	u32 offered;
	u32 kinds;
	unsigned int entries;
	bool by_hand;
	u16 table[PARLEY_NET_RSS_ENTRIES];
	u8 key[PARLEY_NET_RSS_KEY];
};

/**
 * struct parley_net_rx_stats - of a receive queue
 * @packets: handed to the stack
 * @bytes: in them
 * @runts: buffers that are too short to hold a packet
 * @too_long: packets longer than any may be
 * @bad_header: packets whose header contradicts itself, or them
 * @lost: packets of which a buffer did not come
 * @no_memory: packets that were dropped for want of it
 * @no_buffer: fills of the ring that ended for want of memory
 * @unfinished: packets without their checksum, or to be cut, that no program can see
 * @xdp_packets: seen by a program
 * @xdp_drops: of these, dropped by it
 * @xdp_errors: of these, dropped because what it asked for could not be done
 * @xdp_tx: of these, sent back
 * @xdp_redirects: of these, sent elsewhere
 * @sync: of all of these
 */
struct parley_net_rx_stats {
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t runts;
	u64_stats_t too_long;
	u64_stats_t bad_header;
	u64_stats_t lost;
	u64_stats_t no_memory;
	u64_stats_t no_buffer;
	u64_stats_t unfinished;
	u64_stats_t xdp_packets;
	u64_stats_t xdp_drops;
	u64_stats_t xdp_errors;
	u64_stats_t xdp_tx;
	u64_stats_t xdp_redirects;
	struct u64_stats_sync sync;
};

/**
 * struct parley_net_tx_stats - of a transmit queue
 * @packets: given to the device
 * @bytes: in them
 * @dropped: packets that could not be given to it
 * @lost: packets that it had when it was reset
 * @stops: how often the ring was full
 * @xdp_packets: of @packets, those that no stack sent: a program, or another driver
 * @xdp_dropped: such packets that could not be given to it
 * @sync: of all of these
 */
struct parley_net_tx_stats {
	u64_stats_t packets;
	u64_stats_t bytes;
	u64_stats_t dropped;
	u64_stats_t lost;
	u64_stats_t stops;
	u64_stats_t xdp_packets;
	u64_stats_t xdp_dropped;
	struct u64_stats_sync sync;
};

/**
 * struct parley_net_xdp - what a program needs, of a receive queue
 * @pool: memory that the device never reaches: all that a program sees is copied there
 * @rxq: says whose the memory is
 * @buff: the packet that is being put together; without a beginning there is none
 * @truesize: of its fragments
 * @back: packets that go back where they came from, @nr_back of them
 * @nr_back: see @back
 * @redirected: some went elsewhere, and wait to be flushed
 */
struct parley_net_xdp {
	struct page_pool *pool;
	struct xdp_rxq_info rxq;
	struct xdp_buff buff;
	u32 truesize;
	struct xdp_frame *back[PARLEY_NET_BATCH];
	unsigned int nr_back;
	bool redirected;
};

/**
 * struct parley_net_rx - receiving half of a pair
 * @queue: its queue
 * @pool: where its buffers come from
 * @mapped: the pool maps its pages, so that buffers are put with the device's
 *	addresses; otherwise the core maps
 * @head: the packet that is being put together; NULL between packets, and of
 *	one that is being dropped
 * @tail: where its next piece goes: @head, or the last in its list of fragments
 * @missing: buffers of the packet that are to come
 * @got: bytes of the packet that came
 * @hdr: its header, read once
 * @hash_hdr: the same, with a hash
 * @len: learned length of packets
 * @xdp: of a packet that a program is to see, in place of @head
 * @coal: its moderation; under parley_net.ctrl_lock, as is what follows, up to @moderate
 * @adaptive: the kernel judges what it shall be
 * @moderate: tells the device what came of that
 * @dim: the judge
 * @events: what it has counted
 * @stats: see there
 */
struct parley_net_rx {
	struct parley_queue *queue;
	struct page_pool *pool;
	bool mapped;
	struct sk_buff *head;
	struct sk_buff *tail;
	unsigned int missing;
	u32 got;
	union {
		struct virtio_net_hdr_v1 hdr;
		struct virtio_net_hdr_v1_hash hash_hdr;
	};
	struct ewma_parley_net_len len;
	struct parley_net_xdp xdp;
	struct parley_net_coal coal;
	bool adaptive;
	struct work_struct moderate;
	struct dim dim;
	u16 events;
	struct parley_net_rx_stats stats;
};

/**
 * struct parley_net_slot - a packet that the device has
 * @skb: the packet; of a free slot @next counts
 * @frame: the packet, if no stack sent it
 * @next: the next free slot
 * @hdr: its header, unless there is room for that before the packet
 * @is_frame: @frame counts
 */
struct parley_net_slot {
	union {
		struct sk_buff *skb;
		struct xdp_frame *frame;
		struct parley_net_slot *next;
	};
	struct virtio_net_hdr_v1_hash hdr;
	bool is_frame;
};

/**
 * struct parley_net_tx - sending half of a pair
 * @queue: its queue
 * @slots: as many as the ring can have descriptors
 * @free: those that no packet is in
 * @hdr_len: parley_net.hdr_len
 * @need: descriptors that the largest packet may take
 * @done_packets: reaped, and not told to the stack's byte limits yet
 * @done_bytes: likewise
 * @frames: packets in the ring that no stack sent
 * @completed: packets reaped, ever; to see progress
 * @seen: what that was at the last time-out
 * @stuck: there was one, and nothing has moved since; this and @seen are under
 *	parley_net.lock
 * @coal: its moderation; under parley_net.ctrl_lock
 * @segs: scratch of one packet
 * @stats: see there
 */
struct parley_net_tx {
	struct parley_queue *queue;
	struct parley_net_slot *slots;
	struct parley_net_slot *free;
	unsigned int hdr_len;
	unsigned int need;
	unsigned int done_packets;
	unsigned int done_bytes;
	unsigned int frames;
	unsigned int completed;
	unsigned int seen;
	bool stuck;
	struct parley_net_coal coal;
	struct parley_seg segs[PARLEY_NET_TX_SEGS];
	struct parley_net_tx_stats stats;
};

/**
 * struct parley_net_pair - a receive and a transmit queue, and who polls them
 * @net: the interface
 * @index: number of the pair
 * @polled: its NAPI is enabled; under parley_net.lock
 * @napi: polls both
 * @refill: fills the receive ring when there was no memory for it
 * @rx: see there
 * @tx: see there
 */
struct parley_net_pair {
	struct parley_net *net;
	unsigned int index;
	bool polled;
	struct napi_struct napi;
	struct timer_list refill;
	struct parley_net_rx rx;
	struct parley_net_tx tx ____cacheline_aligned_in_smp;
} ____cacheline_aligned_in_smp;

/**
 * struct parley_net - an interface
 * @pd: its device
 * @dev: the stack's part of it
 * @ctrl: control queue, or NULL
 * @pairs: @nr_pairs of them
 * @nr_pairs: those that have queues
 * @hdr_len: bytes of a packet's header
 * @rx_pages: pages of a receive buffer, 1 unless packets come in one buffer each
 *	and may be longer than a page
 * @rx_len: bytes of a receive buffer, 0 with mergeable ones: they are learned
 * @mergeable: a packet may come in several buffers
 * @prog: sees packets before the stack does; under RTNL
 * @finished: because of it the device is asked for finished packets only; likewise
 * @lock: of the two that follow, and of who polls
 * @up: the interface is
 * @held: between stop() and start()
 * @ctrl_lock: of what follows, up to @rss, and of commands about them
 * @used: pairs that are in use, the first ones
 * @mac: the address that was set, if @mac_set
 * @mac_set: it was, since probe
 * @vlans: the tags that are let through
 * @offloads: what the device may hand over unfinished (VIRTIO_NET_F_GUEST_*)
 * @rx_coal: moderation of all receive queues
 * @tx_coal: of all transmit queues
 * @rss: how packets find their queue
 * @rx_mode: tells the device what to receive
 * @timeout: looks after a device that does not send
 * @announce: says where the guest is, for a device that asks
 * @announced: when that was, in jiffies
 * @refusals: how often it is said that the device refuses
 * @failover: stands for us and the interface whose standby we are, or NULL
 * @link: speed and duplex that the device says
 */
struct parley_net {
	struct parley_device *pd;
	struct net_device *dev;
	struct parley_queue *ctrl;
	struct parley_net_pair *pairs;
	unsigned int nr_pairs;
	unsigned int hdr_len;
	unsigned int rx_pages;
	unsigned int rx_len;
	bool mergeable;
	struct bpf_prog __rcu *prog;
	bool finished;

	struct mutex lock;	/* see the top of this file */
	bool up;
	bool held;

	struct mutex ctrl_lock;	/* see the top of this file */
	unsigned int used;
	u8 mac[ETH_ALEN];
	bool mac_set;
	DECLARE_BITMAP(vlans, VLAN_N_VID);
	u64 offloads;
	struct parley_net_coal rx_coal;
	struct parley_net_coal tx_coal;
	struct parley_net_rss rss;

	struct work_struct rx_mode;
	struct work_struct timeout;
	struct delayed_work announce;
	unsigned long announced;
	struct ratelimit_state refusals;
	struct failover *failover;
	struct {
		u32 speed;
		u8 duplex;
	} link;
};

/* config.c */
extern const unsigned int parley_net_features[];
extern const unsigned int parley_net_nr_features;
void parley_net_check(struct parley_device *pd, struct parley_features *features);
unsigned int parley_net_pairs_max(struct parley_device *pd);
int parley_net_configure(struct parley_net *net);
void parley_net_link(struct parley_net *net);
void parley_net_config_changed(struct parley_device *pd);
u64 parley_net_guest_offloads(const struct parley_net *net, netdev_features_t features);

/* header.c */
int parley_net_hdr_check(const struct virtio_net_hdr_v1 *hdr, u32 len, u64 features);
int parley_net_hdr_apply(struct sk_buff *skb, const struct virtio_net_hdr_v1 *hdr,
			 u64 features);
int parley_net_hdr_make(const struct sk_buff *skb, void *at, unsigned int len);

/* fill.c */
int parley_net_make_pool(struct parley_net_pair *pair);
bool parley_net_fill(struct parley_net_pair *pair);
u64 parley_net_addr(const struct parley_net_rx *rx, void *buf);
void parley_net_put_buffer(struct parley_net_rx *rx, void *buf, bool direct);
void parley_net_put_big(struct parley_net_rx *rx, void *cookie, unsigned int from,
			bool direct);
void *parley_net_big_page(void *cookie, unsigned int i);
void parley_net_rx_give_back(struct parley_queue *queue, void *cookie,
			     enum parley_fate fate);

/* rx.c */
void parley_net_rx_complete(struct parley_queue *queue, const struct parley_done *done,
			    unsigned int nr, void *ctx);
void parley_net_rx_drop(struct parley_net_rx *rx);
void parley_net_rx_end(struct parley_net_rx *rx);
void parley_net_hand_over(struct parley_net_pair *pair, struct sk_buff *skb);

/* tx.c */
int parley_net_make_slots(struct parley_net_tx *tx);
netdev_tx_t parley_net_xmit(struct sk_buff *skb, struct net_device *dev);
int parley_net_tx_frames(struct parley_net_pair *pair, struct xdp_frame **frames, int nr,
			 bool publish);
void parley_net_tx_complete(struct parley_queue *queue, const struct parley_done *done,
			    unsigned int nr, void *ctx);
void parley_net_tx_give_back(struct parley_queue *queue, void *cookie,
			     enum parley_fate fate);
void parley_net_tx_poll(struct parley_net_pair *pair, int budget);
bool parley_net_tx_arm(struct parley_net_pair *pair);

/* xdp.c */
int parley_net_xdp_make(struct parley_net_pair *pair);
void parley_net_xdp_free(struct parley_net_pair *pair);
bool parley_net_xdp_begin(struct parley_net_pair *pair);
bool parley_net_xdp_add(struct parley_net_rx *rx, const void *data, u32 len);
void parley_net_xdp_drop(struct parley_net_rx *rx);
void parley_net_xdp_run(struct parley_net_pair *pair);
void parley_net_xdp_flush(struct parley_net_pair *pair);
int parley_net_xdp_xmit(struct net_device *dev, int nr, struct xdp_frame **frames, u32 flags);
int parley_net_bpf(struct net_device *dev, struct netdev_bpf *bpf);
bool parley_net_xdp_fits(struct parley_net *net, const struct bpf_prog *prog, int mtu);
xdp_features_t parley_net_xdp_features(const struct parley_net *net);

/* run.c */
void parley_net_interrupt(struct parley_queue *queue);
int parley_net_poll(struct napi_struct *napi, int budget);
void parley_net_refill(struct timer_list *timer);
void parley_net_set_up(struct parley_net *net, bool up);
void parley_net_more_pairs(struct parley_net *net);
void parley_net_stop(struct parley_device *pd);
void parley_net_start(struct parley_device *pd);
void parley_net_tx_timeout(struct net_device *dev, unsigned int txqueue);
void parley_net_timeout_work(struct work_struct *work);

/* rss.c */
void parley_net_rss_check(struct parley_device *pd, struct parley_features *features);
int parley_net_rss_configure(struct parley_net *net);
void parley_net_rss_spread(struct parley_net *net);
int parley_net_rss_use(struct parley_net *net, u32 kinds);
int parley_net_send_queues(struct parley_net *net);
void parley_net_hash(const struct parley_net *net, struct sk_buff *skb,
		     const struct virtio_net_hdr_v1_hash *hdr);
u32 parley_net_get_rx_ring_count(struct net_device *dev);
int parley_net_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info, u32 *rules);
u32 parley_net_get_rxfh_key_size(struct net_device *dev);
u32 parley_net_get_rxfh_indir_size(struct net_device *dev);
int parley_net_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh);
int parley_net_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
			struct netlink_ext_ack *extack);

/* fields.c */
#ifdef PARLEY_COMPAT_RXFH_FIELDS
#include <linux/ethtool.h>

struct parley_rxfh_fields {
	u32 data;
	u32 flow_type;
};

#define ethtool_rxfh_fields	parley_rxfh_fields
#endif

int parley_net_get_rxfh_fields(struct net_device *dev, struct ethtool_rxfh_fields *fields);
int parley_net_set_rxfh_fields(struct net_device *dev,
			       const struct ethtool_rxfh_fields *fields,
			       struct netlink_ext_ack *extack);
int parley_net_get_fields_nfc(struct net_device *dev, struct ethtool_rxnfc *info);
int parley_net_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info);

/* coal.c */
int parley_net_recoal_pair(struct parley_net_pair *pair);
int parley_net_recoal(struct parley_net *net);
void parley_net_judge(struct parley_net_pair *pair);
void parley_net_coal_init(struct parley_net_pair *pair);
void parley_net_coal_end(struct parley_net_pair *pair);
int parley_net_get_coalesce(struct net_device *dev, struct ethtool_coalesce *ec,
			    struct kernel_ethtool_coalesce *kec, struct netlink_ext_ack *extack);
int parley_net_set_coalesce(struct net_device *dev, struct ethtool_coalesce *ec,
			    struct kernel_ethtool_coalesce *kec, struct netlink_ext_ack *extack);
int parley_net_get_queue_coalesce(struct net_device *dev, u32 queue, struct ethtool_coalesce *ec);
int parley_net_set_queue_coalesce(struct net_device *dev, u32 queue, struct ethtool_coalesce *ec);

/* standby.c */
void parley_net_standby_check(struct parley_device *pd, struct parley_features *features);
int parley_net_standby_join(struct parley_net *net);
void parley_net_standby_leave(struct parley_net *net);
int parley_net_phys_port_name(struct net_device *dev, char *buf, size_t len);

/* ctrl.c */
int parley_net_tell(struct parley_net *net, u8 class, u8 command, const void *data, u32 len);
void parley_net_refused(struct parley_net *net, const char *what, int err);
int parley_net_tell_mac(struct parley_net *net, const u8 *mac);
int parley_net_tell_pairs(struct parley_net *net, unsigned int pairs);
int parley_net_tell_vlan(struct parley_net *net, u16 vid, bool add);
int parley_net_tell_offloads(struct parley_net *net, u64 offloads);
void parley_net_announce(struct parley_net *net);
void parley_net_announce_work(struct work_struct *work);
void parley_net_rx_mode_work(struct work_struct *work);
int parley_net_reapply(struct parley_device *pd);

/* ops.c, ethtool.c */
void parley_net_set_ops(struct net_device *dev);
void parley_net_set_ethtool(struct net_device *dev);

static inline u64 parley_net_feature_bits(const struct parley_net *net)
{
	return parley_features_low(&net->pd->features);
}

/* One more; as the owner of the queue. */
static inline void parley_net_count(struct u64_stats_sync *sync, u64_stats_t *what)
{
	u64_stats_update_begin(sync);
	u64_stats_inc(what);
	u64_stats_update_end(sync);
}

/* Is a packet being put together that a program is to see? */
static inline bool parley_net_xdp_has(const struct parley_net_rx *rx)
{
	return rx->xdp.buff.data_hard_start;
}

static inline struct netdev_queue *parley_net_txq(const struct parley_net_pair *pair)
{
	return netdev_get_tx_queue(pair->net->dev, pair->index);
}

#endif /* _PARLEY_NET_H */
