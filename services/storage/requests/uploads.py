"""Uploads: the intent, then the commit, or else the end."""

from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.ids import new_id
from libs.contracts.problems import Problem
from libs.contracts.storage import (
    AbortUpload,
    BeginUpload,
    CommitUpload,
    FilePut,
    UploadTicket,
)
from services.storage import arriving, sessions
from services.storage.domain.checks import PendingFile, answer
from services.storage.domain.errors import BucketNotFound, UploadCommitted, UploadNotFound
from services.storage.domain.labels import check_content_type, check_metadata, check_tags
from services.storage.domain.paths import check_path
from services.storage.domain.preconditions import ANYTHING, check_expectation
from services.storage.domain.uploads import blob_key
from services.storage.repository import buckets, files, pending, uploads
from services.storage.restraints import check_room
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
        await check_room(conn, bucket, request.path, request.size, request.actor)
        if request.expect != ANYTHING:
            present = await files.find_sha256(conn, bucket.bucket_id, request.path)
            check_expectation(request.expect, request.path, present)
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
        if upload.held is not None:
            upload.check_same(upload.held, request)
            waiting = await pending.get(tx, upload.bucket.bucket_id, upload.held.check_id)
            return FilePut(check=waiting.info())
        upload.check_committable()
        if upload.session_id and (before := await sessions.take(tx, upload.session_id)):
            await uploads.delete_upload(tx, upload)
            return before
        arrival = upload.arrival(request)
        (outcome,) = await arriving.put(tx, [arrival])
        if isinstance(outcome, Problem):
            raise outcome
        put = answer(arrival, outcome)
        if isinstance(outcome, PendingFile):
            await uploads.update_held(tx, upload, outcome, kept_s=settings.answer_kept_s)
        else:
            await uploads.update_committed(tx, upload, outcome, kept_s=settings.answer_kept_s)
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
        if upload.committed is not None or upload.held is not None:
            raise UploadCommitted("it is too late to abort", upload_id=str(request.upload_id))
        await uploads.delete_upload(tx, upload)
    return Done()
