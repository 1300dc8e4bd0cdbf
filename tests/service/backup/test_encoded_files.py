"""Backups of buckets that compress and encrypt: originals in the target, encoded when restored."""

import os

import httpx
import pytest

from libs.blobs import BlobStore
from libs.contracts.backup import TargetInfo
from libs.contracts.storage import CreateBucket, GetFile
from tests.builders import a_bucket_name
from tests.service.backup.steps import ACTOR, Ask, Backups, Files, Folder


@pytest.fixture
async def files(ask: Ask, store: BlobStore, http: httpx.AsyncClient) -> Files:
    """A bucket that wants everything, with a small and a large file in it."""
    name = a_bucket_name("backup")
    await ask(
        CreateBucket(
            name=name,
            actor=ACTOR,
            versioning="off",
            compression="zstd",
            encryption="aes-256-gcm",
        )
    )
    for path, size in (("small.txt", 3_000), ("large.txt", 1_500_000)):
        await http.put(
            f"/api/v1/buckets/{name}/files/{path}", content=os.urandom(8) + b"text " * (size // 5)
        )
    return Files(ask, store, name)


async def contents(http: httpx.AsyncClient, bucket: str) -> dict[str, bytes]:
    return {
        path: (await http.get(f"/api/v1/buckets/{bucket}/files/{path}")).content
        for path in ("small.txt", "large.txt")
    }


async def test_a_target_holds_originals_and_a_restore_encrypts_them_again(
    files: Files,
    target: TargetInfo,
    folder: Folder,
    backups: Backups,
    store: BlobStore,
    http: httpx.AsyncClient,
    ask: Ask,
) -> None:
    before = await contents(http, files.bucket)

    snapshot = await backups.take(files.bucket, target.name)
    for path in before:
        await store.delete(await files.key_of(path))
    await files.remove_all()
    task = await backups.restore(snapshot.snapshot_id)

    assert all(folder.blob(content).read_bytes() == content for content in before.values())
    assert task.state == "succeeded"
    assert await contents(http, files.bucket) == before
    for path in before:
        place = (await ask(GetFile(bucket=files.bucket, path=path))).blob
        assert place.sealed is not None
        assert place.codec == "zstd"
