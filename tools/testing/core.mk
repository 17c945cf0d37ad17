# SPDX-License-Identifier: GPL-2.0-only
# What it takes to compile the core in user space.

# The contracts, and what stands for the kernel.
core_top := $(dir $(lastword $(MAKEFILE_LIST)))../..
core_includes := -I$(core_top)/include -I$(core_top)/tools/include
core_headers := $(wildcard $(core_top)/drivers/virtio/core/*.h \
	$(core_top)/include/parley/*.h $(core_top)/tools/include/parley/*.h)

# The core's sources that are compiled there: all but those that
# drivers/virtio/core/os.h names as the kernel's alone.
# $(call core_sources,FOLDER)
core_sources = $(filter-out %/main.c %/debugfs.c %.mod.c,$(wildcard $(1)/*.c))
