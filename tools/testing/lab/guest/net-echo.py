# SPDX-License-Identifier: GPL-2.0-only
"""net-echo.py ADDRESS MEGABYTES: sends so much to port 7 there, and expects it back.

What is sent differs from call to call and from piece to piece, so that nothing which
was sent before passes for it.  Ends with an error at the first byte that is wrong, and
when nothing moves for a while.
"""
import os
import socket
import sys
import threading

PATIENCE = 30
PIECE = 1 << 16


def pieces(random, count):
    """@count pieces, each other than all others."""
    for i in range(count):
        yield i.to_bytes(8, "big") + random


def send(sock, random, count):
    try:
        for piece in pieces(random, count):
            sock.sendall(piece)
    except OSError:
        # Whoever receives finds out, too.
        sock.close()


def main():
    address, megabytes = sys.argv[1], int(sys.argv[2])
    random, count = os.urandom(PIECE - 8), megabytes * 16
    sock = socket.create_connection((address, 7), timeout=PATIENCE)
    sender = threading.Thread(target=send, args=(sock, random, count), daemon=True)
    sender.start()
    for i, piece in enumerate(pieces(random, count)):
        got = b""
        while len(got) < len(piece):
            part = sock.recv(len(piece) - len(got))
            if not part:
                sys.exit(f"the other end closed after {i * PIECE + len(got)} bytes")
            got += part
        if got != piece:
            sys.exit(f"byte {i * PIECE + next(j for j in range(PIECE) if got[j] != piece[j])}"
                     " is not what was sent")
    sender.join(PATIENCE)


main()
