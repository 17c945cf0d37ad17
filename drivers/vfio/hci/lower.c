// SPDX-License-Identifier: GPL-2.0-only
/*
 * A real controller, through a user channel of the kernel's sockets: as long as we have
 * it, the kernel's own stack leaves it alone, and so does every program that has no RAW
 * socket for it.
 *
 * Nothing of the kernel's Bluetooth is linked to, so this loads without it; then there
 * are no such sockets, and no controllers.
 */
#include <kunit/visibility.h>
#include <linux/err.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/bluetooth/bluetooth.h>
#include <net/bluetooth/hci.h>
#include <net/bluetooth/hci_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <parley/compat.h>
#include "lower.h"

/**
 * struct parley_hci_lower - a real controller
 * @sock: the socket
 * @ready: whom to tell of what arrived
 * @data: for it
 * @drops: packets that the socket had no room for, as far as that was told
 */
struct parley_hci_lower {
	struct socket *sock;
	void (*ready)(void *data);
	void *data;
	unsigned int drops;
};

/* Something arrived, or there will be nothing any more. */
static void ph_ready(struct sock *sk)
{
	struct parley_hci_lower *l;

	read_lock_bh(&sk->sk_callback_lock);
	l = sk->sk_user_data;
	if (l)
		l->ready(l->data);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void ph_listen(struct parley_hci_lower *l, struct parley_hci_lower *to)
{
	struct sock *sk = l->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_user_data = to;
	sk->sk_data_ready = ph_ready;
	sk->sk_state_change = ph_ready;
	write_unlock_bh(&sk->sk_callback_lock);
}

/* A socket that hears of nothing yet; or an ERR_PTR(): -EAFNOSUPPORT without Bluetooth. */
static struct parley_hci_lower *ph_make(void (*ready)(void *data), void *data)
{
	struct parley_hci_lower *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->ready = ready;
	l->data = data;
	err = sock_create_kern(&init_net, PF_BLUETOOTH, SOCK_RAW, BTPROTO_HCI, &l->sock);
	if (!err)
		return l;
	kfree(l);
	return ERR_PTR(err);
}

/*
 * By somebody with CAP_NET_ADMIN: -ENODEV, -EBUSY if it is up, -EUSERS if a program has
 * it.  It may speak, and be gone, before this returns.
 */
static int ph_bind(struct parley_hci_lower *l, u16 index)
{
	struct sockaddr_hci addr = {
		.hci_family = AF_BLUETOOTH,
		.hci_dev = index,
		.hci_channel = HCI_CHANNEL_USER,
	};

	ph_listen(l, l);
	return kernel_bind(l->sock, (struct sockaddr_unsized *)&addr, sizeof(addr));
}

/* It is powered down, and others may have it. */
static void ph_close(struct parley_hci_lower *l)
{
	ph_listen(l, NULL);
	sock_release(l->sock);
	kfree(l);
}

/* Does not wait for the controller: -EAGAIN if it takes no more. */
static int ph_send(struct parley_hci_lower *l, const u8 *pkt, size_t len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { .iov_base = (void *)pkt, .iov_len = len };
	int sent = kernel_sendmsg(l->sock, &msg, &vec, 1, len);

	return sent < 0 ? sent : 0;
}

/**
 * parley_hci_lower_missed() - whether packets came for which there was no room
 * @sk: the socket
 * @drops: how many there were when this was asked last
 *
 * Context: any.
 * Return: true, once for those that were dropped until now.
 */
bool parley_hci_lower_missed(struct sock *sk, unsigned int *drops)
{
	unsigned int now = atomic_read(&sk->sk_drops);
	bool missed = now != *drops;

	*drops = now;
	return missed;
}
EXPORT_SYMBOL_IF_KUNIT(parley_hci_lower_missed);

/*
 * Its length may be more than @size, and then it is of no use.  -ENOBUFS if some were
 * dropped before; other errors once the controller is lost.
 */
static int ph_receive(struct parley_hci_lower *l, u8 *pkt, size_t size)
{
	struct msghdr msg = { };
	struct kvec vec = { .iov_base = pkt, .iov_len = size };
	int got;

	if (parley_hci_lower_missed(l->sock->sk, &l->drops))
		return -ENOBUFS;
	got = kernel_recvmsg(l->sock, &msg, &vec, 1, size, MSG_DONTWAIT | MSG_TRUNC);
	return got == -EAGAIN ? 0 : got;
}

const struct parley_hci_lower_ops parley_hci_lower_ops = {
	.make = ph_make,
	.bind = ph_bind,
	.close = ph_close,
	.send = ph_send,
	.receive = ph_receive,
};
