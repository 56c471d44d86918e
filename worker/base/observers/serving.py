"""What all processes have in common that serve until a signal ends them: workers, deliverers and the API."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from models.errors import LikenessError
from worker.base.endings import ExitCode, end_when_told
from worker.base.observers.logs import configure_early_logs, log_crashes

log = structlog.get_logger()


@contextmanager
def serving() -> Iterator[None]:
    """Everything that the process writes from here on is a log line, the error that keeps it from starting as well.

    SIGTERM and Ctrl-C end it until it has handlers of its own.
    """
    end_when_told()
    configure_early_logs()
    log_crashes()
    try:
        yield
    except LikenessError as error:
        log.critical("process.failed", code=error.code, error=error.message)
        sys.exit(ExitCode.of(error))
    except ImportError as error:
        log.critical("process.failed", error=f"{error}. Install what is missing: pip install '.[all]'")
        sys.exit(ExitCode.FAILED)
