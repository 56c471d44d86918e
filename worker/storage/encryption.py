"""The encryption at rest that a put requests from the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.base.settings import Settings


@dataclass(frozen=True, slots=True)
class Encryption:
    """A request for encryption, both as boto3's parameters and as headers of a put to a presigned URL."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def encryption_of(settings: Settings) -> Encryption:
    """The encryption that the settings ask for; empty if they ask for none."""
    if settings.s3_sse is None:
        return Encryption()
    parameters: dict[str, str] = {"ServerSideEncryption": settings.s3_sse}
    headers: dict[str, str] = {"x-amz-server-side-encryption": settings.s3_sse}
    if settings.s3_sse_kms_key_id:
        parameters["SSEKMSKeyId"] = settings.s3_sse_kms_key_id
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = settings.s3_sse_kms_key_id
    return Encryption(parameters, headers)
