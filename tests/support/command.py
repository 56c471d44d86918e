"""The command `likeness`, run in the test's process."""

from typer.testing import CliRunner

from worker.cli import app


def likeness(*arguments: str) -> str:
    """What it prints. Raises what it raises."""
    done = CliRunner().invoke(app, arguments)
    if done.exception:
        raise done.exception
    return done.stdout
