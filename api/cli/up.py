"""`likeness up`: embedded services, the API, a worker and a deliverer, and a persona to begin with."""

import json
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from models.derived import asset_id_of
from models.errors import Unauthenticated
from worker.base.folders import require_room
from worker.base.settings import Settings
from worker.stack import EmbeddedStack
from worker.stack.keeper import Keeper
from worker.stack.kept import write_environment, write_private
from worker.stack.own import FAKE, own_deliverer, own_worker, telling_of_workers
from worker.stack.samples import load_sample
from worker.storage import Storage

if TYPE_CHECKING:
    from api.rows.database import Database

_ORGANISATION = "local"
_PERSONA = "maya"


def run(data: Path, port: int, *, fake: bool = False) -> None:
    """Serves until Ctrl-C. Everything in `data` is kept for the next time. `fake`: its worker draws placeholders.
    Raises StackError if a process ends and can't be started again."""
    from api.page.sign_in import SignIn
    from api.rows.database import Database
    from api.server import serve
    from api.settings import ApiSettings

    require_room(data, "--data")
    url = f"sqlite:///{data.resolve() / 'likeness.db'}"
    api_settings = ApiSettings.load(database_url=url, api_port=port)
    # The server ends by the signal that it got. Here SIGTERM raises KeyboardInterrupt, since there is more to end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with EmbeddedStack(data, persist=True) as stack:
        settings = stack.settings()
        database = Database(url)
        database.migrate()
        influencer_id = _first_persona(database, settings)
        secret = _own_key(database, data / "api-key")
        database.close()
        sign_in = SignIn()

        def show(base: str) -> None:
            variables = {
                "LIKENESS_DATABASE_URL": url,
                "LIKENESS_API_URL": base,
                "LIKENESS_API_KEY": secret,
            }
            write_environment(data / "env", environment | variables)
            _introduce(data, stack, base, secret, influencer_id)
            _say("Or on the page, where this link signs you in once:")
            _say(sign_in.link(base, secret))

        environment = stack.environment | (FAKE if fake else {})
        own = (own_worker(environment, data), own_deliverer(environment, data))
        keeper = Keeper([stack.redis, stack.s3, *own], _say)
        with suppress(KeyboardInterrupt), ExitStack() as running:
            for part in (*own, keeper):
                running.enter_context(part)
            # LIKENESS_HTTP_PORT is the worker's, if it is set.
            without_port = settings.model_copy(update={"http_port": None})

            def begin(base: str) -> None:
                show(base)
                running.enter_context(telling_of_workers(settings, _say))

            serve(without_port, api_settings, begin, sign_in)
    keeper.raise_failure()
    _say("Stopped.")


def _say(text: str) -> None:
    """Prints a comment, at once also in a pipe."""
    typer.echo(f"# {text}")
    sys.stdout.flush()


def _introduce(data: Path, stack: EmbeddedStack, base: str, secret: str, influencer_id: str) -> None:
    body = json.dumps({"name": "Maya (B variant)"})
    typer.echo(f"export LIKENESS_API_KEY={secret}")
    _say(f"The API is at {base}, Redis at {stack.redis.url}, S3 at {stack.s3.endpoint_url}.")
    _say(f"For other commands beside it (likeness queue, keys, ...): . {data / 'env'}")
    _say(f"Logs: {data / 'worker.log'}, {data / 'deliverer.log'}. Clone the sample persona:")
    typer.echo(
        f"curl -X POST {base}/v1/influencers/{influencer_id}/clone "
        f"-H 'Authorization: Bearer {secret}' -d '{body}'"
    )


def _own_key(database: "Database", file: Path) -> str:
    """The secret of the folder's key, which is made once, and again if it was revoked."""
    from api.rows.keys import SCOPES, authenticate, create_key

    if file.is_file():
        secret = file.read_text().strip()
        with suppress(Unauthenticated):
            authenticate(database, f"Bearer {secret}")
            return secret
    # Everything here is the user's own.
    key = create_key(database, _ORGANISATION, SCOPES)
    write_private(file, key.secret + "\n")
    return key.secret


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
