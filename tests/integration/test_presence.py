"""Who is seen in Redis: `likeness health` without a port."""

import pytest
from redis import Redis

from worker.base.observers.observer import Observer
from worker.base.settings import Settings
from worker.cli.health import is_ready
from worker.node.consuming.consumer_loop import ConsumerLoop
from worker.node.node import Node
from worker.queue.fleet.presence import Presence, here
from worker.queue.queue import make_app


def test_a_worker_whose_loop_hangs_is_not_seen(
    settings: Settings, redis_client: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings.model_copy(update={"gate": "off"})
    monkeypatch.setitem(is_ready.__globals__, "settings", lambda: settings)
    loop = ConsumerLoop(())
    node = Node(settings, make_app(settings), loop, Observer())
    assert not is_ready()
    loop.tick()
    node._announce()
    assert is_ready()
    (worker,) = Presence(settings).workers()
    assert (worker.node, worker.worker, worker.profile) == (node.name, node.worker_id, settings.profile)
    assert not worker.ready
    assert "the profile isn't loaded" in worker.reasons
    # It is shown to tenants.
    assert here() not in node.worker_id
    monkeypatch.setattr(loop, "_ticked", -1e6)
    redis_client.delete(f"{settings.redis_prefix}:node:{node.name}")  # It lasts for a few seconds.
    node._announce()
    assert not is_ready()
    node.stop()
