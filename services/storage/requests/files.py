"""Single files: telling, listing, deleting, and changing what is known of them."""

from msgspec import UNSET
from msgspec.structs import replace

from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.labels import check_content_type, check_metadata, check_tags
from libs.contracts.paths import check_path, check_search_text
from libs.contracts.storage import (
    DeleteFile,
    FileInfo,
    FileList,
    GetFile,
    ListFiles,
    StoredFile,
    UpdateFile,
)
from services.storage.domain.buckets import Bucket
from services.storage.domain.changes import Write
from services.storage.domain.errors import FileNotFound
from services.storage.domain.files import Content, File
from services.storage.domain.listing import page
from services.storage.domain.preconditions import check_expectation
from services.storage.recording import record
from services.storage.repository import buckets, files, listings


@serves(GetFile)
async def get_file(request: GetFile, db: Database) -> StoredFile:
    check_path(request.path)
    async with db.connection() as conn:
        stored = await files.get_stored(conn, request.bucket, request.path)
    return StoredFile(file=stored.file.info(request.bucket), blob=stored.blob)


@serves(ListFiles)
async def list_files(request: ListFiles, db: Database) -> FileList:
    for field in ("prefix", "delimiter", "start_after"):
        check_search_text(getattr(request, field), field)
    check_tags(request.tags)
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        found = await listings.list_files(conn, bucket.bucket_id, request, limit=request.limit + 1)
    entries = [entry.info(bucket.name) if isinstance(entry, File) else entry for entry in found]
    return page(entries, request.limit)


@serves(DeleteFile)
async def delete_file(request: DeleteFile, db: Database) -> Done:
    check_path(request.path)
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        await _get_expected_for_update(tx, bucket, request)
        removal = Write(path=request.path, content=None, operation="delete")
        await record(tx, bucket, [removal], request.actor)
    return Done()


@serves(UpdateFile)
async def update_file(request: UpdateFile, db: Database) -> FileInfo:
    """Change what is known of a file; what changes nothing makes no revision."""
    check_path(request.path)
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        file, content = await _get_expected_for_update(tx, bucket, request)
        updated = _update(content, request)
        if updated != content:
            write = Write(path=request.path, content=updated, operation="update")
            (file,) = await record(tx, bucket, [write], request.actor)
    return file.info(bucket.name)


async def _get_expected_for_update(
    tx: Connection, bucket: Bucket, request: DeleteFile | UpdateFile
) -> tuple[File, Content]:
    """Return the file as the call expects it, locked, or raise what it is not."""
    file = await files.find_for_update(tx, bucket.bucket_id, request.path)
    check_expectation(request.expect, request.path, file.sha256 if file else None)
    if file is None or file.content is None:
        raise FileNotFound(request.path, bucket=bucket.name, path=request.path)
    return file, file.content


def _update(content: Content, request: UpdateFile) -> Content:
    given = {
        field: getattr(request, field)
        for field in ("content_type", "metadata", "tags")
        if getattr(request, field) is not UNSET
    }
    updated = replace(content, **given)
    check_content_type(updated.content_type)
    check_metadata(updated.metadata)
    check_tags(updated.tags)
    return updated
