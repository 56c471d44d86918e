"""The Celery app: a task for each kind of job, and handlers of Celery's signals. `likeness worker` starts it."""

import os
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

import structlog
from celery import Task
from celery.apps import worker as celery_worker
from celery.apps.worker import Worker
from celery.exceptions import Reject, WorkerShutdown
from celery.signals import setup_logging, worker_init, worker_shutdown, worker_shutting_down

from models.errors import InvalidSettings, LikenessError, QueueUnavailable
from worker.base.endings import ExitCode
from worker.base.endpoint import Endpoint
from worker.base.observers import tracing
from worker.base.observers.all import Observers, added_observers
from worker.base.observers.logs import configure_logs
from worker.base.settings import settings
from worker.node.consuming.consumer import Around, consume_with, sole_argument
from worker.node.consuming.consumer_loop import ConsumerLoop
from worker.node.consuming.messages import handle
from worker.node.consuming.request import JobRequest, deadline_of, is_revoked
from worker.node.node import Node
from worker.queue.jobs.connection import refuse_cluster
from worker.queue.lanes import Lanes
from worker.queue.queue import make_app
from worker.run.kinds.table import kinds

if TYPE_CHECKING:
    from worker.base.observers.prometheus import PrometheusMetrics

log = structlog.get_logger()

app = make_app(settings())


class _Process:
    """Holds this process's node and handles Celery's signals: the node is made before the first message is asked
    for, and stopped after the last."""

    def __init__(self) -> None:
        self.loop = ConsumerLoop(Lanes(settings()).served)
        self._node: Node | None = None

    @property
    def node(self) -> Node:
        assert self._node is not None, "worker_init makes the node before any message comes"
        return self._node

    @property
    def is_broken(self) -> bool:
        return self._node is not None and self._node.is_broken

    def start(self, **_: object) -> None:
        """Starts the node, which loads the profile. Exits if that fails."""
        configure_logs(settings())
        tracing.set_up("likeness-worker")
        try:
            metrics = None if settings().http_port is None else _metrics()
            observers = Observers([*([metrics] if metrics else ()), *added_observers()])
            node = Node(settings(), app, self.loop, observers)
            if metrics:
                _serve(node, metrics)
            refuse_cluster(settings())
            node.start()
        except LikenessError as error:
            log.critical("node.failed", code=error.code, error=error.message)
            sys.exit(ExitCode.UNUSABLE if isinstance(error, InvalidSettings) else ExitCode.FAILED)
        except Exception:
            # Celery would log it and go on without a node.
            log.exception("node.failed")
            sys.exit(ExitCode.FAILED)
        self._node = node

    def refuse(self, message: Any, error: LikenessError) -> None:
        self.node.store.refuse(message, error, ends_job=False)

    def drain(self, **_: object) -> None:
        if self._node:
            self._node.begin_drain()

    def stop(self, **_: object) -> None:
        if self._node:
            self._node.stop()


_process = _Process()
consume_with(app, Around(_process.loop, _process.refuse))
worker_init.connect(_process.start)
worker_shutting_down.connect(_process.drain)
worker_shutdown.connect(_process.stop)


@setup_logging.connect
def _keep_logging(**_: object) -> None:
    """Does nothing: a connected handler keeps Celery from setting up logging in its own way."""


def _do(self: "Task[..., None]", *args: Any, **kwargs: Any) -> None:
    """Handles the one argument, a job's message as JSON data; see schemas/. It accepts anything, so that what isn't
    a job is kept as a dead letter."""
    try:
        with tracing.continued(self.request.headers or {}):
            handle(
                _process.node,
                sole_argument(args, kwargs),
                expires=deadline_of(self.request),
                is_unwanted=is_revoked(self.request),
            )
    except QueueUnavailable as error:
        # Celery acknowledges a task that failed, but this message must come again, only not at once.
        log.warning("message.put_back", error=error.message)
        time.sleep(1)
        raise Reject(error.message, requeue=True) from error


for _kind in kinds():
    app.task(name=_kind, bind=True, Request=JobRequest)(_do)


class _CeleryWorker(Worker):
    """A Celery worker that remembers what ended it. Celery's own exit code is 1 even if a Ctrl-C drained it."""

    ended_by: BaseException | None = None

    def stop(self, in_sighandler: bool = False, exitcode: int | None = None) -> None:
        self.ended_by = sys.exception()
        # If nobody sent a signal, draining hasn't begun yet.
        _process.drain()
        super().stop(in_sighandler, exitcode)


def run(jobs: int) -> ExitCode:
    """Runs a worker until SIGTERM has drained it. It has `jobs` in hand at once; one of them renders.

    Exits with FAILED or UNUSABLE if it can't start.
    """
    # It prints to standard output when a signal comes.
    celery_worker.safe_say = _log_what_celery_says  # type: ignore[attr-defined]
    # Celery executes this again after SIGHUP, and running `python -m worker` isn't the same as running its file.
    sys.argv = sys.orig_argv[1:]
    worker = _CeleryWorker(
        app=app,
        quiet=True,
        pool_cls="threads",
        concurrency=jobs,
        queues=Lanes(settings()).served,
        hostname=f"likeness-{os.getpid()}@{socket.gethostname()}",
        loglevel=settings().log_level,
        # Workers find each other's lost jobs through the job store, so they needn't talk to each other. Celery's
        # heartbeat would also block the loop for as long as Redis is silent.
        without_gossip=True,
        without_heartbeat=True,
        without_mingle=True,
    )
    worker.start()
    code = _code(worker.ended_by)
    log.info("worker.ended", exitCode=int(code), why=code.name)
    return code


def _log_what_celery_says(text: str, _: object = None) -> None:
    log.info("celery.said", line=text)


def _code(ended_by: BaseException | None) -> ExitCode:
    if ended_by is None:
        return ExitCode.CUT_SHORT
    if not isinstance(ended_by, WorkerShutdown):
        return ExitCode.UNFORESEEN
    return ExitCode.FAILED if _process.is_broken else ExitCode.DONE


def _metrics() -> "PrometheusMetrics":
    """Imports the metrics only where somebody can ask for them."""
    from worker.base.observers.prometheus import PrometheusMetrics

    return PrometheusMetrics()


def _serve(node: Node, metrics: "PrometheusMetrics") -> None:
    """Answers probes from before the profile loads until the last job is handed back."""
    port = settings().http_port
    assert port is not None
    Endpoint(
        settings().http_host,
        port,
        live=node.health.live,
        ready=node.health.ready,
        metrics=metrics.exposition,
    ).start()
