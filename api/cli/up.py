"""`likeness up`: embedded services, the API and one worker, and a persona to begin with."""

import json
import shlex
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from models.derived import asset_id_of
from worker.base.settings import Settings
from worker.stack import EmbeddedStack
from worker.stack.own_worker import own_worker
from worker.stack.samples import load_sample
from worker.storage import Storage

if TYPE_CHECKING:
    from api.rows.database import Database

_ORGANISATION = "local"
_PERSONA = "maya"


def run(data: Path, port: int) -> None:
    """Serves until Ctrl-C. What is in `data` is kept for the next time; the key is new each time."""
    from api.page.sign_in import SignIn
    from api.rows.database import Database
    from api.rows.keys import SCOPES, create_key
    from api.server import serve
    from api.settings import ApiSettings

    # The server ends by the signal that it got. Here SIGTERM raises KeyboardInterrupt, since there is more to end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    data.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{data.resolve() / 'likeness.db'}"
    with EmbeddedStack(data, persist=True) as stack:
        settings = stack.settings()
        database = Database(url)
        database.migrate()
        influencer_id = _first_persona(database, settings)
        # Everything here is the user's own.
        key = create_key(database, _ORGANISATION, SCOPES)
        database.close()

        sign_in = SignIn()
        environment = stack.environment | {"LIKENESS_DATABASE_URL": url}
        _write_environment(data / "env", environment)

        def show(base: str) -> None:
            body = json.dumps({"name": "Maya (B variant)"})
            typer.echo(f"export LIKENESS_API_KEY={key.secret}")
            typer.echo(f"# The worker's log is {data / 'worker.log'}. Clone the sample persona:")
            typer.echo(
                f"curl -X POST {base}/v1/influencers/{influencer_id}/clone "
                f"-H 'Authorization: Bearer {key.secret}' -d '{body}'"
            )
            typer.echo(f"# For other commands beside it (likeness queue, keys, ...): . {data / 'env'}")
            typer.echo("# Or on the page, where this link signs you in once:")
            typer.echo(f"# {sign_in.link(base, key.secret)}")
            sys.stdout.flush()

        with suppress(KeyboardInterrupt), own_worker(stack.environment, data / "worker.log"):
            # LIKENESS_HTTP_PORT is the worker's, if it is set.
            own = settings.model_copy(update={"http_port": None})
            serve(own, ApiSettings(database_url=url, api_port=port), show, sign_in)
    (data / "env").unlink(missing_ok=True)
    typer.echo("# Stopped.")


def _write_environment(file: Path, environment: Mapping[str, str]) -> None:
    """Writes a file for shells to read. It has secrets, so it is its owner's alone."""
    file.unlink(missing_ok=True)
    file.touch(0o600)
    file.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))


def _first_persona(database: "Database", settings: Settings) -> str:
    """Returns the id of the sample persona's row, and adds the row if it is missing."""
    from api.rows.seed import seed

    source, images = load_sample(_PERSONA)
    assets = {}
    with Storage(settings) as storage:
        for number, image in enumerate(images):
            asset_id = asset_id_of(_PERSONA, str(number))
            key = storage.keys.media_key(source.project_id, asset_id)
            storage.put_image(key, image, "image/webp")
            assets[asset_id] = (key, storage.url(key))
    seed(database, _ORGANISATION, source, assets)
    return source.influencer_id
