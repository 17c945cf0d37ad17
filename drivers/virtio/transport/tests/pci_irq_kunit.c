// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue has which vector of a PCI function, over a kernel that hands out
 * as many as a test allows, and a device that takes note.
 */
#include <kunit/test.h>
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/virtio_pci_modern.h>
#include <parley/transport.h>

#define IRQ		1000	/* number of vector 0 */
#define VECTORS		16
#define QUEUES		66

/* What the transport asked of the kernel, the device and the model. */
static struct {
	unsigned int most;	/* vectors of the device */
	unsigned int pre;	/* of them, not spread */
	bool spread;
	struct {
		irq_handler_t handler;
		void *cookie;
		const struct cpumask *hint;
	} irq[VECTORS];
	u16 config_vector;
	u16 queue_vector[QUEUES];
	int served;		/* the queue or vector that an interrupt led to */
	unsigned int shared;	/* interrupts that led to all queues */
	unsigned int configs;
} world;

static int world_alloc(struct pci_dev *dev, unsigned int min, unsigned int max,
		       unsigned int flags, struct irq_affinity *affd)
{
	if (flags == PCI_IRQ_INTX)
		return 1;
	if (min > world.most)
		return -ENOSPC;
	world.spread = affd;
	world.pre = affd ? affd->pre_vectors : 0;
	return min;
}

static int world_request(unsigned int irq, irq_handler_t handler,
			 unsigned long flags, const char *name, void *cookie)
{
	world.irq[irq - IRQ].handler = handler;
	world.irq[irq - IRQ].cookie = cookie;
	return 0;
}

static const void *world_release(unsigned int irq, void *cookie)
{
	/* The kernel would warn of a hint that is left. */
	if (world.irq[irq - IRQ].hint || world.irq[irq - IRQ].cookie != cookie)
		return NULL;
	world.irq[irq - IRQ].handler = NULL;
	return NULL;
}

static int world_hint(unsigned int irq, const struct cpumask *mask)
{
	world.irq[irq - IRQ].hint = mask;
	return 0;
}

static u16 world_queue_vector(unsigned int index, u16 vector)
{
	world.queue_vector[index] = vector;
	return vector;
}

static irqreturn_t world_queue(struct parley_queue *queue)
{
	world.served = queue->index;
	return IRQ_HANDLED;
}

static irqreturn_t world_vector(int vector)
{
	world.served = vector;
	return IRQ_HANDLED;
}

#define pci_irq_vector(dev, n)		(IRQ + (n))
#define pci_alloc_irq_vectors_affinity	world_alloc
#define pci_alloc_irq_vectors(d, a, b, f)	world_alloc(d, a, b, f, NULL)
#define pci_free_irq_vectors(dev)	((void)(dev))
#define pci_irq_get_affinity(dev, n)	((void)(n), cpu_possible_mask)
#define request_irq			world_request
#define free_irq			world_release
#define synchronize_irq(irq)		((void)(irq))
#define irq_set_affinity_and_hint	world_hint
#define irq_update_affinity_hint	world_hint
#define vp_modern_config_vector(m, v)	(world.config_vector = (v))
#define vp_modern_queue_vector(m, i, v)	world_queue_vector(i, v)
#define parley_queue_interrupt		world_queue
#define parley_vector_interrupt(d, v)	((void)(d), world_vector(v))
#define parley_device_interrupt(d)	((void)(d), world.shared++)
#define parley_device_config_interrupt(d)	((void)(d), world.configs++)

/* Private as they are, they are built here under other names. */
#define parley_pci_vectors_alloc	parley_pci_world_vectors_alloc
#define parley_pci_vectors_free		parley_pci_world_vectors_free
#define parley_pci_vectors_again	parley_pci_world_vectors_again
#define parley_pci_queue_vector		parley_pci_world_queue_vector
#define parley_pci_synchronize		parley_pci_world_synchronize
#define parley_pci_affinity		parley_pci_world_affinity
#define parley_pci_set_affinity		parley_pci_world_set_affinity
#define parley_pci_irq			parley_pci_world_irq
#include "../pci_irq.c"

struct function {
	struct parley_pci pp;
	struct pci_dev pdev;
	struct parley_queue queues[QUEUES];
};

/* A function with @most vectors and @nr queues, each like @spec. */
static struct function *function_of(struct kunit *test, unsigned int most,
				    unsigned int nr,
				    struct parley_queue_spec spec)
{
	struct function *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	memset(&world, 0, sizeof(world));
	memset(world.queue_vector, 0xff, sizeof(world.queue_vector));
	world.most = most;
	world.served = -1;
	f->pp.pdev = &f->pdev;
	f->pp.vdev.pd.queues = f->queues;
	f->pp.vdev.pd.nr_queues = nr;
	f->pp.vdev.m.nr_all = nr;
	f->pp.vdev.pd.dev.init_name = "fake-pci";
	f->pdev.dev.init_name = "fake-function";
	for (i = 0; i < nr; i++) {
		f->queues[i].dev = &f->pp.vdev.pd;
		f->queues[i].index = i;
		f->queues[i].vector = -1;
		f->queues[i].spec = spec;
		f->queues[i].spec.name = "q";
	}
	return f;
}

static void raise(unsigned int vector)
{
	world.irq[vector].handler(IRQ + vector, world.irq[vector].cookie);
}

static void each_queue_has_a_vector(struct kunit *test)
{
	struct function *f = function_of(test, VECTORS, 3,
					 (struct parley_queue_spec) {});
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, i + 1, world.queue_vector[i]);
		KUNIT_EXPECT_EQ(test, IRQ + i + 1, parley_pci_irq(&f->queues[i]));
		raise(i + 1);
		KUNIT_EXPECT_EQ(test, i, world.served);
	}
	raise(0);
	KUNIT_EXPECT_EQ(test, 1, world.configs);
	parley_pci_vectors_free(&f->pp.vdev.pd);
	KUNIT_EXPECT_EQ(test, VIRTIO_MSI_NO_VECTOR, world.config_vector);
	for (i = 0; i <= 3; i++)
		KUNIT_EXPECT_NULL(test, world.irq[i].handler);
}

/* A console with 65 queues takes two vectors: its own, and the configuration's. */
static void group_has_one_vector(struct kunit *test)
{
	struct function *f = function_of(test, VECTORS, 65,
					 (struct parley_queue_spec) { .group = 9 });
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	KUNIT_EXPECT_EQ(test, 2, f->pp.nr_vectors);
	KUNIT_EXPECT_EQ(test, PARLEY_PCI_EACH, f->pp.mode);
	for (i = 0; i < 65; i++)
		KUNIT_EXPECT_EQ(test, 1, world.queue_vector[i]);
	raise(1);
	KUNIT_EXPECT_EQ(test, 1, world.served);
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

static void groups_and_single_queues_mix(struct kunit *test)
{
	/* Two pairs, one queue alone, and one that is administration. */
	static const u16 groups[] = { 1, 1, 2, 2, 0, 0 };
	static const u16 vectors[] = { 2, 2, 3, 3, 4, 1 };
	struct function *f = function_of(test, VECTORS, ARRAY_SIZE(groups),
					 (struct parley_queue_spec) {});
	struct irq_affinity affd = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++)
		f->queues[i].spec.group = groups[i];
	f->queues[5].spec.flags = PARLEY_QUEUE_ADMIN;
	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, &affd));
	KUNIT_EXPECT_EQ(test, 5, f->pp.nr_vectors);
	/* Configuration and administration stay where they are. */
	KUNIT_EXPECT_TRUE(test, world.spread);
	KUNIT_EXPECT_EQ(test, 2, world.pre);
	for (i = 0; i < ARRAY_SIZE(groups); i++)
		KUNIT_EXPECT_EQ(test, vectors[i], world.queue_vector[i]);
	raise(3);
	KUNIT_EXPECT_EQ(test, 3, world.served);
	raise(4);
	KUNIT_EXPECT_EQ(test, 4, world.served);
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

/* It has no vector, the device is told of none, and nobody asks for its number. */
static void polled_queue_has_no_vector(struct kunit *test)
{
	struct function *f = function_of(test, VECTORS, 3,
					 (struct parley_queue_spec) {});

	f->queues[1].spec.flags = PARLEY_QUEUE_POLLED;
	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	KUNIT_EXPECT_EQ(test, 3, f->pp.nr_vectors);
	KUNIT_EXPECT_EQ(test, -1, f->queues[1].vector);
	KUNIT_EXPECT_EQ(test, VIRTIO_MSI_NO_VECTOR, world.queue_vector[1]);
	KUNIT_EXPECT_EQ(test, 2, world.queue_vector[2]);
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

static void few_vectors_are_shared(struct kunit *test)
{
	struct function *f = function_of(test, 2, 3,
					 (struct parley_queue_spec) {});

	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	KUNIT_EXPECT_EQ(test, PARLEY_PCI_SHARED, f->pp.mode);
	KUNIT_EXPECT_EQ(test, 1, world.queue_vector[2]);
	KUNIT_EXPECT_EQ(test, IRQ + 1, parley_pci_irq(&f->queues[2]));
	raise(1);
	KUNIT_EXPECT_EQ(test, 1, world.shared);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			parley_pci_set_affinity(&f->queues[0], cpumask_of(0)));
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

static void without_vectors_there_is_the_pin(struct kunit *test)
{
	struct function *f = function_of(test, 0, 3,
					 (struct parley_queue_spec) {});

	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	KUNIT_EXPECT_EQ(test, PARLEY_PCI_INTX, f->pp.mode);
	KUNIT_EXPECT_EQ(test, -1, f->queues[2].vector);
	KUNIT_EXPECT_EQ(test, IRQ, parley_pci_irq(&f->queues[2]));
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

/* The pin is shared, and the function may be where its registers are not. */
static void a_quiet_function_is_not_asked(struct kunit *test)
{
	struct function *f = function_of(test, 0, 1,
					 (struct parley_queue_spec) {});
	u8 isr = PARLEY_PCI_ISR_QUEUE;

	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	f->pp.mdev.isr = (u8 __iomem *)&isr;
	f->pp.quiet = BIT(PARLEY_HOLD_RESET);
	KUNIT_EXPECT_EQ(test, IRQ_NONE, parley_pci_pin_irq(IRQ, &f->pp));
	KUNIT_EXPECT_EQ(test, 0, world.shared);
	f->pp.quiet = 0;
	KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_pci_pin_irq(IRQ, &f->pp));
	KUNIT_EXPECT_EQ(test, 1, world.shared);
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

static void affinity_is_set_and_shown(struct kunit *test)
{
	struct function *f = function_of(test, VECTORS, 2,
					 (struct parley_queue_spec) {});
	struct parley_queue *queue = &f->queues[1];

	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	KUNIT_EXPECT_NULL(test, parley_pci_affinity(queue));
	KUNIT_EXPECT_EQ(test, 0, parley_pci_set_affinity(queue, cpumask_of(0)));
	KUNIT_ASSERT_NOT_NULL(test, world.irq[2].hint);
	/* A copy: the caller's may be on the stack. */
	KUNIT_EXPECT_PTR_NE(test, cpumask_of(0), world.irq[2].hint);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(cpumask_of(0), world.irq[2].hint));
	KUNIT_EXPECT_PTR_EQ(test, world.irq[2].hint, parley_pci_affinity(queue));
	KUNIT_EXPECT_EQ(test, 0, parley_pci_set_affinity(queue, NULL));
	KUNIT_EXPECT_NULL(test, world.irq[2].hint);
	KUNIT_EXPECT_EQ(test, 0, parley_pci_set_affinity(queue, cpumask_of(0)));
	parley_pci_vectors_free(&f->pp.vdev.pd);
	KUNIT_EXPECT_NULL(test, world.irq[2].hint);
	KUNIT_EXPECT_NULL(test, world.irq[2].handler);
}

/* Those that the kernel spreads by itself are nobody else's to set. */
static void spread_vector_is_the_kernels(struct kunit *test)
{
	struct function *f = function_of(test, VECTORS, 2,
					 (struct parley_queue_spec) {});
	struct irq_affinity affd = {};

	f->queues[1].spec.flags = PARLEY_QUEUE_ADMIN;
	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, &affd));
	KUNIT_EXPECT_PTR_EQ(test, cpu_possible_mask,
			    parley_pci_affinity(&f->queues[0]));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			parley_pci_set_affinity(&f->queues[0], cpumask_of(0)));
	KUNIT_EXPECT_EQ(test, 0,
			parley_pci_set_affinity(&f->queues[1], cpumask_of(0)));
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

static void vectors_are_told_again(struct kunit *test)
{
	struct function *f = function_of(test, VECTORS, 2,
					 (struct parley_queue_spec) { .group = 1 });

	KUNIT_ASSERT_EQ(test, 0, parley_pci_vectors_alloc(&f->pp.vdev.pd, NULL));
	world.config_vector = VIRTIO_MSI_NO_VECTOR;
	memset(world.queue_vector, 0xff, sizeof(world.queue_vector));
	KUNIT_EXPECT_EQ(test, 0, parley_pci_vectors_again(&f->pp.vdev.pd));
	KUNIT_EXPECT_EQ(test, 0, parley_pci_queue_vector(&f->queues[1]));
	KUNIT_EXPECT_EQ(test, 0, world.config_vector);
	KUNIT_EXPECT_EQ(test, 1, world.queue_vector[1]);
	parley_pci_vectors_free(&f->pp.vdev.pd);
}

static struct kunit_case irq_cases[] = {
	KUNIT_CASE(each_queue_has_a_vector),
	KUNIT_CASE(group_has_one_vector),
	KUNIT_CASE(groups_and_single_queues_mix),
	KUNIT_CASE(polled_queue_has_no_vector),
	KUNIT_CASE(few_vectors_are_shared),
	KUNIT_CASE(without_vectors_there_is_the_pin),
	KUNIT_CASE(a_quiet_function_is_not_asked),
	KUNIT_CASE(affinity_is_set_and_shown),
	KUNIT_CASE(spread_vector_is_the_kernels),
	KUNIT_CASE(vectors_are_told_again),
	{}
};

static struct kunit_suite irq_suite = {
	.name = "parley_pci_vectors",
	.test_cases = irq_cases,
};

kunit_test_suite(irq_suite);
