"""Answers to requests. An answer under an Idempotency-Key is repeated word for word for 24 hours."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from pydantic_core import from_json
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.http.errors import body_of, status_of
from api.rows.database import Database
from api.rows.tables import AnswerRow
from models.base import Document
from models.errors import Conflict, IdempotencyConflict, InvalidInput, LikenessError, NotFound, Unforeseen
from models.job import Job

KEPT_FOR = timedelta(hours=24)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
# Tries of a transaction that conflicts with another one.
_TRIES = 3
# The caller's errors, which are answers too.
_CALLERS = (Conflict, InvalidInput, NotFound)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body. `job` is submitted once the answer's transaction is committed."""

    status: int
    body: str
    job: Job | None = None
    replayed: bool = False
    """It was given before, under the same Idempotency-Key."""

    @classmethod
    def of(cls, status: int, document: Document | dict[str, Any], job: Job | None = None) -> "Answer":
        """Serialises the document to JSON."""
        data = document.to_data() if isinstance(document, Document) else document
        return cls(status, json.dumps(data), job)


Work = Callable[[Session], Answer]


def _nothing() -> None:
    """Undoes nothing."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an act did outside of a transaction. `work` makes it count, in the transaction that keeps the answer.
    `undo` removes it if it doesn't count: another request with the same key was answered first, or `work` refused.
    """

    work: Work
    undo: Callable[[], None] = _nothing


Act = Callable[[], Answer | Prepared]


def is_known(etag: str, if_none_match: str | None) -> bool:
    """Whether a caller that sends this `If-None-Match` has what the ETag stands for."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or "*" in tags


@dataclass(frozen=True, slots=True)
class Once:
    """The Idempotency-Key of a POST, its organisation, and a fingerprint that identifies the request."""

    organisation: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, organisation: str, key: str | None, method: str, path: str, body: bytes) -> "Once | None":
        """Returns None if there is no key. Raises InvalidInput for a malformed one."""
        if key is None:
            return None
        if not _KEY.fullmatch(key):
            raise InvalidInput("An Idempotency-Key has 1 to 255 printable ASCII characters, without a space.")
        content = "\0".join((method, path, _canonical(body)))
        return cls(organisation, key, sha256(content.encode()).hexdigest())


class Answerer:
    """Answers a request in the transaction that makes its changes, so that neither exists without the other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def answer(self, once: Once | None, request_id: str, work: Work) -> Answer:
        """Returns what `work` answers, or the answer that was stored before. The caller's errors are answers too.

        `work` may run again, in another transaction, if a row that it adds has been added meanwhile. Raises
        IdempotencyConflict, and any error that isn't the caller's.
        """
        try:
            return self._first(once, work)
        except IdempotencyConflict:
            raise
        except _CALLERS as error:
            failed = _failed(error, request_id)
            return self._first(once, lambda _: failed) if once else failed

    def answer_outside(self, once: Once | None, request_id: str, act: Act) -> Answer:
        """Does the same for an act that must not hold a transaction open.

        Concurrent equal requests may each run the act, but only one `Prepared` of theirs counts. An act that
        returns an Answer must do no harm when it runs twice.
        """
        if once:
            with self._database.read() as session:
                if known := _known(session, once):
                    return known
        try:
            done = act()
        except _CALLERS as error:
            done = _failed(error, request_id)
        if isinstance(done, Answer):
            answer = done
            return self._first(once, lambda _: answer) if once else answer
        return self._finish(once, request_id, done)

    def _finish(self, once: Once | None, request_id: str, prepared: Prepared) -> Answer:
        counts = False

        def work(session: Session) -> Answer:
            nonlocal counts
            counts = False
            answer = prepared.work(session)
            counts = True
            return answer

        # After any other error, it may count: a database that fell silent can have committed.
        answer = self.answer(once, request_id, work)
        if answer.replayed or not counts:
            prepared.undo()
        return answer

    def _first(self, once: Once | None, work: Work) -> Answer:
        for _ in range(_TRIES):
            try:
                with self._database.write() as session:
                    if once and (known := _known(session, once)):
                        return known
                    answer = work(session)
                    if once:
                        _keep(session, once, answer)
                    return answer
            except IntegrityError:
                # Another transaction got ahead. What it wrote is visible now.
                continue
        raise Unforeseen("Others change the same thing at the same time. Try again.")


def _failed(error: LikenessError, request_id: str) -> Answer:
    return Answer.of(status_of(error), body_of(error, request_id))


def _known(session: Session, once: Once) -> Answer | None:
    row = session.get(AnswerRow, (once.organisation, once.key))
    if row is None or row.created_at < datetime.now(UTC) - KEPT_FOR:
        return None
    if row.fingerprint != once.fingerprint:
        raise IdempotencyConflict("This Idempotency-Key was used for another request. Use a new one.")
    return Answer(row.status, row.body, replayed=True)


def _keep(session: Session, once: Once, answer: Answer) -> None:
    now = datetime.now(UTC)
    session.execute(
        delete(AnswerRow).where(
            AnswerRow.organisation == once.organisation, AnswerRow.created_at < now - KEPT_FOR
        )
    )
    session.add(
        AnswerRow(
            organisation=once.organisation,
            idempotency_key=once.key,
            fingerprint=once.fingerprint,
            status=answer.status,
            body=answer.body,
            created_at=now,
        )
    )


def _canonical(body: bytes) -> str:
    """Returns the same text for equivalent bodies: the order of fields and whitespace don't matter."""
    try:
        return json.dumps(from_json(body), sort_keys=True)
    except (ValueError, RecursionError):
        return body.hex()
