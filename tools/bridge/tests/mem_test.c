// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory and the dirty log. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "test.h"

#define MB		(1ull << 20)
#define LOG_ALL		(1ull << VHOST_F_LOG_ALL)

static void regions_may_not_overlap(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	/* Just behind is fine, one byte before is not. */
	EXPECT(!vmm_add(v, VMM_SIZE, MB, VMM_USER + VMM_SIZE, 0, vmm_memfd(MB)));
	EXPECT(vmm_add(v, VMM_SIZE - 1, MB, VMM_USER + 4 * VMM_SIZE, 0,
		       vmm_memfd(MB)));
	EXPECT(vmm_add(v, 8 * VMM_SIZE, MB, VMM_USER + VMM_SIZE - 1, 0,
		       vmm_memfd(MB)));
	EXPECT(v->fake.mem->nregions == 2);
	vmm_free(v);
}

static void regions_may_not_wrap(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(vmm_add(v, -MB, 2 * MB, 1 << 30, 0, vmm_memfd(2 * MB)));
	EXPECT(vmm_add(v, 1 << 30, 2 * MB, -MB, 0, vmm_memfd(2 * MB)));
	EXPECT(vmm_add(v, 1 << 30, 2 * MB, 1 << 30, -MB, vmm_memfd(2 * MB)));
	EXPECT(vmm_add(v, 1 << 30, UINT64_MAX, 1 << 30, 0, vmm_memfd(2 * MB)));
	EXPECT(vmm_add(v, 1 << 30, 0, 1 << 30, 0, vmm_memfd(2 * MB)));
	EXPECT(v->fake.mem->nregions == 1);
	vmm_free(v);
}

static void regions_must_lie_in_their_file(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(vmm_add(v, 1 << 30, MB + 1, 1 << 30, 0, vmm_memfd(MB)));
	EXPECT(vmm_add(v, 1 << 30, MB, 1 << 30, 4096, vmm_memfd(MB)));
	EXPECT(vmm_add(v, 1 << 30, MB, 1 << 30, 0, vmm_eventfd()));
	EXPECT(!vmm_add(v, 1 << 30, MB - 4096, 1 << 30, 4096, vmm_memfd(MB)));
	vmm_free(v);
}

/*
 * What is no whole number of pages is served to its last byte: the kernel gets
 * the pages that hold something of it.  Nobody else may lie in those.
 */
static void regions_need_not_be_whole_pages(void)
{
	const struct vhost_memory_region *k;
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_add(v, VMM_SIZE + 512, 4096, 1 << 30, 512, vmm_memfd(6000)));
	k = &v->fake.mem->regions[1];
	EXPECT(k->guest_phys_addr == VMM_SIZE && k->memory_size == 8192);
	EXPECT(k->userspace_addr == (v->c.d.mem.region[1].lent.at & ~4095ull));
	/* Rings may lie in it, up to its own end. */
	EXPECT(mem_translate(&v->c.d.mem, 1 << 30, 4096));
	EXPECT(!mem_translate(&v->c.d.mem, 1 << 30, 4097));
	EXPECT(vmm_add(v, VMM_SIZE + 4608, 512, 2u << 30, 512, vmm_memfd(4096)));
	EXPECT(vmm_add(v, VMM_SIZE, 512, 2u << 30, 0, vmm_memfd(4096)));
	EXPECT(!vmm_add(v, VMM_SIZE + 8192, 1, 2u << 30, 0, vmm_memfd(1)));
	EXPECT(v->fake.mem->nregions == 3);
	/* A guest page would begin in the middle of one of ours. */
	EXPECT(vmm_add(v, 1 << 30, 4096, 3u << 30, 512, vmm_memfd(8192)));
	EXPECT(vmm_add(v, -4096ull, 4095, 3u << 30, 0, vmm_memfd(8192)));
	EXPECT(vmm_add(v, 0, UINT64_MAX, 0, 0, vmm_memfd(8192)));
	vmm_free(v);
}

/* A page of any other file may never come. */
static void only_files_in_memory_are_mapped(void)
{
	static struct mem mem;
	struct msg_region r = { 0, 16, 0, 0 };
	struct msg_log log = { 16, 0 };
	struct inflight in = { .fd = -1 };
	struct msg_inflight m = { inflight_size(1), 0, 1, 128 };
	int disk = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	int memory = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int huge = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
	struct lent lent;
	const char *why;

	why = mem_add(&mem, &r, disk);
	EXPECT(why && strstr(why, "a file on a disk"));
	why = log_map(&(struct dirty_log){ 0 }, &log, disk);
	EXPECT(why && strstr(why, "neither a memfd"));
	why = inflight_set(&in, &m, disk);
	EXPECT(why && strstr(why, "neither a memfd"));
	EXPECT(memory >= 0 && !ftruncate(memory, 4096));
	EXPECT(!mem_add(&mem, &r, memory));
	mem_clear(&mem);
	/* Huge pages may not be there, but the file is a good one. */
	if (huge >= 0) {
		EXPECT(lent_map(&lent, huge, 0, 4096) == LENT_SHORT);
		close(huge);
	}
	close(disk);
	close(memory);
}

static void files_are_sealed_if_their_owner_lets_them_be(void)
{
	int open_fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int shut = vmm_memfd(MB);
	struct lent a, b;

	EXPECT(!ftruncate(open_fd, MB));
	EXPECT(lent_map(&a, open_fd, 0, MB) == LENT_GOOD);
	EXPECT(ftruncate(open_fd, 0) && fcntl(open_fd, F_GET_SEALS) == F_SEAL_SHRINK);
	EXPECT(!ftruncate(open_fd, 2 * MB));
	EXPECT(lent_map(&b, shut, 0, MB) == LENT_GOOD);
	EXPECT(!ftruncate(shut, 0));
	lent_unmap(&a);
	lent_unmap(&b);
	close(open_fd);
	close(shut);
}

static void a_region_is_found_by_its_addresses(void)
{
	struct msg_region r = { 0, VMM_SIZE, VMM_USER, 4096 };
	struct vmm *v = vmm_new();
	struct msg *m;

	vmm_handshake(v, VMM_SPLIT);
	m = vmm_msg(MSG_REM_MEM_REG, sizeof(m->p.reg));
	m->p.reg.region = r;
	m->p.reg.region.size--;
	EXPECT(vmm_send(v, m));
	/* The offset is not looked at; a descriptor is closed. */
	m = vmm_msg(MSG_REM_MEM_REG, sizeof(m->p.reg));
	m->p.reg.region = r;
	vmm_fd(m, vmm_eventfd());
	EXPECT(!vmm_send(v, m));
	EXPECT(v->fake.mem->nregions == 0);
	vmm_free(v);
}

static void slots_run_out(void)
{
	struct vmm *v = vmm_new();
	unsigned int i;
	int fd = vmm_memfd(MB);

	vmm_handshake(v, VMM_SPLIT);
	for (i = 1; i < MEM_REGIONS; i++)
		EXPECT(!vmm_add(v, i * VMM_SIZE, 4096, VMM_USER + i * VMM_SIZE,
				4096, dup(fd)));
	EXPECT(vmm_add(v, i * VMM_SIZE, 4096, VMM_USER + i * VMM_SIZE, 0,
		       dup(fd)));
	EXPECT(v->fake.mem->nregions == MEM_REGIONS);
	close(fd);
	vmm_free(v);
}

static void a_region_taken_away_holds_the_rings(void)
{
	struct vmm *v = vmm_new();
	struct msg *m;
	int fd = vmm_memfd(MB);

	v->fake.advance = 7;
	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_add(v, VMM_SIZE, MB, 1 << 30, 0, dup(fd)));
	EXPECT(!vmm_ring(v, 0, 128, 3));
	EXPECT(v->fake.ring[0].on);
	m = vmm_msg(MSG_REM_MEM_REG, sizeof(m->p.reg));
	m->p.reg.region = (struct msg_region){ VMM_SIZE, MB, 1 << 30, 0 };
	EXPECT(!vmm_send(v, m));
	EXPECT(!v->fake.ring[0].on && device_held(&v->c.d));
	EXPECT(!vmm_add(v, VMM_SIZE, MB / 2, 1 << 30, 0, fd));
	EXPECT(!v->fake.ring[0].on);
	/* Any other message lets it go on, where it stopped. */
	EXPECT(!vmm_u64(v, MSG_GET_FEATURES, 0));
	EXPECT(v->fake.ring[0].on && v->fake.ring[0].base == 10);
	EXPECT(!device_held(&v->c.d));
	vmm_free(v);
}

static int send_table(struct vmm *v, unsigned int nr,
		      const struct msg_region *r, const int *fds)
{
	struct msg *m = vmm_msg(MSG_SET_MEM_TABLE, 8 + nr * sizeof(*r));
	unsigned int i;

	m->p.table.nr = nr;
	memcpy(m->p.table.region, r, nr * sizeof(*r));
	for (i = 0; i < nr; i++)
		vmm_fd(m, dup(fds[i]));
	return vmm_send(v, m);
}

static void a_new_table_keeps_what_stays(void)
{
	int fds[2] = { vmm_memfd(VMM_SIZE), vmm_memfd(MB) };
	struct msg_region r[2] = {
		{ 0, VMM_SIZE, VMM_USER, 0 },
		{ VMM_SIZE, MB, 1 << 30, 0 },
	};
	struct vmm *v = vmm_new();
	uint64_t host;

	EXPECT(!vmm_u64(v, MSG_SET_PROTOCOL_FEATURES, PROTOCOL_OFFERED));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!send_table(v, 1, r, fds));
	EXPECT(!vmm_ring(v, 0, 64, 0));
	host = v->fake.mem->regions[0].userspace_addr;
	EXPECT(!send_table(v, 2, r, fds));
	EXPECT(v->fake.mem->nregions == 2);
	EXPECT(v->fake.mem->regions[0].userspace_addr == host);
	EXPECT(v->fake.ring[0].starts == 1);
	/* Split in two, the ring lies elsewhere in our memory. */
	r[0].size = VMM_SIZE / 2;
	r[1] = (struct msg_region){ VMM_SIZE / 2, VMM_SIZE / 2,
				    VMM_USER + VMM_SIZE / 2, VMM_SIZE / 2 };
	fds[1] = dup2(fds[0], fds[1]);
	EXPECT(!send_table(v, 2, r, fds));
	EXPECT(v->fake.ring[0].on && v->fake.ring[0].starts == 2);
	/* A table that is refused changes nothing. */
	r[1].user = VMM_USER;
	EXPECT(send_table(v, 2, r, fds));
	EXPECT(v->fake.mem->nregions == 2 && v->fake.ring[0].on);
	close(fds[0]);
	close(fds[1]);
	vmm_free(v);
}

/*
 * A region goes away while a request writes into it; what another VMM lends next
 * lies at its address, but the request is over by then.
 */
static void no_request_outlives_its_region(bool by_table)
{
	int gone = vmm_memfd(MB), theirs = vmm_memfd(MB);
	struct vmm *v = vmm_new(), *other;
	uint8_t byte = 0;
	uint64_t hole;
	struct msg *m;

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_add(v, VMM_SIZE, MB, 1 << 30, 0, dup(gone)));
	EXPECT(!vmm_ring(v, 0, 64, 0));
	hole = v->fake.mem->regions[1].userspace_addr;
	fake_take(&v->fake, 0, VMM_SIZE);
	if (by_table) {
		m = vmm_msg(MSG_SET_MEM_TABLE, 8 + sizeof(struct msg_region));
		m->p.table.nr = 1;
		m->p.table.region[0] = v->c.d.mem.region[0].r;
		vmm_fd(m, dup(v->memory));
	} else {
		m = vmm_msg(MSG_REM_MEM_REG, sizeof(m->p.reg));
		m->p.reg.region = v->c.d.mem.region[1].r;
	}
	/* Past fake_check(), which would end it here. */
	EXPECT(!conn_message(&v->c, m));
	msg_close_fds(m);
	free(m);
	EXPECT(v->fake.mem->nregions == 1);
	EXPECT(pread(gone, &byte, 1, 0) == 1 && byte == FAKE_STATUS);

	other = vmm_new();
	vmm_handshake(other, VMM_SPLIT);
	EXPECT(!vmm_add(other, VMM_SIZE, MB, 1 << 30, 0, dup(theirs)));
	EXPECT(other->fake.mem->regions[1].userspace_addr == hole);
	fake_finish(&v->fake.ring[0]);
	EXPECT(pread(theirs, &byte, 1, 0) == 1 && !byte);
	vmm_free(other);
	vmm_free(v);
	close(gone);
	close(theirs);
}

static void no_request_outlives_a_region_of_a_table(void)
{
	no_request_outlives_its_region(true);
}

static void no_request_outlives_a_region_removed(void)
{
	no_request_outlives_its_region(false);
}

/* A ring that does not stop may still use all there is. */
static void nothing_is_unmapped_under_a_ring_that_does_not_stop(void)
{
	int log = vmm_memfd(MB), i;
	struct vmm *v;
	struct msg *m;

	for (i = 0; i < 3; i++) {
		v = vmm_new();
		vmm_handshake(v, VMM_SPLIT);
		EXPECT(!vmm_add(v, VMM_SIZE, MB, 1 << 30, 0, vmm_memfd(MB)));
		EXPECT(!vmm_log(v, MB, 0, dup(log)));
		EXPECT(!vmm_ring(v, 0, 64, 0));
		fake_take(&v->fake, 0, VMM_SIZE);
		v->fake.stuck = true;
		if (i == 0) {
			m = vmm_msg(MSG_SET_MEM_TABLE,
				    8 + sizeof(struct msg_region));
			m->p.table.nr = 1;
			m->p.table.region[0] = v->c.d.mem.region[0].r;
			vmm_fd(m, dup(v->memory));
			EXPECT(vmm_send(v, m));
		} else if (i == 1) {
			m = vmm_msg(MSG_REM_MEM_REG, sizeof(m->p.reg));
			m->p.reg.region = v->c.d.mem.region[1].r;
			EXPECT(vmm_send(v, m));
		} else {
			EXPECT(vmm_log(v, MB, 0, dup(log)));
		}
		/* vmm_send() has looked: all is mapped, as the kernel knows it. */
		EXPECT(v->c.d.lost && v->fake.mem->nregions == 2);
		EXPECT(v->fake.ring[0].on && v->fake.ring[0].in_flight == 1);
		vmm_free(v);
	}
	close(log);
}

static void a_new_log_finds_no_request_in_flight(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 0, 64, 0));
	EXPECT(!vmm_log(v, MB, 0, vmm_memfd(MB)));
	EXPECT(v->fake.ring[0].starts == 1);
	fake_take(&v->fake, 0, 0);
	EXPECT(!vmm_log(v, MB / 2, 0, vmm_memfd(MB)));
	EXPECT(!v->fake.ring[0].in_flight && v->fake.ring[0].on);
	EXPECT(v->fake.ring[0].starts == 2);
	vmm_free(v);
}

/* A page of ours cannot be lost by what a VMM does to its file. */
static void a_truncated_file_hurts_nobody(void)
{
	struct vmm *v = vmm_new();
	int fd = vmm_memfd(MB), log = vmm_memfd(MB);

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_add(v, VMM_SIZE, MB, 1 << 30, 0, dup(fd)));
	EXPECT(!vmm_log(v, MB, 0, dup(log)));
	EXPECT(!vmm_ring(v, 0, 64, 0));
	EXPECT(!ftruncate(fd, 0) && !ftruncate(log, 0));
	EXPECT(!vmm_state(v, MSG_GET_VRING_BASE, 0, 0));
	close(fd);
	close(log);
	vmm_free(v);
}

static void bad_33_log_offset_and_size(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(vmm_log(v, MB, -MB + 4096, vmm_memfd(MB)));
	EXPECT(vmm_log(v, UINT64_MAX, 4096, vmm_memfd(MB)));
	EXPECT(vmm_log(v, UINT64_MAX - 3, 8, vmm_memfd(MB)));
	EXPECT(vmm_log(v, MB, 4096, vmm_memfd(MB)));
	EXPECT(vmm_log(v, 0, 0, vmm_memfd(MB)));
	EXPECT(vmm_log(v, MB, 0, vmm_eventfd()));
	EXPECT(vmm_log(v, MB, 0, -1));
	EXPECT(!v->fake.log && !v->c.d.log.lent.map);
	EXPECT(!vmm_log(v, MB - 4096, 4096, vmm_memfd(MB)));
	EXPECT(v->fake.log && v->reply_size == sizeof(struct msg_log));
	vmm_free(v);
}

static void bad_33_log_smaller_than_memory(void)
{
	const uint64_t need = VMM_SIZE / 4096 / 8;
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_log(v, need - 1, 0, vmm_memfd(MB)));
	EXPECT(vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT | LOG_ALL));
	EXPECT(!(v->fake.features & LOG_ALL));
	EXPECT(!vmm_log(v, need, 0, vmm_memfd(MB)));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT | LOG_ALL));
	EXPECT(v->fake.features & LOG_ALL);
	/* While all is logged, memory beyond the log is refused... */
	EXPECT(vmm_add(v, VMM_SIZE, MB, 1 << 30, 0, vmm_memfd(MB)));
	EXPECT(vmm_log(v, need - 1, 0, vmm_memfd(MB)));
	/* ... and welcome again afterwards. */
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!vmm_add(v, VMM_SIZE, MB, 1 << 30, 0, vmm_memfd(MB)));
	vmm_free(v);
}

static void bad_33_log_address_of_a_ring(void)
{
	const uint32_t on = 1 << VHOST_VRING_F_LOG;
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_log(v, VMM_SIZE / 4096 / 8, 0, vmm_memfd(MB)));
	EXPECT(!vmm_state(v, MSG_SET_VRING_NUM, 0, 128));
	EXPECT(vmm_addr(v, 0, 0, on, VMM_SIZE));
	EXPECT(vmm_addr(v, 0, 0, on, UINT64_MAX - 3));
	EXPECT(vmm_addr(v, 0, 0, on, VMM_SIZE - 4));
	EXPECT(!vmm_addr(v, 0, 0, on, VMM_SIZE - 4096));
	/* Nor may the ring grow beyond it after that. */
	EXPECT(vmm_state(v, MSG_SET_VRING_NUM, 0, 32768));
	EXPECT(v->c.d.ring[0].num == 128);
	/* A log that comes later is held to the same. */
	EXPECT(vmm_log(v, VMM_SIZE / 4096 / 8 - 1, 0, vmm_memfd(MB)));
	vmm_free(v);
}

static void logging_switches_while_a_ring_runs(void)
{
	struct vmm *v = vmm_new();

	vmm_handshake(v, VMM_SPLIT);
	EXPECT(!vmm_ring(v, 0, 128, 0));
	EXPECT(!vmm_log(v, MB, 0, vmm_memfd(MB)));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT | LOG_ALL));
	EXPECT(!vmm_addr(v, 0, 0, 1 << VHOST_VRING_F_LOG, 0x20000));
	EXPECT(v->fake.ring[0].on && v->fake.ring[0].starts == 1);
	EXPECT(v->fake.ring[0].addr.flags == 1 << VHOST_VRING_F_LOG);
	EXPECT(v->fake.ring[0].addr.desc_user_addr ==
	       v->fake.mem->regions[0].userspace_addr);
	/* But it cannot move, nor change its format. */
	EXPECT(vmm_addr(v, 0, 4096, 0, 0));
	EXPECT(vmm_u64(v, MSG_SET_FEATURES, VMM_PACKED));
	EXPECT(!vmm_u64(v, MSG_SET_FEATURES, VMM_SPLIT));
	EXPECT(!vmm_ring_fd(v, MSG_SET_LOG_FD, 0, vmm_eventfd()));
	vmm_free(v);
}

const struct test mem_tests[] = {
	{ "regions_may_not_overlap", regions_may_not_overlap },
	{ "regions_may_not_wrap", regions_may_not_wrap },
	{ "regions_must_lie_in_their_file", regions_must_lie_in_their_file },
	{ "regions_need_not_be_whole_pages", regions_need_not_be_whole_pages },
	{ "only_files_in_memory_are_mapped", only_files_in_memory_are_mapped },
	{ "files_are_sealed_if_their_owner_lets_them_be",
	  files_are_sealed_if_their_owner_lets_them_be },
	{ "a_region_is_found_by_its_addresses",
	  a_region_is_found_by_its_addresses },
	{ "slots_run_out", slots_run_out },
	{ "a_region_taken_away_holds_the_rings",
	  a_region_taken_away_holds_the_rings },
	{ "a_new_table_keeps_what_stays", a_new_table_keeps_what_stays },
	{ "bad_12_no_request_outlives_a_region_of_a_table",
	  no_request_outlives_a_region_of_a_table },
	{ "bad_12_no_request_outlives_a_region_removed",
	  no_request_outlives_a_region_removed },
	{ "bad_12_nothing_is_unmapped_under_a_ring_that_does_not_stop",
	  nothing_is_unmapped_under_a_ring_that_does_not_stop },
	{ "a_new_log_finds_no_request_in_flight",
	  a_new_log_finds_no_request_in_flight },
	{ "a_truncated_file_hurts_nobody", a_truncated_file_hurts_nobody },
	{ "bad_33_log_offset_and_size", bad_33_log_offset_and_size },
	{ "bad_33_log_smaller_than_memory", bad_33_log_smaller_than_memory },
	{ "bad_33_log_address_of_a_ring", bad_33_log_address_of_a_ring },
	{ "logging_switches_while_a_ring_runs",
	  logging_switches_while_a_ring_runs },
	{ NULL, NULL },
};
