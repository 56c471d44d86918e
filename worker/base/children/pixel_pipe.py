"""A pipe between processes that passes pixels in shared memory, and everything else pickled.

A picture of 1024 x 1024 has 3 MB, and a pipe takes 0.2 MB at a time: a sender waits until the receiver has read
nearly all of it. Here, the pixels of a message go into one nameless file in memory, and its descriptor over the
pipe. The kernel frees the memory once nobody has the file any more, however the processes end.
"""

import fcntl
import mmap
import os
import pickle
import socket
import struct
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

# A file in memory costs more than to pickle fewer bytes than this: previews go with their message.
_LEAST = 128 * 1024
# A receiver's memory would vanish with a file that shrinks.
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
# Before each message: its bytes, and those of its pixels, which follow as a descriptor if there are any.
_HEAD = struct.Struct("!QQ")


class PixelPipe:
    """One end of a duplex pipe. It raises what a Connection does: EOFError or OSError if the other end is gone.

    Pixels are what a class hands out as a `pickle.PickleBuffer`. The receiver can't write to them.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: Any) -> None:
        pixels: list[memoryview] = []

        def is_small(buffer: pickle.PickleBuffer) -> bool:
            if buffer.raw().nbytes < _LEAST:
                return True
            pixels.append(buffer.raw())
            return False

        pickled = pickle.dumps(message, protocol=5, buffer_callback=is_small)
        if pixels:
            pickled = pickle.dumps((pickled, [raw.nbytes for raw in pixels]))
        files = [_file_of(pixels)] if pixels else []
        try:
            with self._socket() as pipe:
                head = _HEAD.pack(len(pickled), sum(raw.nbytes for raw in pixels))
                # Together, so that the other end wakes up once.
                sent = socket.send_fds(pipe, [head, pickled], files)
                if left := memoryview(head + pickled)[sent:]:
                    pipe.sendall(left)
        finally:
            for file in files:
                os.close(file)

    def recv(self) -> Any:
        with self._socket() as pipe:
            head, files, _, _ = socket.recv_fds(
                pipe, _HEAD.size, 1, socket.MSG_CMSG_CLOEXEC | socket.MSG_WAITALL
            )
            try:
                if len(head) < _HEAD.size:
                    raise EOFError
                length, size = _HEAD.unpack(head)
                pickled = _read(pipe, length)
                if not size:
                    return pickle.loads(pickled)  # noqa: S301 - from our own process
                # Private: kernels before 6.7 map a sealed file in no other way.
                whole = memoryview(mmap.mmap(files[0], size, mmap.MAP_PRIVATE, mmap.PROT_READ))
            finally:
                for file in files:
                    os.close(file)
        message, sizes = pickle.loads(pickled)  # noqa: S301 - from our own process
        return pickle.loads(message, buffers=_parts(whole, sizes))  # noqa: S301 - from our own process

    def poll(self, timeout: float = 0.0) -> bool:
        return self._connection.poll(timeout)

    def fileno(self) -> int:
        return self._connection.fileno()

    def close(self) -> None:
        self._connection.close()

    def _socket(self) -> socket.socket:
        return socket.socket(fileno=os.dup(self._connection.fileno()))


def _read(pipe: socket.socket, length: int) -> bytearray:
    data = bytearray(length)
    left = memoryview(data)
    while left:
        read = pipe.recv_into(left)
        if not read:
            raise EOFError
        left = left[read:]
    return data


def _file_of(pixels: Sequence[memoryview]) -> int:
    """The descriptor of a new file in memory with these bytes, which nobody can change any more."""
    file = os.memfd_create("pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for raw in pixels:
            left = raw
            while left:
                left = left[os.write(file, left) :]
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException:
        os.close(file)
        raise
    return file


def _parts(whole: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    parts, at = [], 0
    for size in sizes:
        parts.append(whole[at : at + size])
        at += size
    return parts
