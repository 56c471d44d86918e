"""Runs the checks, and prints what each found as soon as it is known."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.errors import InvalidInput, LikenessError
from worker.base.settings import Settings, settings
from worker.cli.doctor.checks import Check, Unasked, Warned, all_checks

State = Literal["ok", "warning", "failed", "skipped"]
_SHOWN: dict[State, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warning": ("!", "yellow"),
    "failed": ("no", "red"),
    "skipped": ("-", "dim"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found. `code` is the error's, if it failed."""

    check: str
    title: str
    state: State
    finding: str
    code: str | None = None


def examine(skip: Sequence[str] = (), *, as_json: bool = False) -> bool:
    """Prints the findings, as lines of JSON if wanted. Returns whether nothing must be mended.

    Raises InvalidInput if there is no check of a name in `skip`.
    """
    checks = all_checks()
    names = [check.name for check in checks]
    if unknown := sorted(set(skip) - set(names)):
        raise InvalidInput(f"There is no check {unknown[0]!r}. Choose from: {', '.join(names)}.")
    configured = settings()
    failed: set[str] = set()
    console = Console()
    widest = max(len(check.title) for check in checks)
    for check in checks:
        with _waiting(console, check, shown=not as_json):
            found = _examined(check, configured, skip, failed)
        if found.state == "failed":
            failed.add(found.check)
        if as_json:
            typer.echo(json.dumps(asdict(found)))
        else:
            _show(console, found, widest)
    return not failed


def _examined(check: Check, configured: Settings, skip: Sequence[str], failed: set[str]) -> Found:
    def found(state: State, finding: str, code: str | None = None) -> Found:
        return Found(check.name, check.title, state, finding, code)

    if check.name in skip or check.needs in failed:
        return found("skipped", "as asked" if check.name in skip else f"nothing to ask: see {check.needs}")
    try:
        return found("ok", check.find(configured))
    except Unasked as why:
        return found("skipped", str(why))
    except Warned as warning:
        return found("warning", str(warning))
    except LikenessError as error:
        return found("failed", error.message, error.code)
    except Exception as error:  # noqa: BLE001 - the other checks are wanted all the same
        # Its text may be anything, a password's included.
        return found("failed", f"The check itself failed ({type(error).__name__}).", LikenessError.code)


@contextmanager
def _waiting(console: Console, check: Check, *, shown: bool) -> Iterator[None]:
    """Shows on a terminal what is being checked: loading a profile takes a minute."""
    if not (shown and console.is_terminal):
        yield
        return
    with console.status(f"{check.title} …"):
        yield


def _show(console: Console, found: Found, widest: int) -> None:
    word, style = _SHOWN[found.state]
    row = Table.grid(padding=(0, 1))
    row.add_column(width=2)
    row.add_column(width=widest)
    row.add_column()
    finding = Text(found.finding)
    if found.code:
        finding.append(f" ({found.code})", "dim")
    row.add_row(Text(word, style), found.title, finding)
    console.print(row)
