"""Buckets in another region, with Object Lock, with a policy on encryption; and keys that end."""

from collections.abc import Callable, Iterator

import pytest
from pydantic import ValidationError

from models.errors import DoctorFinding, StorageRefused
from tests.e2e.faults.proxies import StoreProxy
from tests.support.servers.strict_store import RegionalStore, StrictBucket
from worker.base.settings import Settings
from worker.stack import EmbeddedStack
from worker.storage import Storage
from worker.storage.urls import check_urls

HERE = "eu-central-1"


@pytest.fixture
def regional(stack: EmbeddedStack) -> Iterator[RegionalStore]:
    store = RegionalStore(stack.s3.port, HERE)
    yield store
    store.stop()


@pytest.fixture
def behind(settings: Settings) -> Callable[..., Storage]:
    """The object store behind one that is strict, with settings as the test wants them."""

    def storage(proxy: StoreProxy, **changes: object) -> Storage:
        there = {"s3_endpoint_url": f"http://{proxy.address}", "s3_attempts": 1}
        return Storage(settings.model_copy(update=there | changes))

    return storage


def test_urls_that_are_signed_for_another_region_are_found(
    regional: RegionalStore, behind: Callable[..., Storage]
) -> None:
    storage = behind(regional)
    storage.put_image(storage.probe_key(), b"boto3 asks again by itself", "image/png")
    with pytest.raises(DoctorFinding, match="LIKENESS_S3_REGION") as caught:
        check_urls(storage)
    assert HERE in caught.value.message
    check_urls(behind(regional, s3_region=HERE))


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_of_aws_own_variables_counts_where_ours_is_not_set(
    name: str, regional: RegionalStore, behind: Callable[..., Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, HERE)
    check_urls(behind(regional))
    with pytest.raises(DoctorFinding, match="LIKENESS_S3_REGION"):
        check_urls(behind(regional, s3_region="us-east-1"))


def test_errors_of_the_region_name_the_setting(
    regional: RegionalStore, behind: Callable[..., Storage]
) -> None:
    regional.tells = False
    with pytest.raises(StorageRefused, match="Set LIKENESS_S3_REGION to the bucket's region"):
        behind(regional).put_json("a.json", "{}")


def test_an_upload_that_is_refused_is_found(stack: EmbeddedStack, behind: Callable[..., Storage]) -> None:
    bucket = StrictBucket(stack.s3.port, "key-1", locked=False)
    try:
        with pytest.raises(DoctorFinding, match="answered with 403"):
            check_urls(behind(bucket))
    finally:
        bucket.stop()


def test_a_public_base_url_that_leads_elsewhere_is_found(settings: Settings, stack: EmbeddedStack) -> None:
    elsewhere = settings.model_copy(update={"public_base_url": f"{stack.s3.endpoint_url}/no-such-bucket"})
    with pytest.raises(DoctorFinding, match="LIKENESS_PUBLIC_BASE_URL"):
        check_urls(Storage(elsewhere))
    nowhere = settings.model_copy(update={"public_base_url": "http://127.0.0.1:9"})
    with pytest.raises(DoctorFinding, match="can't be reached from here"):
        check_urls(Storage(nowhere))


def test_a_locked_bucket_with_a_policy_on_encryption_takes_all_that_is_put(
    stack: EmbeddedStack, behind: Callable[..., Storage]
) -> None:
    bucket = StrictBucket(stack.s3.port, "key-1")
    try:
        storage = behind(bucket, s3_sse="aws:kms", s3_sse_kms_key_id="key-1")
        key = storage.probe_key()
        storage.put_image(key, b"image", "image/png")
        storage.put_json(key, "{}")
        storage.check_writable()
        with pytest.raises(StorageRefused):
            behind(bucket).put_json(key, "{}")
        assert {put["x-amz-server-side-encryption"] for put in bucket.puts} == {"aws:kms"}
        storage.delete(key)
    finally:
        bucket.stop()


def test_uploads_ask_for_encryption_too(stack: EmbeddedStack, behind: Callable[..., Storage]) -> None:
    bucket = StrictBucket(stack.s3.port, "key-1", locked=False)
    try:
        storage = behind(bucket, s3_sse="aws:kms", s3_sse_kms_key_id="key-1")
        assert storage.upload_headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-1"
        check_urls(storage)
    finally:
        bucket.stop()


def test_a_key_needs_its_kind_of_encryption() -> None:
    with pytest.raises(ValidationError, match="aws:kms"):
        Settings(s3_sse="AES256", s3_sse_kms_key_id="key-1")


def test_urls_that_end_with_an_instance_roles_keys_are_told(
    settings: Settings, stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded store doesn't look at the token; boto3 takes it for keys that end."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack.s3.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stack.s3.secret_access_key)
    role = settings.model_copy(update={"s3_access_key_id": None, "s3_secret_access_key": None})
    check_urls(Storage(role))
    monkeypatch.setenv("AWS_SESSION_TOKEN", "ends")
    assert Storage(role).urls_end_early()
    with pytest.raises(DoctorFinding, match="LIKENESS_PRESIGN_TTL"):
        check_urls(Storage(role))
    public = role.model_copy(update={"public_base_url": "https://images.example"})
    assert not Storage(public).urls_end_early()
    assert not Storage(settings).urls_end_early()
