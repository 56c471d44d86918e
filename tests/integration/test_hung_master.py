"""A master that hangs, and another one that the Sentinels made meanwhile."""

import os
import signal
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from models.errors import NotFound
from tests.support.servers.redis_servers import Watched
from worker.base.settings import Settings
from worker.queue.jobs import JobStore


@pytest.mark.parametrize("since_the_last_call", [0.0, 60.0])
def test_a_call_that_a_hung_master_swallows_goes_to_the_new_one(
    tmp_path: Path, since_the_last_call: float
) -> None:
    """Redis-py by itself asks the Sentinels for a new connection, and not for one that it opens again."""
    with Watched(tmp_path) as watched:
        settings = Settings(redis_url=f"{watched.url}?socket_timeout=2", queue=uuid4().hex)
        store = JobStore(settings)
        with pytest.raises(NotFound):
            store.get("job_1")
        old = watched.master
        with redis.Redis(port=old.port) as client:
            pid = int(client.info("server")["process_id"])
        os.kill(pid, signal.SIGSTOP)
        try:
            watched.wait_master(but=old)
            for connection in store._redis.connection_pool._available_connections:
                connection.next_health_check -= since_the_last_call
            with pytest.raises(NotFound):
                store.get("job_1")
        finally:
            os.kill(pid, signal.SIGCONT)
