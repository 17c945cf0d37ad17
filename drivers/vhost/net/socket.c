// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: a back end's socket, of whatever kind.
 *
 * A tap is a queue of an interface of the host (tun.c), a macvtap or ipvtap one that
 * sits on another interface (tap.c); both have a socket inside for just this purpose.
 * A packet socket sees an interface that is there anyway.  They differ in how the
 * length of the next packet is found, and in nothing else that we have to know.
 */
#include <linux/if_packet.h>
#include <linux/if_tap.h>
#include <linux/if_tun.h>
#include <linux/if_vlan.h>
#include <linux/skbuff.h>
#include <net/sock.h>
#include "net.h"

/* Only one that sees whole packets; which protocol a socket speaks, its user chose. */
static struct socket *vhn_socket_packet(struct file *file)
{
	struct socket *sock = sock_from_file(file);

	if (!sock || !sock->sk)
		return NULL;
	if (sock->sk->sk_family != AF_PACKET || sock->sk->sk_type != SOCK_RAW)
		return NULL;
	return sock;
}

/**
 * vhn_socket() - what is behind a file that the VMM opened
 * @file: any file
 *
 * Context: any.
 * Return: a socket that is there as long as the file is; NULL if the file is neither
 * a tap, macvtap or ipvtap that was set up, nor a packet socket of type SOCK_RAW.
 */
struct socket *vhn_socket(struct file *file)
{
	struct socket *sock = tun_get_socket(file);

	if (IS_ERR(sock))
		sock = tap_get_socket(file);
	return IS_ERR(sock) ? vhn_socket_packet(file) : sock;
}

/* A tag that is not in the packet's bytes would be lost: such a packet fits nowhere. */
static int vhn_socket_queued(struct sock *sk)
{
	struct sk_buff *skb;
	unsigned long flags;
	int len = 0;

	spin_lock_irqsave(&sk->sk_receive_queue.lock, flags);
	skb = skb_peek(&sk->sk_receive_queue);
	if (skb)
		len = skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
	spin_unlock_irqrestore(&sk->sk_receive_queue.lock, flags);
	return len;
}

/**
 * vhn_socket_peek() - how long is the packet that is received next?
 * @sock: back end
 *
 * Somebody else who has the socket may take it first, so this is a guess.
 *
 * Context: any.
 * Return: bytes, without a header of the back end; 0 if there is none.
 */
int vhn_socket_peek(struct socket *sock)
{
	const struct proto_ops *ops = READ_ONCE(sock->ops);

	return ops->peek_len ? ops->peek_len(sock) : vhn_socket_queued(sock->sk);
}

/**
 * vhn_socket_send() - give a packet to the back end
 * @sock: back end
 * @msg: with the bytes
 * @len: how many
 *
 * Context: where the bytes can be read; may sleep, but not for room.
 * Return: bytes; -EAGAIN if it is full; another error: it cannot be sent.
 */
int vhn_socket_send(struct socket *sock, struct msghdr *msg, size_t len)
{
	msg->msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	return READ_ONCE(sock->ops)->sendmsg(sock, msg, len);
}

/**
 * vhn_socket_receive() - take a packet from the back end
 * @sock: back end
 * @msg: with room for it
 * @len: bytes of room
 *
 * Context: where the room can be written; may sleep, but not for a packet.
 * Return: bytes that it has, even if they are more than @len; an error, and then it
 * is lost, or there was none.
 */
int vhn_socket_receive(struct socket *sock, struct msghdr *msg, size_t len)
{
	return READ_ONCE(sock->ops)->recvmsg(sock, msg, len, MSG_DONTWAIT | MSG_TRUNC);
}

/**
 * vhn_socket_drop() - take a packet from the back end, and forget it
 * @sock: back end
 *
 * Context: as vhn_socket_receive().
 */
void vhn_socket_drop(struct socket *sock)
{
	u8 byte;
	struct kvec vec = { .iov_base = &byte, .iov_len = sizeof(byte) };
	struct msghdr msg = {};

	/* Of one without any room, a tap would say that nothing was read. */
	iov_iter_kvec(&msg.msg_iter, ITER_DEST, &vec, 1, sizeof(byte));
	vhn_socket_receive(sock, &msg, sizeof(byte));
}
