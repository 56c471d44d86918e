"""Prints what others wrote on the command line: nothing in it steers the terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

# In characters; a table takes what it needs.
_WIDE = 4000


def plain(text: str) -> str:
    """The text without what moves a terminal's cursor, ends a line or turns text round."""
    return "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in text)


def print_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Prints a table. Nothing is cut off, since ids are there to be copied, and no text is read as markup."""
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*(Text(plain(cell)) for cell in row))
    Console(width=_WIDE).print(table)
