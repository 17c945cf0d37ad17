# SPDX-License-Identifier: GPL-2.0-only
"""An image that any firmware of a PC boots, and that says so on the serial port.

A BIOS loads the boot sector, UEFI and U-Boot the program EFI/BOOT/BOOTX64.EFI on a FAT
file system in the first partition. Both write a line to the port and stop. Made of bytes,
so that nothing has to be installed for it.
"""

import struct

SECTOR = 512
PORT = 0x3f8
BIOS, UEFI = "booted: boot sector", "booted: EFI program"
START, SECTORS = 2048, 32768            # of the partition: 16 MiB
CLUSTER, FAT_SECTORS, ROOT_ENTRIES = 4, 32, 512

# lodsb; test al, al; jz over; out dx, al; jmp lodsb; hlt; jmp hlt
PRINT = bytes.fromhex("ac84c07403eeebf8f4ebfd")


def line(text):
    """What is printed."""
    return f"\r\n{text}\r\n".encode() + b"\0"


def boot_sector():
    """For a BIOS, which loads it to 0x7c00, with the table of partitions."""
    # xor ax, ax; mov ds, ax; cld; mov si, TEXT; mov dx, PORT
    code = bytes.fromhex("31c08ed8fcbe") + b"TT" + b"\xba" + struct.pack("<H", PORT) + PRINT
    code = code.replace(b"TT", struct.pack("<H", 0x7c00 + len(code))) + line(BIOS)
    partition = struct.pack("<B3sB3sII", 0x80, b"\xff" * 3, 0x0e, b"\xff" * 3, START, SECTORS)
    return code.ljust(446, b"\0") + partition + bytes(48) + b"\x55\xaa"


def efi_program():
    """PE32+ with one section, which needs no relocation."""
    # lea rsi, [rip + TEXT]; mov dx, PORT
    after = b"\x66\xba" + struct.pack("<H", PORT) + PRINT
    code = b"\x48\x8d\x35" + struct.pack("<i", len(after)) + after + line(UEFI)
    code = code.ljust(SECTOR, b"\0")
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, 240, 0x206)
    optional = struct.pack("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII", 0x20b, 0, 0, len(code), 0, 0,
                           0x1000, 0x1000, 0x400000, 0x1000, SECTOR, 0, 0, 0, 0, 0, 0, 0,
                           0x2000, SECTOR, 0, 10, 0, 65536, 65536, 0, 0, 0, 16) + bytes(128)
    section = struct.pack("<8sIIIIIIHHI", b".text", len(code), 0x1000, len(code), SECTOR,
                          0, 0, 0, 0, 0x60000020)
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0" + coff + optional + section
    return head.ljust(SECTOR, b"\0") + code


def entry(name, directory, cluster, size=0):
    """One of a FAT directory."""
    return struct.pack("<11sB14sHI", name, 0x10 if directory else 0x20, b"", cluster, size)


def fat(program):
    """The partition: the program in EFI/BOOT."""
    boot = struct.pack("<3s8sHBHBHHBHHHII", b"\xeb\x3c\x90", b"PARLEY  ", SECTOR, CLUSTER, 1, 2,
                       ROOT_ENTRIES, SECTORS, 0xf8, FAT_SECTORS, 63, 255, START, 0)
    boot += struct.pack("<BBBI11s8s", 0x80, 0, 0x29, 1, b"PARLEY     ", b"FAT16   ")
    boot = boot.ljust(510, b"\0") + b"\x55\xaa"
    table = struct.pack("<5H", 0xfff8, *[0xffff] * 4)
    table = table.ljust(FAT_SECTORS * SECTOR, b"\0")
    root = entry(b"EFI        ", True, 2).ljust(ROOT_ENTRIES * 32, b"\0")

    def cluster(data):
        assert len(data) <= CLUSTER * SECTOR
        return data.ljust(CLUSTER * SECTOR, b"\0")

    def folder(parent, itself, name, directory, where, size=0):
        return cluster(entry(b".          ", True, itself) + entry(b"..         ", True, parent) +
                       entry(name, directory, where, size))
    return boot + table * 2 + root + folder(0, 2, b"BOOT       ", True, 3) + \
        folder(2, 3, b"BOOTX64 EFI", False, 4, len(program)) + cluster(program)


def make(path):
    """The image; returns @path."""
    with open(path, "wb") as image:
        image.write(boot_sector())
        image.seek(START * SECTOR)
        image.write(fat(efi_program()))
        image.truncate((START + SECTORS) * SECTOR)
    return path
