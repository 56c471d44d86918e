"""Fixtures for every test: the real services, and settings that keep one test out of another's way.

`stack`         one real Redis and S3 for the whole run; tests that stop a service start their own
`settings`      settings for the stack, with a queue, a Redis prefix and a storage prefix of this test alone
`redis_client`  a client of the stack's Redis that answers in str
`storage`       the object store as `settings` has it

None of them skips: a test that needs a service must fail where there is none.

`make test` runs the files in two processes (pytest-xdist). Each of these has a stack of its own.
"""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
import redis

from worker.base.settings import Settings
from worker.stack import EmbeddedStack
from worker.storage import Storage

# What tests compute is too small to gain from threads, which wait for each other where others need the cores too.
# Set before a test module imports numpy or torch, and inherited by all that tests start.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session", autouse=True)
def _first_environment() -> dict[str, str]:
    """Before any fixture loads a pipeline."""
    return dict(os.environ)


@pytest.fixture(autouse=True)
def _environment(_first_environment: dict[str, str]) -> Iterator[None]:
    """Loading a pipeline cuts its process off from the hub; here that process is the tests' own."""
    yield
    os.environ.clear()
    os.environ.update(_first_environment)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def settings_apart(stack: EmbeddedStack) -> Settings:
    mine = f"test-{uuid4().hex}"
    return stack.settings(queue=mine, redis_prefix=mine, s3_prefix=mine)


@pytest.fixture
def settings(stack: EmbeddedStack) -> Settings:
    return settings_apart(stack)


@pytest.fixture
def redis_client(stack: EmbeddedStack) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(stack.redis.url, decode_responses=True)
    yield client
    client.close()


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    with Storage(settings) as store:
        yield store
