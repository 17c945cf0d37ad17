// SPDX-License-Identifier: GPL-2.0-only
/* Back ends: what may be one, and who is kept from it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "../child.h"
#include "../note.h"
#include "test.h"

static const char *opened(struct image *image, bool read_only, bool share)
{
	image_init(image);
	return image_open(image, test_image(), read_only, share);
}

static const char *said(const char *path)
{
	static struct image image;
	const char *why;

	image_init(&image);
	why = image_open(&image, path, false, false);
	image_close(&image);
	return why ? why : "";
}

static void what_is_no_back_end_is_refused_with_a_reason(void)
{
	EXPECT(strstr(said("/dev/null"), "/dev/null: neither a block device"));
	EXPECT(strstr(said("/tmp"), "a folder"));
	EXPECT(strstr(said("/nonexistent"), "there is no such"));
	EXPECT(!*said(test_image()));
}

static void one_writer_at_a_time(void)
{
	struct image a, b;

	EXPECT(!opened(&a, false, false) && !opened(&b, false, false));
	EXPECT(!image_claim(&a) && !image_claim(&a));
	EXPECT(image_claim(&b) && !b.claimed);
	image_release(&a);
	EXPECT(!image_claim(&b));
	EXPECT(image_claim(&a));
	image_close(&b);
	EXPECT(!image_claim(&a));
	image_close(&a);
}

static void readers_share_and_writers_do_not(void)
{
	struct image r1, r2, w;

	EXPECT(!opened(&r1, true, false) && !opened(&r2, true, false));
	EXPECT(!opened(&w, false, false));
	EXPECT(!image_claim(&r1) && !image_claim(&r2));
	EXPECT(image_claim(&w));
	image_release(&r1);
	EXPECT(image_claim(&w));
	image_release(&r2);
	EXPECT(!image_claim(&w));
	EXPECT(image_claim(&r1));
	image_close(&r1);
	image_close(&r2);
	image_close(&w);
}

static void share_is_on_purpose_on_both_sides(void)
{
	struct image a, b, w;

	EXPECT(!opened(&a, false, true) && !opened(&b, false, true));
	EXPECT(!opened(&w, false, false));
	EXPECT(!image_claim(&a) && !image_claim(&b));
	EXPECT(image_claim(&w));	/* it wants it for itself */
	image_release(&a);
	image_release(&b);
	EXPECT(!image_claim(&w));
	EXPECT(image_claim(&a));
	image_close(&a);
	image_close(&b);
	image_close(&w);
}

/* The locks outlive who took them, as long as somebody holds the open file. */
static void the_kernel_keeps_a_claim_until_it_is_done(void)
{
	struct image a, b;
	int kernel;

	EXPECT(!opened(&a, false, false) && !opened(&b, false, false));
	EXPECT(!image_claim(&a));
	kernel = dup(a.fd);
	image_close(&a);
	EXPECT(image_claim(&b));
	close(kernel);
	EXPECT(!image_claim(&b));
	image_close(&b);
}

/*
 * As QEMU: a read lock on each of these bytes.  A guest's disk is 100, 101, 201
 * and 203; with share-rw=on it is 100 and 101.
 */
static int qemu(const off_t *bytes, unsigned int nr)
{
	int fd = open(test_image(), O_RDWR | O_CLOEXEC);
	struct flock f = { .l_type = F_RDLCK, .l_len = 1 };
	unsigned int i;

	for (i = 0; i < nr; i++) {
		f.l_start = bytes[i];
		EXPECT(!fcntl(fd, F_OFD_SETLK, &f));
	}
	return fd;
}

static bool qemu_sees(int fd, off_t byte)
{
	struct flock f = { .l_type = F_WRLCK, .l_start = byte, .l_len = 1 };

	EXPECT(!fcntl(fd, F_OFD_GETLK, &f));
	return f.l_type != F_UNLCK;
}

static void an_image_that_a_qemu_uses_is_left_alone(void)
{
	static const off_t disk[] = { 100, 101, 201, 203 };
	static const off_t reader[] = { 100, 201, 203 }, shared[] = { 100, 101 };
	struct image w, r, s;
	int fd;

	EXPECT(!opened(&w, false, false) && !opened(&r, true, false));
	EXPECT(!opened(&s, false, true));
	fd = qemu(disk, 4);
	EXPECT(image_claim(&w) && image_claim(&r) && image_claim(&s));
	close(fd);
	fd = qemu(reader, 3);
	EXPECT(image_claim(&w) && image_claim(&s));
	EXPECT(!image_claim(&r));
	image_release(&r);
	close(fd);
	fd = qemu(shared, 2);
	EXPECT(image_claim(&w) && image_claim(&r));
	EXPECT(!image_claim(&s));
	close(fd);
	image_close(&w);
	image_close(&r);
	image_close(&s);
}

static void a_qemu_sees_what_we_use(void)
{
	struct image image;
	int fd = qemu(NULL, 0);

	EXPECT(!qemu_sees(fd, 100));
	EXPECT(!opened(&image, false, false));
	EXPECT(qemu_sees(fd, 100) && !qemu_sees(fd, 101));
	EXPECT(!image_claim(&image));
	EXPECT(qemu_sees(fd, 101) && qemu_sees(fd, 201) && qemu_sees(fd, 203));
	EXPECT(!qemu_sees(fd, 200));
	image_release(&image);
	EXPECT(qemu_sees(fd, 100) && !qemu_sees(fd, 101));
	EXPECT(!qemu_sees(fd, 201) && !qemu_sees(fd, 203));
	image_close(&image);
	EXPECT(!qemu_sees(fd, 100));
	close(fd);
}

/* Two VMMs, connected both, as source and target of a migration are. */
static void rings_of_one_guest_at_a_time(void)
{
	struct vmm *a = vmm_new(), *b = vmm_new();

	a->disk.options.share = false;
	b->disk.options.share = false;
	vmm_restart(a);
	vmm_restart(b);
	vmm_handshake(a, VMM_SPLIT);
	EXPECT(!vmm_ring(a, 0, 64, 0) && !vmm_ring(a, 1, 64, 0));
	vmm_handshake(b, VMM_SPLIT);
	EXPECT(vmm_ring(b, 0, 64, 0) && !b->fake.ring[0].starts);
	/* The source stops its rings, the last one too. */
	EXPECT(!vmm_state(a, MSG_GET_VRING_BASE, 0, 0));
	EXPECT(vmm_state(b, MSG_SET_VRING_ENABLE, 0, 1));
	EXPECT(!vmm_state(a, MSG_GET_VRING_BASE, 1, 0));
	EXPECT(!vmm_state(b, MSG_SET_VRING_ENABLE, 0, 1));
	EXPECT(b->fake.ring[0].on);
	/* A pause for a change of memory is no stop. */
	EXPECT(!vmm_add(b, VMM_SIZE, 4096, 1 << 30, 0, vmm_memfd(4096)));
	device_hold(&b->c.d);
	EXPECT(!b->fake.ring[0].on);
	EXPECT(vmm_ring(a, 0, 64, 0));
	device_resume(&b->c.d);
	EXPECT(b->fake.ring[0].on);
	vmm_free(b);
	EXPECT(!vmm_ring(a, 0, 64, 0) && a->fake.ring[0].on);
	vmm_free(a);
}

/* Who waits for somebody else's rings to stop ends when told, and only then. */
static void a_wait_ends_with_the_process(void)
{
	struct vmm *a = vmm_new(), *b = vmm_new();
	long begun;
	int pair[2];

	a->disk.options.share = false;
	b->disk.options.share = false;
	vmm_restart(a);
	vmm_restart(b);
	vmm_handshake(a, VMM_SPLIT);
	EXPECT(!vmm_ring(a, 0, 64, 0));
	vmm_handshake(b, VMM_SPLIT);
	EXPECT(!note_pair(pair));
	b->c.d.stop_fd = pair[0];
	b->c.d.claim_ms = 300;
	note_send(pair[1], NOTE_RESCAN, 0);
	begun = child_now();
	EXPECT(vmm_ring(b, 0, 64, 0));
	EXPECT(child_now() - begun >= 300);
	b->c.d.claim_ms = 10000;
	close(pair[1]);
	begun = child_now();
	EXPECT(vmm_state(b, MSG_SET_VRING_ENABLE, 0, 1));
	EXPECT(child_now() - begun < 5000);
	close(pair[0]);
	vmm_free(b);
	vmm_free(a);
}

static void write_at(int fd, off_t at, const char *what)
{
	EXPECT(pwrite(fd, what, strlen(what), at) == (ssize_t)strlen(what));
}

static bool doubts(struct image *image, uint32_t block, const char *what)
{
	const char *said = image_doubts(image, block, 1 << 20);

	return what ? said && strstr(said, what) : !said;
}

/* A guest that finds no partitions, and an operator who knows why. */
static void an_image_that_is_served_wrongly_is_named(void)
{
	struct image image;

	EXPECT(!opened(&image, false, true));
	EXPECT(doubts(&image, 512, NULL) && doubts(&image, 4096, NULL));
	EXPECT(strstr(image_doubts(&image, 4096, 0), "smaller than a block"));
	write_at(image.fd, 512, "EFI PART");
	EXPECT(doubts(&image, 512, NULL));
	EXPECT(doubts(&image, 4096, "see block-size=512"));
	write_at(image.fd, 4096, "EFI PART");	/* for both */
	EXPECT(doubts(&image, 512, NULL) && doubts(&image, 4096, NULL));
	write_at(image.fd, 512, "nothing.");
	EXPECT(doubts(&image, 512, "see block-size=4096"));
	EXPECT(doubts(&image, 4096, NULL));
	write_at(image.fd, 0, "QFI\xfb");
	EXPECT(doubts(&image, 4096, "qcow2"));
	EXPECT(!ftruncate(image.fd, 0) && !ftruncate(image.fd, (1 << 20) - 512));
	EXPECT(doubts(&image, 512, NULL));
	EXPECT(doubts(&image, 4096, "last 3584 bytes"));
	EXPECT(!ftruncate(image.fd, 1 << 20));
	image_close(&image);
}

static void the_size_of_blocks_reaches_the_kernel(void)
{
	static const struct {
		unsigned int size;
		uint32_t flags;
	} sizes[] = { { 0, 0 }, { 512, PARLEY_BLK_512 }, { 4096, PARLEY_BLK_4096 } };
	struct vmm *v = vmm_new();
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		v->disk.options.block_size = sizes[i].size;
		vmm_restart(v);
		EXPECT(!v->why && v->fake.backend.flags == sizes[i].flags);
	}
	vmm_free(v);
}

const struct test image_tests[] = {
	{ "what_is_no_back_end_is_refused_with_a_reason",
	  what_is_no_back_end_is_refused_with_a_reason },
	{ "one_writer_at_a_time", one_writer_at_a_time },
	{ "readers_share_and_writers_do_not", readers_share_and_writers_do_not },
	{ "share_is_on_purpose_on_both_sides", share_is_on_purpose_on_both_sides },
	{ "the_kernel_keeps_a_claim_until_it_is_done",
	  the_kernel_keeps_a_claim_until_it_is_done },
	{ "an_image_that_a_qemu_uses_is_left_alone",
	  an_image_that_a_qemu_uses_is_left_alone },
	{ "a_qemu_sees_what_we_use", a_qemu_sees_what_we_use },
	{ "rings_of_one_guest_at_a_time", rings_of_one_guest_at_a_time },
	{ "a_wait_ends_with_the_process", a_wait_ends_with_the_process },
	{ "an_image_that_is_served_wrongly_is_named",
	  an_image_that_is_served_wrongly_is_named },
	{ "the_size_of_blocks_reaches_the_kernel",
	  the_size_of_blocks_reaches_the_kernel },
	{ NULL, NULL },
};
