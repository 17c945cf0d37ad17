// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shared-memory transport over a function whose registers and memory are plain
 * memory, with a thread that is the device.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/vmalloc.h>
#include <parley/export.h>
#include <uapi/linux/virtio_config.h>

/* Private as it is, it is built here under other names. */
#define parley_shm_ops		parley_shm_test_ops
#define parley_shm_learn	parley_shm_test_learn
#define parley_shm_look		parley_shm_test_look
#define parley_shm_mem_ops	parley_shm_test_mem_ops
#define parley_shm_pool_init	parley_shm_test_pool_init
#define parley_shm_pool_exit	parley_shm_test_pool_exit
#define parley_shm_pool_max	parley_shm_test_pool_max
#define parley_shm_vectors_alloc	parley_shm_test_vectors_alloc
#define parley_shm_vectors_free	parley_shm_test_vectors_free
#define parley_shm_synchronize	parley_shm_test_synchronize
#define parley_shm_affinity	parley_shm_test_affinity
#define parley_shm_irq		parley_shm_test_irq
#include "../shm.h"

/* What the transport did, to the kernel and to the model. */
static struct {
	unsigned int config_interrupts;
	unsigned int requested;
	unsigned int freed;
	unsigned int refuse_at;	/* this request_irq() fails; 0: none */
	unsigned int vectors;
	struct irq_affinity affd;
} world;

static int world_vectors(unsigned int nr, unsigned int flags,
			 const struct irq_affinity *affd)
{
	world.vectors = nr;
	world.affd = affd ? *affd : (struct irq_affinity) {};
	return nr;
}

static int world_request(void)
{
	if (world.refuse_at == ++world.requested)
		return -EBUSY;
	return 0;
}

/* No answer takes so long, and no test shall. */
#define msecs_to_jiffies(ms)	HZ
#define parley_device_config_interrupt(v)	((void)(v), world.config_interrupts++)
#define parley_queue_interrupt(q)		((void)(q))
#define pci_alloc_irq_vectors_affinity(d, min, max, flags, affd) \
	((void)(d), world_vectors(min, flags, affd))
#define pci_free_irq_vectors(d)			((void)(d))
#define pci_irq_vector(d, n)			((void)(d), (int)(n))
#define pci_irq_get_affinity(d, n)		((void)(d), cpumask_of(0))
#define request_irq(irq, handler, flags, name, cookie) \
	((void)(handler), (void)(cookie), world_request())
#define free_irq(irq, cookie)			((void)(cookie), world.freed++)
#define synchronize_irq(irq)			((void)(irq))
#undef pci_err
#define pci_err(d, ...)				((void)(d))
#include "../shm_ops.c"
#include "../shm_mem.c"
#include "../shm_irq.c"

#define BYTES		(2 << 20)
#define BUS		((u64)PAGE_SIZE)
#define BUFFER		(3 * PAGE_SIZE)
#define PEER		7
#define DRIVER_OK	VIRTIO_CONFIG_S_DRIVER_OK
#define VERSION_1	BIT_ULL(VIRTIO_F_VERSION_1)

/* ------------------------------------------------------------- the pool */

/**
 * struct field - a pool, and a buffer outside
 * @mem: as the core sees it
 * @pool: see there
 * @base: its memory
 * @buf: the buffer
 * @phys: where it is
 */
struct field {
	struct parley_mem mem;
	struct parley_shm_pool pool;
	u8 *base;
	u8 *buf;
	u64 phys;
};

static void field_close(void *priv)
{
	struct field *f = priv;

	parley_shm_pool_exit(&f->pool);
	vfree(f->base);
	free_pages_exact(f->buf, BUFFER);
}

static struct field *field_new(struct kunit *test)
{
	struct field *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->base = vmalloc(BYTES);
	f->buf = alloc_pages_exact(BUFFER, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, f->base && f->buf);
	memset(f->base, 0xee, BYTES);
	memset(f->buf, 0x11, BUFFER);
	f->phys = virt_to_phys(f->buf);
	f->mem = (struct parley_mem) { .ops = &parley_shm_mem_ops, .priv = &f->pool };
	KUNIT_ASSERT_EQ(test, 0, parley_shm_pool_init(&f->pool, f->base, BUS, BYTES));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, field_close, f));
	return f;
}

static int field_map(struct field *f, u64 phys, u32 len, bool write, u64 *addr)
{
	return f->mem.ops->map(&f->mem, phys, len, write, addr);
}

static u8 *field_at(struct field *f, u64 addr)
{
	return f->base + (addr - BUS);
}

static void expect_empty(struct kunit *test, struct field *f)
{
	KUNIT_EXPECT_TRUE(test, bitmap_empty(f->pool.busy, f->pool.nr));
	KUNIT_EXPECT_EQ(test, 0, f->pool.areas);
}

static void a_ring_begins_a_page_and_is_empty(struct kunit *test)
{
	struct field *f = field_new(test);
	u64 a, b;
	u8 *one, *other;

	one = f->mem.ops->alloc(&f->mem, 100, &a, GFP_KERNEL);
	other = f->mem.ops->alloc(&f->mem, PAGE_SIZE + 1, &b, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, one && other);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(a, PAGE_SIZE) && IS_ALIGNED(b, PAGE_SIZE));
	KUNIT_EXPECT_PTR_EQ(test, field_at(f, a), one);
	KUNIT_EXPECT_PTR_EQ(test, field_at(f, b), other);
	KUNIT_EXPECT_NULL(test, memchr_inv(one, 0, PAGE_SIZE));
	KUNIT_EXPECT_NULL(test, memchr_inv(other, 0, 2 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, a + PAGE_SIZE <= b || b + 2 * PAGE_SIZE <= a);
	f->mem.ops->free(&f->mem, 100, one, a);
	f->mem.ops->free(&f->mem, PAGE_SIZE + 1, other, b);
	expect_empty(test, f);
}

static void rings_leave_half_to_buffers(struct kunit *test)
{
	struct field *f = field_new(test);
	u64 a, b;
	u8 *area;

	area = f->mem.ops->alloc(&f->mem, BYTES / 2, &a, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_NULL(test, f->mem.ops->alloc(&f->mem, 1, &b, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, field_map(f, f->phys, BUFFER, false, &b));
	f->mem.ops->unmap(&f->mem, b, BUFFER, false);
	f->mem.ops->free(&f->mem, BYTES / 2, area, a);
	KUNIT_EXPECT_NULL(test, f->mem.ops->alloc(&f->mem, BYTES, &b, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, f->mem.ops->alloc(&f->mem, SIZE_MAX / 2, &b, GFP_KERNEL));
	expect_empty(test, f);
}

static void the_device_reads_a_copy(struct kunit *test)
{
	struct field *f = field_new(test);
	u64 addr;

	/* Over two borders of pages. */
	memset(f->buf + PAGE_SIZE - 3, 0x22, PAGE_SIZE + 6);
	KUNIT_ASSERT_EQ(test, 0, field_map(f, f->phys + PAGE_SIZE - 3, PAGE_SIZE + 6,
					   false, &addr));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(addr, PARLEY_SHM_SLOT));
	KUNIT_EXPECT_NULL(test, memchr_inv(field_at(f, addr), 0x22, PAGE_SIZE + 6));
	KUNIT_EXPECT_EQ(test, 0xee, field_at(f, addr)[PAGE_SIZE + 6]);
	/* What it writes there is nobody's. */
	memset(field_at(f, addr), 0x33, 10);
	f->buf[PAGE_SIZE] = 0x44;
	f->mem.ops->sync_for_device(&f->mem, addr, PAGE_SIZE + 6, false);
	KUNIT_EXPECT_EQ(test, 0x44, field_at(f, addr)[3]);
	f->mem.ops->unmap(&f->mem, addr, PAGE_SIZE + 6, false);
	KUNIT_EXPECT_EQ(test, 0x22, f->buf[PAGE_SIZE - 3]);
	expect_empty(test, f);
}

static void what_it_writes_arrives(struct kunit *test)
{
	struct field *f = field_new(test);
	u64 addr;

	KUNIT_ASSERT_EQ(test, 0, field_map(f, f->phys + 5, 2 * PAGE_SIZE, true, &addr));
	memset(field_at(f, addr), 0x55, PAGE_SIZE);
	f->mem.ops->sync_for_cpu(&f->mem, addr, 2 * PAGE_SIZE, true);
	KUNIT_EXPECT_EQ(test, 0x55, f->buf[5]);
	memset(field_at(f, addr), 0x66, PAGE_SIZE);
	f->mem.ops->unmap(&f->mem, addr, 2 * PAGE_SIZE, true);
	KUNIT_EXPECT_EQ(test, 0x11, f->buf[4]);
	KUNIT_EXPECT_NULL(test, memchr_inv(f->buf + 5, 0x66, PAGE_SIZE));
	/* What it left alone is what it was, and not what lay in the pool. */
	KUNIT_EXPECT_NULL(test, memchr_inv(f->buf + 5 + PAGE_SIZE, 0x11, PAGE_SIZE));
	expect_empty(test, f);
}

static void a_full_pool_says_so(struct kunit *test)
{
	unsigned int n = 0, most = BYTES / PARLEY_SHM_SLOT, i;
	struct field *f = field_new(test);
	u64 *addr = kunit_kcalloc(test, most + 1, sizeof(*addr), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, addr);
	while (n <= most && !field_map(f, f->phys, 1, false, &addr[n]))
		n++;
	KUNIT_EXPECT_EQ(test, most, n);
	KUNIT_EXPECT_EQ(test, -ENOMEM, field_map(f, f->phys, 1, false, &addr[most]));
	/* Where two neighbours are free there is room for both, and no more. */
	f->mem.ops->unmap(&f->mem, addr[10], 1, false);
	f->mem.ops->unmap(&f->mem, addr[11], 1, false);
	KUNIT_EXPECT_EQ(test, -ENOMEM, field_map(f, f->phys, 2 * PARLEY_SHM_SLOT + 1,
						 false, &addr[most]));
	KUNIT_EXPECT_EQ(test, 0, field_map(f, f->phys, 2 * PARLEY_SHM_SLOT, false,
					   &addr[most]));
	KUNIT_EXPECT_EQ(test, addr[10], addr[most]);
	f->mem.ops->unmap(&f->mem, addr[most], 2 * PARLEY_SHM_SLOT, false);
	for (i = 0; i < n; i++)
		if (i != 10 && i != 11)
			f->mem.ops->unmap(&f->mem, addr[i], 1, false);
	expect_empty(test, f);
}

static void what_is_no_memory_is_refused(struct kunit *test)
{
	struct field *f = field_new(test);
	u64 addr;

	KUNIT_EXPECT_EQ(test, -EINVAL, field_map(f, 1ULL << 60, 10, false, &addr));
	KUNIT_EXPECT_EQ(test, -EINVAL, field_map(f, f->phys, 0, false, &addr));
	expect_empty(test, f);
}

static void a_request_finds_room(struct kunit *test)
{
	struct field *f = field_new(test);
	size_t most = parley_shm_pool_max(&f->pool);

	KUNIT_EXPECT_TRUE(test, most >= PAGE_SIZE && most * 128 <= BYTES / 2);
	parley_shm_pool_exit(&f->pool);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_shm_pool_init(&f->pool, f->base, BUS,
							    255 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 0, parley_shm_pool_init(&f->pool, f->base, BUS,
						      256 * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, PAGE_SIZE, parley_shm_pool_max(&f->pool));
}

/* ------------------------------------------------------------ the device */

/**
 * struct fake - a function, and who serves it
 * @sh: what the transport has of it
 * @queue: one of its queues
 * @regs: registers
 * @mem: memory
 * @asked: the last request that was carried out
 * @asks: how many were
 * @refuse: answer that it cannot be
 * @thread: the device; NULL: it is dead
 */
struct fake {
	struct parley_shmem sh;
	struct parley_queue queue;
	u32 regs[4];
	struct parley_shm_header *mem;
	struct parley_shm_ask asked;
	unsigned int asks;
	bool refuse;
	struct task_struct *thread;
};

static void fake_serve(struct fake *f)
{
	struct parley_shm_header *h = f->mem;
	/* As documented: pairs with the driver's release. */
	__le32 number = virt_load_acquire(&h->ask.number);

	if (number == h->state.done)
		return;
	f->asked = h->ask;
	f->asks++;
	if (f->asked.what == cpu_to_le32(PARLEY_SHM_RESET))
		WRITE_ONCE(h->state.status, 0);
	if (f->asked.what == cpu_to_le32(PARLEY_SHM_STATUS))
		WRITE_ONCE(h->state.status, f->asked.status);
	WRITE_ONCE(h->state.result, cpu_to_le32(f->refuse ? 22 : 0));
	/* After the result. */
	virt_store_release(&h->state.done, number);
}

static int fake_thread(void *priv)
{
	while (!kthread_should_stop()) {
		fake_serve(priv);
		fsleep(50);
	}
	return 0;
}

static void fake_kill(struct fake *f)
{
	if (f->thread)
		kthread_stop(f->thread);
	f->thread = NULL;
}

static void fake_close(void *priv)
{
	struct fake *f = priv;

	fake_kill(f);
	vfree(f->mem);
}

static struct fake *fake_new(struct kunit *test)
{
	struct fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct parley_shm_about *about;

	KUNIT_ASSERT_NOT_NULL(test, f);
	memset(&world, 0, sizeof(world));
	f->mem = vzalloc(BYTES);
	KUNIT_ASSERT_NOT_NULL(test, f->mem);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_close, f));
	about = &f->mem->about;
	about->magic = cpu_to_le64(PARLEY_SHM_MAGIC);
	about->version = cpu_to_le32(PARLEY_SHM_VERSION);
	about->header = cpu_to_le32(PARLEY_SHM_HEADER);
	about->size = cpu_to_le64(BYTES);
	about->device = cpu_to_le32(2);
	about->nr_queues = cpu_to_le32(4);
	about->queue_size = cpu_to_le32(128);
	about->config_len = cpu_to_le32(60);
	about->peer = cpu_to_le32(PEER);
	about->features[0] = cpu_to_le64(U64_MAX);
	about->features[1] = cpu_to_le64(5);
	/* Somebody drove it before. */
	f->mem->ask.number = cpu_to_le32(U32_MAX);
	f->mem->state.done = cpu_to_le32(U32_MAX);
	f->sh.h = f->mem;
	f->sh.len = BYTES;
	f->sh.nr_vectors = 4;
	f->sh.regs = (void __iomem *)f->regs;
	f->sh.vdev.ops = &parley_shm_ops;
	f->sh.vdev.pd.dev.init_name = "fake-shm";
	f->queue.dev = &f->sh.vdev.pd;
	f->queue.index = 1;
	f->queue.vector = -1;
	f->queue.spec.name = "fake";
	f->sh.vdev.pd.queues = &f->queue;
	f->sh.vdev.pd.nr_queues = 1;
	f->sh.vdev.m.nr_all = 1;
	return f;
}

/* It answers. */
static struct fake *fake_alive(struct kunit *test)
{
	struct fake *f = fake_new(test);
	struct task_struct *thread;

	KUNIT_ASSERT_EQ(test, 0, parley_shm_learn(&f->sh));
	thread = kthread_run(fake_thread, f, "fake-shm");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	f->thread = thread;
	return f;
}

static struct parley_device *pd_of(struct fake *f)
{
	return &f->sh.vdev.pd;
}

static void it_learns_what_the_device_is(struct kunit *test)
{
	struct fake *f = fake_new(test);
	struct parley_features offered;

	f->mem->about.size = cpu_to_le64(BYTES / 2);
	KUNIT_ASSERT_EQ(test, 0, parley_shm_learn(&f->sh));
	/* What is written there later changes nothing. */
	memset(&f->mem->about, 0xff, sizeof(f->mem->about));
	KUNIT_EXPECT_EQ(test, BYTES / 2, f->sh.len);
	KUNIT_EXPECT_EQ(test, 2, f->sh.vdev.pd.id.device);
	KUNIT_EXPECT_EQ(test, 60, parley_shm_ops.config_len(pd_of(f)));
	parley_shm_ops.get_features(pd_of(f), &offered);
	KUNIT_EXPECT_EQ(test, ~PARLEY_SHM_REFUSED, parley_features_low(&offered));
	KUNIT_EXPECT_EQ(test, 5, parley_features_high(&offered));
	/* Queues without a vector do not exist. */
	KUNIT_EXPECT_EQ(test, 128, parley_shm_ops.queue_size(pd_of(f), 2));
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.queue_size(pd_of(f), 3));
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.queue_size(pd_of(f), U32_MAX));
	f->sh.nr_vectors = 100;
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.queue_size(pd_of(f), 4));
}

static void expect_learned(struct kunit *test, int err, size_t at, u32 value)
{
	struct fake *f = fake_new(test);

	*(__le32 *)((u8 *)&f->mem->about + at) = cpu_to_le32(value);
	KUNIT_EXPECT_EQ_MSG(test, err, parley_shm_learn(&f->sh), "%u at %zu", value, at);
}

#define ABOUT(member)	offsetof(struct parley_shm_about, member)

static void it_believes_no_nonsense(struct kunit *test)
{
	expect_learned(test, -ENODEV, ABOUT(magic), 0);
	expect_learned(test, -ENODEV, ABOUT(version), 2);
	expect_learned(test, -EINVAL, ABOUT(header), 0);
	expect_learned(test, -EINVAL, ABOUT(header), 4097);
	expect_learned(test, -EINVAL, ABOUT(header), BYTES);
	expect_learned(test, -EINVAL, ABOUT(header), U32_MAX & ~4095U);
	expect_learned(test, -EINVAL, ABOUT(size), BYTES + 1);
	expect_learned(test, -EINVAL, ABOUT(size) + 4, 1);
	expect_learned(test, -EINVAL, ABOUT(device), 0);
	expect_learned(test, -EINVAL, ABOUT(device), 1 << 16);
	expect_learned(test, -EINVAL, ABOUT(nr_queues), 0);
	expect_learned(test, -EINVAL, ABOUT(nr_queues), 1 << 16);
	expect_learned(test, -EINVAL, ABOUT(queue_size), 0);
	expect_learned(test, -EINVAL, ABOUT(queue_size), 1 << 16);
	expect_learned(test, -EINVAL, ABOUT(config_len), PARLEY_SHM_CONFIG + 1);
	expect_learned(test, -EINVAL, ABOUT(peer), 1 << 16);
	expect_learned(test, 0, ABOUT(config_len), PARLEY_SHM_CONFIG);
}

static void it_asks_and_is_answered(struct kunit *test)
{
	const struct parley_vq_addr addr = {
		.desc = 0x2000, .driver = 0x3000, .device = 0x123456000,
	};
	struct parley_features accepted;
	struct fake *f = fake_alive(test);

	parley_shm_ops.set_status(pd_of(f), 3);
	KUNIT_EXPECT_EQ(test, 3, parley_shm_ops.get_status(pd_of(f)));
	KUNIT_EXPECT_EQ(test, PEER << 16, f->regs[3]);
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.reset(pd_of(f)));
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.get_status(pd_of(f)));
	parley_features_set(&accepted, VERSION_1, 4);
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.set_features(pd_of(f), &accepted));
	KUNIT_EXPECT_EQ(test, VERSION_1, le64_to_cpu(f->asked.arg[0]));
	KUNIT_EXPECT_EQ(test, 4, le64_to_cpu(f->asked.arg[1]));
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.queue_enable(&f->queue, &addr, 64));
	KUNIT_EXPECT_EQ(test, PARLEY_SHM_QUEUE, le32_to_cpu(f->asked.what));
	KUNIT_EXPECT_EQ(test, 1, le32_to_cpu(f->asked.queue));
	KUNIT_EXPECT_EQ(test, 64, le32_to_cpu(f->asked.size));
	KUNIT_EXPECT_EQ(test, 0x2000, le64_to_cpu(f->asked.arg[0]));
	KUNIT_EXPECT_EQ(test, 0x3000, le64_to_cpu(f->asked.arg[1]));
	KUNIT_EXPECT_EQ(test, 0x123456000, le64_to_cpu(f->asked.arg[2]));
	f->refuse = true;
	KUNIT_EXPECT_EQ(test, -EPROTO, parley_shm_ops.queue_enable(&f->queue, &addr, 64));
	KUNIT_EXPECT_TRUE(test, parley_shm_ops.notify(&f->queue, 0));
	KUNIT_EXPECT_EQ(test, PEER << 16 | 2, f->regs[3]);
}

static void it_reads_and_writes_the_configuration(struct kunit *test)
{
	struct fake *f = fake_alive(test);
	u8 buf[4] = { 1, 2, 3, 4 };
	u32 a, b;

	parley_shm_ops.config_write(pd_of(f), 8, buf, 4);
	KUNIT_EXPECT_EQ(test, PARLEY_SHM_WRITE, le32_to_cpu(f->asked.what));
	KUNIT_EXPECT_EQ(test, 8, le32_to_cpu(f->asked.offset));
	KUNIT_EXPECT_EQ(test, 4, le32_to_cpu(f->asked.size));
	KUNIT_EXPECT_MEMEQ(test, f->mem->data, buf, 4);
	f->mem->config[9] = 77;
	parley_shm_ops.config_read(pd_of(f), 8, buf, 2);
	KUNIT_EXPECT_EQ(test, 77, buf[1]);
	KUNIT_EXPECT_EQ(test, 3, buf[2]);
	f->mem->state.generation = cpu_to_le32(4);
	a = parley_shm_ops.generation(pd_of(f));
	KUNIT_EXPECT_EQ(test, a, parley_shm_ops.generation(pd_of(f)));
	/* While it is being written no two looks agree. */
	f->mem->state.generation = cpu_to_le32(5);
	b = parley_shm_ops.generation(pd_of(f));
	KUNIT_EXPECT_NE(test, a, b);
	KUNIT_EXPECT_NE(test, b, parley_shm_ops.generation(pd_of(f)));
}

static void it_asks_a_dead_device_once(struct kunit *test)
{
	struct fake *f = fake_alive(test);
	unsigned long begun;

	parley_shm_ops.set_status(pd_of(f), DRIVER_OK);
	KUNIT_EXPECT_EQ(test, DRIVER_OK, parley_shm_ops.get_status(pd_of(f)));
	KUNIT_EXPECT_EQ(test, PARLEY_SHM_NOTHING, le32_to_cpu(f->asked.what));
	fake_kill(f);
	KUNIT_EXPECT_EQ(test, PARLEY_STATUS_GONE, parley_shm_ops.get_status(pd_of(f)));
	begun = jiffies;
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_shm_ops.reset(pd_of(f)));
	KUNIT_EXPECT_EQ(test, PARLEY_STATUS_GONE, parley_shm_ops.get_status(pd_of(f)));
	KUNIT_EXPECT_FALSE(test, parley_shm_ops.notify(&f->queue, 0));
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, begun + HZ / 2));
}

static void a_reset_ends_without_an_answer(struct kunit *test)
{
	struct fake *f = fake_new(test);

	KUNIT_ASSERT_EQ(test, 0, parley_shm_learn(&f->sh));
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, parley_shm_ops.reset(pd_of(f)));
}

static void a_device_that_leaves_says_so(struct kunit *test)
{
	struct fake *f = fake_new(test);
	unsigned long begun = jiffies;

	KUNIT_ASSERT_EQ(test, 0, parley_shm_learn(&f->sh));
	f->mem->state.status = cpu_to_le32(PARLEY_SHM_GONE);
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_shm_ops.reset(pd_of(f)));
	KUNIT_EXPECT_TRUE(test, time_before(jiffies, begun + HZ / 2));
}

/* Only what runs is asked whether it is there. */
static void a_device_at_rest_is_not_disturbed(struct kunit *test)
{
	struct fake *f = fake_alive(test);
	unsigned int asks;

	parley_shm_ops.set_status(pd_of(f), DRIVER_OK);
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.reset(pd_of(f)));
	asks = f->asks;
	KUNIT_EXPECT_EQ(test, 0, parley_shm_ops.get_status(pd_of(f)));
	KUNIT_EXPECT_EQ(test, asks, f->asks);
}

/* -------------------------------------------------------------- interrupts */

static void answers_are_no_changes(struct kunit *test)
{
	struct fake *f = fake_alive(test);

	parley_shm_look(&f->sh);
	KUNIT_EXPECT_EQ(test, 0, world.config_interrupts);
	f->mem->state.changes = cpu_to_le32(1);
	parley_shm_look(&f->sh);
	parley_shm_look(&f->sh);
	KUNIT_EXPECT_EQ(test, 1, world.config_interrupts);
	/* Of a change that interrupted nobody the next who listens hears. */
	f->mem->state.changes = cpu_to_le32(2);
	KUNIT_ASSERT_EQ(test, 0, parley_shm_vectors_alloc(pd_of(f), NULL));
	KUNIT_EXPECT_EQ(test, 2, world.config_interrupts);
	parley_shm_vectors_free(pd_of(f));
}

static void a_queue_has_the_vector_of_its_number(struct kunit *test)
{
	struct irq_affinity affd = {};
	struct fake *f = fake_alive(test);

	KUNIT_ASSERT_EQ(test, 0, parley_shm_vectors_alloc(pd_of(f), &affd));
	KUNIT_EXPECT_EQ(test, 3, world.vectors);
	KUNIT_EXPECT_EQ(test, 2, f->queue.vector);
	KUNIT_EXPECT_EQ(test, 1, world.affd.pre_vectors);
	KUNIT_EXPECT_EQ(test, 0, world.affd.post_vectors);
	KUNIT_EXPECT_NOT_NULL(test, parley_shm_affinity(&f->queue));
	KUNIT_EXPECT_EQ(test, 2, parley_shm_irq(&f->queue));
	parley_shm_vectors_free(pd_of(f));
	KUNIT_EXPECT_EQ(test, 2, world.freed);
	KUNIT_EXPECT_EQ(test, -ENXIO, parley_shm_irq(&f->queue));
	/* Admin queues are not spread, */
	f->queue.spec.flags = PARLEY_QUEUE_ADMIN;
	KUNIT_ASSERT_EQ(test, 0, parley_shm_vectors_alloc(pd_of(f), &affd));
	KUNIT_EXPECT_NULL(test, parley_shm_affinity(&f->queue));
	parley_shm_vectors_free(pd_of(f));
	/* and polled ones have none. */
	f->queue.spec.flags = PARLEY_QUEUE_POLLED;
	KUNIT_ASSERT_EQ(test, 0, parley_shm_vectors_alloc(pd_of(f), &affd));
	KUNIT_EXPECT_EQ(test, 1, world.vectors);
	KUNIT_EXPECT_EQ(test, -1, f->queue.vector);
	parley_shm_vectors_free(pd_of(f));
	KUNIT_EXPECT_EQ(test, world.requested, world.freed);
}

static void what_was_requested_is_freed(struct kunit *test)
{
	struct fake *f = fake_alive(test);

	world.refuse_at = 1;
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_shm_vectors_alloc(pd_of(f), NULL));
	KUNIT_EXPECT_EQ(test, 0, world.freed);
	world.requested = 0;
	world.refuse_at = 2;
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_shm_vectors_alloc(pd_of(f), NULL));
	KUNIT_EXPECT_EQ(test, 1, world.freed);
	parley_shm_vectors_free(pd_of(f));
	KUNIT_EXPECT_EQ(test, 1, world.freed);
}

static struct kunit_case shm_pool_cases[] = {
	KUNIT_CASE(a_ring_begins_a_page_and_is_empty),
	KUNIT_CASE(rings_leave_half_to_buffers),
	KUNIT_CASE(the_device_reads_a_copy),
	KUNIT_CASE(what_it_writes_arrives),
	KUNIT_CASE(a_full_pool_says_so),
	KUNIT_CASE(what_is_no_memory_is_refused),
	KUNIT_CASE(a_request_finds_room),
	{ }
};

static struct kunit_case shm_device_cases[] = {
	KUNIT_CASE(it_learns_what_the_device_is),
	KUNIT_CASE(it_believes_no_nonsense),
	KUNIT_CASE(it_asks_and_is_answered),
	KUNIT_CASE(it_reads_and_writes_the_configuration),
	KUNIT_CASE(it_asks_a_dead_device_once),
	KUNIT_CASE(a_reset_ends_without_an_answer),
	KUNIT_CASE(a_device_that_leaves_says_so),
	KUNIT_CASE(a_device_at_rest_is_not_disturbed),
	KUNIT_CASE(answers_are_no_changes),
	KUNIT_CASE(a_queue_has_the_vector_of_its_number),
	KUNIT_CASE(what_was_requested_is_freed),
	{ }
};

static struct kunit_suite shm_pool_suite = {
	.name = "parley-shm-pool",
	.test_cases = shm_pool_cases,
};

static struct kunit_suite shm_device_suite = {
	.name = "parley-shm",
	.test_cases = shm_device_cases,
};

kunit_test_suites(&shm_pool_suite, &shm_device_suite);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: tests of the shared-memory transport");
MODULE_LICENSE("GPL");
