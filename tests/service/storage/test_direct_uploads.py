"""Drafts that clients put into the store themselves: never a blob, and gone at their end."""

from uuid import UUID

import pytest

from libs.blobs import Backends, BlobNotFound, BlobStore
from libs.chassis.database import Database
from libs.contracts.ids import new_id
from libs.contracts.storage import (
    BeginDirectUpload,
    BeginUpload,
    CommitUpload,
    DirectUpload,
    DiscardDraft,
    EndSession,
    Expectation,
    FilePut,
    GetDirectUpload,
    SessionWish,
)
from services.storage.domain.uploads import upload_of_key
from services.storage.loops import sweep_doomed_objects, sweep_drafts
from tests.service.storage.bucket import ACTOR, Bucket, digest
from tests.service.storage.refusals import refused_as


async def begun(bucket: Bucket, path: str = "a", **wish: object) -> DirectUpload:
    return await bucket.ask(
        BeginDirectUpload(
            wish=SessionWish(bucket=bucket.name, path=path, **wish),  # type: ignore[arg-type]
            actor=ACTOR,
            lasts_s=60,
        )
    )


async def completed(bucket: Bucket, direct: DirectUpload, body: bytes) -> FilePut:
    """Do what the gateway does: store the draft anew, as an upload of its session."""
    ticket = await bucket.ask(
        BeginUpload(bucket=bucket.name, path="a", actor=ACTOR, session_id=direct.session.session_id)
    )
    await bucket.store.put(ticket.key, body)
    return await bucket.ask(
        CommitUpload(upload_id=ticket.upload_id, sha256=digest(body), size=len(body))
    )


async def is_there(store: BlobStore, key: str) -> bool:
    try:
        await store.head(key)
    except BlobNotFound:
        return False
    return True


async def end(db: Database, session_id: UUID) -> None:
    async with db.connection() as conn:
        await conn.execute(
            "UPDATE direct_upload SET ends_at = now() - interval '1 s' WHERE session_id = $1",
            session_id,
        )


async def test_a_draft_lies_where_no_blob_can(bucket: Bucket) -> None:
    direct = await begun(bucket)

    assert direct.key.startswith("drafts/")
    assert upload_of_key(direct.key) is None


async def test_two_completions_make_one_revision(bucket: Bucket) -> None:
    body = new_id().bytes
    direct = await begun(bucket)

    first = await completed(bucket, direct, body)
    second = await completed(bucket, direct, new_id().bytes)

    found = await bucket.ask(GetDirectUpload(session_id=direct.session.session_id, actor=ACTOR))
    assert first == second == found.session.put
    assert await bucket.read("a") == body


async def test_a_draft_goes_at_its_end_whatever_became_of_it(
    bucket: Bucket, db: Database, store: BlobStore
) -> None:
    done, left = await begun(bucket), await begun(bucket)
    body = new_id().bytes
    for direct in (done, left):
        await store.put(direct.key, body)
    await completed(bucket, done, body)
    await bucket.ask(EndSession(session_id=left.session.session_id))

    for direct in (done, left):
        await end(db, direct.session.session_id)
    await sweep_drafts(db)
    await sweep_doomed_objects(db, Backends(store))

    assert not await is_there(store, done.key)
    assert not await is_there(store, left.key)
    assert await bucket.read("a") == body
    with refused_as("upload-session-not-found"):
        await bucket.ask(GetDirectUpload(session_id=done.session.session_id))


async def test_what_is_put_after_the_draft_was_discarded_goes_too(
    bucket: Bucket, db: Database, store: BlobStore
) -> None:
    direct = await begun(bucket)
    await store.put(direct.key, b"first")
    await bucket.ask(DiscardDraft(session_id=direct.session.session_id))
    await sweep_doomed_objects(db, Backends(store))
    gone = not await is_there(store, direct.key)
    await store.put(direct.key, b"second")

    await end(db, direct.session.session_id)
    await sweep_drafts(db)
    await sweep_doomed_objects(db, Backends(store))

    assert gone
    assert not await is_there(store, direct.key)


async def test_anothers_direct_upload_is_as_one_that_never_was(bucket: Bucket) -> None:
    direct = await begun(bucket)

    for session_id in (direct.session.session_id, new_id()):
        with refused_as("upload-session-not-found"):
            await bucket.ask(GetDirectUpload(session_id=session_id, actor="key:other"))


@pytest.mark.parametrize(
    ("path", "wish", "code"),
    [
        ("a/../b", {}, "invalid-path"),
        ("a", {"content_type": "nonsense"}, "invalid-content-type"),
        ("a", {"expect": Expectation(any_of=["0" * 64])}, "precondition-failed"),
    ],
    ids=["path", "type", "expectation"],
)
async def test_what_the_commit_would_refuse_is_refused_before_a_byte(
    bucket: Bucket, path: str, wish: dict[str, object], code: str
) -> None:
    with refused_as(code):
        await begun(bucket, path, **wish)
