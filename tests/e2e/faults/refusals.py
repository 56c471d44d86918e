"""A Redis that answers and refuses writes: after a failover, with its memory full, or to a user without rights."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import redis

Refusal = Literal["READONLY", "OOM", "NOPERM"]

_FILLER = "faults-filler"
_BEGIN: dict[Refusal, str] = {
    # What every failover does to the old master.
    "READONLY": "REPLICAOF 127.0.0.1 1",
    # The stack's policy is `noeviction`.
    "OOM": "CONFIG SET maxmemory 1mb",
    "NOPERM": "ACL SETUSER default -@write",
}
_END: dict[Refusal, str] = {
    "READONLY": "REPLICAOF NO ONE",
    "OOM": "CONFIG SET maxmemory 0",
    "NOPERM": "ACL SETUSER default +@all",
}
REFUSALS: tuple[Refusal, ...] = ("READONLY", "OOM", "NOPERM")


@contextmanager
def refusing(client: redis.Redis, kind: Refusal) -> Iterator[None]:
    """Redis refuses every write meanwhile, and answers to all else. `client` is the user `default`."""
    with _refusing(client, lambda: client.execute_command(_BEGIN[kind]), kind):  # type: ignore[no-untyped-call]
        yield


@contextmanager
def refusing_after(client: redis.Redis, kind: Refusal, queue: str, message: str) -> Iterator[None]:
    """The same, from right behind the push of one message: nobody can take it in between."""

    def push_and_begin() -> None:
        with client.pipeline(transaction=True) as step:
            step.lpush(queue, message)
            step.execute_command(_BEGIN[kind])  # type: ignore[no-untyped-call]
            step.execute()

    with _refusing(client, push_and_begin, kind):
        yield


@contextmanager
def _refusing(client: redis.Redis, begin: Callable[[], object], kind: Refusal) -> Iterator[None]:
    # An empty Redis may be smaller than the least that maxmemory can sensibly be.
    client.setrange(_FILLER, 2 << 20, "x")
    begin()
    try:
        assert _refuses(client)
        yield
    finally:
        client.execute_command(_END[kind])  # type: ignore[no-untyped-call]
        client.delete(_FILLER)


def _refuses(client: redis.Redis) -> bool:
    patience = time.monotonic() + 5
    while time.monotonic() < patience:
        try:
            client.set("faults-probe", 1)
        except redis.ResponseError:
            return True
        time.sleep(0.05)
    return False
