"""The Celery app that producers and workers share, and how a job's message is sent."""

import json
import socket
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from celery import Celery
from kombu import Connection, Queue
from kombu.exceptions import ChannelError, OperationalError
from redis.exceptions import RedisError

from models.errors import QueueUnavailable
from models.job import CLONE
from worker.base.observers import tracing
from worker.base.settings import Settings
from worker.queue import transport
from worker.queue.intake import Intake
from worker.queue.jobs import JobStore, WaitingJob
from worker.queue.jobs.refusals import why_unavailable
from worker.queue.lanes import Lanes
from worker.queue.redis_url import target_of

log = structlog.get_logger()

# In seconds, as in jobs/connection.py. A connection can die silently, and a thread that reads from it would wait
# forever.
_SOCKET_TIMEOUT = 10
# In seconds, for kombu's check of that call: it is dead once its answer is so late, and is checked as often.
# With kombu's own 25, a worker whose Redis vanished silently would take no job for up to a minute, though Sentinels
# have another one after some seconds.
_HEALTH_CHECK = 5
# A busy worker sends nothing for as long as a job takes, and a NAT forgets such a connection within minutes. Linux
# would wait two hours before its first keepalive.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 60} if sys.platform == "linux" else {}


def make_app(settings: Settings) -> Celery:
    """Creates a Celery app for this queue. A job's outcome is in the job store, so there is no result backend.

    Raises InvalidSettings if the URL can't be read.
    """
    target = target_of(settings.redis_url.get_secret_value())
    app = Celery("likeness", broker=target.place, set_as_current=False)
    app.conf.update(
        accept_content=["json"],
        broker_connection_max_retries=None,
        broker_connection_retry_on_startup=True,
        broker_transport=f"{transport.__name__}:Transport",
        broker_transport_options={
            "redis_target": target,
            "socket_timeout": _SOCKET_TIMEOUT,
            "socket_connect_timeout": 2,
            "health_check_interval": _HEALTH_CHECK,
            "socket_keepalive": True,
            "socket_keepalive_options": _KEEPALIVE,
            "intake": Intake(settings.queue),
            # Celery reads it in two places.
            "visibility_timeout": settings.visibility_timeout,
            # `priority`: in the order in which a worker names its queues.
            "queue_order_strategy": (
                "priority" if settings.tier_order == "strict" else f"{transport.__name__}:InTurn"
            ),
        },
        task_acks_late=True,
        task_default_queue=settings.queue,
        task_ignore_result=True,
        task_serializer="json",
        visibility_timeout=settings.visibility_timeout,
        worker_disable_prefetch=True,
        # Any app on that Redis could stop the workers, or take their queues away.
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
        worker_send_task_events=False,
    )
    return app


class JobQueue:
    """Sends jobs to workers: first puts the message on a queue, then notes that in the store. After a crash in
    between, a reaper sends the job again; a second message for one job does no harm.

    Each tier has two queues. Workers serve those of begun jobs first, so that these don't wait behind
    new ones. Methods raise QueueUnavailable.
    """

    def __init__(self, settings: Settings, store: JobStore, app: Celery | None = None) -> None:
        self._store = store
        self._app = app or make_app(settings)
        self._lanes = Lanes(settings)

    def send(self, waiting: WaitingJob) -> None:
        """Sends a new job."""
        self._send(waiting, self._lanes.new)

    def send_again(self, waiting: WaitingJob) -> None:
        """Sends a job that a worker had, or should have had."""
        self._send(waiting, self._lanes.begun)

    def send_parked(self) -> None:
        """Sends the parked jobs that got a slot. They go to the end of their queue, so that projects take turns."""
        for waiting in self._store.unpark():
            self.send(waiting)
            log.info("job.unparked", jobId=waiting.job_id, stage="queued")

    def put_back(
        self, job_id: str, message: dict[str, Any], project_id: str, expires: datetime | None = None
    ) -> None:
        """Puts a message back for another worker, with its own deadline if it has one."""
        self._publish(self._lanes.begun(project_id, message.get("tier")), job_id, message, expires)

    def depths(self) -> dict[str, int]:
        """How many messages wait in each queue, without those that workers have in hand."""
        try:
            with self._app.connection_for_read() as connection:
                return {queue: _depth(connection, queue) for queue in self._lanes.all}
        except (OperationalError, RedisError) as error:
            raise QueueUnavailable(why_unavailable(error)) from error

    def _send(self, waiting: WaitingJob, queue_of: Callable[[str, str | None], str]) -> None:
        message = json.loads(waiting.message)
        queue = queue_of(waiting.project_id, message.get("tier"))
        self._publish(queue, waiting.job_id, message)
        self._store.sent(waiting, queue)

    def _publish(
        self, queue: str, job_id: str, message: dict[str, Any], expires: datetime | None = None
    ) -> None:
        try:
            self._app.send_task(
                message.get("kind", CLONE),
                args=[message],
                queue=queue,
                task_id=job_id,
                headers=tracing.headers() or None,
                expires=expires,
            )
        except (OperationalError, RedisError) as error:
            raise QueueUnavailable(why_unavailable(error)) from error


def _depth(connection: Connection, queue: str) -> int:
    try:
        declared: Any = Queue(queue)(connection.default_channel).queue_declare(passive=True)
        return int(declared.message_count)
    except ChannelError:
        # An empty list doesn't exist in Redis.
        return 0
