"""A bucket to back up, and targets to back it up into."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from libs.blobs import BlobStore, open_store
from libs.contracts.backup import CreateTarget, TargetInfo
from libs.contracts.storage import CreateBucket
from tests.builders import a_bucket_name
from tests.platform import Platform
from tests.service.backup.steps import ACTOR, Ask, Backups, Files, Folder


@pytest.fixture(scope="session")
def backup_environment(platform: Platform) -> dict[str, str]:
    """What the backup service was started with."""
    return {**os.environ, **platform.stack.env("backup")}


@pytest.fixture(scope="session")
def file_root(backup_environment: dict[str, str]) -> Path:
    """A directory below which the service allows targets."""
    return Path(backup_environment["STRONGROOM_BACKUP_FILE_TARGET_ROOTS"].split(",")[0])


@pytest.fixture(scope="session")
async def store(backup_environment: dict[str, str]) -> AsyncIterator[BlobStore]:
    """The platform's own object store."""
    async with open_store(backup_environment["STRONGROOM_BACKUP_STORE_URL"]) as opened:
        yield opened


@pytest.fixture(scope="session")
def a_bucket(ask: Ask, store: BlobStore) -> Callable[[], Awaitable[Files]]:
    """Make a bucket that is not kept under version control: this is about backups."""

    async def make() -> Files:
        name = a_bucket_name("backup")
        await ask(CreateBucket(name=name, actor=ACTOR, versioning="off"))
        return Files(ask, store, name)

    return make


@pytest.fixture
async def files(a_bucket: Callable[[], Awaitable[Files]]) -> Files:
    return await a_bucket()


@pytest.fixture
async def target(ask: Ask, file_root: Path) -> TargetInfo:
    """A new target in a folder of its own."""
    name = f"target-{uuid4().hex[:12]}"
    return await ask(CreateTarget(name=name, url=f"file://{file_root}/{name}", actor=ACTOR))


@pytest.fixture
def folder(target: TargetInfo) -> Folder:
    """Where that target's objects lie."""
    return Folder(Path(target.url.removeprefix("file://")))


@pytest.fixture(scope="session")
def backups(ask: Ask) -> Backups:
    return Backups(ask)
