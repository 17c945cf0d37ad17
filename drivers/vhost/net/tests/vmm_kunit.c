// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net as a VMM drives it: by its calls, with rings and buffers in user memory.
 *
 *	user + MEMORY	the guest's memory: two rings, and a buffer for each descriptor
 *	user + ARGS	arguments of calls
 *	user + LOG	the dirty log
 *	user + SIZE	nothing, of which the guest has some all the same
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include "../../core/dev.h"
#include "../../core/ioctl.h"
#include "wire.h"

#define MEMORY		0ul
#define ARGS		SZ_1M
#define LOG		(SZ_1M + SZ_32K)
#define SIZE		(SZ_1M + SZ_64K)
#define NOWHERE		SZ_2M	/* where the guest has what is not there */

#define NUM		32u	/* descriptors of a ring */
#define RING(index)	((index) * SZ_64K)
#define AVAIL		SZ_4K
#define USED		SZ_8K
#define BUFFER(index, n) (SZ_256K + ((index) * NUM + (n)) * SZ_4K)

#define MERGEABLE	BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)

/**
 * struct vmm - a device, its VMM and its guest
 * @w: whose socket is the back end
 * @dev: device
 * @user: the VMM's memory
 * @fd: of the back end
 * @next: descriptor, of each ring
 * @avail: chains made available
 * @seen: of these, those that came back
 */
struct vmm {
	struct wire *w;
	struct parley_vhost *dev;
	unsigned long user;
	int fd;
	u16 next[2];
	u16 avail[2];
	u16 seen[2];
};

static void vmm_poke(struct vmm *v, unsigned long at, const void *buf, size_t len)
{
	KUNIT_ASSERT_EQ(v->w->test, copy_to_user((void __user *)(v->user + at), buf, len), 0);
}

static void vmm_peek(struct vmm *v, unsigned long at, void *buf, size_t len)
{
	KUNIT_ASSERT_EQ(v->w->test, copy_from_user(buf, (void __user *)(v->user + at), len), 0);
}

static long vmm_call(struct vmm *v, unsigned int cmd, const void *arg, size_t len)
{
	vmm_poke(v, ARGS, arg, len);
	return vh_ioctl(v->dev, cmd, v->user + ARGS);
}

static long vmm_set_backend(struct vmm *v, u32 index, int fd)
{
	struct vhost_vring_file f = { .index = index, .fd = fd };

	return vmm_call(v, VHOST_NET_SET_BACKEND, &f, sizeof(f));
}

static u32 vmm_base(struct vmm *v, u32 index)
{
	struct vhost_vring_state s = { .index = index };

	KUNIT_EXPECT_EQ(v->w->test, vmm_call(v, VHOST_GET_VRING_BASE, &s, sizeof(s)), 0);
	vmm_peek(v, ARGS, &s, sizeof(s));
	return s.num;
}

static void vmm_set_up_ring(struct vmm *v, u32 index)
{
	struct kunit *test = v->w->test;
	struct vhost_vring_state num = { .index = index, .num = NUM };
	struct vhost_vring_state poll = { .index = index, .num = 1 };
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = v->user + RING(index),
		.avail_user_addr = v->user + RING(index) + AVAIL,
		.used_user_addr = v->user + RING(index) + USED,
	};

	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_VRING_NUM, &num, sizeof(num)), 0);
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_VRING_ADDR, &addr, sizeof(addr)), 0);
	/* No eventfd in here: the ring is polled, and woken by hand. */
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_VRING_BUSYLOOP_TIMEOUT, &poll,
				       sizeof(poll)), 0);
}

static void vmm_set_up(struct vmm *v, u64 features)
{
	struct kunit *test = v->w->test;
	struct {
		struct vhost_memory head;
		struct vhost_memory_region regions[2];
	} mem = {
		.head.nregions = 2,
		.regions[0].memory_size = SZ_1M,
		.regions[0].userspace_addr = v->user + MEMORY,
		.regions[1].guest_phys_addr = NOWHERE,
		.regions[1].memory_size = SZ_64K,
		.regions[1].userspace_addr = v->user + SIZE,
	};

	features |= BIT_ULL(VIRTIO_F_VERSION_1);
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_FEATURES, &features, sizeof(features)), 0);
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_MEM_TABLE, &mem, sizeof(mem)), 0);
	vmm_set_up_ring(v, WIRE_RX);
	vmm_set_up_ring(v, WIRE_TX);
}

static void vmm_start(struct vmm *v)
{
	KUNIT_ASSERT_EQ(v->w->test, vmm_set_backend(v, WIRE_RX, v->fd), 0);
	KUNIT_ASSERT_EQ(v->w->test, vmm_set_backend(v, WIRE_TX, v->fd), 0);
}

static void vmm_release(void *priv)
{
	struct vmm *v = priv;

	close_fd(v->fd);
	vh_dev_release(v->dev);
}

/*
 * A device of the VMM's, of so many rings, with the back end of one that is the kernel's
 * own.
 */
static struct vmm *vmm_open_queues(struct kunit *test, u64 features, u32 queues)
{
	struct vmm *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	v->w = wire_open(test, features);
	v->user = kunit_vm_mmap(test, NULL, 0, SIZE, PROT_READ | PROT_WRITE,
				MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, v->user, 0);
	v->fd = get_unused_fd_flags(O_CLOEXEC);
	KUNIT_ASSERT_GE(test, v->fd, 0);
	fd_install(v->fd, get_file(v->w->file));
	v->dev = vh_dev_create(parley_vhost_driver(v->w->dev), false);
	KUNIT_ASSERT_FALSE(test, IS_ERR(v->dev));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, vmm_release, v), 0);
	/* The test's thread is no process that could have a thread of its own. */
	v->dev->fork_owner = VHOST_FORK_OWNER_KTHREAD;
	if (queues)
		KUNIT_ASSERT_EQ(test, vmm_call(v, PARLEY_VHOST_SET_QUEUES, &queues,
					       sizeof(queues)), 0);
	KUNIT_ASSERT_EQ(test, vh_ioctl(v->dev, VHOST_SET_OWNER, 0), 0);
	return v;
}

static struct vmm *vmm_open(struct kunit *test, u64 features)
{
	return vmm_open_queues(test, features, 0);
}

/* ------------------------------------------------------------------ guest */

static u16 vmm_desc(struct vmm *v, u32 index, u64 addr, u32 len, u16 flags)
{
	u16 at = v->next[index]++ % NUM;
	struct vring_desc desc = {
		.addr = cpu_to_vr64(addr), .len = cpu_to_vr32(len),
		.flags = cpu_to_vr16(flags), .next = cpu_to_vr16((at + 1) % NUM),
	};

	vmm_poke(v, RING(index) + at * sizeof(desc), &desc, sizeof(desc));
	return at;
}

static void vmm_publish(struct vmm *v, u32 index, u16 head)
{
	__virtio16 word = cpu_to_vr16(head);

	vmm_poke(v, RING(index) + AVAIL + 4 + 2 * (v->avail[index] % NUM), &word,
		 sizeof(word));
	smp_wmb();	/* pairs with the core's read of the index */
	word = cpu_to_vr16(++v->avail[index]);
	vmm_poke(v, RING(index) + AVAIL + 2, &word, sizeof(word));
	parley_vhost_vq_wake(parley_vhost_get_vq(v->dev, index));
}

/* A header, and a packet behind it in two more pieces. */
static void vmm_send(struct vmm *v, u32 len, u8 seed)
{
	u8 *data = kunit_kzalloc(v->w->test, VHN_HDR + len, GFP_KERNEL);
	u64 at = BUFFER(WIRE_TX, v->next[WIRE_TX] % NUM);
	u16 head;

	KUNIT_ASSERT_NOT_NULL(v->w->test, data);
	wire_make(data, VHN_HDR + len, seed);
	vmm_poke(v, at, data, VHN_HDR + len);
	head = vmm_desc(v, WIRE_TX, at, VHN_HDR, VRING_DESC_F_NEXT);
	vmm_desc(v, WIRE_TX, at + VHN_HDR, len / 2, VRING_DESC_F_NEXT);
	vmm_desc(v, WIRE_TX, at + VHN_HDR + len / 2, len - len / 2, 0);
	vmm_publish(v, WIRE_TX, head);
	kunit_kfree(v->w->test, data);
}

static void vmm_post(struct vmm *v, u32 len)
{
	u64 at = BUFFER(WIRE_RX, v->next[WIRE_RX] % NUM);

	vmm_publish(v, WIRE_RX, vmm_desc(v, WIRE_RX, at, len, VRING_DESC_F_WRITE));
}

static u16 vmm_used(struct vmm *v, u32 index)
{
	__virtio16 word;

	vmm_peek(v, RING(index) + USED + 2, &word, sizeof(word));
	return vr16_to_cpu(word);
}

/* The next chain that comes back. */
static struct vring_used_elem vmm_next(struct vmm *v, u32 index)
{
	u16 at = v->seen[index]++ % NUM;
	struct vring_used_elem elem;

	KUNIT_ASSERT_TRUE(v->w->test, vh_until((s16)(vmm_used(v, index) - v->seen[index]) >= 0));
	vmm_peek(v, RING(index) + USED + 4 + at * sizeof(elem), &elem, sizeof(elem));
	return elem;
}

static void vmm_expect_sent(struct vmm *v, u32 len, u8 seed)
{
	wire_expect_sent(v->w, len, seed);
	KUNIT_EXPECT_EQ(v->w->test, vr32_to_cpu(vmm_next(v, WIRE_TX).len), 0);
}

/* A packet over @nr buffers, each of which is its descriptor's page. */
static void vmm_expect_packet(struct vmm *v, u32 len, u8 seed, unsigned int nr)
{
	struct kunit *test = v->w->test;
	u8 *data = kunit_kzalloc(test, SZ_4K * nr, GFP_KERNEL);
	struct virtio_net_hdr_v1 hdr;
	struct vring_used_elem elem;
	u32 done = 0, skip = VHN_HDR;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, data);
	for (i = 0; i < nr; i++) {
		elem = vmm_next(v, WIRE_RX);
		KUNIT_ASSERT_LE(test, vr32_to_cpu(elem.len), SZ_4K);
		vmm_peek(v, BUFFER(WIRE_RX, vr32_to_cpu(elem.id)), data + done,
			 vr32_to_cpu(elem.len));
		done += vr32_to_cpu(elem.len);
	}
	KUNIT_EXPECT_EQ(test, done, skip + len);
	memcpy(&hdr, data, sizeof(hdr));
	KUNIT_EXPECT_EQ(test, vr16_to_cpu(hdr.num_buffers), nr);
	KUNIT_EXPECT_TRUE(test, wire_is(data + skip, 0, len, seed));
	kunit_kfree(test, data);
}

/* ------------------------------------------------------------------ tests */

static void vmm_traffic(struct kunit *test)
{
	struct vmm *v = vmm_open(test, 0);
	unsigned int i;

	vmm_set_up(v, MERGEABLE);
	vmm_start(v);
	for (i = 0; i < 100; i++) {
		vmm_send(v, 100 + 13 * i, i);
		vmm_expect_sent(v, 100 + 13 * i, i);
		vmm_post(v, 700);
		vmm_post(v, 700);
		vmm_post(v, 700);
		wire_put(v->w, 1400 - VHN_HDR + 1, i);
		vmm_expect_packet(v, 1400 - VHN_HDR + 1, i, 3);
	}
}

/* The same, where the back end knows no header. */
static void vmm_traffic_bare(struct kunit *test)
{
	u64 bare = BIT_ULL(VHOST_NET_F_VIRTIO_NET_HDR);
	struct vmm *v = vmm_open(test, bare);

	vmm_set_up(v, MERGEABLE | bare);
	vmm_start(v);
	vmm_send(v, 1514, 1);
	vmm_expect_sent(v, 1514, 1);
	vmm_post(v, 700);
	vmm_post(v, 700);
	vmm_post(v, 700);
	wire_put(v->w, 1514, 2);
	vmm_expect_packet(v, 1514, 2, 3);
}

/* A link that is cut and comes back, as QEMU does it: without a word about the ring. */
static void vmm_back_end_goes_and_comes(struct kunit *test)
{
	struct vmm *v = vmm_open(test, 0);
	unsigned int i;

	vmm_set_up(v, 0);
	vmm_start(v);
	for (i = 0; i < 5; i++) {
		vmm_send(v, 1514, i);
		vmm_expect_sent(v, 1514, i);
		KUNIT_EXPECT_EQ(test, vmm_set_backend(v, WIRE_RX, -1), 0);
		KUNIT_EXPECT_EQ(test, vmm_set_backend(v, WIRE_TX, -1), 0);
		/* What is left is the test's, and the descriptor's. */
		KUNIT_EXPECT_EQ(test, file_count(v->w->file), 2);
		KUNIT_EXPECT_EQ(test, vmm_base(v, WIRE_TX), v->avail[WIRE_TX]);
		KUNIT_EXPECT_EQ(test, vmm_base(v, WIRE_RX), v->avail[WIRE_RX]);
		vmm_send(v, 1000, i);
		vmm_post(v, 2000);
		wire_put(v->w, 900, i);
		msleep(20);
		KUNIT_EXPECT_EQ(test, wire_nr_sent(v->w), 0);
		KUNIT_EXPECT_EQ(test, wire_nr_coming(v->w), 1);
		vmm_start(v);
		vmm_expect_sent(v, 1000, i);
		vmm_expect_packet(v, 900, i, 1);
	}
}

/* Another one in its place, without a pause: here it is the same. */
static void vmm_back_end_is_another(struct kunit *test)
{
	struct vmm *v = vmm_open(test, 0);
	unsigned int i;

	vmm_set_up(v, 0);
	for (i = 0; i < 20; i++) {
		vmm_send(v, 1000, i);
		vmm_start(v);
		vmm_expect_sent(v, 1000, i);
		vmm_post(v, 2000);
		wire_put(v->w, 900, i);
		vmm_expect_packet(v, 900, i, 1);
	}
	KUNIT_EXPECT_EQ(test, vh_ioctl(v->dev, VHOST_RESET_OWNER, 0), 0);
	/* It has gone with the owner. */
	KUNIT_EXPECT_EQ(test, file_count(v->w->file), 2);
}

/* As many rings as there may be; the first two are as any others. */
static void vmm_many_queues(struct kunit *test)
{
	struct vmm *v = vmm_open_queues(test, 0, VHN_QUEUES);

	vmm_set_up(v, 0);
	vmm_start(v);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, VHN_QUEUES - 1, -1), 0);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, VHN_QUEUES - 1, v->fd), -EINVAL);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, VHN_QUEUES, v->fd), -ENOBUFS);
	vmm_send(v, 1514, 1);
	vmm_expect_sent(v, 1514, 1);
}

/* Memory that the guest says it has, and that the VMM has not. */
/* ------------------------------------------------------------- migration */

#define LOG_BYTES	((NOWHERE + SZ_64K) / VHOST_PAGE_SIZE / BITS_PER_BYTE)

struct vmm_log_shape {
	const char *name;
	u64 features;
};

static const struct vmm_log_shape vmm_log_shapes[] = {
	{ "split", 0 },
	{ "split event in order",
	  BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_F_IN_ORDER) },
	{ "packed", BIT_ULL(VIRTIO_F_RING_PACKED) },
	{ "packed event in order", BIT_ULL(VIRTIO_F_RING_PACKED) |
	  BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_F_IN_ORDER) },
};

static void vmm_log_shape_desc(const struct vmm_log_shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(vmm_log_shape, vmm_log_shapes, vmm_log_shape_desc);

/* In a packed ring, on its first way round. */
static void vmm_post_packed(struct vmm *v, u32 len)
{
	u16 at = v->next[WIRE_RX]++;
	u64 place = RING(WIRE_RX) + at * sizeof(struct vring_packed_desc);
	struct vring_packed_desc desc = {
		.addr = cpu_to_le64(BUFFER(WIRE_RX, at)), .len = cpu_to_le32(len),
		.id = cpu_to_le16(at),
	};
	__le16 flags = cpu_to_le16(VRING_DESC_F_WRITE | BIT(VRING_PACKED_DESC_F_AVAIL));

	vmm_poke(v, place, &desc, sizeof(desc));
	smp_wmb();	/* pairs with the core's read of the flags */
	vmm_poke(v, place + offsetof(typeof(desc), flags), &flags, sizeof(flags));
	parley_vhost_vq_wake(parley_vhost_get_vq(v->dev, WIRE_RX));
}

static bool vmm_packed_is_used(struct vmm *v, u16 at)
{
	struct vring_packed_desc desc;

	vmm_peek(v, RING(WIRE_RX) + at * sizeof(desc), &desc, sizeof(desc));
	return le16_to_cpu(desc.flags) & BIT(VRING_PACKED_DESC_F_USED);
}

static bool vmm_logged(const u8 *log, u64 guest)
{
	u64 page = guest / VHOST_PAGE_SIZE;

	return log[page / BITS_PER_BYTE] >> page % BITS_PER_BYTE & 1;
}

/* The log as it is when nobody is about to write there. */
static void vmm_get_log(struct vmm *v, u8 *log)
{
	struct parley_vhost_vq *vq = parley_vhost_get_vq(v->dev, WIRE_RX);

	mutex_lock(&vq->mutex);
	mutex_unlock(&vq->mutex);
	vmm_peek(v, LOG, log, LOG_BYTES);
}

/* A packet of three buffers: each of them, the ring, and no other buffer. */
static void bad_17_what_is_received_is_logged(struct kunit *test)
{
	u64 features = ((const struct vmm_log_shape *)test->param_value)->features;
	bool packed = features & BIT_ULL(VIRTIO_F_RING_PACKED);
	void (*post)(struct vmm *v, u32 len) = packed ? vmm_post_packed : vmm_post;
	struct vmm *v = vmm_open(test, 0);
	u8 *log = kunit_kzalloc(test, LOG_BYTES, GFP_KERNEL);
	u64 base = v->user + LOG;
	unsigned int i, n;

	KUNIT_ASSERT_NOT_NULL(test, log);
	vmm_set_up(v, features | MERGEABLE | BIT_ULL(VHOST_F_LOG_ALL));
	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_LOG_BASE, &base, sizeof(base)), 0);
	vmm_start(v);
	for (n = 3; n <= 9; n += 3) {
		for (i = 0; i < 3; i++)
			post(v, 700);
		wire_put(v->w, 1400 - VHN_HDR + 1, n);
		/* The first one says that all are. */
		KUNIT_ASSERT_TRUE(test, vh_until(packed ? vmm_packed_is_used(v, n - 3) :
							  vmm_used(v, WIRE_RX) == n));
		vmm_get_log(v, log);
		for (i = 0; i < NUM; i++) {
			KUNIT_EXPECT_EQ(test, vmm_logged(log, BUFFER(WIRE_RX, i)), i < n);
			KUNIT_EXPECT_FALSE(test, vmm_logged(log, BUFFER(WIRE_TX, i)));
		}
		KUNIT_EXPECT_TRUE(test, vmm_logged(log, RING(WIRE_RX) + (packed ? 0 : USED)));
	}
	KUNIT_EXPECT_EQ(test, v->dev->log.errors, 0);
}

static void bad_memory_that_is_not_there(struct kunit *test)
{
	struct vmm *v = vmm_open(test, 0);

	vmm_set_up(v, MERGEABLE);
	vmm_start(v);
	vmm_publish(v, WIRE_TX, vmm_desc(v, WIRE_TX, NOWHERE, 1000, 0));
	KUNIT_EXPECT_EQ(test, vr32_to_cpu(vmm_next(v, WIRE_TX).len), 0);
	KUNIT_EXPECT_EQ(test, wire_nr_sent(v->w), 0);
	vmm_send(v, 1514, 1);
	vmm_expect_sent(v, 1514, 1);
	vmm_publish(v, WIRE_RX, vmm_desc(v, WIRE_RX, NOWHERE, 1000, VRING_DESC_F_WRITE));
	wire_put(v->w, 900, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(v->w->cut) == 2));
	msleep(20);
	KUNIT_EXPECT_EQ(test, vmm_used(v, WIRE_RX), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_get_vq(v->dev, WIRE_RX)->state, VH_VQ_RUNNING);
}

/* The file is closed while the back end is full, and has something to say. */
static void vmm_closes_with_packets_waiting(struct kunit *test)
{
	struct vmm *v = vmm_open(test, 0);
	unsigned int i;

	vmm_set_up(v, MERGEABLE);
	wire_make_room(v->w, 0);
	vmm_start(v);
	for (i = 0; i < 10; i++) {
		vmm_send(v, 1000, i);
		wire_put(v->w, 900, i);
	}
	msleep(20);
	kunit_release_action(test, vmm_release, v);
	KUNIT_EXPECT_EQ(test, file_count(v->w->file), 1);
	KUNIT_EXPECT_EQ(test, wire_nr_sent(v->w), 0);
	KUNIT_EXPECT_EQ(test, wire_nr_coming(v->w), 10);
}

static void bad_10_calls_of_a_careless_vmm(struct kunit *test)
{
	struct vmm *v = vmm_open(test, 0);
	struct file *file = v->w->file;

	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, WIRE_RX, v->fd), -EINVAL);
	/* It could not start, so it has none. */
	KUNIT_EXPECT_EQ(test, file_count(file), 2);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, WIRE_RX, -1), 0);
	vmm_set_up(v, 0);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, VHN_USUAL_QUEUES, v->fd), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, -1, -1), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, WIRE_RX, -2), -EBADF);
	KUNIT_EXPECT_EQ(test, vmm_set_backend(v, WIRE_RX, 1 << 20), -EBADF);
	KUNIT_EXPECT_EQ(test, vh_ioctl(v->dev, VHOST_NET_SET_BACKEND, v->user + SIZE), -EFAULT);
	KUNIT_EXPECT_EQ(test, vh_ioctl(v->dev, VHOST_SCSI_SET_ENDPOINT, v->user + ARGS),
			-ENOIOCTLCMD);
	KUNIT_EXPECT_EQ(test, file_count(file), 2);
	vmm_start(v);
	vmm_send(v, 1514, 1);
	vmm_expect_sent(v, 1514, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(vmm_traffic),
	KUNIT_CASE(vmm_traffic_bare),
	KUNIT_CASE(vmm_back_end_goes_and_comes),
	KUNIT_CASE(vmm_back_end_is_another),
	KUNIT_CASE(vmm_many_queues),
	KUNIT_CASE(vmm_closes_with_packets_waiting),
	KUNIT_CASE_PARAM(bad_17_what_is_received_is_logged, vmm_log_shape_gen_params),
	KUNIT_CASE(bad_memory_that_is_not_there),
	KUNIT_CASE(bad_10_calls_of_a_careless_vmm),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_net_vmm",
	.test_cases = cases,
};

kunit_test_suite(suite);
