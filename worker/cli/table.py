"""Prints tables on the command line, safe for text that others wrote."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

# In characters; a table takes what it needs.
_WIDE = 4000


def print_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Prints a table. Nothing is cut off, since ids are there to be copied, and no text is read as markup."""
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=_WIDE).print(table)
