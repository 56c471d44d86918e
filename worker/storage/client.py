"""The boto3 client, set up for any S3-compatible store."""

import os
from typing import TYPE_CHECKING, Any

from models.errors import StorageRefused
from worker.base.settings import Settings
from worker.base.watchdog import still_wanted
from worker.storage.fence import pass_fence

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

CONNECT_TIMEOUT = 5
READ_TIMEOUT = 30
"""Seconds of silence, not of the whole transfer."""
POOL_SIZE = 16


URLS_END_EARLY = (
    "URLs are signed with keys that end by themselves, as an instance role's do, and the URLs end with them: "
    "within hours, whatever LIKENESS_PRESIGN_TTL says. Give LIKENESS_PUBLIC_BASE_URL, or lasting keys in "
    "LIKENESS_S3_ACCESS_KEY_ID."
)


def connect(settings: Settings) -> "S3Client":
    """Creates a client with its own session. It sends nothing yet, and threads may share it.

    Raises StorageRefused for an endpoint that isn't a URL, and what botocore raises for incomplete keys.
    """
    import boto3
    from botocore.config import Config

    key_id, secret = settings.s3_access_key_id, settings.s3_secret_access_key
    config = Config(
        # Presigned URLs would otherwise be signed in the old way that stores no longer accept.
        signature_version="s3v4",
        s3={"addressing_style": settings.s3_addressing_style},
        retries={"mode": "standard", "total_max_attempts": settings.s3_attempts},
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=POOL_SIZE,
        # The checksums that boto3 adds by default come as trailers, which many compatible stores reject.
        # A put is covered all the same: the signature holds the body's SHA-256.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    # boto3's default session isn't safe to make clients from in several threads.
    session = boto3.session.Session()
    try:
        client: S3Client = session.client(
            "s3",
            endpoint_url=settings.s3_endpoint_url,
            region_name=region_of(settings, session),
            aws_access_key_id=key_id.get_secret_value() if key_id else None,
            aws_secret_access_key=secret.get_secret_value() if secret else None,
            config=config,
        )
    except ValueError:
        raise StorageRefused(
            "LIKENESS_S3_ENDPOINT_URL is not a URL. Give e.g. https://s3.example.com"
        ) from None
    # A call that was given up, or whose job was lost, must not try once more: by then, another worker may have
    # stored the same object.
    client.meta.events.register("before-send.s3", _require_wanted)
    return client


def region_of(settings: Settings, session: Any) -> str:
    """The region to sign for. AWS sets AWS_REGION in containers and functions; boto3 ignores it."""
    return str(settings.s3_region or os.environ.get("AWS_REGION") or session.region_name or "us-east-1")


def has_temporary_keys(settings: Settings) -> bool:
    """Whether requests are signed with keys that expire, as an instance role's do. A URL signed with them expires
    with them."""
    if settings.s3_access_key_id:
        return False
    import boto3

    keys = boto3.session.Session().get_credentials()
    return keys is not None and bool(keys.get_frozen_credentials().token)


def _require_wanted(**_: object) -> None:
    """Runs right before each try of a request, which raises what this raises."""
    still_wanted()
    pass_fence()
