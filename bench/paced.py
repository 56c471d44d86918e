"""A client that sends GETs at an even pace, whether or not the earlier ones were answered.

A time is from the moment at which a request was due, so that a server that falls behind shows: it doesn't slow the
client down.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Told:
    """What came of it. `seconds` are sorted, one for each answer."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    span: float = 0
    """From the first request's due time to the last answer."""

    def quantile(self, share: float) -> float:
        return self.seconds[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


class _Connection(asyncio.Protocol):
    """Keeps one connection, with one request on it at a time. An answer has a Content-Length, or no body."""

    def __init__(self, answered: Callable[["_Connection", int], None], lost: Callable[[], None]) -> None:
        self._answered = answered
        self._lost = lost
        self._is_closed = False
        self._buffer = b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, ended, body = self._buffer.partition(b"\r\n\r\n")
        _, named, length = head.lower().partition(b"content-length:")
        if ended and (not named or len(body) >= int(length.partition(b"\r\n")[0])):
            self._buffer = b""
            self._answered(self, int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_closed:
            self._lost()

    def close(self) -> None:
        self._is_closed = True
        self._transport.close()


async def paced(port: int, request: bytes, rate: float, seconds: float, connections: int = 64) -> Told:
    """Send `rate` requests a second, for so long, and wait for all answers."""
    told = Told()
    waiting: deque[float] = deque()
    # In turns: a server closes a connection that is idle for seconds.
    free: deque[_Connection] = deque()

    def answered(connection: _Connection, status: int) -> None:
        told.statuses[status] += 1
        told.seconds.append(time.perf_counter() - connection.due)
        if waiting:
            connection.send(request, waiting.popleft())
        else:
            free.append(connection)

    is_lost = asyncio.Event()
    lost = is_lost.set
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        _, connection = await loop.create_connection(lambda: _Connection(answered, lost), "127.0.0.1", port)
        free.append(connection)
    began = time.perf_counter()
    total, sent = round(rate * seconds), 0
    while len(told.seconds) < total:
        for number in range(sent, min(total, int((time.perf_counter() - began) * rate) + 1)):
            due = began + number / rate
            sent += 1
            if free:
                free.popleft().send(request, due)
            else:
                waiting.append(due)
        await asyncio.sleep(0.001)
        if is_lost.is_set():
            raise SystemExit("The server closed a connection.")
    told.span = time.perf_counter() - began
    told.seconds.sort()
    for connection in free:
        connection.close()
    return told
