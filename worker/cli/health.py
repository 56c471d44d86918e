"""`likeness health`: a container's health check, which asks whether the process on this machine is ready."""

import json
from http.client import HTTPConnection

import typer

from worker.base.settings import Settings, settings
from worker.queue.fleet.presence import Presence, here
from worker.queue.jobs.connection import within_reach

# In seconds. The endpoint answers at once, however busy its process.
_TIMEOUT = 5


def is_ready(*, as_json: bool = False) -> bool:
    """Prints the answer and returns whether the process is ready. Raises QueueUnavailable if Redis must be asked
    and is away."""
    configured = settings()
    if configured.http_port is not None:
        ready, said = _asked(configured, configured.http_port)
    else:
        nodes = Presence(within_reach(configured)).nodes(here())
        ready, said = bool(nodes), nodes or ["No ready worker on this machine."]
    typer.echo(json.dumps({"ready": ready, "said": said}) if as_json else "\n".join(said))
    return ready


def _asked(configured: Settings, port: int) -> tuple[bool, list[str]]:
    # An endpoint that listens at every address also listens at the loopback one.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(configured.http_host, configured.http_host)  # noqa: S104
    connection = HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/ready")
        response = connection.getresponse()
        reasons: list[str] = json.loads(response.read())["reasons"]
    except (OSError, ValueError, KeyError) as error:
        return False, [f"Nothing answers at {host}:{port} ({type(error).__name__})."]
    finally:
        connection.close()
    return response.status == 200, ["; ".join(reasons)] if reasons else ["ready"]
