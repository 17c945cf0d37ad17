// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a PCI function, over a kernel and a model that take note: when it is
 * enabled, when it may reach memory, and what becomes of it when the bus fails.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "../pci.h"

/* What the driver asked of the kernel and the model. */
static struct {
	struct parley_pci *pp;
	int enabled;
	bool fails;		/* to be enabled */
	bool refuses;		/* to be frozen */
	bool master;
	bool saved_master;
	unsigned int early;	/* resets of a device that could reach memory */
	unsigned int disabled_twice;
	unsigned int frozen;
	unsigned int shut_down;
	unsigned int restored;
	unsigned int surprised;
	bool quiet;		/* when it was restored */
} world;

static int world_enable(struct pci_dev *pdev)
{
	if (world.fails)
		return -EIO;
	world.enabled++;
	return 0;
}

static void world_disable(struct pci_dev *pdev)
{
	if (world.enabled <= 0)
		world.disabled_twice++;
	else if (!--world.enabled)
		world.master = false;
}

/* The device never finishes it, which cuts it off: see parley_pci_reset(). */
static int world_reset(struct parley_vdev *v)
{
	world.early += world.master;
	world.master = false;
	return 0;
}

static int world_register(struct parley_vdev *v)
{
	device_initialize(&v->pd.dev);
	return world_reset(v);
}

static int world_freeze(struct parley_vdev *v)
{
	if (world.refuses)
		return -EOPNOTSUPP;
	world.frozen++;
	world.master = false;
	return 0;
}

static int world_restore(struct parley_vdev *v)
{
	world.restored++;
	world.quiet = container_of(v, struct parley_pci, vdev)->quiet;
	return world_reset(v);
}

#define pci_enable_device		world_enable
#define pci_disable_device		world_disable
#define pci_set_master(d)		(world.master = true)
#define pci_clear_master(d)		(world.master = false)
#define pci_save_state(d)		(world.saved_master = world.master)
#define pci_restore_state(d)		(world.master = world.saved_master)
#define pci_device_is_present(d)	true
#undef pci_err
#define pci_err(d, ...)			((void)(d))
#define dma_set_mask_and_coherent(d, m)	0
#define get_device(d)			(d)
#define put_device(d)			((void)(d))
#define parley_pci_map(pp)		0
#define parley_pci_unmap(pp)		((void)(pp))
#define parley_pci_synchronize(pp)	((void)(pp))
#define parley_device_register(v, d)	world_register(v)
#define parley_device_unregister(v)	((void)world_reset(v))
#define parley_device_freeze(v, why)	world_freeze(v)
#define parley_device_restore(v, why)	world_restore(v)
#define parley_device_surprise(v)	((void)(v), world.surprised++)
#define parley_device_shutdown(v)	((void)(v), world.shut_down++)
#define parley_device_free		NULL
#define parley_pci_ops			parley_pci_world_ops

static const struct parley_transport_ops parley_pci_world_ops;

/* Private as it is, it is built here, and registers nothing. */
#undef module_pci_driver
#define module_pci_driver(d)
#undef MODULE_DESCRIPTION
#define MODULE_DESCRIPTION(text)
#undef MODULE_VERSION
#define MODULE_VERSION(text)
#undef MODULE_LICENSE
#define MODULE_LICENSE(text)
#include "../pci.c"

static const struct pci_driver *const driver = &parley_pci_driver;

static void forget(void *pp)
{
	kfree(pp);
}

/* A function that the driver has; firmware left it with the bus. */
static struct pci_dev *function_of(struct kunit *test)
{
	const struct pci_device_id id = {
		.driver_data = PARLEY_PCI_MATCH_OVERRIDE,
	};
	struct pci_dev *pdev = kunit_kzalloc(test, sizeof(*pdev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pdev);
	memset(&world, 0, sizeof(world));
	world.master = true;
	pdev->device = 0x1042;
	KUNIT_ASSERT_EQ(test, 0, driver->probe(pdev, &id));
	world.pp = pci_get_drvdata(pdev);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, forget, world.pp));
	KUNIT_EXPECT_EQ(test, 1, world.enabled);
	return pdev;
}

/* Unbound: everything was undone, once. */
static void let_go(struct kunit *test, struct pci_dev *pdev)
{
	driver->remove(pdev);
	KUNIT_EXPECT_EQ(test, 0, world.enabled);
	KUNIT_EXPECT_EQ(test, 0, world.disabled_twice);
	KUNIT_EXPECT_FALSE(test, world.master);
}

static void memory_is_out_of_reach_before_a_reset(struct kunit *test)
{
	struct pci_dev *pdev = function_of(test);

	KUNIT_EXPECT_EQ(test, 0, world.early);
	KUNIT_EXPECT_FALSE(test, world.master);
	let_go(test, pdev);
}

static void a_resume_waits_for_the_reset(struct kunit *test)
{
	struct pci_dev *pdev = function_of(test);

	world.early = 0;
	KUNIT_ASSERT_EQ(test, 0, parley_pci_suspend(&pdev->dev));
	KUNIT_EXPECT_EQ(test, 0, world.enabled);
	KUNIT_ASSERT_EQ(test, 0, parley_pci_resume(&pdev->dev));
	KUNIT_EXPECT_EQ(test, 1, world.restored);
	KUNIT_EXPECT_EQ(test, 0, world.early);
	KUNIT_EXPECT_FALSE(test, world.master);
	let_go(test, pdev);
}

static void so_does_a_slot_reset(struct kunit *test)
{
	const struct pci_error_handlers *on = driver->err_handler;
	struct pci_dev *pdev = function_of(test);

	world.early = 0;
	/* What was saved is from a time when it worked. */
	world.saved_master = true;
	KUNIT_ASSERT_TRUE(test, on->error_detected(pdev, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_NEED_RESET);
	KUNIT_ASSERT_TRUE(test, on->slot_reset(pdev) == PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_FALSE(test, world.master);
	on->resume(pdev);
	KUNIT_EXPECT_EQ(test, 1, world.restored);
	KUNIT_EXPECT_EQ(test, 0, world.early);
	/* And again, from what was saved then. */
	KUNIT_ASSERT_TRUE(test, on->error_detected(pdev, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_NEED_RESET);
	KUNIT_ASSERT_TRUE(test, on->slot_reset(pdev) == PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_FALSE(test, world.master);
	let_go(test, pdev);
}

/* Another function of the slot wanted it; this one was not stopped. */
static void a_slot_reset_of_others_changes_nothing(struct kunit *test)
{
	const struct pci_error_handlers *on = driver->err_handler;
	struct pci_dev *pdev = function_of(test);

	world.master = true;
	world.saved_master = true;
	KUNIT_ASSERT_TRUE(test, on->error_detected(pdev, pci_channel_io_normal) ==
			  PCI_ERS_RESULT_CAN_RECOVER);
	KUNIT_ASSERT_TRUE(test, on->slot_reset(pdev) == PCI_ERS_RESULT_RECOVERED);
	KUNIT_EXPECT_TRUE(test, world.master);
	KUNIT_EXPECT_EQ(test, 1, world.enabled);
	world.master = false;
	let_go(test, pdev);
}

static void it_is_disabled_once(struct kunit *test)
{
	const struct pci_error_handlers *on = driver->err_handler;
	struct pci_dev *pdev = function_of(test);

	/* Unbound between an error of the bus and its end. */
	on->error_detected(pdev, pci_channel_io_frozen);
	KUNIT_EXPECT_EQ(test, 0, world.enabled);
	let_go(test, pdev);
	/* After a suspend that it did not come back from. */
	pdev = function_of(test);
	KUNIT_ASSERT_EQ(test, 0, parley_pci_suspend(&pdev->dev));
	world.fails = true;
	parley_pci_resume(&pdev->dev);
	KUNIT_EXPECT_EQ(test, 1, world.surprised);
	KUNIT_EXPECT_EQ(test, 1, world.restored);
	KUNIT_ASSERT_EQ(test, 0, parley_pci_suspend(&pdev->dev));
	let_go(test, pdev);
}

/* Nobody calls resume() then, and what is held would wait for ever. */
static void a_slot_reset_that_fails_is_the_end(struct kunit *test)
{
	const struct pci_error_handlers *on = driver->err_handler;
	struct pci_dev *pdev = function_of(test);

	KUNIT_ASSERT_TRUE(test, on->error_detected(pdev, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_NEED_RESET);
	KUNIT_EXPECT_EQ(test, 1, world.frozen);
	world.fails = true;
	KUNIT_ASSERT_TRUE(test, on->slot_reset(pdev) == PCI_ERS_RESULT_DISCONNECT);
	KUNIT_EXPECT_EQ(test, 1, world.surprised);
	let_go(test, pdev);
}

/* Registers are asked only while they are there, and again by the model's reset. */
static void registers_are_left_alone(struct kunit *test)
{
	const struct pci_error_handlers *on = driver->err_handler;
	struct pci_dev *pdev = function_of(test);

	on->reset_prepare(pdev);
	KUNIT_EXPECT_NE(test, 0, world.pp->quiet);
	/* One in the other, as nobody orders them. */
	KUNIT_ASSERT_EQ(test, 0, parley_pci_suspend(&pdev->dev));
	on->reset_done(pdev);
	KUNIT_EXPECT_NE(test, 0, world.pp->quiet);
	KUNIT_ASSERT_EQ(test, 0, parley_pci_resume(&pdev->dev));
	KUNIT_EXPECT_EQ(test, 0, world.pp->quiet);
	KUNIT_EXPECT_FALSE(test, world.quiet);
	on->error_detected(pdev, pci_channel_io_frozen);
	KUNIT_EXPECT_NE(test, 0, world.pp->quiet);
	on->slot_reset(pdev);
	on->resume(pdev);
	KUNIT_EXPECT_EQ(test, 0, world.pp->quiet);
	KUNIT_EXPECT_FALSE(test, world.quiet);
	let_go(test, pdev);
}

static void what_cannot_be_frozen_fails(struct kunit *test)
{
	const struct pci_error_handlers *on = driver->err_handler;
	struct pci_dev *pdev = function_of(test);

	world.refuses = true;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, parley_pci_suspend(&pdev->dev));
	KUNIT_EXPECT_EQ(test, 1, world.enabled);
	on->reset_prepare(pdev);
	KUNIT_EXPECT_EQ(test, 1, world.shut_down);
	on->reset_done(pdev);
	KUNIT_EXPECT_TRUE(test, on->error_detected(pdev, pci_channel_io_frozen) ==
			  PCI_ERS_RESULT_DISCONNECT);
	KUNIT_EXPECT_EQ(test, 1, world.surprised);
	let_go(test, pdev);
}

static struct kunit_case driver_cases[] = {
	KUNIT_CASE(memory_is_out_of_reach_before_a_reset),
	KUNIT_CASE(a_resume_waits_for_the_reset),
	KUNIT_CASE(so_does_a_slot_reset),
	KUNIT_CASE(a_slot_reset_of_others_changes_nothing),
	KUNIT_CASE(it_is_disabled_once),
	KUNIT_CASE(a_slot_reset_that_fails_is_the_end),
	KUNIT_CASE(registers_are_left_alone),
	KUNIT_CASE(what_cannot_be_frozen_fails),
	{}
};

static struct kunit_suite driver_suite = {
	.name = "parley_pci_driver",
	.test_cases = driver_cases,
};

kunit_test_suite(driver_suite);
