"""API keys of organisations, with scopes. The database holds only their hashes."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Literal, get_args

from sqlalchemy import or_, select, update
from ulid import ULID

from api.rows.database import Database
from api.rows.tables import ApiKeyRow
from models.base import Document, Time
from models.errors import DatabaseUnavailable, ForbiddenScope, InvalidInput, NotFound, Unauthenticated

Scope = Literal["influencers:write", "jobs:read", "jobs:cancel", "webhooks:write", "operate"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
OWN_SCOPES: tuple[Scope, ...] = tuple(scope for scope in SCOPES if scope != "operate")
"""The scopes that stay within the key's own organisation. `operate` crosses organisations, so it is only given to
those who ask for it."""

KNOWN_FOR = 1.0
"""Seconds for which a valid key isn't looked up again."""
_MOST_KNOWN = 10_000
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller: its organisation, and what its key may do."""

    organisation: str
    key_id: str
    scopes: frozenset[str]

    def require(self, scope: Scope) -> None:
        """Raises ForbiddenScope if the key lacks the scope. Call it before anything is looked up, so that it
        reveals nothing."""
        if scope not in self.scopes:
            raise ForbiddenScope(
                f"This API key hasn't the scope {scope}. Use a key that has it.", scope=scope
            )


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key and its secret, which is shown once."""

    key_id: str
    secret: str


class KeptKey(Document):
    """A key as `likeness keys list` shows it, without its secret, which isn't stored."""

    key_id: str
    organisation: str
    scopes: tuple[str, ...]
    created_at: Time
    last_used_at: Time | None = None
    """To the minute. Null: it was never used, or not since this was noted."""
    revoked_at: Time | None = None


def create_key(database: Database, organisation: str, scopes: tuple[str, ...] = OWN_SCOPES) -> NewKey:
    """Creates a key. Raises InvalidInput for an unknown scope, or a name that is empty or above 128 characters."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise InvalidInput(f"There is no scope {unknown[0][:64]!r}. Choose from: {', '.join(SCOPES)}.")
    if not (organisation.isprintable() and 1 <= len(organisation) <= 128):
        raise InvalidInput("An organisation's name has 1 to 128 printable characters.")
    key = NewKey(key_id=f"key_{ULID()}", secret=f"lk_{token_urlsafe(32)}")
    row = ApiKeyRow(
        key_id=key.key_id,
        organisation=organisation,
        secret_sha256=_hash(key.secret),
        scopes=" ".join(sorted(set(scopes))),
        created_at=datetime.now(UTC),
    )
    with database.write() as session:
        session.add(row)
    return key


def revoke_key(database: Database, key_id: str) -> None:
    """Revokes a key. Revoking it again does no harm. Raises NotFound."""
    with database.write() as session:
        row = session.get(ApiKeyRow, key_id)
        if row is None:
            raise NotFound("There is no such key. Give its id (key_…), not its secret.")
        row.revoked_at = row.revoked_at or datetime.now(UTC)


def list_keys(database: Database, organisation: str | None = None) -> list[KeptKey]:
    """The keys, or those of one organisation, by organisation and then the oldest first. Revoked ones, too."""
    asked = select(ApiKeyRow).order_by(ApiKeyRow.organisation, ApiKeyRow.created_at, ApiKeyRow.key_id)
    if organisation is not None:
        asked = asked.where(ApiKeyRow.organisation == organisation)
    with database.read() as session:
        return [
            KeptKey(
                key_id=row.key_id,
                organisation=row.organisation,
                scopes=tuple(row.scopes.split()),
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                revoked_at=row.revoked_at,
            )
            for row in session.scalars(asked)
        ]


def authenticate(database: Database, authorization: str | None) -> Caller:
    """Finds the caller by a request's `Authorization` header, and notes that its key is used, once a minute. Raises
    Unauthenticated."""
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Unauthenticated("Give an API key: Authorization: Bearer lk_…")
    with database.read() as session:
        # Looked up by the hash, so that the time it takes reveals nothing about any key.
        row = session.scalar(select(ApiKeyRow).where(ApiKeyRow.secret_sha256 == _hash(secret.strip())))
    if row is None or row.revoked_at is not None:
        raise Unauthenticated("The API key isn't valid. It may have been revoked.")
    _note_use(database, row)
    return Caller(row.organisation, row.key_id, frozenset(row.scopes.split()))


def _note_use(database: Database, row: ApiKeyRow) -> None:
    now = datetime.now(UTC)
    before = now - _USE_NOTED_EVERY
    if row.last_used_at is not None and row.last_used_at > before:
        return
    # A database that takes no writes still answers what may be read.
    with suppress(DatabaseUnavailable), database.write() as session:
        session.execute(
            update(ApiKeyRow)
            .where(
                ApiKeyRow.key_id == row.key_id,
                or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at <= before),
            )
            .values(last_used_at=now)
        )


class KnownKeys:
    """A cache of callers by their `Authorization` header. A valid key is known for a second, so a revoked one still
    works for that long. Safe to share between threads."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, tuple[Caller, float]] = {}
        """By the header's hash: the caller, and until when it is known."""

    def recall(self, authorization: str | None) -> Caller | None:
        """The caller, if it was looked up within the last second. Never blocks."""
        caller, until = self._known.get(_hash(authorization or ""), (None, 0.0))
        return caller if self._clock() < until else None

    def look_up(self, authorization: str | None) -> Caller:
        """Looks the caller up in the database and remembers it. Raises Unauthenticated."""
        # Counted from the query to the database, not from its answer.
        until = self._clock() + KNOWN_FOR
        caller = authenticate(self._database, authorization)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[_hash(authorization or "")] = (caller, until)
        return caller


def _hash(secret: str) -> str:
    # Plain SHA-256 will do: 256 random bits can't be guessed, however fast one tries.
    return sha256(secret.encode(errors="replace")).hexdigest()
