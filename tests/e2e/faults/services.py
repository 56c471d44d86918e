"""The services of a run, each in the form that faults need."""

import os
import subprocess
import sys
import time
from pathlib import Path

import redis

from tests.e2e.faults.invariants import Told
from tests.support.servers.receiver import Received, Receiver
from worker.stack.redis_server import RedisServer


class LastingRedis:
    """The stack's Redis, made to keep what it acknowledged: a job store that forgets is another kind of fault."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._keep()

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()
        self._keep()

    def _keep(self) -> None:
        client = redis.Redis.from_url(self._server.url)
        client.config_set("appendfsync", "always")
        client.close()


class HangingReceiver(Receiver):
    """Lets requests wait while `hangs`. `told` has what came, by its job."""

    def __init__(self) -> None:
        self.hangs = False
        self.told: dict[str, list[Told]] = {}
        super().__init__(on_request=self._take)

    def _take(self, got: Received) -> None:
        # At once: a signature isn't taken when it is older than five minutes.
        body = got.verified()
        told = Told(got.webhook_id, body["type"], taken=got.status == 200)
        self.told.setdefault(body["data"]["jobId"], []).append(told)
        while self.hangs:
            time.sleep(0.1)


class Deliverer:
    """The process that delivers webhooks."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "worker", "webhooks", "deliver"],
                env=os.environ | self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
