"""Buckets to work on, and what lies under them."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from libs.blobs import BlobStore, open_store
from libs.chassis.database import Database
from libs.contracts.storage import CreateBucket
from services.storage.settings import Settings
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.storage.bucket import ACTOR, Ask, Bucket, Making


@pytest.fixture(scope="session")
def storage_environment(platform: Platform) -> dict[str, str]:
    """What the storage service was started with."""
    return {**os.environ, **platform.stack.env("storage")}


@pytest.fixture(scope="session")
async def store(storage_environment: dict[str, str]) -> AsyncIterator[BlobStore]:
    """The platform's own object store."""
    async with open_store(storage_environment["STRONGROOM_STORAGE_STORE_URL"]) as opened:
        yield opened


@pytest.fixture(scope="session")
def impatient(platform: Platform, storage_environment: dict[str, str]) -> Settings:
    """The settings of a second replica, for which every grace is over."""
    return Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
        blob_grace_s=0.001,
        object_grace_s=0.001,
        bucket_grace_s=0,
    )


@pytest.fixture(scope="session")
async def db(platform: Platform) -> AsyncIterator[Database]:
    """The schema of storage."""
    async with Database(platform.database_urls["storage"], pool_size=8) as opened:
        yield opened


@pytest.fixture(scope="session")
def a_bucket(ask: Ask, store: BlobStore) -> Callable[[], Awaitable[Bucket]]:
    """Make a bucket that versioning leaves alone: this is about storage."""

    async def make() -> Bucket:
        name = a_bucket_name("storage")
        await ask(CreateBucket(name=name, actor=ACTOR, versioning="off"))
        return Bucket(ask, store, name)

    return make


@pytest.fixture
async def bucket(a_bucket: Callable[[], Awaitable[Bucket]]) -> Bucket:
    return await a_bucket()


@pytest.fixture(scope="session")
def a_bucket_with(ask: Ask, store: BlobStore) -> Making:
    """Make a bucket with these settings; versioning leaves it alone unless they say otherwise."""

    async def make(**settings: Any) -> Bucket:
        name = a_bucket_name("settings")
        settings = {"versioning": "off"} | settings
        await ask(CreateBucket(name=name, actor=ACTOR, **settings))
        return Bucket(ask, store, name)

    return make
