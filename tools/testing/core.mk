# SPDX-License-Identifier: GPL-2.0-only
# The core's sources that are compiled in user space as well: all but those that
# drivers/virtio/core/os.h names as the kernel's alone.

# $(call core_sources,FOLDER)
core_sources = $(filter-out %/main.c %/debugfs.c %.mod.c,$(wildcard $(1)/*.c))
