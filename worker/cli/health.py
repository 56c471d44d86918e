"""`likeness health`: a container's health check, which asks whether the process on this machine is ready."""

import json
from http.client import HTTPConnection

import typer

from worker.base.settings import Settings, settings
from worker.queue.fleet.presence import Presence, here

# In seconds. The endpoint answers at once, however busy its process.
_TIMEOUT = 5


def is_ready() -> bool:
    """Prints the answer and returns whether the process is ready. Raises QueueUnavailable if Redis must be asked
    and is away."""
    configured = settings()
    if configured.http_port is not None:
        return _asked(configured, configured.http_port)
    nodes = Presence(configured).nodes(here())
    typer.echo("\n".join(nodes) or "No ready worker on this machine.")
    return bool(nodes)


def _asked(configured: Settings, port: int) -> bool:
    # An endpoint that listens at every address also listens at the loopback one.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(configured.http_host, configured.http_host)  # noqa: S104
    connection = HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/ready")
        response = connection.getresponse()
        reasons = json.loads(response.read())["reasons"]
    except (OSError, ValueError, KeyError) as error:
        typer.echo(f"Nothing answers at {host}:{port} ({type(error).__name__}).")
        return False
    finally:
        connection.close()
    typer.echo("; ".join(reasons) or "ready")
    return response.status == 200
