"""The client of an object store: any that speaks S3."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote
from uuid import uuid4

from models.errors import InvalidInput, NotFound, ObjectTooLarge, StorageError, StorageHung
from worker.base.observers.service_errors import note
from worker.base.settings import Settings
from worker.base.watchdog import Watchdog
from worker.storage.client import connect, has_temporary_keys
from worker.storage.encryption import encryption_of
from worker.storage.failures import is_missing_key, translated
from worker.storage.fence import Conditions, is_fenced, missing_conditions, put_if_unchanged
from worker.storage.keys import KeyLayout, is_plain_key

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef, PaginatorConfigTypeDef

T = TypeVar("T")

_CHUNK = 256 * 1024
_PAGE = 1000  # What S3 lists, and deletes, in one request at most.


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What the store knows about an object. `size` is in bytes; `etag` is opaque and has no quotes."""

    key: str
    size: int
    etag: str
    last_modified: datetime
    content_type: str | None = None
    """None in listings, where S3 doesn't report it."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case. Empty in listings. A store may forget it: the embedded one does when it restarts."""


class Storage:
    """One bucket of an S3-compatible store. Safe to share between threads; connects at first use.

    Every method raises StorageError if the store fails in all tries that the settings allow, StorageHung if a call
    takes longer than `store_timeout`, ClockSkewed, and StorageRefused if the store refuses. No error names a key's
    secret or a signed URL. In a listing, the limit is for each page.
    """

    def __init__(self, settings: Settings, watchdog: Watchdog | None = None) -> None:
        """Raises InvalidInput if the settings' key templates can't be used. Sends nothing."""
        self.keys = KeyLayout(settings)
        self.bucket = settings.s3_bucket
        self._settings = settings
        self._watchdog = watchdog or Watchdog()
        self._lock = Lock()
        self._connected: S3Client | None = None
        self._conditions = Conditions()
        self._encryption = encryption_of(settings)

    def __repr__(self) -> str:
        return f"Storage(bucket={self.bucket!r}, prefix={self.keys.prefix!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections. The next call opens new ones."""
        with self._lock:
            client, self._connected = self._connected, None
        if client is not None:
            client.close()

    def put_image(
        self, key: str, data: bytes, content_type: str, metadata: Mapping[str, str] | None = None
    ) -> str:
        """Stores an image or thumbnail, to be cached as the settings say. Returns the SHA-256 of its bytes.

        `metadata` must be ASCII; `sha256` is added to it.
        """
        return self._put(key, data, content_type, self._settings.cache_control, metadata or {})

    def put_json(self, key: str, document: str) -> str:
        """Stores a JSON text. Caches must revalidate it: unlike an image it may change. Returns its SHA-256."""
        return self._put(key, document.encode(), "application/json", "no-cache", {})

    def get(self, key: str, max_bytes: int, timeout: float | None = None) -> bytes:
        """Returns an object's bytes. `timeout`, in seconds, replaces `store_timeout`.

        Raises NotFound, and ObjectTooLarge above `max_bytes`: by the declared length, before anything is read,
        or else as soon as more has come. If the access key can't list the bucket, AWS doesn't say whether an
        object is missing: it refuses (StorageRefused).
        """
        from botocore.exceptions import ClientError

        if not is_plain_key(key):
            raise NotFound(f"There can be no object {key[:200]!r}: it isn't a plain path.", key=key[:200])

        def read(client: "S3Client") -> tuple[bytes, int]:
            try:
                answer = client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if is_missing_key(error):
                    raise NotFound(
                        f"There is no object {key!r} in bucket {self.bucket!r}.", key=key
                    ) from None
                raise
            data = bytearray()
            # Closing a body that wasn't read to its end drops the connection, so nothing more is received.
            with closing(answer["Body"]) as body:
                size = answer.get("ContentLength", 0)
                chunks = body.iter_chunks(_CHUNK)
                while size <= max_bytes and (chunk := next(chunks, b"")):
                    data += chunk
                    size = max(size, len(data))
            return bytes(data), size

        data, size = self._ask("read", read, timeout)
        if size > max_bytes:
            raise ObjectTooLarge(
                f"The object {key!r} has {size} bytes or more; {max_bytes} are allowed.",
                key=key,
                size=size,
                max_bytes=max_bytes,
            )
        return data

    def head(self, key: str) -> StoredObject | None:
        """What the store knows about an object; None if there is no such object."""
        from botocore.exceptions import ClientError

        if not is_plain_key(key):
            return None

        def look_up(client: "S3Client") -> "HeadObjectOutputTypeDef | None":
            try:
                return client.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if is_missing_key(error):
                    return None
                raise

        found = self._ask("look up an object", look_up)
        if found is None:
            return None
        return StoredObject(
            key=key,
            size=found["ContentLength"],
            etag=found["ETag"].strip('"'),
            last_modified=found["LastModified"].astimezone(UTC),
            content_type=found.get("ContentType"),
            # As HTTP headers their names have no case: some stores capitalize them.
            metadata={name.lower(): value for name, value in found.get("Metadata", {}).items()},
        )

    def list(self, prefix: str, *, page_size: int = _PAGE) -> Iterator[StoredObject]:
        """The objects in the folder `prefix` and below, by key; `page_size` of them per request."""
        return self._list(_folder(prefix), page_size)

    def list_all(self, *, page_size: int = _PAGE) -> Iterator[StoredObject]:
        """The objects under the settings' prefix; without one, those of the whole bucket."""
        return self._list(self.keys.prefix, page_size)

    def delete(self, *keys: str) -> None:
        """Deletes objects; missing ones are no error."""
        self._delete(keys)

    def delete_prefix(self, prefix: str, *, page_size: int = _PAGE, but: str | None = None) -> int:
        """Deletes the objects in the folder `prefix` and below, except for those in the folder `but`. Deletes
        `page_size` objects per request, and returns how many in all.

        Raises InvalidInput for an empty prefix, which would mean the whole bucket.
        """
        # Listed in full first: not every store's continuation token survives a deletion.
        kept = _folder(but) if but is not None else None
        keys = [
            found.key
            for found in self.list(prefix, page_size=page_size)
            if kept is None or not found.key.startswith(kept)
        ]
        for start in range(0, len(keys), page_size):
            self._delete(keys[start : start + page_size])
        return len(keys)

    def url(self, key: str) -> str:
        """A URL where anybody can get the object: under the public base URL, or signed for a limited time.

        Signing sends nothing, unless the keys come from an instance role; then the URL also expires with them.
        """
        _require_plain(key)
        if self._settings.public_base_url is not None:
            return f"{self._settings.public_base_url.rstrip('/')}/{quote(key, safe='/~')}"
        with translated("sign a URL", self.bucket):
            return self._client().generate_presigned_url(
                "get_object",
                Params={"Bucket": self.bucket, "Key": key},
                ExpiresIn=max(1, int(self._settings.presign_ttl)),
            )

    @property
    def has_public_urls(self) -> bool:
        """Whether `url` gives unsigned URLs under the public base."""
        return self._settings.public_base_url is not None

    def urls_end_early(self) -> bool:
        """Whether signed URLs expire before `presign_ttl`, with the keys that sign them. May request those keys."""
        if self.has_public_urls:
            return False
        with translated("sign a URL", self.bucket):
            return has_temporary_keys(self._settings)

    @property
    def upload_headers(self) -> Mapping[str, str]:
        """The headers that a put to an upload's URL must send in addition to its content type."""
        return self._encryption.headers

    def upload_url(self, key: str, content_type: str, size: int, lifetime: float) -> str:
        """A URL where anybody can put this object for `lifetime` seconds. The store refuses a put without this
        content type, length (bytes) and `upload_headers`. Signing sends nothing, as for `url`."""
        _require_plain(key)
        with translated("sign a URL", self.bucket):
            return self._client().generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self.bucket,
                    "Key": key,
                    "ContentType": content_type,
                    "ContentLength": size,
                    **self._encryption.parameters,
                },
                ExpiresIn=max(1, int(lifetime)),
            )

    def clock(self) -> datetime:
        """The store's time, to the second, from the date of a response."""
        answer = self._ask("look up", lambda client: client.list_objects_v2(Bucket=self.bucket, MaxKeys=1))
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    def check_writable(self) -> tuple[str, ...]:
        """Puts, reads and deletes a probe object. Raises StorageError if any of that fails. Returns which of the
        conditions that the fence uses are missing in the store: `If-None-Match`, `If-Match`."""
        key, data = self.probe_key(), b"probe"
        self._put(key, data, "text/plain", "no-store", {})
        try:
            if self.get(key, len(data)) != data:
                raise StorageError(f"Bucket {self.bucket!r} gave back other bytes than were put into it.")
            what = self._what(data)
            return self._ask("write", lambda client: missing_conditions(client, self.bucket, key, what))
        finally:
            self._delete([key])

    def probe_key(self) -> str:
        """A new key for an object that is deleted at once."""
        return f"{self.keys.prefix}likeness-probe-{uuid4().hex}"

    def _client(self) -> "S3Client":
        with self._lock:
            if self._connected is None:
                self._connected = connect(self._settings)
            return self._connected

    def _list(self, start: str, page_size: int) -> Iterator[StoredObject]:
        with translated("list", self.bucket):
            paginator = self._client().get_paginator("list_objects_v2")
            config: PaginatorConfigTypeDef = {"PageSize": page_size}
            pages = iter(paginator.paginate(Bucket=self.bucket, Prefix=start, PaginationConfig=config))
        while page := self._ask("list", lambda _: next(pages, None)):
            for entry in page.get("Contents", ()):
                yield StoredObject(
                    key=entry["Key"],
                    size=entry["Size"],
                    etag=entry["ETag"].strip('"'),
                    last_modified=entry["LastModified"].astimezone(UTC),
                )

    def _put(
        self, key: str, data: bytes, content_type: str, cache_control: str, metadata: Mapping[str, str]
    ) -> str:
        _require_plain(key)
        digest = sha256(data).hexdigest()
        what = self._what(data) | {
            "ContentType": content_type,
            "CacheControl": cache_control,
            "Metadata": {**metadata, "sha256": digest},
        }

        def put(client: "S3Client") -> None:
            if is_fenced():
                put_if_unchanged(client, self.bucket, key, what, self._conditions)
            else:
                client.put_object(Bucket=self.bucket, Key=key, **what)

        self._ask("write", put)
        return digest

    def _what(self, data: bytes) -> dict[str, Any]:
        """The parameters that all puts have."""
        # Buckets with Object Lock take nothing without a checksum.
        checksum = b64encode(sha256(data).digest()).decode()
        return {"Body": data, "ChecksumSHA256": checksum, **self._encryption.parameters}

    def _delete(self, keys: Sequence[str]) -> None:
        left = keys
        if len(keys) > 1:
            left = self._ask("delete", lambda client: self._delete_together(client, keys))
        for key in left:
            self._ask("delete", partial(_delete_one, bucket=self.bucket, key=key))

    def _delete_together(self, client: "S3Client", keys: Sequence[str]) -> Sequence[str]:
        """Deletes several objects in one request. Returns those that are left to delete one by one."""
        from botocore.exceptions import ClientError

        try:
            answer = client.delete_objects(
                Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
            )
        except ClientError:
            return keys  # Not every store has the batched call. Deleting one by one shows any other error.
        return [failed["Key"] for failed in answer.get("Errors", ()) if "Key" in failed]

    def _ask(self, action: str, call: "Callable[[S3Client], T]", timeout: float | None = None) -> T:
        limit = timeout or self._settings.store_timeout
        hung = StorageHung(
            f"The object store took more than {limit:g} s to {action} in bucket {self.bucket!r}. "
            "Check what it and the network are at.",
            operation=action,
            bucket=self.bucket,
        )
        try:
            with translated(action, self.bucket):
                client = self._client()
                return self._watchdog.call(lambda: call(client), limit, hung)
        except StorageError as error:
            note("store", error.code)
            raise


def _delete_one(client: "S3Client", *, bucket: str, key: str) -> None:
    client.delete_object(Bucket=bucket, Key=key)


def _folder(prefix: str) -> str:
    # With its slash: the prefix of job_1 is also one of job_10's.
    folder = prefix.rstrip("/") + "/"
    if not is_plain_key(folder[:-1]):
        raise InvalidInput(f"{prefix[:200]!r} is not a folder of the object store.", prefix=prefix[:200])
    return folder


def _require_plain(key: str) -> None:
    if not is_plain_key(key):
        raise InvalidInput(f"{key[:200]!r} can't be an object's key: it isn't a plain path.", key=key[:200])
