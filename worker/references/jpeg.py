"""Reads a JPEG's segments, without decoding its pixels."""

from collections.abc import Iterator

from PIL.JpegImagePlugin import JpegImageFile

_HUFFMAN_TABLES, _SCAN = 0xC4, 0xDA
_SCAN_MARK, _END_MARK = b"\xff\xda", b"\xff\xd9"
_BASELINE, _PROGRESSIVE = (0xC0, 0xC1), 0xC2
_END_OF_BLOCK = 0x00
_DC, _AC = 0, 1


def first_scan_components(data: bytes) -> int:
    """The number of components in the first scan; 0 if no scan is found."""
    return next((body[0] for marker, body, _ in _segments(data) if marker == _SCAN and body), 0)


def is_cut_short(image: JpegImageFile, data: bytes) -> bool:
    """Whether the file has fewer bytes than its pixels take at the very least: for each block, a code for its mean
    and one that ends it. Decoders silently fill what is missing with grey. Call it before `draft`."""
    tables: dict[tuple[int, int], int] = {}  # by class and id: the fewest bits of a block
    frame = 0
    body, after = b"", 0
    for marker, body, after in _segments(data):  # noqa: B007 - the last ones are the scan's
        if marker == _HUFFMAN_TABLES:
            tables |= _fewest_bits(body)
        elif marker in (*_BASELINE, _PROGRESSIVE):
            frame = marker
        elif marker == _SCAN:
            break
    else:
        return False
    if not frame or not tables:
        return False  # coded in a rarer way
    if frame == _PROGRESSIVE and data.count(_SCAN_MARK) == 1:
        return True  # it has only means
    is_whole = frame in _BASELINE and body[0] == image.layers
    used = {body[at]: body[at + 1] for at in range(1, 2 * body[0], 2)}
    widest, tallest = (max(layer[side] for layer in image.layer) for side in (1, 2))
    bits = 0
    for name, across, down, _ in image.layer:
        blocks = _eighths(image.width * across, widest) * _eighths(image.height * down, tallest)
        least = tables.get((_DC, used.get(name, 0) >> 4), 1)
        if is_whole:
            least += tables.get((_AC, used[name] & 15), 1)
        bits += blocks * least
    # Nothing within a scan looks like the end mark, but tables between scans may.
    end = data.find(_END_MARK, after) if is_whole else -1
    return bits > 8 * ((len(data) if end < 0 else end) - after)


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yields each segment's marker, its body, and where that ends, up to the first scan's head."""
    at = 2
    while data[at : at + 1] == b"\xff" and at + 4 < len(data):
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these have no body
            at += 2
        else:
            after = at + 2 + int.from_bytes(data[at + 2 : at + 4])
            yield marker, data[at + 4 : after], after
            if marker == _SCAN:
                return
            at = after


def _fewest_bits(body: bytes) -> dict[tuple[int, int], int]:
    """The fewest bits that a block takes, for each Huffman table in a segment."""
    found = {}
    while len(body) > 17:
        kind, counts = body[0], body[1:17]
        symbols = body[17 : 17 + sum(counts)]
        lengths = dict(
            zip(symbols, (bits for bits, n in enumerate(counts, 1) for _ in range(n)), strict=False)
        )
        shortest = min(lengths.values(), default=1)
        # A block without an end code must have its last coefficient, which lies four codes away.
        ended = min(lengths.get(_END_OF_BLOCK, 4 * shortest), 4 * shortest)
        found[kind >> 4, kind & 15] = shortest if kind >> 4 == _DC else ended
        body = body[17 + len(symbols) :]
    return found


def _eighths(scaled: int, most: int) -> int:
    """How many blocks of eight pixels a side of a component has."""
    return -(-scaled // (8 * most))
