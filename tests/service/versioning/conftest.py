"""What tests of history are given: a bucket of their own, and a way to put files into it."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from libs.blobs import open_store
from libs.contracts.storage import (
    BeginUpload,
    CommitUpload,
    CreateBucket,
    FilePut,
)
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import Ask as AskAny
from tests.service.storage.bucket import Bucket
from tests.service.versioning.branching import Branching
from tests.service.versioning.steps import ANN, Ask


@pytest.fixture
async def bucket(ask: Ask) -> str:
    name = a_bucket_name("history")
    await ask(CreateBucket(name=name, actor=ANN))
    return name


@pytest.fixture
def put(ask: Ask, platform: Platform) -> Callable[..., Awaitable[FilePut]]:
    """Put bytes at a path, as the gateway does."""

    async def put(bucket: str, path: str, content: bytes, actor: str = ANN) -> FilePut:
        ticket = await ask(
            BeginUpload(bucket=bucket, path=path, actor=actor, content_type="text/plain")
        )
        async with open_store(platform.store_url) as store:
            await store.put(ticket.key, content)
        digest = hashlib.sha256(content).hexdigest()
        answer: FilePut = await ask(
            CommitUpload(upload_id=ticket.upload_id, sha256=digest, size=len(content))
        )
        return answer

    return put


@pytest.fixture
async def scene(ask: AskAny, platform: Platform) -> AsyncIterator[Branching]:
    """A bucket of which nothing is there yet, and ways to write on its branches."""
    name = a_bucket_name("scene")
    await ask(CreateBucket(name=name, actor=ANN))
    async with open_store(platform.store_url) as store:
        yield Branching(Bucket(ask, store, name))
