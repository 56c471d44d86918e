"""The base of every document: camelCase JSON, strict fields, times in UTC with milliseconds."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from models.errors import InvalidInput, UnreadableDocument
from models.tolerant import TOLERANT, make_tolerant

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def without_defaults(schema: dict[str, Any]) -> None:
    """Takes the defaults out of a JSON Schema, for documents in which a field that is left out keeps a value: a
    generated client would send the default."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class Document(BaseModel):
    """An immutable document that crosses a border. JSON is camelCase; an unknown field is an error."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        serialize_by_alias=True,
        # A refused value may be a secret or a signed URL.
        hide_input_in_errors=True,
    )
    called: ClassVar[str] = "document"
    """What errors call it. Their readers don't know the class."""

    @classmethod
    def parse(cls, document: Any) -> Self:
        """Validates JSON text or a decoded object.

        Names must be the contract's camelCase. Raises InvalidInput whose `details["fields"]` lists the
        first twenty offending paths and their reasons. Values are left out: they may be secret, or huge.
        """
        return cls._validated(document, "forbid")

    @classmethod
    def read(cls, document: Any, *, keep: bool = True) -> Self:
        """Validates a document that Likeness itself wrote, and accepts what this version doesn't know: while a
        deployment is updated, newer processes write what older ones read.

        Unknown fields are ignored. They are in the document's JSON again, unless `keep` is false: what goes into a
        message must not have them. An unknown word of an enumeration is a plain `str` in its field. Raises
        UnreadableDocument.
        """
        try:
            return cls._validated(document, "allow" if keep else "ignore", TOLERANT)
        except InvalidInput as error:
            raise UnreadableDocument(
                f"{error.message}. Likeness wrote it: update this process, if others are newer.",
                **error.details,
            ) from None

    @classmethod
    def read_fields(cls, fields: dict[str, Any]) -> Self:
        """Does the same for a document that is kept in parts, whose own fields have Python's names. Unknown ones
        are left out."""
        known = {name: value for name, value in fields.items() if name in cls.model_fields}
        return cls.model_validate(known, context=TOLERANT, extra="allow")

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[BaseModel], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        schema = handler(source)
        make_tolerant(schema, handler.resolve_ref_schema)
        return schema

    @classmethod
    def _validated(
        cls, document: Any, extra: Literal["forbid", "ignore", "allow"], context: object = None
    ) -> Self:
        validate = cls.model_validate_json if isinstance(document, str | bytes) else cls.model_validate
        try:
            return validate(document, by_alias=True, by_name=False, extra=extra, context=context)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False, include_context=False)
            fields = [{"path": _path(e["loc"]), "reason": reason_of(e["msg"])} for e in errors[:20]]
            listing = "; ".join(f"{f['path']}: {f['reason']}" for f in fields[:5])
            raise InvalidInput(f"The {cls.called} is not valid: {listing}", fields=fields) from None

    def to_json(self) -> str:
        """The document as JSON text. A field that is null is left out."""
        return self.model_dump_json(exclude_none=True)

    def to_data(self) -> dict[str, Any]:
        """The document as JSON-ready data. A field that is null is left out."""
        return self.model_dump(mode="json", exclude_none=True)


class Request(Document):
    """A document that a caller wrote. Its JSON has only the fields that were given, because leaving a field out
    (keep it) differs from giving `null` (clear it)."""

    called = "request"

    def to_json(self) -> str:
        return self.model_dump_json(exclude_unset=True)

    def to_data(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude_unset=True)


def reason_of(message: str) -> str:
    """Pydantic's message without its own word for errors that validators raise."""
    return message.removeprefix("Value error, ")[:200]


def _path(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:100] for part in parts[:10]) or "(document)"


def _require_rfc3339(value: object) -> object:
    # Pydantic also accepts bare numbers and dates with a space; the contract doesn't.
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC3339.fullmatch(value)):
        return value
    raise ValueError("give the time as RFC 3339, e.g. 2026-11-24T10:58:00.125Z")


def _to_milliseconds(value: datetime) -> datetime:
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is before or after all that UTC has") from None
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


def format_time(value: datetime) -> str:
    """Formats a time as RFC 3339 in UTC with milliseconds and `Z`, e.g. `2026-11-24T10:58:00.125Z`."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    AwareDatetime,
    BeforeValidator(_require_rfc3339),
    AfterValidator(_to_milliseconds),
    PlainSerializer(format_time, return_type=str, when_used="json"),
]

_SAFE_ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}"

# Ids become parts of object keys and Redis keys, so nothing that could climb or split a path is allowed.
JobId = Annotated[str, Field(pattern=rf"^job_{_SAFE_ID}$", examples=["job_01JDG3T4Q8J9W2M5X7Y0Z1A2B3"])]
InfluencerId = Annotated[str, Field(pattern=rf"^inf_{_SAFE_ID}$", examples=["inf_01HX9Y6K7EJ4T2NOVAB"])]
AssetId = Annotated[str, Field(pattern=rf"^med_{_SAFE_ID}$", examples=["med_01HX9Y6K7EJ4T2REF01"])]
ProjectId = Annotated[str, Field(pattern=rf"^{_SAFE_ID}$", examples=["8c0a54a8-6f0e-4d9b-9c1f-2b7f6f1f0a11"])]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="Hexadecimal SHA-256.")]
MOST_URL = 8192
"""The most characters that a URL can have. Presigned URLs are long."""
Url = Annotated[str, Field(min_length=1, max_length=MOST_URL, description="May be presigned, and then long.")]
