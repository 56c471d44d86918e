"""`likeness stack`: the embedded services until Ctrl-C."""

import shlex
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import typer

from worker.base.folders import require_room
from worker.cli.demo.sample_job import write_sample_job
from worker.stack import EmbeddedStack
from worker.stack.keeper import Keeper
from worker.stack.kept import write_environment
from worker.stack.own import FAKE, own_deliverer, own_worker, telling_of_workers


def _say(text: str) -> None:
    """Prints a comment, at once also in a pipe."""
    typer.echo(f"# {text}")
    sys.stdout.flush()


def run(data: Path, *, fake: bool) -> None:
    """Serves until SIGTERM or Ctrl-C. `fake`: with a worker that draws placeholders. Raises StackError if a process
    ends and can't be started again."""
    require_room(data, "--data")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with EmbeddedStack(data, persist=True) as running:
        job = write_sample_job(running.settings(), data)
        environment = running.environment | (FAKE if fake else {})
        write_environment(data / "env", environment)
        for name, value in environment.items():
            typer.echo(f"export {name}={shlex.quote(value)}")
        typer.echo(f"# Data is in {data}. Ctrl-C ends the stack. In other shells: . {data / 'env'}")
        typer.echo(f"# A job to begin with: likeness submit --watch {job}")
        sys.stdout.flush()
        own = (own_worker(environment, data), own_deliverer(environment, data)) if fake else ()
        keeper = Keeper([running.redis, running.s3, *own], _say)
        with suppress(KeyboardInterrupt), ExitStack() as children:
            for part in (*own, keeper):
                children.enter_context(part)
            if fake:
                children.enter_context(telling_of_workers(running.settings(), _say))
            signal.pause()
    keeper.raise_failure()
    typer.echo("# Stopped.")
