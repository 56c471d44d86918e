"""A PNG taken apart into its chunks and put together again, with checksums that fit."""

import struct
import zlib
from collections.abc import Callable

_START = b"\x89PNG\r\n\x1a\n"


def edit(png: bytes, change: Callable[[bytes, bytes], bytes | None]) -> bytes:
    """The PNG with what `change(type, data)` makes of each chunk; None leaves it out."""
    out, at = bytearray(_START), len(_START)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12
        changed = change(kind, data)
        if changed is not None:
            out += struct.pack(">I", len(changed)) + kind + changed
            out += struct.pack(">I", zlib.crc32(kind + changed))
    return bytes(out)


def without(png: bytes, kind: bytes) -> bytes:
    return edit(png, lambda found, data: None if found == kind else data)


def replaced(png: bytes, kind: bytes, old: bytes, new: bytes) -> bytes:
    """The first `old` within chunks of a kind replaced by `new`, which is as long."""
    assert len(old) == len(new)
    changed = edit(png, lambda found, data: data.replace(old, new, 1) if found == kind else data)
    assert changed != png
    return changed
