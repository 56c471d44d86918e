"""`likeness api`."""

import signal
import sys

from worker.base.observers.serving import serving


def run() -> None:
    """Serves until SIGTERM or Ctrl-C, with the settings of the environment, and exits with 0."""
    with serving():
        from api.server import serve
        from api.settings import api_settings
        from worker.base.settings import settings

        serve(settings(), api_settings(), lambda _: _end_in_order())


def _end_in_order() -> None:
    """Makes the process exit with 0: the server drains, and then raises the signal that it got once more."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
