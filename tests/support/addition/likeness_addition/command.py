"""A command."""

import typer


def greet(name: str) -> None:
    """Say hello."""
    typer.echo(f"Hello, {name}.")
