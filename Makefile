# SPDX-License-Identifier: GPL-2.0-only
#
# The outside of the house, for people. kbuild reads ./Kbuild instead of this
# file, so nothing here takes part in compiling a module.

MAKEFLAGS += --no-print-directory
T := tools/testing

# The headers to build against: those of the running kernel where they are
# installed, else Debian's newest 6.12 (a container or a foreign kernel).
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(shell ls -d /usr/src/linux-headers-6.12.*-amd64 2>/dev/null | sort -rV))
JOBS ?= $(shell nproc)
# Extra warnings are the rule here; W= (empty) turns them off.
W ?= 1

KBUILD = $(MAKE) -C $(or $(KDIR),$(error no kernel headers: run $(T)/deps.sh \
	or give KDIR=)) M=$(CURDIR) $(if $(W),W=$(W))

.DEFAULT_GOAL := help

# One line for each target below, from its ## comment.
help:
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

run: ## show block I/O through Parley in stock QEMU, a migration, mainline beside it
	@$(T)/run-main

test: ## run every test; ends with "N passed, N failed"
	@$(T)/run-tests

kunit: ## run the KUnit suites in QEMU on a debug kernel
	@$(T)/deps.sh
	@$(T)/lab/lab kunit --jobs 2

selftest: ## run the lab scenarios: our modules in stock guests
	@$(T)/deps.sh
	@$(T)/lab/lab run

# What takes long and repeats on one kernel what others show on the other.
SOAK = debug-blk debug-bridge debug-faults-long debug-netlink \
	debug-vhost-fuzz-long debug-vhost-loopback home l2-debug l2-libvirt vhost-vmm

soak: ## run the long lab scenarios, which test leaves out (about an hour)
	@$(T)/deps.sh
	@$(T)/lab/lab run $(SOAK)

lab: ## open a shell in a stock guest with our modules
	@$(T)/deps.sh run
	@$(T)/lab/lab shell

bench: ## measure Parley beside mainline and print the tables
	@$(T)/deps.sh
	@$(T)/bench/bench

check: ## checkpatch, sparse, W=1, coccinelle, kernel-doc, symbols
	@$(T)/deps.sh
	@$(T)/check/check

fuzz: ## replay the fuzzing corpus, then fuzz (SECONDS_EACH=30)
	@$(T)/deps.sh
	@$(T)/fuzz/fuzz
	@$(T)/vhost/fuzz

graft: ## copy the kernel part into a kernel tree (TREE=/path/to/linux)
	@tools/graft $(or $(TREE),$(error say which kernel tree: TREE=/path/to/linux))

ungraft: ## take it out of that tree again (TREE=/path/to/linux)
	@tools/graft --undo $(or $(TREE),$(error say which kernel tree: TREE=/path/to/linux))

modules: ## build the modules against kernel headers (KDIR=, W=, JOBS=)
	@$(KBUILD) -j$(JOBS) modules

modules_install: ## install the built modules for that kernel, then depmod
	@$(KBUILD) CONFIG_MODULE_SIG_ALL= modules_install
	@depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) \
		$$($(MAKE) -s -C $(KDIR) kernelrelease)

dkms-install: ## register with DKMS, build and install for that kernel
	@$(T)/deps.sh dkms
	@tools/dkms-install $(KDIR)

clean: clean-modules ## remove everything that was built here
	@rm -rf build

clean-modules:
	@if [ -n "$(KDIR)" ]; then $(KBUILD) clean; fi

.PHONY: help run test kunit selftest soak lab bench check fuzz graft ungraft \
	modules modules_install dkms-install clean clean-modules
