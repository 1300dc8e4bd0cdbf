"""Uploads: the intent, then the commit, or else the end; and holding what is there."""

from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.ids import new_id
from libs.contracts.labels import check_content_type, check_metadata, check_tags
from libs.contracts.paths import check_path
from libs.contracts.problems import Problem
from libs.contracts.storage import (
    AbortUpload,
    BeginUpload,
    CommitUpload,
    ContentsHeld,
    FilePut,
    HoldContents,
    UploadTicket,
)
from services.storage import arriving, sessions
from services.storage.domain.arrivals import Arrival
from services.storage.domain.buckets import Bucket
from services.storage.domain.checks import PendingFile, answer
from services.storage.domain.errors import BucketNotFound, UploadCommitted, UploadNotFound
from services.storage.domain.preconditions import ANYTHING, check_expectation
from services.storage.domain.uploads import Upload, blob_key
from services.storage.keeping import check_holdable, keep
from services.storage.repository import buckets, files, held_contents, pending, uploads
from services.storage.restraints import check_room, check_room_to_hold
from services.storage.settings import Settings


@serves(BeginUpload)
async def begin_upload(request: BeginUpload, db: Database, settings: Settings) -> UploadTicket:
    """Refuse early what the commit would refuse, and record the rest before its first byte."""
    check_path(request.path)
    check_content_type(request.content_type)
    check_metadata(request.metadata)
    check_tags(request.tags)
    upload_id = new_id()
    async with db.connection() as conn:
        bucket = await buckets.get_bucket(conn, request.bucket)
        await _check_welcome(conn, bucket, request)
        expires_at = await uploads.insert_upload(
            conn, upload_id, request, lease_s=settings.upload_lease_s
        )
        if expires_at is None:
            bucket = await buckets.get_bucket(conn, request.bucket)
            bucket.check_open()
            raise BucketNotFound(
                request.bucket, bucket=request.bucket
            )  # it came after the question
    crashpoint("after_begin")
    return UploadTicket(upload_id=upload_id, key=blob_key(upload_id), expires_at=expires_at)


@serves(CommitUpload)
async def commit_upload(request: CommitUpload, db: Database, settings: Settings) -> FilePut:
    """Make the bytes the state of their path; asked again, answer the same again."""
    async with db.transaction() as tx:
        upload = await uploads.get_for_update(tx, request.upload_id)
        if upload.committed is not None:
            return upload.repeat(upload.committed, request)
        if upload.waiting is not None:
            upload.check_same(upload.waiting, request)
            waiting = await pending.get(tx, upload.bucket.bucket_id, upload.waiting.check_id)
            return FilePut(check=waiting.info())
        if upload.held is not None:
            upload.check_same(upload.held, request)
            return FilePut(held=upload.held)
        upload.check_committable()
        if upload.session_id and (before := await sessions.take(tx, upload.session_id)):
            await uploads.delete_upload(tx, upload)
            return before
        take = _hold if upload.hold else _make_file
        put = await take(tx, upload, upload.arrival(request), settings)
        if upload.session_id:
            await sessions.finish(tx, upload.session_id, put, kept_s=settings.answer_kept_s)
        crashpoint("before_commit")
    crashpoint("after_commit")
    return put


@serves(AbortUpload)
async def abort_upload(request: AbortUpload, db: Database) -> Done:
    async with db.transaction() as tx:
        try:
            upload = await uploads.get_for_update(tx, request.upload_id)
        except UploadNotFound:
            return Done()
        if upload.is_committed:
            raise UploadCommitted("it is too late to abort", upload_id=str(request.upload_id))
        await uploads.delete_upload(tx, upload)
    return Done()


@serves(HoldContents)
async def hold_contents(request: HoldContents, db: Database, settings: Settings) -> ContentsHeld:
    """Hold what the bucket has: content of files, of its trash, of its history."""
    async with db.transaction() as tx:
        bucket = await buckets.get_open_for_share(tx, request.bucket)
        sizes, held_until = await held_contents.upsert_by_digest(
            tx, bucket.bucket_id, request.digests, for_s=settings.held_content_s
        )
    return ContentsHeld(held_until=held_until, sizes=sizes)


async def _check_welcome(conn: Connection, bucket: Bucket, request: BeginUpload) -> None:
    """Raise early what the commit would raise."""
    if request.hold:
        check_holdable(bucket)
        await check_room_to_hold(conn, bucket, request.size, request.actor)
        return
    await check_room(conn, bucket, request.path, request.size, request.actor)
    if request.expect != ANYTHING:
        present = await files.find_sha256(conn, bucket.bucket_id, request.path)
        check_expectation(request.expect, request.path, present)


async def _make_file(
    tx: Connection, upload: Upload, arrival: Arrival, settings: Settings
) -> FilePut:
    (outcome,) = await arriving.put(tx, [arrival])
    if isinstance(outcome, Problem):
        raise outcome
    if isinstance(outcome, PendingFile):
        await uploads.update_waiting(tx, upload, outcome, kept_s=settings.answer_kept_s)
    else:
        await uploads.update_committed(tx, upload, outcome, kept_s=settings.answer_kept_s)
    return answer(arrival, outcome)


async def _hold(tx: Connection, upload: Upload, arrival: Arrival, settings: Settings) -> FilePut:
    held = await keep(tx, arrival, for_s=settings.held_content_s)
    await uploads.update_held(tx, upload, held, kept_s=settings.answer_kept_s)
    return FilePut(held=held)
