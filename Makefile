# SPDX-License-Identifier: GPL-2.0-only
#
# The outside of the house, for people. kbuild reads ./Kbuild instead of this
# file, so nothing here takes part in compiling a module.

MAKEFLAGS += --no-print-directory
T := tools/testing

# The headers to build against: those of the running kernel where they are
# installed, else those of the lab's kernel (a container or a foreign kernel).
CACHE := $(or $(PARLEY_CACHE),$(HOME)/.cache/parley)
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) $(shell ls -d \
	$(CACHE)/stock-6.12.*-amd64/usr/src/linux-headers-*-amd64 2>/dev/null | sort -rV))
JOBS ?= $(shell nproc)
# Extra warnings are the rule here; W= (empty) turns them off.
W ?= 1

KBUILD = $(MAKE) -C $(or $(KDIR),$(error no kernel headers: run $(T)/deps.sh kernel \
	or give KDIR=)) M=$(CURDIR) $(if $(W),W=$(W))

.DEFAULT_GOAL := help

# One line for each target below, from its ## comment.
help:
	@awk -F ':.*## ' '/^[a-z_-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' Makefile

run: python ## show disks through Parley in stock QEMU, a migration, tenants of an NVMe disk
	@$(T)/run-main

test: python ## run every test; ends with "N passed, N failed"
	@$(T)/run-tests

# Both are Python programs that install the rest themselves: a bare Debian has none.
python:
	@command -v python3 >/dev/null || $(T)/deps.sh run

kunit: ## run the KUnit suites in QEMU on a debug kernel
	@$(T)/deps.sh
	@$(T)/lab/lab kunit --jobs 2

selftest: ## run the lab scenarios: our modules in stock guests
	@$(T)/deps.sh
	@$(T)/lab/lab run

# What takes long and repeats on one kernel what others show on the other.
SOAK = blk-in-order debug-blk debug-bridge debug-fail-nth debug-faults-long \
	debug-kunit-faults debug-locktorture debug-netlink \
	debug-vhost-fuzz-long debug-vhost-loopback hci-long home home-dracut \
	l2-clock l2-debug l2-firmware l2-libvirt l2-life l2-net l2-net-migrate l2-sched \
	l2-steal-tcp net-standby net-xdp nvme-behind nvme-commands nvme-faults \
	nvme-firmware nvme-fuzz-long nvme-grid nvme-hotplug nvme-mdev \
	nvme-migrate nvme-pages nvme-polled nvme-pool remote-loss secure-boot \
	vhost-vmm
# What runs on the newest kernel that we serve, too: Debian's, as shipped.
NEWEST = main blk-first blk-kexec blk-matrix pci-life pci-rng l2-main

soak: ## run what takes long and test leaves out (about two hours)
	@$(T)/deps.sh
	@$(T)/deps.sh package soak
	@rc=0; $(T)/lab/lab run $(SOAK) || rc=1; \
		$(T)/lab/lab run --kernel debug pci-life || rc=1; \
		$(T)/lab/lab run --kernel stock-7.3 $(NEWEST) || rc=1; \
		$(T)/lab/lab kunit --kernel debug-7.3 || rc=1; \
		$(T)/package-chroot || rc=1; \
		$(T)/arm64/arm64 kunit || rc=1; exit $$rc

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
	@$(T)/vfio/fuzz

graft: ## copy the kernel part into a kernel tree (TREE=/path/to/linux)
	@tools/graft $(or $(TREE),$(error say which kernel tree: TREE=/path/to/linux))

ungraft: ## take it out of that tree again (TREE=/path/to/linux)
	@tools/graft --undo $(or $(TREE),$(error say which kernel tree: TREE=/path/to/linux))

modules: ## build the modules against kernel headers (KDIR=, W=, JOBS=)
	@$(KBUILD) -j$(JOBS) modules

# DESTDIR= is for packages; the modules' own word for it is INSTALL_MOD_PATH.
MODULES_INSTALL = INSTALL_MOD_PATH='$(or $(INSTALL_MOD_PATH),$(DESTDIR))' \
	tools/modules-install

modules_install: ## install the built modules for that kernel, then depmod (SIGN_KEY=)
	@$(MODULES_INSTALL) $(KDIR)

modules_uninstall: ## take them out again
	@$(MODULES_INSTALL) --remove $(KDIR)

# What else is installed: PREFIX=/usr/local, DESTDIR=.
INSTALLED = $(patsubst %/Makefile,%,$(wildcard $(addsuffix /Makefile, \
	tools/parley tools/bridge tools/dist)))

install: modules_install ## install the modules, the command, the bridge, the rules
	@for part in $(INSTALLED); do $(MAKE) -C $$part install || exit; done

uninstall: modules_uninstall ## take all of it out again
	@for part in $(INSTALLED); do $(MAKE) -C $$part uninstall || exit; done

dkms-install: ## register with DKMS, build and install for that kernel
	@$(T)/deps.sh dkms
	@tools/dkms-install $(KDIR)

htmldocs: ## make HTML of the documentation, in build/html
	@$(T)/deps.sh check
	@sphinx-build -q -W -n -d build/html/doctrees Documentation build/html
	@echo build/html/index.html

dist: ## make the release tarball, in build/dist
	@tools/package dist

deb: ## make Debian packages of it, in build/dist
	@$(T)/deps.sh package
	@tools/package deb

clean: clean-modules ## remove everything that was built here
	@rm -rf build

clean-modules:
	@if [ -n "$(KDIR)" ]; then $(KBUILD) clean; fi

.PHONY: help python run test kunit selftest soak lab bench check fuzz graft ungraft \
	modules modules_install modules_uninstall install uninstall dkms-install \
	htmldocs dist deb clean clean-modules
