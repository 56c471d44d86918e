"""What a put asks for where objects are to be encrypted at rest by the store."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.base.settings import Settings


@dataclass(frozen=True, slots=True)
class Encryption:
    """The same twice: as boto3's parameters, and as headers for whoever puts to a presigned URL."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def encryption_of(settings: Settings) -> Encryption:
    """Nothing where the settings ask for nothing."""
    if settings.s3_sse is None:
        return Encryption()
    parameters: dict[str, str] = {"ServerSideEncryption": settings.s3_sse}
    headers: dict[str, str] = {"x-amz-server-side-encryption": settings.s3_sse}
    if settings.s3_sse_kms_key_id:
        parameters["SSEKMSKeyId"] = settings.s3_sse_kms_key_id
        headers["x-amz-server-side-encryption-aws-kms-key-id"] = settings.s3_sse_kms_key_id
    return Encryption(parameters, headers)
