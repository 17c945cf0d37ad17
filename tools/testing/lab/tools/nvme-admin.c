// SPDX-License-Identifier: GPL-2.0-only
/*
 * nvme-admin DEVICE OPCODE [NAMESPACE]: give an NVMe controller an admin command
 * without data, as nvme-cli would, and print the status that it answered with.
 *
 * Exits with 0 if the command succeeded, with 1 if it was refused.
 */
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	struct nvme_admin_cmd cmd = { 0 };
	int fd, status;

	if (argc != 3 && argc != 4)
		return 2;
	cmd.opcode = strtoul(argv[2], NULL, 0);
	cmd.nsid = argc == 4 ? strtoul(argv[3], NULL, 0) : 0;
	fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		perror(argv[1]);
		return 2;
	}
	status = ioctl(fd, NVME_IOCTL_ADMIN_CMD, &cmd);
	if (status < 0) {
		perror("ioctl");
		return 2;
	}
	printf("status %#x\n", status);
	return status != 0;
}
