// SPDX-License-Identifier: GPL-2.0-only
/*
 * A real controller, through a user channel of the kernel's sockets: as long as we have
 * it, the kernel's own stack and all other programs leave it alone.
 *
 * Nothing of the kernel's Bluetooth is linked to, so this loads without it; then there
 * are no such sockets, and no controllers.
 */
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
 */
struct parley_hci_lower {
	struct socket *sock;
	void (*ready)(void *data);
	void *data;
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

/**
 * parley_hci_lower_open() - have a controller
 * @index: its number
 * @ready: called when there is something to receive, in any context
 * @data: for @ready
 *
 * Context: process context of somebody with CAP_NET_ADMIN; may sleep.
 * Return: the controller; or an ERR_PTR(): -ENODEV, -EBUSY if it is up, -EUSERS if a
 *	program has it, -EAFNOSUPPORT if the kernel has no Bluetooth.
 */
struct parley_hci_lower *parley_hci_lower_open(u16 index, void (*ready)(void *data),
					       void *data)
{
	struct sockaddr_hci addr = {
		.hci_family = AF_BLUETOOTH,
		.hci_dev = index,
		.hci_channel = HCI_CHANNEL_USER,
	};
	struct parley_hci_lower *l = kzalloc(sizeof(*l), GFP_KERNEL);
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	l->ready = ready;
	l->data = data;
	err = sock_create_kern(&init_net, PF_BLUETOOTH, SOCK_RAW, BTPROTO_HCI, &l->sock);
	if (err)
		goto free;
	ph_listen(l, l);
	err = kernel_bind(l->sock, (struct sockaddr_unsized *)&addr, sizeof(addr));
	if (!err)
		return l;
	ph_listen(l, NULL);
	sock_release(l->sock);
free:
	kfree(l);
	return ERR_PTR(err);
}

/**
 * parley_hci_lower_close() - let go of it
 * @l: the controller
 *
 * It is powered down, and others may have it.  @ready is not called any more.
 *
 * Context: process context; may sleep.
 */
void parley_hci_lower_close(struct parley_hci_lower *l)
{
	ph_listen(l, NULL);
	sock_release(l->sock);
	kfree(l);
}

/**
 * parley_hci_lower_send() - send it a packet
 * @l: the controller
 * @pkt: the packet
 * @len: how long it is
 *
 * Context: process context; does not wait for the controller.
 * Return: 0; -EAGAIN if it takes no more; or as the socket does.
 */
int parley_hci_lower_send(struct parley_hci_lower *l, const u8 *pkt, size_t len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { .iov_base = (void *)pkt, .iov_len = len };
	int sent = kernel_sendmsg(l->sock, &msg, &vec, 1, len);

	return sent < 0 ? sent : 0;
}

/**
 * parley_hci_lower_receive() - a packet that it sent
 * @l: the controller
 * @pkt: where to put it
 * @size: how long it may be
 *
 * Context: process context; does not wait.
 * Return: its length, which may be more than @size, and then it is of no use; 0 if there
 *	is none; or as the socket does, once the controller is lost.
 */
int parley_hci_lower_receive(struct parley_hci_lower *l, u8 *pkt, size_t size)
{
	struct msghdr msg = { };
	struct kvec vec = { .iov_base = pkt, .iov_len = size };
	int got = kernel_recvmsg(l->sock, &msg, &vec, 1, size, MSG_DONTWAIT | MSG_TRUNC);

	return got == -EAGAIN ? 0 : got;
}
