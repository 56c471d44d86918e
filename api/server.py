"""The API as a process: uvicorn on one port. Any number of processes may share a database."""

import os
import socket
from collections.abc import Callable

import uvicorn

from api.app import make_app
from api.http.call import Services
from api.page.sign_in import SignIn
from api.settings import ApiSettings
from models.errors import InvalidSettings, Unforeseen
from worker.base.endpoint import Endpoint
from worker.base.observers.logs import configure_logs
from worker.base.settings import Settings


def serve(
    settings: Settings,
    api_settings: ApiSettings,
    when_ready: Callable[[str], None] = lambda _: None,
    sign_in: SignIn | None = None,
) -> None:
    """Serves until SIGTERM or Ctrl-C. First waits for the database; calls `when_ready` with the base URL once it
    accepts connections. With LIKENESS_HTTP_PORT, it serves probes and metrics there, too.

    Raises InvalidSettings if the address can't be used, and Unforeseen if the server never started.
    """
    configure_logs(settings)
    app = make_app(settings, api_settings, sign_in)
    services: Services = app.state.services
    if settings.http_port is not None:
        # From before the database answers, until the process ends.
        Endpoint(
            settings.http_host,
            settings.http_port,
            live=list,
            ready=services.readiness.reasons,
            metrics=services.metrics.exposition,
        ).start()
    services.database.wait()
    host, port = api_settings.api_host, api_settings.api_port
    try:
        listening = _listen(host, port)
    except OSError as error:
        # An address's error has the address in its text, a name's has a number that the system doesn't know.
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise InvalidSettings(
            f"Nothing can listen on {host}:{port} ({why}). See LIKENESS_API_HOST and LIKENESS_API_PORT."
        ) from None
    with listening:
        shown = f"[{host}]" if ":" in host else host
        when_ready(f"http://{shown}:{listening.getsockname()[1]}")
        # Without a timeout, a stream of events would delay the shutdown for as long as its job takes.
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=api_settings.api_keep_alive,
        )
        server = uvicorn.Server(config)
        server.run(sockets=[listening])
    if not server.started:
        raise Unforeseen("The API couldn't start. Its log says why.")


def _listen(host: str, port: int) -> socket.socket:
    """Listens at an IPv4 or IPv6 address, or a name. `::` means both, where the system can."""
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    both = family == socket.AF_INET6 and host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, dualstack_ipv6=both)
