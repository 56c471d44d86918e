"""Statements that the database is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from tests.support.api.client import Api


@contextmanager
def statements(api: Api) -> Iterator[list[str]]:
    made: list[str] = []
    engine = api.services.database._engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        made.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield made
    event.remove(engine, "before_cursor_execute", note)
