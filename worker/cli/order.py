"""The order in which `likeness --help` lists the commands: that in which people need them."""

from typing import Any

import typer
from typer.core import TyperGroup

PANELS = {
    "Try it": ("demo", "stack", "up"),
    "Jobs": ("submit", "watch", "status", "jobs", "cancel"),
    "Run it": ("doctor", "certificate", "migrate", "worker", "workers", "api", "keys", "health"),
    "Look after it": ("queue", "dead", "webhooks", "gc"),
    "Profiles": ("models",),
    "Pictures": ("inspect", "verify", "calibrate"),
}
_OTHERS = "Others"
_PLACES = {name: (panel, place) for panel, names in PANELS.items() for place, name in enumerate(names)}


class OrderedGroup(TyperGroup):
    """Lists commands by panel. One that isn't in PANELS, such as another package's, comes last."""

    # Typer brings a copy of click from some version on; these types are of either.
    def list_commands(self, ctx: Any) -> list[str]:
        order = list(_PLACES)
        known = [name for name in order if name in self.commands]
        return known + sorted(set(super().list_commands(ctx)) - set(known))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command: Any = super().get_command(ctx, cmd_name)
        if command is not None:
            panel, _ = _PLACES.get(cmd_name, (_OTHERS, 0))
            command.rich_help_panel = panel
        return command


def ordered_app() -> typer.Typer:
    """The command line, without its commands."""
    return typer.Typer(cls=OrderedGroup, no_args_is_help=True, pretty_exceptions_enable=False)
