import asyncio

import msgspec
import pytest

from libs.blobs import BlobNotFound, BlobStore
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    CopyPath,
    ExportedFile,
    ExportFiles,
    FilesExported,
    GetBucket,
    MovePath,
)
from services.storage.loops import sweep_exports
from services.storage.settings import Settings
from tests.platform import Platform
from tests.service.storage.bucket import Bucket, digest
from tests.service.storage.refusals import refused_as


async def lines(store: BlobStore, export: FilesExported) -> list[ExportedFile]:
    body = await (await store.get(export.key)).read()
    return [msgspec.json.decode(line, type=ExportedFile) for line in body.splitlines()]


async def test_an_export_has_every_file_in_order_with_its_place(bucket: Bucket) -> None:
    for path in ("b", "a/1", "é", "gone"):
        await bucket.put(path, path.encode(), tags={"of": path})
    await bucket.delete("gone")
    wish = ExportFiles(bucket=bucket.name, export_id=new_id())

    export = await bucket.ask(wish)

    exported = await lines(bucket.store, export)
    assert [line.path for line in exported] == ["a/1", "b", "é"]
    assert (export.files, export.bytes) == (3, sum(line.size for line in exported))
    assert export.bucket_id == (await bucket.ask(GetBucket(name=bucket.name))).bucket_id
    files = await bucket.all()
    for line in exported:
        info = files[line.path]
        assert (line.revision, line.sha256, line.tags) == (info.revision, info.sha256, info.tags)
        assert line.blob_key == (await bucket.get(line.path)).blob.key
    assert (await bucket.ask(wish)).key == export.key


async def test_an_export_sees_one_instant(bucket: Bucket) -> None:
    await bucket.put("a0", b"moved around")
    for n in range(1, 50):
        await bucket.change(CopyPath(source="a0", path=f"a{n}"))

    async def keep_moving() -> None:
        """Move all files between two names each, in one change."""
        here, there = "a", "b"
        while True:
            await bucket.change(
                *(MovePath(source=f"{here}{n}", path=f"{there}{n}") for n in range(50))
            )
            here, there = there, here

    moving = asyncio.create_task(keep_moving())
    for _ in range(10):
        export = await bucket.ask(ExportFiles(bucket=bucket.name, export_id=new_id()))
        exported = await lines(bucket.store, export)
        assert len(exported) == 50
        assert len({line.path[0] for line in exported}) == 1
    moving.cancel()
    await asyncio.wait([moving])


async def test_an_empty_bucket_has_an_empty_export(bucket: Bucket) -> None:
    export = await bucket.ask(ExportFiles(bucket=bucket.name, export_id=new_id()))
    assert (export.files, export.bytes) == (0, 0)
    assert await lines(bucket.store, export) == []


async def test_a_bucket_that_is_not_there_cannot_be_exported(bucket: Bucket) -> None:
    with refused_as("bucket-not-found"):
        await bucket.ask(ExportFiles(bucket="no-such-bucket", export_id=new_id()))


async def test_an_export_goes_after_its_time(
    bucket: Bucket, platform: Platform, storage_environment: dict[str, str]
) -> None:
    await bucket.put("a", b"stays")
    export = await bucket.ask(ExportFiles(bucket=bucket.name, export_id=new_id()))
    settings = Settings(
        database_url=platform.database_urls["storage"],
        nats_url=platform.nats_url,
        store_url=storage_environment["STRONGROOM_STORAGE_STORE_URL"],
    )

    await sweep_exports(bucket.store, settings)
    assert len(await lines(bucket.store, export)) == 1
    await sweep_exports(bucket.store, msgspec.structs.replace(settings, export_kept_s=-60.0))

    with pytest.raises(BlobNotFound):
        await bucket.store.head(export.key)
    assert (await bucket.get("a")).file.sha256 == digest(b"stays")
