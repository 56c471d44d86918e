"""The tables. `organisation` is the tenant that a row belongs to, and every query asks for it.

Documents are stored as JSON text, which holds any string that JSON can; PostgreSQL's own text and jsonb refuse NUL
characters.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, ForeignKey, ForeignKeyConstraint, Index, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Milliseconds(TypeDecorator[datetime]):
    """A time as milliseconds since 1970: exact, sortable, and the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else round(value.timestamp() * 1000)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromtimestamp(value / 1000, UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: Milliseconds, str: String(128)}  # noqa: RUF012 - SQLAlchemy's way


class ApiKeyRow(Base):
    """A key of an organisation. Only a hash of its secret is stored."""

    __tablename__ = "api_keys"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str]
    secret_sha256: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[str]
    """Separated by spaces."""
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To the minute."""


class ProjectRow(Base):
    __tablename__ = "projects"

    project_id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(index=True)
    document: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    primary_influencer_id: Mapped[str | None]
    """The influencer that was set; null stands for the first one that is ready."""


class AssetRow(Base):
    """An image of the media library."""

    __tablename__ = "assets"

    asset_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"), index=True)
    url: Mapped[str] = mapped_column(Text)
    thumbnail_url: Mapped[str | None] = mapped_column(Text)
    object_key: Mapped[str | None] = mapped_column(Text)
    """Where it is in the object store. A worker reads it there: unlike a presigned URL, a key doesn't expire."""
    thumbnail_key: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class UploadRow(Base):
    """A picture that a client may put into the object store. It becomes an asset, and resolves as one, once it is
    finalized. The row stays for a day either way, so that whatever was put there is removed."""

    __tablename__ = "uploads"

    asset_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"), index=True)
    media_type: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    """In bytes."""
    sha256: Mapped[str | None]
    """As the client gave it, or else of the first picture that passed. Nothing else can become the asset."""
    created_at: Mapped[datetime] = mapped_column(index=True)


class InfluencerRow(Base):
    """A persona. Callers choose ids, so an id is unique only in its organisation: a conflict with another tenant's
    would reveal that tenant."""

    __tablename__ = "influencers"
    __table_args__ = (
        Index("influencers_by_age", "project_id", "created_at", "influencer_id"),
        Index("influencers_by_end", "organisation", "deleted_at"),
        Index("influencers_to_erase", "erase_at"),
        Index("influencers_by_source", "organisation", "source_influencer_id", "created_at", "influencer_id"),
    )

    organisation: Mapped[str] = mapped_column(primary_key=True)
    influencer_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    status: Mapped[str]
    document: Mapped[str] = mapped_column(Text)
    """Name and persona."""
    source_influencer_id: Mapped[str | None]
    """The influencer of the same organisation that it was cloned from. It may be deleted by now."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    delete_reason: Mapped[str | None] = mapped_column(Text)
    """As a JSON string."""
    erase_at: Mapped[datetime | None]
    """When it was wished that its images be deleted, until they are."""
    erasing: Mapped[str | None] = mapped_column(Text)
    """The keys of its images in the object store, as JSON, while these are being deleted."""
    erased_at: Mapped[datetime | None]
    """When its images were deleted."""


class BoundImageRow(Base):
    """An asset that is bound to an influencer as a reference image. The primary key prevents binding it twice."""

    __tablename__ = "reference_images"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation", "influencer_id"], ["influencers.organisation", "influencers.influencer_id"]
        ),
    )

    organisation: Mapped[str] = mapped_column(primary_key=True)
    influencer_id: Mapped[str] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.asset_id"), primary_key=True)
    position: Mapped[int]
    added_at: Mapped[datetime]


UNFILLED = text("kind IS NULL OR (status IS NULL AND landed_at IS NOT NULL)")
"""The condition for jobs that an earlier version recorded or landed. `backfill` completes them."""


class JobRow(Base):
    """A job that this API submitted. While `landed_at` isn't set, a process must still handle it."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_by_age", "organisation", "created_at", "job_id"),
        Index("jobs_by_influencer", "organisation", "influencer_id", "created_at", "job_id"),
        Index("jobs_by_kind", "organisation", "kind", "created_at", "job_id"),
        Index("jobs_by_status", "organisation", "status", "created_at", "job_id"),
        Index("jobs_unfilled", "job_id", sqlite_where=UNFILLED, postgresql_where=UNFILLED),
        Index("jobs_unlanded", "landed_at", "job_id"),
        Index("jobs_to_cancel", "landed_at", "canceled_at"),
    )

    job_id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str]
    project_id: Mapped[str]
    influencer_id: Mapped[str]
    kind: Mapped[str | None]
    """The message's kind. Null until `backfill` has set it."""
    status: Mapped[str | None]
    """The final record's status. Null until the job has landed."""
    message: Mapped[str] = mapped_column(Text)
    """The message that is submitted, word for word, however often."""
    created_at: Mapped[datetime]
    landed_at: Mapped[datetime | None]
    canceled_at: Mapped[datetime | None]
    """When a cancel was accepted. Redis may forget that."""
    record: Mapped[str | None] = mapped_column(Text)
    """The final record, which Redis forgets."""


class SelectionRow(Base):
    """The influencer that was selected for a brief, frozen: no later change affects it."""

    __tablename__ = "selections"

    selection_id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.project_id"))
    document: Mapped[str] = mapped_column(Text)
    """The answer, word for word."""
    created_at: Mapped[datetime]


class WebhookSecretRow(Base):
    """The name of a secret that signs an organisation's webhooks. The secret itself is derived, never stored."""

    __tablename__ = "webhook_secrets"

    secret_id: Mapped[str] = mapped_column(primary_key=True)
    organisation: Mapped[str] = mapped_column(index=True)
    master: Mapped[str]
    """The name of the master key that it is derived from."""
    created_at: Mapped[datetime]


class AnswerRow(Base):
    """An answer that was given under an Idempotency-Key."""

    __tablename__ = "answers"

    organisation: Mapped[str] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(index=True)
