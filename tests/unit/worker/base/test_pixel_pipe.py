"""Pixels come over a pipe as shared memory, other messages as they are, and an end that is gone is noticed."""

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from threading import Thread

import pytest

from worker.base.children.pixel_pipe import PixelPipe
from worker.base.raw_image import RawImage

LARGE = RawImage(512, 512, bytes(range(256)) * (512 * 6))


@pytest.fixture
def ends() -> Iterator[tuple[PixelPipe, PixelPipe]]:
    one, other = (PixelPipe(end) for end in multiprocessing.Pipe())
    with ExitStack() as stack:
        stack.enter_context(closing(one))
        stack.enter_context(closing(other))
        yield one, other


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_large_pixels_are_shared_and_sent_without_a_receiver(ends: tuple[PixelPipe, PixelPipe]) -> None:
    one, other = ends
    one.send({"shots": [LARGE, LARGE], "small": RawImage(1, 1, b"abc")})
    assert other.poll()
    came = other.recv()
    assert came == {"shots": [LARGE, LARGE], "small": RawImage(1, 1, b"abc")}
    assert isinstance(came["shots"][0].data, memoryview)
    assert came["shots"][0].data.readonly
    assert isinstance(came["small"].data, bytes)
    assert not other.poll()


def test_what_was_received_can_be_sent_on(ends: tuple[PixelPipe, PixelPipe]) -> None:
    one, other = ends
    one.send(LARGE)
    other.send(other.recv())
    again = one.recv()
    assert again == LARGE
    assert again.to_image().tobytes() == LARGE.data


def test_messages_keep_their_order(ends: tuple[PixelPipe, PixelPipe]) -> None:
    one, other = ends
    for message in ("first", LARGE, "second", ["a list"], LARGE):
        one.send(message)
    assert [other.recv() for _ in range(5)] == ["first", LARGE, "second", ["a list"], LARGE]


def test_a_message_that_is_larger_than_the_pipe_arrives(ends: tuple[PixelPipe, PixelPipe]) -> None:
    one, other = ends
    message = (os.urandom(3_000_000), LARGE)
    sending = Thread(target=one.send, args=(message,))
    sending.start()
    assert other.recv() == message
    sending.join()


def test_no_descriptor_is_left_behind(ends: tuple[PixelPipe, PixelPipe]) -> None:
    one, other = ends
    before = descriptors()
    for _ in range(20):
        one.send(LARGE)
        assert other.recv() == LARGE
    assert descriptors() == before


def test_an_end_that_is_gone_is_noticed(ends: tuple[PixelPipe, PixelPipe]) -> None:
    one, other = ends
    one.send("last words")
    one.close()
    assert other.recv() == "last words"
    with pytest.raises(EOFError):
        other.recv()
    with pytest.raises(OSError, match="Broken pipe"):
        other.send(LARGE)
    with pytest.raises(OSError, match="closed"):
        one.send(LARGE)


def test_a_sender_that_dies_within_a_message_is_noticed(ends: tuple[PixelPipe, PixelPipe]) -> None:
    one, other = ends
    os.write(one.fileno(), b"\0" * 7 + b"\x09" + b"\0" * 8 + b"half")
    one.close()
    with pytest.raises(EOFError):
        other.recv()
