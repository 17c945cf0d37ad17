// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue a packet comes in, by a hash of its addresses and ports (spec 5.1.6.5.8),
 * and what the device says that hash was.
 *
 * The table has as many entries as the device and we can have, a power of two, and the
 * key the length that the hash needs for IPv6.  Until somebody sets the table by hand it
 * spreads over all queues in use.  The command that tells the device of them says how
 * many queues are used as well, and so takes the place of the one that only does that.
 */
#include <linux/ethtool.h>
#include <linux/unaligned.h>
#include "net.h"

#define F(name)		VIRTIO_NET_F_##name
/* Entries of the table, and bytes of the key, that a device of the spec has at least. */
#define ENTRIES		128
#define KEY		40
/* Kinds of hashes that there are. */
#define KINDS		GENMASK(8, 0)

static_assert(ENTRIES == PARLEY_NET_RSS_ENTRIES && KEY == PARLEY_NET_RSS_KEY);

/**
 * parley_net_rss_check() - drop what the configuration contradicts
 * @pd: device
 * @features: what the device and this driver have in common
 */
void parley_net_rss_check(struct parley_device *pd, struct parley_features *features)
{
	const bool rss = parley_features_has(features, F(RSS));
	u32 kinds = 0;
	u16 entries = 0;
	u8 key = 0;

	if (!rss && !parley_features_has(features, F(HASH_REPORT)))
		return;
	if (parley_config_get(pd, struct virtio_net_config, rss_max_key_size, &key) ||
	    parley_config_get(pd, struct virtio_net_config, supported_hash_types, &kinds) ||
	    key < KEY || !(kinds & KINDS)) {
		dev_warn(&pd->dev, "a hash of %u bytes of key and kinds %#x cannot be, not used\n",
			 key, kinds);
		parley_features_drop(features, F(RSS));
		parley_features_drop(features, F(HASH_REPORT));
		return;
	}
	if (rss && (parley_config_get(pd, struct virtio_net_config,
				      rss_max_indirection_table_length, &entries) || !entries)) {
		dev_warn(&pd->dev, "a table of queues without an entry is none, not used\n");
		parley_features_drop(features, F(RSS));
	}
}

static bool parley_net_has_rss(const struct parley_net *net)
{
	return parley_has_feature(net->pd, F(RSS));
}

static bool parley_net_has_hash(const struct parley_net *net)
{
	return parley_net_has_rss(net) || parley_has_feature(net->pd, F(HASH_REPORT));
}

/**
 * parley_net_rss_configure() - what the device can do
 * @net: interface, not registered yet
 *
 * Return: 0 or an error.
 */
int parley_net_rss_configure(struct parley_net *net)
{
	struct parley_net_rss *rss = &net->rss;
	u16 entries = 0;
	u32 kinds = 0;
	int err;

	if (!parley_net_has_hash(net))
		return 0;
	err = parley_config_get(net->pd, struct virtio_net_config, supported_hash_types, &kinds);
	if (!err && parley_net_has_rss(net))
		err = parley_config_get(net->pd, struct virtio_net_config,
					rss_max_indirection_table_length, &entries);
	/* It is not what was checked before: do not go on with such a device. */
	if (!err && (!(kinds & KINDS) || (parley_net_has_rss(net) && !entries)))
		err = -EINVAL;
	if (err)
		return err;
	rss->offered = kinds & KINDS;
	rss->kinds = rss->offered;
	if (entries)
		rss->entries = rounddown_pow_of_two(min_t(unsigned int, entries, ENTRIES));
	netdev_rss_key_fill(rss->key, KEY);
	if (parley_has_feature(net->pd, F(HASH_REPORT))) {
		net->dev->hw_features |= NETIF_F_RXHASH;
		net->dev->features |= NETIF_F_RXHASH;
	}
	return 0;
}

/**
 * parley_net_rss_spread() - make a table of all queues in use
 * @net: interface
 *
 * Who set it by hand keeps it: the stack sees to it that its queues are used.
 *
 * Context: under parley_net.ctrl_lock.
 */
void parley_net_rss_spread(struct parley_net *net)
{
	unsigned int i;

	if (net->rss.by_hand)
		return;
	for (i = 0; i < net->rss.entries; i++)
		net->rss.table[i] = ethtool_rxfh_indir_default(i, net->used);
}

/* The structure has one entry, and what follows the table moves with its length. */
static int parley_net_send_rss(struct parley_net *net)
{
	const struct parley_net_rss *rss = &net->rss;
	u8 data[sizeof(struct virtio_net_rss_config) + ENTRIES * sizeof(__le16) + KEY]
		__aligned(__alignof__(struct virtio_net_rss_config)) = {};
	struct virtio_net_rss_config *config = (void *)data;
	u8 *at = data + offsetof(struct virtio_net_rss_config, indirection_table);
	unsigned int i;

	config->hash_types = cpu_to_le32(rss->kinds);
	config->indirection_table_mask = cpu_to_le16(rss->entries - 1);
	for (i = 0; i < rss->entries; i++, at += sizeof(__le16))
		put_unaligned_le16(rss->table[i], at);
	put_unaligned_le16(net->used, at);
	at += sizeof(config->max_tx_vq);
	*at++ = KEY;
	memcpy(at, rss->key, KEY);
	return parley_net_tell(net, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG, data,
			       at + KEY - data);
}

static int parley_net_send_hash(struct parley_net *net)
{
	u8 data[sizeof(struct virtio_net_hash_config) + KEY] = {};
	struct virtio_net_hash_config *config = (void *)data;

	config->hash_types = cpu_to_le32(net->rss.kinds);
	config->hash_key_length = KEY;
	memcpy(config->hash_key_data, net->rss.key, KEY);
	return parley_net_tell(net, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG, data,
			       offsetof(struct virtio_net_hash_config, hash_key_data) + KEY);
}

/**
 * parley_net_send_queues() - tell how many queues are used, and how packets find them
 * @net: interface
 *
 * Context: may sleep; under parley_net.ctrl_lock.
 * Return: 0 or an error.
 */
int parley_net_send_queues(struct parley_net *net)
{
	struct virtio_net_ctrl_mq mq = { cpu_to_vr16(net->used) };
	int err = 0;

	if (parley_net_has_rss(net)) {
		parley_net_rss_spread(net);
		return parley_net_send_rss(net);
	}
	if (parley_has_feature(net->pd, F(MQ)))
		err = parley_net_tell(net, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
				      &mq, sizeof(mq));
	if (!err && parley_net_has_hash(net))
		err = parley_net_send_hash(net);
	return err;
}

static int parley_net_send_rss_or_hash(struct parley_net *net)
{
	return parley_net_has_rss(net) ? parley_net_send_rss(net) : parley_net_send_hash(net);
}

/**
 * parley_net_rss_use() - have the device use other kinds of hashes
 * @net: interface
 * @kinds: of those that it offers
 *
 * Context: may sleep; under parley_net.ctrl_lock.
 * Return: 0 or an error, then all is as before.
 */
int parley_net_rss_use(struct parley_net *net, u32 kinds)
{
	const u32 before = net->rss.kinds;
	int err;

	lockdep_assert_held(&net->ctrl_lock);
	/* Packets that come meanwhile have one of both, and are believed or not. */
	WRITE_ONCE(net->rss.kinds, kinds);
	err = parley_net_send_rss_or_hash(net);
	if (err)
		WRITE_ONCE(net->rss.kinds, before);
	return err;
}

/**
 * parley_net_hash() - what the device says the hash of a packet is
 * @net: interface
 * @skb: packet
 * @hdr: private copy of its header
 *
 * Of a kind that was not asked for nothing is believed.
 */
void parley_net_hash(const struct parley_net *net, struct sk_buff *skb,
		     const struct virtio_net_hdr_v1_hash *hdr)
{
	const u16 kind = le16_to_cpu(hdr->hash_report);
	const u32 kinds = READ_ONCE(net->rss.kinds);
	const u32 l3 = VIRTIO_NET_RSS_HASH_TYPE_IPv4 | VIRTIO_NET_RSS_HASH_TYPE_IPv6 |
		       VIRTIO_NET_RSS_HASH_TYPE_IP_EX;

	if (!(net->dev->features & NETIF_F_RXHASH) || !kind || kind > fls(KINDS) ||
	    !(kinds & BIT(kind - 1)))
		return;
	/* Newer kernels have two halves there. */
	skb_set_hash(skb, get_unaligned_le32(&hdr->hdr + 1),
		     l3 & BIT(kind - 1) ? PKT_HASH_TYPE_L3 : PKT_HASH_TYPE_L4);
}

/* --------------------------------------------------------------- ethtool */

/* Before a table is shown or set the kernel asks this, and without an answer it does neither. */
u32 parley_net_get_rx_ring_count(struct net_device *dev)
{
	const struct parley_net *net = netdev_priv(dev);

	return READ_ONCE(net->used);
}

#ifdef PARLEY_COMPAT_RX_RINGS
int parley_net_get_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info, u32 *rules)
{
#ifdef PARLEY_COMPAT_RXFH_FIELDS
	if (info->cmd == ETHTOOL_GRXFH)
		return parley_net_get_fields_nfc(dev, info);
#endif
	if (info->cmd != ETHTOOL_GRXRINGS)
		return -EOPNOTSUPP;
	info->data = parley_net_get_rx_ring_count(dev);
	return 0;
}
#endif

u32 parley_net_get_rxfh_key_size(struct net_device *dev)
{
	return parley_net_has_hash(netdev_priv(dev)) ? KEY : 0;
}

u32 parley_net_get_rxfh_indir_size(struct net_device *dev)
{
	const struct parley_net *net = netdev_priv(dev);

	return net->rss.entries;
}

int parley_net_get_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh)
{
	struct parley_net *net = netdev_priv(dev);
	unsigned int i;

	guard(mutex)(&net->ctrl_lock);
	for (i = 0; rxfh->indir && i < net->rss.entries; i++)
		rxfh->indir[i] = net->rss.table[i];
	if (rxfh->key)
		memcpy(rxfh->key, net->rss.key, KEY);
	rxfh->hfunc = ETH_RSS_HASH_TOP;
	return 0;
}

/* A table that is the one which we would make is none by hand: so it is taken back. */
static int parley_net_rss_take(struct parley_net *net, const u32 *table)
{
	struct parley_net_rss *rss = &net->rss;
	unsigned int i;

	rss->by_hand = false;
	for (i = 0; i < rss->entries; i++) {
		if (table[i] >= net->used)
			return -EINVAL;
		rss->table[i] = table[i];
		if (table[i] != ethtool_rxfh_indir_default(i, net->used))
			rss->by_hand = true;
	}
	return 0;
}

int parley_net_set_rxfh(struct net_device *dev, struct ethtool_rxfh_param *rxfh,
			struct netlink_ext_ack *extack)
{
	struct parley_net *net = netdev_priv(dev);
	struct parley_net_rss before;
	int err;

	if (rxfh->hfunc != ETH_RSS_HASH_NO_CHANGE && rxfh->hfunc != ETH_RSS_HASH_TOP)
		return -EOPNOTSUPP;
	if (!parley_net_has_hash(net) || (rxfh->indir && !parley_net_has_rss(net)))
		return -EOPNOTSUPP;
	guard(mutex)(&net->ctrl_lock);
	before = net->rss;
	err = rxfh->indir ? parley_net_rss_take(net, rxfh->indir) : 0;
	if (err)
		goto back;
	if (rxfh->key)
		memcpy(net->rss.key, rxfh->key, KEY);
	err = parley_net_send_rss_or_hash(net);
	if (!err)
		return 0;
back:
	net->rss = before;
	return err;
}
