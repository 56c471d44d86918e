"""A Celery consumer that dead-letters messages it cannot process, and reports its liveness.

Celery's own drops a message that it can't process, or ends the worker, and then the next worker gets the message.
Nor does it show whether its loop still runs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from celery import Celery
from celery.worker import state
from celery.worker.consumer import Consumer
from redis.exceptions import RedisError

from models.errors import InvalidInput, LikenessError, QueueUnavailable
from worker.node.consuming.consumer_loop import TICK, ConsumerLoop

log = structlog.get_logger()

_HOW_TO_SEND = "Send a job with JobClient, or with Celery's send_task as the one argument of its kind's task."


@dataclass(frozen=True, slots=True)
class Around:
    """What a worker's consumer writes to. `refuse` keeps what was sent, and the reason it was refused."""

    loop: ConsumerLoop
    refuse: Callable[[Any, LikenessError], None]


def consume_with(app: Celery, around: Around) -> None:
    """Makes the app's worker consume with a JobConsumer."""
    app.conf.worker_consumer = JobConsumer
    app.around = around  # type: ignore[attr-defined]


class JobConsumer(Consumer):
    """The consumer. Its methods are Celery's hooks, in the order of a consumer's life."""

    task_consumer: Any

    @property
    def around(self) -> Around:
        around: Around = self.app.around  # type: ignore[attr-defined]
        return around

    def ensure_connected(self, conn: Any) -> Any:
        """Called for every new connection. Returns once it is established, however long that takes."""
        loop = self.around.loop
        loop.is_subscribed = False
        loop.tick()
        ensure = conn.ensure_connection

        def ensure_and_tick(*args: Any, callback: Callable[[], None], **kwargs: Any) -> Any:
            def between_tries() -> None:
                # Called once a second, and before each wait, but not while a try hangs.
                loop.tick()
                callback()

            return ensure(*args, callback=between_tries, **kwargs)

        conn.ensure_connection = ensure_and_tick
        return super().ensure_connected(conn)

    def register_with_event_loop(self, hub: Any) -> None:
        super().register_with_event_loop(hub)
        hub.call_repeatedly(TICK, self.look)

    def on_ready(self) -> None:
        super().on_ready()
        qos = self.task_consumer.channel.qos
        has_room = qos.can_consume
        qos.can_consume = lambda: self.around.loop.may_take() and has_room()
        self.look()

    def look(self) -> None:
        self.around.loop.tick()
        self.around.loop.look(self.task_consumer.channel)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        receive = super().create_task_handler(*args, **kwargs)

        def receive_or_refuse(message: Any) -> None:
            try:
                if "task" in message.headers and not _is_call(message.payload):
                    self.on_unknown_message(None, message)
                else:
                    receive(message)
            except (OSError, RedisError):
                raise
            except Exception as error:  # noqa: BLE001 - nothing in a message may end the loop
                self.on_invalid_task(None, message, error)
                _free_slot(message)

        return receive_or_refuse

    def on_unknown_message(self, _: Any, message: Any) -> None:
        self._refuse(message, "It is no message of Celery's.")

    def on_unknown_task(self, _: Any, message: Any, error: Exception) -> None:
        self._refuse(message, f"There is no task {str(error.args[0])[:64]!r}.")

    def on_invalid_task(self, _: Any, message: Any, error: Exception) -> None:
        self._refuse(message, f"Celery can't take it ({type(error).__name__}).")

    def on_decode_error(self, message: Any, error: Exception) -> None:
        self._refuse(message, f"Its body can't be read ({type(error).__name__}).")

    def on_connection_error_before_connected(self, error: Exception) -> None:
        self.around.loop.give_up(error)
        super().on_connection_error_before_connected(error)

    def on_connection_error_after_connected(self, error: Exception) -> None:
        self.around.loop.give_up(error)
        super().on_connection_error_after_connected(error)

    def on_close(self) -> None:
        # Celery forgets requests that wait for their `eta`.
        for request in tuple(state.scheduled_requests):  # type: ignore[attr-defined]
            if not request.message.acknowledged:
                request.message.reject(requeue=True)
        super().on_close()

    def stop(self) -> None:
        self.around.loop.end()
        super().stop()

    def _refuse(self, message: Any, why: str) -> None:
        error, is_kept = InvalidInput(f"{why} {_HOW_TO_SEND}"), True
        try:
            self.around.refuse(_sent_with(message), error)
            log.error("message.refused", code=error.code, error=error.message)
        except QueueUnavailable as unavailable:
            log.warning("message.put_back", error=unavailable.message)
            is_kept = False
        if not message.acknowledged:
            errors: Any = self.connection_errors  # type: ignore[attr-defined]
            message.reject_log_error(log, errors, requeue=not is_kept)


def sole_argument(args: Any, kwargs: Any) -> Any:
    """Returns a task's one argument, positional or by name; if it has none or several, all that was sent."""
    given = [*args, *kwargs.values()]
    return given[0] if len(given) == 1 else {"args": args, "kwargs": kwargs}


def _free_slot(message: Any) -> None:
    """Frees the worker's slot that Celery may have reserved before it failed, and would never free itself."""
    for request in tuple(state.reserved_requests):
        if request.message is message:
            state.task_ready(request)


def _is_call(payload: Any) -> bool:
    """Whether a task can be called with a message's body, in either of Celery's forms. If not, it may also raise
    TypeError."""
    match payload:
        case [list(), dict(), dict() as linked]:
            pass
        case {"args": list(), "kwargs": dict()}:
            linked = payload
        case _:
            return False
    # Celery reads these once the task is done; if it can't, it never frees the task's slot.
    others = [linked["chord"]] if linked.get("chord") else []
    for name in ("callbacks", "errbacks", "chain"):
        others += linked.get(name) or ()
    return all(isinstance(other, dict) and isinstance(other.get("task"), str) for other in others)


def _sent_with(message: Any) -> Any:
    """Returns the argument, or as much of the message as can be read."""
    try:
        payload = message.payload
    except Exception:  # noqa: BLE001 - kombu or a codec may raise anything
        body = message.body
        return body.decode(errors="replace") if isinstance(body, bytes) else body
    match payload:
        case [list(args), dict(kwargs), _]:
            return sole_argument(args, kwargs)
    return payload
