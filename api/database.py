"""The database: SQLite or PostgreSQL, read and written in transactions only."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from models.errors import InvalidSettings

# Any number will do, so long as nobody else locks it.
_MIGRATION_LOCK = 0x11CE
_BUSY_TIMEOUT = 30


class Database:
    """Hands out sessions. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        """Raises InvalidSettings for a URL that can't be read. Connects to nothing yet."""
        try:
            self._engine = _engine(url)
        except (ArgumentError, ImportError):
            # The URL may hold a password, and the library's message the URL.
            raise InvalidSettings(
                "LIKENESS_DATABASE_URL must be like sqlite:///FILE or postgresql+psycopg://HOST/DATABASE."
            ) from None
        self._reading = self._engine.execution_options(reads_only=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that sees one state of the database, and isn't to write."""
        with Session(self._reading) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction, committed at the end of the block unless that raises."""
        with Session(self._engine) as session, session.begin():
            yield session

    def migrate(self) -> None:
        """Bring the tables up to date. Of processes that start at once, one does it and the others wait."""
        config = Config()
        config.set_main_option("script_location", "api:migrations")
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        self._engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        # A connection that a restart of the server broke is replaced before it is used.
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:
    # The driver would begin transactions late and in its own way; see _begin_sqlite.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    # Only the first connection to a new file changes anything here. SQLite doesn't wait with that while another one
    # is writing, whatever its timeout.
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
