"""Checks: files that become visible only when somebody has looked at them."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

from libs.contracts.base import Event, Reply, Request
from libs.contracts.problems import ProblemDetails
from libs.contracts.storage.blobs import BlobPlace
from libs.contracts.storage.files import FileInfo
from libs.contracts.values import (
    Actor,
    BucketName,
    ByteCount,
    ContentType,
    FilePath,
    Labels,
    PageLimit,
    Revision,
    Sha256,
)

MOST_CHECKS = 8

CheckName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$(?!\n)")]
"""``content`` and ``clamav`` are answered by storage itself, any other by whoever consumes
``file.check_requested``."""

CheckNames = Annotated[list[CheckName], Meta(max_length=MOST_CHECKS)]
CheckDeadline = Annotated[int, Meta(ge=1, le=7 * 86_400)]

CheckState = Literal["waiting", "visible", "refused", "failed"]
"""``refused`` by a check or for want of one; ``failed``: all passed, but the file could not be put
any more, e.g. as another one is there by now."""

Verdict = Literal["passed", "refused"]
Reason = Annotated[str, Meta(max_length=500)]


class CheckVerdict(Struct, frozen=True, kw_only=True):
    """What one check said, and when."""

    check: CheckName
    verdict: Verdict
    reason: Reason = ""
    actor: Actor
    at: datetime


class FileCheck(Reply, frozen=True):
    """Content that was put into a bucket with checks, and what has become of it."""

    check_id: UUID
    bucket: BucketName
    path: FilePath
    size: ByteCount
    sha256: Sha256
    content_type: ContentType
    metadata: Labels
    tags: Labels
    actor: Actor
    """Who put it."""
    state: CheckState
    checks: list[CheckName]
    waits_for: list[CheckName]
    """Those of ``checks`` that have said nothing yet."""
    verdicts: list[CheckVerdict]
    arrived_at: datetime
    deadline_at: datetime
    """What has not been passed by then is refused."""
    asked_at: datetime
    """When its checks were asked for last."""
    asked_times: int
    decided_at: datetime | None = None
    reason: Reason = ""
    """Why it is not visible."""
    problem: ProblemDetails | None = None
    """Why it failed."""
    revision: Revision | None = None
    """Which revision of ``path`` it became."""

    @property
    def file(self) -> FileInfo | None:
        """The file that it became, as it was then."""
        if self.revision is None or self.decided_at is None:
            return None
        return FileInfo(
            bucket=self.bucket,
            path=self.path,
            revision=self.revision,
            sha256=self.sha256,
            size=self.size,
            content_type=self.content_type,
            metadata=self.metadata,
            tags=self.tags,
            modified_at=self.decided_at,
            modified_by=self.actor,
        )


class GetCheck(Request[FileCheck], to="storage", frozen=True):
    bucket: BucketName
    check_id: UUID


class CheckedContent(Reply, frozen=True):
    """Content that waits, and where its bytes lie."""

    check: FileCheck
    blob: BlobPlace


class GetCheckedContent(Request[CheckedContent], to="storage", frozen=True):
    """Tell where the bytes are; ``content-gone`` when they wait no more."""

    bucket: BucketName
    check_id: UUID


class FileCheckList(Reply, frozen=True):
    items: list[FileCheck]
    next: UUID | None = None
    """Ask again with this as ``after``."""


class ListChecks(Request[FileCheckList], to="storage", frozen=True):
    """List a bucket's checks in the order of arrival: what waits, and what was decided lately."""

    bucket: BucketName
    state: CheckState | None = None
    after: UUID | None = None
    limit: PageLimit = 100


class GiveVerdict(Request[FileCheck], to="storage", frozen=True):
    """Say what a check found. The last one to pass makes the file visible, one refusal ends it.

    The same verdict may be given again; another one for the same check is ``verdict-given``.
    """

    bucket: BucketName
    check_id: UUID
    check: CheckName
    verdict: Verdict
    actor: Actor
    reason: Reason = ""


class FileCheckRequested(Event, frozen=True, type="file.check_requested", key="bucket"):
    """Content waits for ``checks``; announced again until they answer or the deadline is over."""

    bucket: BucketName
    bucket_id: UUID
    check_id: UUID
    path: FilePath
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    actor: Actor
    checks: list[CheckName]
    """Those that have not answered yet."""
    deadline_at: datetime
    attempt: Annotated[int, Meta(ge=1)] = 1
    """How often it has been announced, this time included."""


class FileChecked(Event, frozen=True, type="file.checked", key="bucket"):
    """Content waits no more: it became visible, or never will."""

    bucket: BucketName
    bucket_id: UUID
    check_id: UUID
    path: FilePath
    sha256: Sha256
    size: ByteCount
    content_type: ContentType
    actor: Actor
    state: CheckState
    reason: Reason = ""
    verdicts: list[CheckVerdict] = field(default_factory=list)
    revision: Revision | None = None
