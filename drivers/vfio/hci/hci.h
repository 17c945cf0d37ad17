/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A Bluetooth controller for somebody who is not trusted with it: what its files share.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	main.c		controllers come and go
 *	device.c	the character device of each
 *	session.c	who has it: resets, and what waits for him
 *	lower.c		the real controller, through a user channel of the kernel's
 *	filter.c	what becomes of a packet, by its kind
 *	command.c	commands: the policy, what is judged, what is sent instead
 *	event.c		events: what the filter learns, what it changes
 *	acl.c		data: where in it the Security Manager's are
 *	flow.c		data: how much may be under way; voice, and isochronous
 *	smp.c		pairing over LE, as both sides say it
 *	pairing.c	what a pairing will be worth
 *	language.c	the policy's words, and the one that there is at first
 *	packet.c	packets: where they end, and those that we make
 *
 * The guest, the controller and the other side of each link are hostile: a packet is in
 * memory of ours before it is looked at, bounded, and looked at once.  What the filter
 * does not know counts as what is worth least.
 *
 * The filter holds nothing that it would have to wait for, and sends nothing that does
 * not take the place of another packet, but for the command that cuts a link: so the
 * guest's credits and the controller's stay the same.
 *
 * Locks, outermost first.
 *
 *	ph_lock		of main.c: which controllers there are
 *	reader, writer	of struct parley_hci_dev: half a packet each, and the memory of
 *			whoever has the device, who may make us wait for it
 *	lock		of the same: the filter, the queue, the session
 *	the socket's	of the kernel
 *
 * The filter runs with @lock held, or on a filter of its own (tests).
 */
#ifndef _PARLEY_HCI_H
#define _PARLEY_HCI_H

#include <kunit/visibility.h>
#include <linux/types.h>
#include <net/bluetooth/bluetooth.h>
#include <net/bluetooth/hci.h>
#include <parley/policy.h>

/* Bytes of a packet, its type among them: what the kernel's sockets take. */
#define PARLEY_HCI_FRAME	HCI_MAX_FRAME_SIZE
/* Of a command, and of an event. */
#define PARLEY_HCI_COMMAND	(1 + HCI_COMMAND_HDR_SIZE + 255)
#define PARLEY_HCI_EVENT	(1 + HCI_EVENT_HDR_SIZE + 255)

/* Links that there can be; one more has no data, and no pairing. */
#define PARLEY_HCI_LINKS	64
/* Commands of which another was sent in their stead and is not answered. */
#define PARLEY_HCI_SWAPS	8
/* Commands that the guest may send without a credit: a host may after a time-out. */
#define PARLEY_HCI_OVER		8
/* Commands to end a link that are not answered. */
#define PARLEY_HCI_ENDS		16
#define PARLEY_HCI_GUESTS	0xffff
/* Pieces in which the guest may send a PDU of the Security Manager. */
#define PARLEY_HCI_PIECES	8
/* Bytes of such a PDU: SC_MTU of [Vol 3] Part H, 3.2; and of what stands before it. */
#define PARLEY_HCI_SMP		65
#define PARLEY_HCI_L2CAP	4
/* Its channels, over LE and over BR/EDR. */
#define PARLEY_HCI_CID_SMP	0x0006
#define PARLEY_HCI_CID_BREDR	0x0007
/* Such a PDU does not pass, and nothing takes its place. */
#define PARLEY_HCI_SMP_DROP	(-1)
/* Bytes of a packet that we make, at most. */
#define PARLEY_HCI_MADE		16
/* The status of a command that there is not, [Vol 1] Part F, 2.1. */
#define PARLEY_HCI_UNKNOWN_COMMAND	0x01

/* ------------------------------------------------------------ pairing */

/* The sets of the language, in order. */
enum parley_hci_set {
	PARLEY_HCI_LINK_CONTROL,
	PARLEY_HCI_LINK_POLICY,
	PARLEY_HCI_BASEBAND,
	PARLEY_HCI_INFORMATION,
	PARLEY_HCI_STATUS,
	PARLEY_HCI_TESTING,
	PARLEY_HCI_LE,
	PARLEY_HCI_VENDOR,
	PARLEY_HCI_PAIRING,
	PARLEY_HCI_SETS
};

/* The operations of the last: what can be said of a pairing. */
enum parley_hci_worth {
	PARLEY_HCI_JUST_WORKS,
	PARLEY_HCI_NUMERIC,
	PARLEY_HCI_PASSKEY,
	PARLEY_HCI_OOB,
	PARLEY_HCI_P192,
	PARLEY_HCI_LE_LEGACY,
	PARLEY_HCI_SHORT_KEY,
	PARLEY_HCI_DEBUG_KEY,
	PARLEY_HCI_WORTHS
};

/* What can be typed and shown: as HCI has it, and one more of LE's. */
#define PARLEY_HCI_IO_BOTH	0x04
#define PARLEY_HCI_IOS		5

/**
 * struct parley_hci_party - what one side of a pairing says of itself
 * @known: it has said so
 * @mitm: it asks for protection against somebody between
 * @oob: it has data of the other that came another way
 * @sc: it can do Secure Connections; of LE
 * @io: what can be typed and shown
 * @key: bytes of the key, at most; of LE
 */
struct parley_hci_party {
	bool known;
	bool mitm;
	bool oob;
	bool sc;
	u8 io;
	u8 key;
};

/* ---------------------------------------------------------------- links */

/**
 * enum parley_hci_read - what is known of a PDU of which pieces arrive
 * @PARLEY_HCI_BAD: it is none, or there was no beginning
 * @PARLEY_HCI_MORE: not enough
 * @PARLEY_HCI_OTHER: it is not the Security Manager's
 * @PARLEY_HCI_WHOLE: it is, and is whole
 */
enum parley_hci_read {
	PARLEY_HCI_BAD,
	PARLEY_HCI_MORE,
	PARLEY_HCI_OTHER,
	PARLEY_HCI_WHOLE
};

/**
 * struct parley_hci_reader - a PDU of which pieces arrive
 * @state: what is known
 * @have: bytes
 * @data: these, its header among them
 */
struct parley_hci_reader {
	enum parley_hci_read state;
	u16 have;
	u8 data[PARLEY_HCI_L2CAP + PARLEY_HCI_SMP];
};

/**
 * enum parley_hci_step - how far a pairing over LE is
 * @PARLEY_HCI_IDLE: there is none
 * @PARLEY_HCI_OURS: the guest asked for it
 * @PARLEY_HCI_THEIRS: the other side did
 * @PARLEY_HCI_KEYS: both agreed, to Secure Connections: now comes a key of each
 * @PARLEY_HCI_AGREED: whatever follows
 */
enum parley_hci_step {
	PARLEY_HCI_IDLE,
	PARLEY_HCI_OURS,
	PARLEY_HCI_THEIRS,
	PARLEY_HCI_KEYS,
	PARLEY_HCI_AGREED
};

/* What a connection carries: data over BR/EDR and LE, voice, or isochronous data. */
enum parley_hci_kind {
	PARLEY_HCI_LINK_BREDR,
	PARLEY_HCI_LINK_LE,
	PARLEY_HCI_LINK_SCO,
	PARLEY_HCI_LINK_ISO
};

/* The group of an isochronous one that is of two. */
#define PARLEY_HCI_NO_GROUP	0xffff

/**
 * struct parley_hci_link - a connection
 * @used: there is one
 * @kind: of what
 * @handle: the controller's number for it
 * @group: its group, or PARLEY_HCI_NO_GROUP
 * @addr: the other side's address
 * @under_way: packets that the controller has
 * @voice: bytes that may be sent
 * @cut: it shall end: nothing passes any more
 * @cutting: the controller was told so
 * @tries: how often it was told, and would not
 * @asked: the controller waits for what the guest can type and show
 * @done: the pairing over BR/EDR of which we know is over
 * @keyless: it was successful, and its key was not seen yet
 * @local: the guest's side of a pairing
 * @remote: the other side
 * @step: of a pairing over LE
 * @ours: which the guest asked for
 * @oob: by data that came another way
 * @keys: whose keys were seen, of both
 * @wrong: the reason for which the guest's next PDU is refused, or 0
 * @unread: answers that passed of which the guest has not shown that it read them
 * @read: of the last one it has
 * @untold: the pairing failed, and the other side does not know
 * @in: data from the controller
 * @out: data of the guest's
 * @piece: lengths of what is held of these
 * @pieces: how many
 * @first: the header of the first, as it was
 */
struct parley_hci_link {
	bool used;
	enum parley_hci_kind kind;
	u16 handle;
	u16 group;
	u8 addr[6];
	unsigned int under_way;
	unsigned int voice;
	bool cut;
	bool cutting;
	u8 tries;
	bool asked;
	bool done;
	bool keyless;
	struct parley_hci_party local;
	struct parley_hci_party remote;
	enum parley_hci_step step;
	bool ours;
	bool oob;
	u8 keys;
	u8 wrong;
	u8 unread;
	bool read;
	bool untold;
	struct parley_hci_reader in;
	struct parley_hci_reader out;
	u8 piece[PARLEY_HCI_PIECES];
	unsigned int pieces;
	u16 first;
};

/* --------------------------------------------------------------- filter */

/**
 * struct parley_hci_swap - a command that was sent in another's stead
 * @asked: the guest's
 * @sent: ours
 * @status: with which the guest is answered
 * @addr: which both are about
 */
struct parley_hci_swap {
	u16 asked;
	u16 sent;
	u8 status;
	u8 addr[6];
};

/* Rooms that a controller has for packets of the guest's. */
enum parley_hci_pools {
	PARLEY_HCI_POOL_ACL,
	PARLEY_HCI_POOL_LE,
	PARLEY_HCI_POOL_ISO,
	PARLEY_HCI_POOLS
};

/**
 * struct parley_hci_pool - one of these
 * @known: the controller has said how large it is
 * @total: packets
 * @under_way: of these, how many it has
 */
struct parley_hci_pool {
	bool known;
	unsigned int total;
	unsigned int under_way;
};

/**
 * struct parley_hci_ways - where packets go; each returns 0 or an error
 * @down: to the controller
 * @up: to the guest
 */
struct parley_hci_ways {
	int (*down)(void *data, const u8 *pkt, size_t len);
	int (*up)(void *data, const u8 *pkt, size_t len);
};

/**
 * enum parley_hci_count - what is counted beside the policy's rules
 * @PARLEY_HCI_MALFORMED_DOWN: packets of the guest's
 * @PARLEY_HCI_MALFORMED_UP: packets of the controller's
 * @PARLEY_HCI_STRAY: data of a link that there is not, or not any more
 * @PARLEY_HCI_CUTS: links that were cut
 * @PARLEY_HCI_TOO_MANY: links that there was no room for
 * @PARLEY_HCI_NO_ROOM: commands and data that the controller had no room for
 * @PARLEY_HCI_COUNTS: how many
 */
enum parley_hci_count {
	PARLEY_HCI_MALFORMED_DOWN,
	PARLEY_HCI_MALFORMED_UP,
	PARLEY_HCI_STRAY,
	PARLEY_HCI_CUTS,
	PARLEY_HCI_TOO_MANY,
	PARLEY_HCI_NO_ROOM,
	PARLEY_HCI_COUNTS
};

/**
 * struct parley_hci - a filter
 * @policy: it goes by this
 * @name: in the log
 * @ways: where packets go
 * @data: for these
 * @credits: commands that the guest was told it may send
 * @over: commands that it sent without
 * @resets: of the guest's, that are not answered
 * @ends: commands that end links and are not answered: the handle, if it is ours, or
 *	PARLEY_HCI_GUESTS
 * @ending: how many; the oldest first
 * @pool: data that the controller has
 * @sc_asked: the guest asked for Secure Connections
 * @sc: the controller has agreed
 * @count: what was counted
 * @swaps: how many of these there are
 * @swap: oldest first
 * @link: connections
 */
struct parley_hci {
	struct parley_policy *policy;
	const char *name;
	const struct parley_hci_ways *ways;
	void *data;
	u8 credits;
	u8 over;
	unsigned int resets;
	u16 ends[PARLEY_HCI_ENDS];
	unsigned int ending;
	struct parley_hci_pool pool[PARLEY_HCI_POOLS];
	bool sc_asked;
	bool sc;
	u64 count[PARLEY_HCI_COUNTS];
	unsigned int swaps;
	struct parley_hci_swap swap[PARLEY_HCI_SWAPS];
	struct parley_hci_link link[PARLEY_HCI_LINKS];
};

/* A packet that is made, to be sent. */
struct parley_hci_made {
	u8 len;
	u8 data[PARLEY_HCI_MADE];
};

/* packet.c */
int parley_hci_length(const u8 *pkt, size_t have);
void parley_hci_make_status(struct parley_hci_made *m, u16 opcode, u8 status, u8 credits);
void parley_hci_make_complete(struct parley_hci_made *m, u16 opcode, u8 status, u8 credits,
			      const u8 *addr);
void parley_hci_make_credit(struct parley_hci_made *m, u16 handle, u16 packets);
void parley_hci_make_negative(struct parley_hci_made *m, u16 opcode, const u8 *addr,
			      u8 reason);
void parley_hci_make_disconnect(struct parley_hci_made *m, u16 handle);
void parley_hci_make_failed(struct parley_hci_made *m, u16 handle, u16 cid, u8 reason);

/* language.c */
extern const struct parley_policy_language parley_hci_language;
extern const char parley_hci_policy[];
int parley_hci_set_of(u16 opcode);

/* pairing.c */
u8 parley_hci_ask(struct parley_hci *h, unsigned int set, u32 op, u32 field);
u8 parley_hci_ask_worth(struct parley_hci *h, enum parley_hci_worth worth);
enum parley_hci_worth parley_hci_model(const struct parley_hci_party *local,
				       const struct parley_hci_party *remote);
u8 parley_hci_key(struct parley_hci *h, const struct parley_hci_link *link, u8 type);
bool parley_hci_is_debug_key(const u8 *x);

/* smp.c */
u8 parley_hci_smp_down(struct parley_hci *h, struct parley_hci_link *link, const u8 *pdu,
		       size_t len, bool *quiet);
int parley_hci_smp_up(struct parley_hci *h, struct parley_hci_link *link, const u8 *pdu,
		      size_t len);
u8 parley_hci_smp_bredr(struct parley_hci *h, const u8 *pdu, size_t len);

/* flow.c */
void parley_hci_flow_learn(struct parley_hci *h, u16 opcode, const u8 *at, size_t len);
void parley_hci_flow_begin(struct parley_hci_link *link);
void parley_hci_flow_back(struct parley_hci *h, struct parley_hci_link *link,
			  unsigned int packets);
bool parley_hci_flow_room(struct parley_hci *h, const struct parley_hci_link *link);
int parley_hci_flow_down(struct parley_hci *h, struct parley_hci_link *link, const u8 *pkt,
			 size_t len);
int parley_hci_sync_down(struct parley_hci *h, const u8 *pkt, size_t len);
int parley_hci_sync_up(struct parley_hci *h, const u8 *pkt, size_t len);

/* acl.c */
enum parley_hci_read parley_hci_read(struct parley_hci_reader *r, u16 cid, bool start,
				     const u8 *data, size_t len);
int parley_hci_acl_down(struct parley_hci *h, const u8 *pkt, size_t len);
int parley_hci_acl_up(struct parley_hci *h, const u8 *pkt, size_t len);

/* event.c */
int parley_hci_event(struct parley_hci *h, u8 *pkt, size_t len);

/* command.c */
int parley_hci_command(struct parley_hci *h, u8 *pkt, size_t len);

/* filter.c */
void parley_hci_start(struct parley_hci *h);
void parley_hci_forget(struct parley_hci *h);
struct parley_hci_link *parley_hci_by_handle(struct parley_hci *h, u16 handle);
struct parley_hci_link *parley_hci_by_addr(struct parley_hci *h, const u8 *addr);
int parley_hci_send_down(struct parley_hci *h, const struct parley_hci_made *m);
int parley_hci_send_up(struct parley_hci *h, const struct parley_hci_made *m);
int parley_hci_down(struct parley_hci *h, u8 *pkt, size_t len);
int parley_hci_up(struct parley_hci *h, u8 *pkt, size_t len);

#endif /* _PARLEY_HCI_H */
