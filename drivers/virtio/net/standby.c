// SPDX-License-Identifier: GPL-2.0-only
/*
 * One of two interfaces with one address (spec 5.1.3, VIRTIO_NET_F_STANDBY).
 *
 * The device says so where the guest is also given a function, and may lose it again, when
 * it is migrated say. The kernel's net_failover makes one interface of the two: packets go
 * by the function while there is one, else by us. Its module is asked for only by a device
 * that wants it, so whoever has none needs no such module, and has no such kernel maybe.
 */
#include <linux/async.h>
#include <linux/err.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <net/net_failover.h>
#include "net.h"

/**
 * parley_net_standby_check() - drop the feature where nobody makes one of the two
 * @pd: device
 * @features: what the device and this driver have in common
 *
 * The device would hand over the function, and the guest have two interfaces with one
 * address.
 */
void parley_net_standby_check(struct parley_device *pd, struct parley_features *features)
{
	if (!parley_features_has(features, VIRTIO_NET_F_STANDBY))
		return;
	/* Who probes behind a module's back cannot wait for another module. */
	if (!current_is_async())
		request_module("net_failover");
	if (symbol_get(net_failover_create)) {
		symbol_put(net_failover_create);
		return;
	}
	dev_warn(&pd->dev, "is a standby, but there is no module net_failover: not used\n");
	parley_features_drop(features, VIRTIO_NET_F_STANDBY);
}

/**
 * parley_net_standby_join() - have an interface that stands for both
 * @net: interface, before it is registered
 *
 * Context: process context, no RTNL.
 * Return: 0, also if the device is no standby; -ENODEV if the module has gone meanwhile;
 * what net_failover says.
 */
int parley_net_standby_join(struct parley_net *net)
{
	typeof(net_failover_create) *create;
	struct failover *failover;

	if (!parley_has_feature(net->pd, VIRTIO_NET_F_STANDBY))
		return 0;
	/* Its modules stay until parley_net_standby_leave(). */
	create = symbol_get(net_failover_create);
	if (!create)
		return -ENODEV;
	failover = create(net->dev);
	if (IS_ERR(failover)) {
		symbol_put(net_failover_create);
		return PTR_ERR(failover);
	}
	net->failover = failover;
	return 0;
}

/**
 * parley_net_standby_leave() - undo parley_net_standby_join()
 * @net: interface, not registered any more
 *
 * Context: process context, no RTNL.
 */
void parley_net_standby_leave(struct parley_net *net)
{
	typeof(net_failover_destroy) *destroy;

	if (!net->failover)
		return;
	destroy = symbol_get(net_failover_destroy);
	if (!WARN_ON_ONCE(!destroy)) {
		destroy(net->failover);
		symbol_put(net_failover_destroy);
	}
	net->failover = NULL;
	symbol_put(net_failover_create);
}

/**
 * parley_net_phys_port_name() - what tells the two from each other
 * @dev: interface
 * @buf: for the name
 * @len: of @buf
 *
 * Names of interfaces are made of it, so that both have one.
 *
 * Return: 0; -EOPNOTSUPP for one that is no standby.
 */
int parley_net_phys_port_name(struct net_device *dev, char *buf, size_t len)
{
	struct parley_net *net = netdev_priv(dev);

	if (!net->failover)
		return -EOPNOTSUPP;
	return strscpy(buf, "sby", len) < 0 ? -EOPNOTSUPP : 0;
}
