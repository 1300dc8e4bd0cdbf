"""Upload sessions: a file that comes in parts, over many requests and maybe many gateways.

A session is begun with what is known of the file. Each part is written under a lease, which one
gateway at a time holds; when all bytes are there, one reads the parts once and commits an upload
that names the session. The commit ends both in one transaction.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

from libs.contracts.base import Done, Reply, Request
from libs.contracts.storage.blobs import BlobPlace
from libs.contracts.storage.buckets import Compression, Encryption
from libs.contracts.storage.files import Expectation
from libs.contracts.storage.uploads import FilePut
from libs.contracts.values import (
    Actor,
    BucketName,
    ByteCount,
    ContentType,
    FilePath,
    Labels,
    PageLimit,
    Sha256,
)

SessionKind = Literal["whole", "partial", "final"]
"""A ``final`` one is made of the parts of ``partial`` ones, which never become files themselves."""

PartialIds = Annotated[list[UUID], Meta(min_length=1, max_length=1000)]


class SessionWish(Struct, frozen=True, kw_only=True):
    """What is to become of the bytes; only a partial session may leave bucket and path open."""

    bucket: BucketName | None = None
    path: FilePath | None = None
    content_type: ContentType | None = None
    """None: found out from the bytes."""
    metadata: Labels = field(default_factory=dict)
    tags: Labels = field(default_factory=dict)
    expect: Expectation = field(default_factory=Expectation)
    sha256: Sha256 | None = None
    """What the whole has to have; other bytes are refused."""
    told: Annotated[str, Meta(max_length=16_384)] = ""
    """The client's own words about the upload, to be told back to it."""


class SessionInfo(Reply, frozen=True):
    """How far a session has come."""

    session_id: UUID
    kind: SessionKind
    actor: Actor
    wish: SessionWish
    length: ByteCount | None
    """None until the client says it."""
    received: ByteCount
    expires_at: datetime
    encryption: Encryption
    """What the bucket wants of bytes at rest."""
    compression: Compression = "off"
    partials: list[UUID] = field(default_factory=list)
    """Of which sessions a final one is made."""
    put: FilePut | None = None
    """The file that it became."""

    @property
    def is_full(self) -> bool:
        """Tell whether every byte has come."""
        return self.received == self.length


class BeginSession(Request[SessionInfo], to="storage", frozen=True):
    wish: SessionWish
    actor: Actor
    length: ByteCount | None = None
    is_partial: bool = False


class JoinSessions(Request[SessionInfo], to="storage", frozen=True):
    """Begin a session with all parts of ``partials``, in their order; repeated, answer the same."""

    wish: SessionWish
    actor: Actor
    partials: PartialIds


class GetSession(Request[SessionInfo], to="storage", frozen=True):
    session_id: UUID
    actor: Actor | None = None
    """Only if it is this one's session; None: whosever."""


class SessionLease(Reply, frozen=True):
    """The session is the caller's until it releases it or does not renew it in time."""

    lease_id: UUID
    renew_within_s: float
    session: SessionInfo
    key: str
    """Where a part may be written."""


class LeasePart(Request[SessionLease], to="storage", frozen=True):
    """Take the session to write one part behind what has come."""

    session_id: UUID
    offset: ByteCount
    actor: Actor | None = None
    length: ByteCount | None = None
    """How long the whole will be, once that is known."""


class LeaseAssembly(Request[SessionLease], to="storage", frozen=True):
    """Take a full session to make a file of it; one that is a file already refuses."""

    session_id: UUID
    actor: Actor | None = None


class LeaseRenewed(Reply, frozen=True):
    wanted: bool
    """Somebody else asked for the session meanwhile: whoever only waits should let go."""


class RenewLease(Request[LeaseRenewed], to="storage", frozen=True):
    session_id: UUID
    lease_id: UUID


class ReleaseLease(Request[Done], to="storage", frozen=True):
    """Let go of the session; what was written under the lease and not appended is deleted."""

    session_id: UUID
    lease_id: UUID


class AppendPart(Request[SessionInfo], to="storage", frozen=True):
    """Make what was written the next part; the lease ends, but if the session is full now."""

    session_id: UUID
    lease_id: UUID
    part: BlobPlace


class SessionParts(Reply, frozen=True):
    items: list[BlobPlace]
    next: int | None = None
    """Ask again with this as ``start_at``."""


class ListParts(Request[SessionParts], to="storage", frozen=True):
    """Tell where the parts lie, in their order, to whoever assembles them."""

    session_id: UUID
    lease_id: UUID
    start_at: ByteCount = 0
    limit: PageLimit = 500


class CommitPart(Request[FilePut], to="storage", frozen=True):
    """Make a file of a full session whose only part lies there as its bucket wants it."""

    session_id: UUID
    lease_id: UUID
    content_type: ContentType


class EndSession(Request[Done], to="storage", frozen=True):
    """Forget a session and delete its parts; the file that it became stays."""

    session_id: UUID
    actor: Actor | None = None
