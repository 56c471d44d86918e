"""The database: SQLite or PostgreSQL, read and written in transactions only."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.orm import Session

from models.errors import DatabaseUnavailable, InvalidSettings

log = structlog.get_logger()

# Any number will do, so long as nobody else locks it.
_MIGRATION_LOCK = 0x11CE
_BUSY_TIMEOUT = 30
# In seconds: to connect, and to wait for one of the pool's connections. Both hold a thread.
_CONNECT_TIMEOUT = 5
_POOL_TIMEOUT = 5
# Milliseconds that sent data may stay unacknowledged by a server: a connection can die silently.
_SILENCE_MS = 10_000
# SQLite's primary result codes for a database that can't be used now, or not here: busy, locked, read-only, an I/O
# error, full, can't open.
_SQLITE_AWAY = frozenset((5, 6, 8, 10, 13, 14))
# The SQLSTATE of a server that only reads: it was demoted, or isn't promoted yet.
_READ_ONLY = "25006"
# The SQLSTATE of a missing right.
_NO_RIGHT = "42501"
# The one encoding of PostgreSQL that can hold every name that a caller may give.
_ENCODING = "UTF8"


@dataclass(frozen=True, slots=True)
class Revision:
    """Which migration a database is at (none without tables), and the newest one that this version knows."""

    found: str | None
    newest: str
    is_newer: bool
    """It has the tables of a newer version, which this one can use: migrations only add to them."""

    @property
    def is_behind(self) -> bool:
        return self.found != self.newest and not self.is_newer


class Database:
    """Hands out sessions. Safe to share between threads.

    Methods raise DatabaseUnavailable while the database can't be reached, or takes no writes, and InvalidSettings
    for one with another encoding than UTF8.
    """

    def __init__(self, url: str) -> None:
        """Raises InvalidSettings for a URL that can't be read. Connects to nothing yet."""
        try:
            self._engine = _engine(url)
        except (ArgumentError, ImportError, ValueError):
            # The library's message may contain the URL, and the URL a password.
            raise InvalidSettings(
                "LIKENESS_DATABASE_URL must be like sqlite:///FILE or "
                "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE, with / ? # and @ in user and password "
                "percent-encoded."
            ) from None
        self._reading = self._engine.execution_options(reads_only=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one state of the database, and must not write."""
        with _guarded(), Session(self._reading) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block unless that raises."""
        with _guarded(), Session(self._engine) as session, session.begin():
            yield session

    def revision(self) -> Revision:
        """Which tables it has, and which this version needs."""
        with _guarded(), self._reading.connect() as connection:
            return _revision(connection)

    def migrate(self) -> Revision:
        """Brings the tables up to date, and returns what they were before. Leaves those of a newer version alone.

        If several processes start at once, one does it and the others wait.
        """
        with _guarded(), self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            before = _revision(connection)
            if before.is_behind:
                config = _config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            return before

    def wait(self, most: float | None = None) -> Revision:
        """Waits for the database, and then does the same as `migrate`. Logs the reason whenever it changes.

        Raises DatabaseUnavailable after `most` seconds.
        """
        told = ""
        deadline = None if most is None else time.monotonic() + most
        while True:
            try:
                before = self.migrate()
            except DatabaseUnavailable as error:
                if deadline is not None and time.monotonic() >= deadline:
                    raise
                if error.message != told:
                    log.warning("database.unavailable", error=error.message)
                told = error.message
                time.sleep(1)
            else:
                if before.is_newer:
                    log.warning("database.newer", found=before.found, known=before.newest)
                return before

    def close(self) -> None:
        self._engine.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "api:migrations")
    return config


def _revision(connection: Connection) -> Revision:
    scripts = ScriptDirectory.from_config(_config())
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in scripts.walk_revisions()}
    newest = scripts.get_current_head()
    assert newest
    return Revision(found, newest, is_newer=found is not None and found not in known)


@contextmanager
def _guarded() -> Iterator[None]:
    """Turns the library's errors for an unavailable database into DatabaseUnavailable."""
    try:
        yield
    except NoConnectionLeft:
        raise DatabaseUnavailable("All connections to the database are in use. Try again.") from None
    except DBAPIError as error:
        if _state_of(error) == _NO_RIGHT:
            raise DatabaseUnavailable(
                "The database's user has no right to what is needed. If tables must be made or changed, run "
                "`likeness migrate` with a LIKENESS_DATABASE_URL whose user may do that."
            ) from error
        if error.statement is None and isinstance(error, ProgrammingError):
            # It never came to a connection. The library's message may quote a part of the URL.
            raise InvalidSettings(
                "LIKENESS_DATABASE_URL: an option after the ? isn't known to PostgreSQL's library, or its value "
                "can't be read."
            ) from None
        if not _is_away(error):
            raise
        raise DatabaseUnavailable(
            f"The database does not answer as it should: {_reason(error)}. "
            "Check LIKENESS_DATABASE_URL and the server."
        ) from error


def _is_away(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_AWAY
    # A broken connection; a server that is starting, stopping or full; a user or database that it doesn't know.
    kinds = {kind.__name__ for kind in type(error.orig).__mro__}
    return "OperationalError" in kinds or "InterfaceError" in kinds or _state_of(error) == _READ_ONLY


def _state_of(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _reason(error: DBAPIError) -> str:
    """The error in a few words, without the library's message: it names hosts and users, and tenants read this."""
    name = getattr(error.orig, "sqlite_errorname", None) or _state_of(error)
    kind = type(error.orig).__name__
    return f"{kind} {name}" if name else kind


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        own = {
            "connect_timeout": _CONNECT_TIMEOUT,
            "tcp_user_timeout": _SILENCE_MS,
            # Otherwise the driver takes the database's, and reads bytes in place of text from one in SQL_ASCII.
            "client_encoding": _ENCODING,
        }
        # A connection that a restart of the server broke is replaced before it is used.
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_timeout=_POOL_TIMEOUT,
            connect_args={name: value for name, value in own.items() if name not in make_url(url).query},
            hide_parameters=True,
        )
        event.listen(engine, "connect", _require_encoding)
        return engine
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _require_encoding(connection: Any, _: object) -> None:
    found = connection.info.parameter_status("server_encoding")
    # What isn't PostgreSQL itself may not say.
    if found not in (None, _ENCODING):
        raise InvalidSettings(
            f"LIKENESS_DATABASE_URL leads to a database whose encoding is {found}, and Likeness needs {_ENCODING}. "
            f"Make another one: createdb --encoding {_ENCODING} --template template0 NAME"
        )


def _set_up_sqlite(connection: Any, _: object) -> None:
    # The driver would begin transactions late and in its own way; see _begin_sqlite.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    # Only the first connection to a new file changes anything here. If another one is writing, SQLite fails at
    # once, whatever its timeout.
    deadline = time.monotonic() + _BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later fails, without waiting, if another wrote in between. One
    # that may write therefore takes its turn at the beginning.
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
