"""Adds commands from other packages, by the entry point group `likeness.commands`."""

from importlib.metadata import entry_points

import typer

GROUP = "likeness.commands"


def add_commands(app: typer.Typer) -> None:
    """Adds each entry point under its name: a function as a command, a `typer.Typer` as a group of them. One that
    can't be loaded is named on standard error, and the others still work."""
    for found in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        try:
            command = found.load()
        except Exception as error:  # noqa: BLE001 - it is somebody else's code
            typer.echo(
                f"likeness: the command {found.name} ({found.value}) can't be loaded: {error}", err=True
            )
            continue
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=found.name)
        else:
            app.command(found.name)(command)
