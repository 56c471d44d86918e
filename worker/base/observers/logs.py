"""Structured logs: one event per line, with the id and stage of the job that a thread works on."""

import json
import logging
import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import structlog

from worker.base.environment import variable

if TYPE_CHECKING:
    from worker.base.settings import Settings

Format = Literal["json", "console"]

# These log every connection and call, or every message, which we log with the job's id.
_CHATTY = (
    "alembic",
    "uvicorn",
    "botocore",
    "boto3",
    "urllib3",
    "httpcore2",
    "kombu",
    "celery.worker.strategy",
    "celery.app.trace",
)
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

log = structlog.get_logger()


def configure_logs(settings: "Settings") -> None:
    """Sends our logs, and those of libraries, to standard error as JSON lines or for a console."""
    _configure(format_of(settings.log_format), settings.log_level)


def configure_early_logs() -> None:
    """The same before the settings are read, since reading them may already fail. Whatever can't be used is left
    for them to report."""
    level = os.environ.get(variable("log_level"), "").strip().upper()
    _configure(early_format(), level if level in _LEVELS else "INFO")


def early_format() -> Format:
    """The logs' format, as far as the environment alone says."""
    given = os.environ.get(variable("log_format"), "").strip()
    return "json" if given == "json" else "console" if given == "console" else format_of(None)


def format_of(setting: Format | None) -> Format:
    """The logs' format: `console` on a terminal, and `json` elsewhere, unless the setting says otherwise."""
    return setting or ("console" if sys.stderr.isatty() else "json")


def log_crashes() -> None:
    """Makes warnings and unforeseen errors of this process log lines, which Python would print as plain text. For
    processes that serve; it can't be undone."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed
    sys.unraisablehook = _unraisable


def _configure(chosen: Format, level: str) -> None:
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if chosen == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = _Handler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class _Handler(logging.StreamHandler[Any]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's name
        """Writes a line of JSON about a record that can't be written; logging itself would print a traceback."""
        failed = {
            "event": "log.failed",
            "level": "error",
            "logger": record.name,
            "error": type(sys.exception()).__name__,
        }
        # A full disk takes no line at all.
        with suppress(OSError, ValueError):
            self.stream.write(json.dumps(failed) + "\n")
            self.flush()


def _crashed(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("process.crashed", exc_info=(kind, error, trace))


def _thread_crashed(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and not issubclass(told.exc_type, SystemExit):
        thread = told.thread.name if told.thread else ""
        log.critical(
            "thread.crashed", thread=thread, exc_info=(told.exc_type, told.exc_value, told.exc_traceback)
        )


def _unraisable(told: Any) -> None:
    error = told.exc_value
    log.error("error.ignored", where=told.err_msg or "", exc_info=(told.exc_type, error, told.exc_traceback))
