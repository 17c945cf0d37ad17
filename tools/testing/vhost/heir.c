// SPDX-License-Identifier: GPL-2.0-only
/* See heir.h. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "disk.h"
#include "heir.h"

struct shared *shared_new(void)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(s != MAP_FAILED, "no memory");
	return s;
}

u32 go_on_at(struct vmm *v, struct shared *s, unsigned int i)
{
	u32 state = le32toh(__atomic_load_n(&s->kept[i].state, __ATOMIC_ACQUIRE));

	if (state == PARLEY_VHOST_KEPT_NEVER)
		return queue_first_base(v->q[i]);
	must(state == PARLEY_VHOST_KEPT_STOPPED, "ring %u is in state %u", i, state);
	return le32toh(s->kept[i].base);
}

struct load *heir_load(struct vmm *v, unsigned int depth)
{
	const char *disk = v->cfg.disk ? v->cfg.disk : disk_fast();
	struct load *l;

	v->fd = vmm_device();
	need(vio(v->fd, VHOST_SET_OWNER, NULL));
	v->disk = open(disk, O_RDWR | O_CLOEXEC);
	must(v->disk >= 0, "%s: %s", disk, strerror(errno));
	need(vmm_backend(v, v->disk));
	l = load_new(v, depth);
	vmm_detach(v);
	return l;
}

/* The lock of the address space is taken, mostly. */
static void *change_mappings(void *arg)
{
	const size_t size = 4096 * PAGE;
	u8 *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	for (;;) {
		mprotect(mem, size, PROT_READ);
		mprotect(mem, size, PROT_READ | PROT_WRITE);
	}
	return arg;
}

static void be_the_vmm(struct vmm *v, struct shared *s)
{
	pthread_t thread;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s->restless)
		need(pthread_create(&thread, NULL, change_mappings, NULL));
	vmm_attach(v);
	need(vio(v->fd, PARLEY_VHOST_GET_ID, &s->id));
	for (i = 0; i < v->cfg.queues; i++) {
		struct parley_vhost_keep keep = {
			.index = i, .user_addr = (uintptr_t)&s->kept[i],
		};

		vmm_queue(v, i, go_on_at(v, s, i));
		need(vio(v->fd, PARLEY_VHOST_SET_VRING_KEEP, &keep));
	}
	vmm_workers(v);
	vmm_enable_all(v, true);
	WRITE_ONCE(s->ready, true);
	for (;;)
		pause();
}

pid_t vmm_fork(struct vmm *v, struct shared *s)
{
	pid_t pid;

	s->ready = false;
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "cannot fork");
	if (!pid) {
		be_the_vmm(v, s);
		_exit(0);
	}
	must(wait_until(READ_ONCE(s->ready) || failed(), 10000) && !failed(),
	     "the VMM does not start");
	return pid;
}

bool all_stopped(struct vmm *v, struct shared *s)
{
	unsigned int i;

	for (i = 0; i < v->cfg.queues; i++)
		if (le32toh(READ_ONCE(s->kept[i].state)) == PARLEY_VHOST_KEPT_RUNNING)
			return false;
	return true;
}
