"""The faults are what they are called."""

import socket
from collections import Counter
from pathlib import Path

import pytest
import redis

from tests.e2e.faults.fleet import Fleet
from tests.e2e.faults.kinds import ALL_KINDS, BLACKOUT, BLACKOUT_SECONDS, KINDS, QUIET, plan
from tests.e2e.faults.proxies import TcpProxy
from tests.e2e.faults.run import SMALL
from tests.e2e.faults.shuffled import shuffle
from tests.support.workers import environment_of
from worker.base.settings import Settings
from worker.stack import EmbeddedStack


@pytest.mark.parametrize("draw", range(5))
def test_reordered_messages_all_have_another_place(redis_client: redis.Redis, draw: int) -> None:
    queue, alone, messages = f"shuffled-{draw}", f"alone-{draw}", ["a", "b", "c", "d"]
    redis_client.rpush(queue, *messages)
    redis_client.rpush(alone, "e")
    assert shuffle(redis_client, [queue, alone, "no-such-queue"], draw) == 4
    after = redis_client.lrange(queue, 0, -1)
    assert sorted(after) == messages
    assert all(one != other for one, other in zip(after, messages, strict=True))
    assert shuffle(redis_client, [alone], draw) == 0, "nothing was reordered"
    redis_client.delete(queue, alone)


def test_dropped_connections_stay_dead_and_new_ones_work(stack: EmbeddedStack) -> None:
    proxy = TcpProxy(stack.redis.port)
    try:
        with _connected(proxy) as old:
            assert _answer(old) == b"+PONG\r\n"
            proxy.drop()
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    _answer(old)
            with _connected(proxy) as new:
                assert _answer(new) == b"+PONG\r\n"
    finally:
        proxy.stop()


def _connected(proxy: TcpProxy) -> socket.socket:
    host, _, port = proxy.address.partition(":")
    return socket.create_connection((host, int(port)), timeout=0.5)


def _answer(connection: socket.socket) -> bytes:
    connection.sendall(b"PING\r\n")
    return connection.recv(100)


def test_nothing_begins_while_redis_is_away_for_long() -> None:
    planned = plan(7, 2 * len(ALL_KINDS), 100, long=True)
    (blackout,) = [fault for fault in planned if fault.kind == BLACKOUT]
    assert [fault.at for fault in planned] == sorted(fault.at for fault in planned)
    others = [fault for fault in planned if fault is not blackout]
    assert not [fault for fault in others if -QUIET < fault.at - blackout.at < BLACKOUT_SECONDS]
    assert Counter(fault.kind for fault in others) == dict.fromkeys(ALL_KINDS, 2)


def test_the_short_form_has_each_of_its_kinds_once() -> None:
    assert Counter(fault.kind for fault in plan(6, SMALL.faults, SMALL.seconds)) == dict.fromkeys(KINDS, 1)


def test_workers_that_still_start_are_drained_once_they_listen(settings: Settings, tmp_path: Path) -> None:
    fleet = Fleet(1, environment_of(settings.model_copy(update={"gate": "off"})), tmp_path, 0)
    try:
        fleet.stop()
        assert fleet.complaints == []
    finally:
        fleet.abandon()
