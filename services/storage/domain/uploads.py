"""What an upload is: an intent with a lease, which becomes the state of a path once."""

from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from msgspec import Struct

from libs.contracts.storage import (
    BlobPlace,
    CommitUpload,
    Expectation,
    FilePut,
    HeldContent,
)
from libs.contracts.values import Labels, Operation
from services.storage.domain.arrivals import Arrival, Committed
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import UploadCommitted, UploadExpired
from services.storage.domain.row import Row

BLOBS = "blobs"
"""The folder of the store that all blobs lie in."""

DRAFTS = "drafts"
"""The folder of what clients put into the store themselves."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Waiting(Struct, frozen=True, kw_only=True):
    """What an upload became in a bucket with checks."""

    check_id: UUID
    sha256: str
    size: int


class Upload(Struct, frozen=True, kw_only=True):
    """Somebody wants the bytes at ``key`` to become the state of ``path``, or to be held."""

    upload_id: UUID
    bucket: Bucket
    path: str
    key: str
    actor: str
    content_type: str
    metadata: Labels
    tags: Labels
    expect: Expectation
    operation: Operation
    message: str
    expired: bool
    committed: Committed | None
    session_id: UUID | None = None
    """The session whose parts it is made of."""
    waiting: Waiting | None = None
    hold: bool = False
    """Its bytes are to become no file."""
    held: HeldContent | None = None

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row of ``upload`` joined with its bucket."""
        return cls(
            upload_id=row["upload_id"],
            bucket=Bucket.of(row),
            path=row["path"],
            key=row["key"],
            actor=row["actor"],
            content_type=row["content_type"],
            metadata=row["metadata"],
            tags=row["tags"],
            expect=Expectation(**row["expect"]),
            operation=row["operation"],
            message=row["message"],
            expired=row["expired"],
            committed=_committed(row),
            session_id=row["session_id"],
            waiting=_waiting(row),
            hold=row["hold"],
            held=_held(row),
        )

    @property
    def is_committed(self) -> bool:
        """Tell whether it became something, so that its answer can be told again."""
        return not (self.committed is None and self.waiting is None and self.held is None)

    def check_committable(self) -> None:
        """Raise what speaks against making this upload the state of its path."""
        if self.expired:
            raise UploadExpired("begin again", upload_id=str(self.upload_id))
        self.bucket.check_open()

    def place(self, request: CommitUpload) -> BlobPlace:
        """Return the blob that the upload brought, where its bytes lie now."""
        return BlobPlace(
            blob_id=self.upload_id,
            key=self.key,
            size=request.size,
            sha256=request.sha256,
            blake3=request.blake3,
            stored_size=request.stored_size,
            codec=request.codec,
            sealed=request.sealed,
            backend=request.backend,
        )

    def arrival(self, request: CommitUpload) -> Arrival:
        """Return what the upload brought."""
        return Arrival(
            bucket=self.bucket,
            path=self.path,
            place=self.place(request),
            actor=self.actor,
            content_type=self.content_type,
            metadata=self.metadata,
            tags=self.tags,
            expect=self.expect,
            operation=self.operation,
            message=self.message,
        )

    def repeat(self, committed: Committed, request: CommitUpload) -> FilePut:
        """Answer a commit that was made before; raises ``UploadCommitted`` for other bytes."""
        self.check_same(committed, request)
        return self.arrival(request).answer(committed)

    def check_same(self, known: Committed | Waiting | HeldContent, request: CommitUpload) -> None:
        """Raise ``UploadCommitted`` when a commit that is repeated names other bytes."""
        if (known.sha256, known.size) != (request.sha256, request.size):
            raise UploadCommitted("with other bytes", upload_id=str(self.upload_id))


def _committed(row: Row) -> Committed | None:
    if row["committed_at"] is None or row["revision"] is None:
        return None
    return Committed(
        sha256=row["sha256"].hex(),
        size=row["size"],
        revision=row["revision"],
        created=row["created"],
        at=row["committed_at"],
    )


def _waiting(row: Row) -> Waiting | None:
    if row["check_id"] is None:
        return None
    return Waiting(check_id=row["check_id"], sha256=row["sha256"].hex(), size=row["size"])


def _held(row: Row) -> HeldContent | None:
    if row["held_until"] is None:
        return None
    return HeldContent(
        sha256=row["sha256"].hex(),
        size=row["size"],
        content_type=row["content_type"],
        held_until=row["held_until"],
    )


def begun_at(upload_id: UUID) -> datetime:
    """Return the time that is in a UUIDv7 (RFC 9562 §5.7)."""
    return _EPOCH + timedelta(milliseconds=upload_id.int >> 80)


def blob_key(upload_id: UUID) -> str:
    """Return where an upload's bytes go: sliced by day, random, and free of any user's words."""
    return f"{BLOBS}/{begun_at(upload_id):%Y/%m/%d}/{upload_id}"


def draft_key(draft_id: UUID) -> str:
    """Return where a client may put bytes itself; a key that no blob can have."""
    return f"{DRAFTS}/{begun_at(draft_id):%Y/%m/%d}/{draft_id}"


def upload_of_key(key: str) -> UUID | None:
    """Return the upload that made ``key``, or None when no upload of ours could have."""
    try:
        upload_id = UUID(key.rsplit("/", 1)[-1])
        made = blob_key(upload_id)
    except (ValueError, OverflowError):  # no UUID, or one with a time beyond the year 9999
        return None
    return upload_id if made == key else None
