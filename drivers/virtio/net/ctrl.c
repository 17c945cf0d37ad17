// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue (spec 5.1.6.5): what the device is told, and told again.
 *
 * What is set is kept first and then told.  If the device is reset meanwhile, the
 * command ends with -EAGAIN and reapply() tells what was kept: so that is a success.
 * If the device refuses, what was kept is put back.
 */
#include <linux/etherdevice.h>
#include <parley/command.h>
#include "net.h"

#define TIMEOUT	(5 * HZ)

/* A command whose data is filled in by the caller. */
struct parley_net_cmd {
	struct parley_command *cmd;
	void *data;
};

static int parley_net_cmd_alloc(struct parley_net_cmd *c, u8 class, u8 command, u32 len)
{
	struct virtio_net_ctrl_hdr *hdr;

	c->cmd = parley_command_alloc(sizeof(*hdr) + len, sizeof(virtio_net_ctrl_ack),
				      GFP_KERNEL);
	if (!c->cmd)
		return -ENOMEM;
	hdr = c->cmd->out;
	hdr->class = class;
	hdr->cmd = command;
	c->data = hdr + 1;
	return 0;
}

/* Run it, and free it. */
static int parley_net_cmd_run(struct parley_net *net, struct parley_net_cmd *c)
{
	struct parley_command *cmd __free(parley_command) = c->cmd;
	int err;

	lockdep_assert_held(&net->ctrl_lock);
	err = parley_command_run(net->ctrl, cmd, TIMEOUT, 0);
	if (err)
		return err == -EAGAIN ? 0 : err;
	/* One that wrote no answer has not done it either. */
	return cmd->len && *(u8 *)cmd->in == VIRTIO_NET_OK ? 0 : -EREMOTEIO;
}

/**
 * parley_net_tell() - tell the device something
 * @net: interface
 * @class: of the command
 * @command: which
 * @data: what belongs to it
 * @len: bytes of that
 *
 * Context: may sleep; under parley_net.ctrl_lock.
 * Return: 0, also if the device is reset meanwhile; an error.
 */
int parley_net_tell(struct parley_net *net, u8 class, u8 command, const void *data, u32 len)
{
	struct parley_net_cmd c;
	int err = parley_net_cmd_alloc(&c, class, command, len);

	if (err)
		return err;
	memcpy(c.data, data, len);
	return parley_net_cmd_run(net, &c);
}

/**
 * parley_net_refused() - say that the device was not told something
 * @net: interface
 * @what: in words
 * @err: why; 0: it was told
 *
 * A device can refuse as often as it likes, and is not to fill the log with that.
 */
void parley_net_refused(struct parley_net *net, const char *what, int err)
{
	if (err && err != -ENODEV && __ratelimit(&net->refusals))
		netdev_warn(net->dev, "the device was not told %s (%d)\n", what, err);
}

static int parley_net_send_mac(struct parley_net *net)
{
	return parley_net_tell(net, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
			       net->mac, ETH_ALEN);
}

/**
 * parley_net_tell_mac() - the interface has another address
 * @net: interface
 * @mac: address
 *
 * Context: may sleep.
 * Return: 0; -EOPNOTSUPP if the device gave the address and takes no other; another
 * error.
 */
int parley_net_tell_mac(struct parley_net *net, const u8 *mac)
{
	u8 before[ETH_ALEN];
	int err;

	/* The device has none of its own, and lets everything through. */
	if (!parley_has_feature(net->pd, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return parley_has_feature(net->pd, VIRTIO_NET_F_MAC) ? -EOPNOTSUPP : 0;
	guard(mutex)(&net->ctrl_lock);
	ether_addr_copy(before, net->mac);
	ether_addr_copy(net->mac, mac);
	err = parley_net_send_mac(net);
	if (err)
		ether_addr_copy(net->mac, before);
	else
		net->mac_set = true;
	return err;
}

/**
 * parley_net_tell_pairs() - so many pairs of queues are used
 * @net: interface
 * @pairs: the first so many
 *
 * Those that are new have to be polled before, see parley_net_more_pairs().  By those that
 * are not used any more nothing is sent from then on; the stack is the caller's to tell.
 *
 * Context: may sleep.
 * Return: 0 or an error.
 */
int parley_net_tell_pairs(struct parley_net *net, unsigned int pairs)
{
	unsigned int before;
	int err;

	guard(mutex)(&net->ctrl_lock);
	before = net->used;
	WRITE_ONCE(net->used, pairs);
	/* Who sends without the stack may have looked before. */
	if (pairs < before)
		synchronize_net();
	/* The device may use them as soon as it is told. */
	parley_net_more_pairs(net);
	err = parley_net_send_queues(net);
	if (err) {
		WRITE_ONCE(net->used, before);
		parley_net_rss_spread(net);
		return err;
	}
	for (; before < pairs; before++)
		parley_net_refused(net, "how to moderate",
				   parley_net_recoal_pair(&net->pairs[before]));
	return 0;
}

static int parley_net_send_vlan(struct parley_net *net, u16 vid, bool add)
{
	__le16 data = cpu_to_le16(vid);

	return parley_net_tell(net, VIRTIO_NET_CTRL_VLAN,
			       add ? VIRTIO_NET_CTRL_VLAN_ADD : VIRTIO_NET_CTRL_VLAN_DEL,
			       &data, sizeof(data));
}

/**
 * parley_net_tell_vlan() - let a tag through, or not any more
 * @net: interface
 * @vid: tag
 * @add: which
 *
 * Context: may sleep.
 * Return: 0 or an error.
 */
int parley_net_tell_vlan(struct parley_net *net, u16 vid, bool add)
{
	int err;

	guard(mutex)(&net->ctrl_lock);
	__assign_bit(vid, net->vlans, add);
	err = parley_net_send_vlan(net, vid, add);
	if (err)
		__assign_bit(vid, net->vlans, !add);
	return err;
}

static int parley_net_send_offloads(struct parley_net *net)
{
	__le64 data = cpu_to_le64(net->offloads);

	return parley_net_tell(net, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
			       VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &data, sizeof(data));
}

/**
 * parley_net_tell_offloads() - what the device may hand over unfinished
 * @net: interface
 * @offloads: bits of VIRTIO_NET_F_GUEST_*
 *
 * Context: may sleep.
 * Return: 0 or an error.
 */
int parley_net_tell_offloads(struct parley_net *net, u64 offloads)
{
	u64 before;
	int err;

	guard(mutex)(&net->ctrl_lock);
	before = net->offloads;
	if (offloads == before)
		return 0;
	net->offloads = offloads;
	err = parley_net_send_offloads(net);
	if (err)
		net->offloads = before;
	return err;
}

/**
 * parley_net_announce() - the device asks the guest to say where it is
 * @net: interface
 *
 * That is done once a second at most, however often the device asks: it takes RTNL, which
 * the whole of the guest's network has in common.
 */
void parley_net_announce(struct parley_net *net)
{
	const unsigned long next = READ_ONCE(net->announced) + HZ, now = jiffies;

	queue_delayed_work(system_freezable_wq, &net->announce,
			   time_before(now, next) ? next - now : 0);
}

/**
 * parley_net_announce_work() - say where the guest is, and tell the device that it was said
 * @work: parley_net.announce
 *
 * Context: may sleep; takes RTNL.
 */
void parley_net_announce_work(struct work_struct *work)
{
	struct parley_net *net = container_of(to_delayed_work(work), struct parley_net, announce);

	WRITE_ONCE(net->announced, jiffies);
	netdev_notify_peers(net->dev);
	guard(mutex)(&net->ctrl_lock);
	parley_net_refused(net, "that it was announced",
			   parley_net_tell(net, VIRTIO_NET_CTRL_ANNOUNCE,
					   VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0));
}

/* One half of the table: a count, and so many addresses. */
static void *parley_net_fill_macs(void *at, struct netdev_hw_addr_list *list)
{
	struct virtio_net_ctrl_mac *table = at;
	struct netdev_hw_addr *ha;
	unsigned int n = 0;

	netdev_hw_addr_list_for_each(ha, list)
		ether_addr_copy(table->macs[n++], ha->addr);
	table->entries = cpu_to_vr32(n);
	return &table->macs[n];
}

/* Other addresses and groups that the interface receives. */
static int parley_net_send_filter(struct parley_net *net)
{
	struct net_device *dev = net->dev;
	unsigned int room;
	struct parley_net_cmd c;
	int err;

	/* Taken once without the lock: who adds one meanwhile has this done again. */
	room = READ_ONCE(dev->uc.count) + READ_ONCE(dev->mc.count);
	err = parley_net_cmd_alloc(&c, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
				   2 * sizeof(struct virtio_net_ctrl_mac) + room * ETH_ALEN);
	if (err)
		return err;
	netif_addr_lock_bh(dev);
	if (netdev_uc_count(dev) + netdev_mc_count(dev) == room)
		parley_net_fill_macs(parley_net_fill_macs(c.data, &dev->uc), &dev->mc);
	else
		err = -ERESTART;
	netif_addr_unlock_bh(dev);
	if (!err)
		return parley_net_cmd_run(net, &c);
	parley_command_put(c.cmd);
	return err;
}

static int parley_net_send_rx_mode(struct parley_net *net)
{
	unsigned int flags = READ_ONCE(net->dev->flags);
	u8 promisc = !!(flags & IFF_PROMISC), allmulti = !!(flags & IFF_ALLMULTI);
	int err;

	err = parley_net_tell(net, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC,
			      &promisc, sizeof(promisc));
	if (!err)
		err = parley_net_tell(net, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI,
				      &allmulti, sizeof(allmulti));
	if (!err)
		err = parley_net_send_filter(net);
	return err;
}

/**
 * parley_net_rx_mode_work() - tell what to receive, since ndo_set_rx_mode() may not sleep
 * @work: parley_net.rx_mode
 *
 * Context: may sleep.
 */
void parley_net_rx_mode_work(struct work_struct *work)
{
	struct parley_net *net = container_of(work, struct parley_net, rx_mode);
	int err;

	if (!parley_has_feature(net->pd, VIRTIO_NET_F_CTRL_RX))
		return;
	guard(mutex)(&net->ctrl_lock);
	err = parley_net_send_rx_mode(net);
	if (err == -ERESTART)
		queue_work(system_freezable_wq, work);
	else
		parley_net_refused(net, "what to receive", err);
}

/* After a reset a device leaves to us all that was agreed on, and is told of less only. */
static int parley_net_send_less(struct parley_net *net)
{
	if (net->offloads == parley_net_guest_offloads(net, ~(netdev_features_t)0))
		return 0;
	return parley_net_send_offloads(net);
}

static int parley_net_send_vlans(struct parley_net *net)
{
	unsigned int vid;
	int err = 0;

	for_each_set_bit(vid, net->vlans, VLAN_N_VID) {
		err = parley_net_send_vlan(net, vid, true);
		if (err)
			break;
	}
	return err;
}

/**
 * parley_net_reapply() - tell a device that was reset what it was told before
 * @pd: device
 *
 * What it receives, start() has told again (a reset leaves it receiving everything).
 * A device that refuses what it took before goes on without it; one that broke a rule
 * is started anew by the model.
 *
 * Context: may sleep; under the model's lock.
 * Return: 0.
 */
int parley_net_reapply(struct parley_device *pd)
{
	struct parley_net *net = pd->priv;

	guard(mutex)(&net->ctrl_lock);
	parley_net_refused(net, "which queues are used", parley_net_send_queues(net));
	if (net->mac_set)
		parley_net_refused(net, "its address", parley_net_send_mac(net));
	parley_net_refused(net, "what is left to us", parley_net_send_less(net));
	parley_net_refused(net, "how to moderate", parley_net_recoal(net));
	parley_net_refused(net, "which tags to let through", parley_net_send_vlans(net));
	return 0;
}
