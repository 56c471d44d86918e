"""Pages of a list, and the cursors that mark where the next page begins."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from sqlalchemy import ColumnElement, literal, tuple_

from models.base import Document
from models.errors import InvalidInput

RowT = TypeVar("RowT")
PlaceT = TypeVar("PlaceT")
ItemT = TypeVar("ItemT", bound=Document)
MOST = 100
# Items that are looked at for one page.
_MOST_LOOKED_AT = 2000

CursorQuery = Annotated[
    str | None, Query(max_length=512, description="A page's `nextCursor`, for the page after it.")
]
LimitQuery = Annotated[int, Query(ge=1, le=MOST, description="How many items, at most.")]

_PLACE = re.compile(r"(\d{1,15}):([A-Za-z0-9._-]{1,128})")


class Page(Document, Generic[ItemT]):
    """One page of a list. `nextCursor` is null on the last page."""

    items: tuple[ItemT, ...]
    next_cursor: str | None


def place_of(cursor: str) -> tuple[datetime, str]:
    """The time and id of the last item before the page. Raises InvalidInput."""
    try:
        found = _PLACE.fullmatch(urlsafe_b64decode(cursor.encode()).decode())
        assert found
        return datetime.fromtimestamp(int(found[1]) / 1000, UTC), found[2]
    except (AssertionError, ValueError, OverflowError, OSError):
        raise InvalidInput(
            "The cursor is none of ours. Give a page's nextCursor as it was.",
            fields=[{"path": "cursor", "reason": "not a cursor"}],
        ) from None


def behind(cursor: str, created_at: Any, id_: Any, *, newest_first: bool = False) -> ColumnElement[bool]:
    """The SQL condition for the rows after the cursor."""
    at, last = place_of(cursor)
    place = tuple_(literal(at, created_at.type), literal(last, id_.type))
    # One comparison of both: an index then begins at the cursor, however deep in the list that is.
    mine = tuple_(created_at, id_)
    return mine < place if newest_first else mine > place


def page(
    rows: Sequence[RowT],
    limit: int,
    place: Callable[[RowT], tuple[datetime, str]],
    show: Callable[[RowT], Any],
) -> dict[str, Any]:
    """Builds a page from the rows of a query for one more than `limit`: the extra row says whether more follow."""
    items = rows[:limit]
    cursor = None
    if len(rows) > limit:
        cursor = _cursor(*place(items[-1]))
    return {"items": [show(row) for row in items], "nextCursor": cursor}


def scanned(
    found: Iterator[tuple[PlaceT, RowT]],
    limit: int,
    is_wanted: Callable[[RowT], bool],
    place: Callable[[PlaceT], tuple[datetime, str]],
    show: Callable[[RowT], Any],
) -> dict[str, Any]:
    """Builds a page from items that are read one by one, each with its place. Where few are wanted, it looks at two
    thousand: the page then has fewer than `limit`, though more may follow."""
    items: list[Any] = []
    last: PlaceT | None = None
    for looked_at, (at, row) in enumerate(found):
        if last is not None and (len(items) == limit or looked_at == _MOST_LOOKED_AT):
            return {"items": items, "nextCursor": _cursor(*place(last))}
        last = at
        if is_wanted(row):
            items.append(show(row))
    return {"items": items, "nextCursor": None}


def _cursor(at: datetime, last: str) -> str:
    return urlsafe_b64encode(f"{round(at.timestamp() * 1000)}:{last}".encode()).decode()
