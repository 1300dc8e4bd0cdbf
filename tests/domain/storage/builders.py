"""Valid things of storage; a test changes only what it is about."""

from datetime import UTC, datetime
from uuid import UUID

from libs.contracts.ids import new_id
from libs.contracts.storage import BlobPlace, BucketSettings, Expectation
from libs.contracts.values import Labels
from services.storage.domain.arrivals import Committed
from services.storage.domain.buckets import Bucket, BucketState
from services.storage.domain.files import Content, File
from services.storage.domain.uploads import Upload, blob_key

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_digest(text: str) -> str:
    """Return a digest that begins with ``text``'s code."""
    return text.encode().hex().ljust(64, "0")[:64]


def a_blob(text: str) -> BlobPlace:
    blob_id = UUID(int=int(a_digest(text)[:32], 16))
    return BlobPlace(blob_id=blob_id, key=f"blobs/{blob_id}", sha256=a_digest(text), size=len(text))


def a_content(text: str, tags: Labels | None = None) -> Content:
    blob = a_blob(text)
    return Content(
        blob_id=blob.blob_id,
        sha256=blob.sha256,
        size=blob.size,
        content_type="application/octet-stream",
        metadata={},
        tags=tags or {},
    )


def a_file(path: str, text: str | None = "text", revision: int = 1) -> File:
    return File(
        path=path,
        revision=revision,
        content=None if text is None else a_content(text),
        modified_at=NOON,
        modified_by="key:test",
    )


def a_bucket(state: BucketState = "open") -> Bucket:
    return Bucket(
        bucket_id=new_id(),
        name="reports",
        versioning="auto",
        settings=BucketSettings(),
        state=state,
        closing_task_id=new_id() if state == "closing" else None,
        created_at=NOON,
        created_by="key:test",
    )


def an_upload(
    bucket: Bucket | None = None, *, expired: bool = False, committed: Committed | None = None
) -> Upload:
    upload_id = new_id()
    return Upload(
        upload_id=upload_id,
        bucket=bucket or a_bucket(),
        path="q3.pdf",
        key=blob_key(upload_id),
        actor="key:test",
        content_type="application/pdf",
        metadata={"a": "b"},
        tags={},
        expect=Expectation(),
        operation="put",
        message="",
        expired=expired,
        committed=committed,
    )
