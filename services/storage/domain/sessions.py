"""What an upload session is: bytes that come in parts until they are a file."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.contracts.labels import check_content_type, check_metadata, check_tags
from libs.contracts.paths import InvalidPath, check_path
from libs.contracts.problems import Problem
from libs.contracts.storage import BlobPlace, FilePut, SessionInfo, SessionKind, SessionWish
from services.storage.domain.arrivals import Arrival
from services.storage.domain.buckets import Bucket
from services.storage.domain.errors import BucketNotFound
from services.storage.domain.row import Row


class SessionNotFound(Problem):
    """There is no such upload."""

    code, status = "upload-session-not-found", 404


class SessionExpired(Problem):
    """The upload was not completed in time."""

    code, status = "upload-session-expired", 410


class SessionLocked(Problem):
    """Another request is writing to this upload."""

    code, status = "upload-session-locked", 423


class SessionLost(Problem):
    """Another request took this upload over."""

    code, status = "upload-session-lost", 409


class OffsetMismatch(Problem):
    """The upload goes on at another offset."""

    code, status = "offset-mismatch", 409


class LengthMismatch(Problem):
    """The upload has another length."""

    code, status = "length-mismatch", 400


class SessionNotOpen(Problem):
    """The upload takes no bytes: it is made of others, or complete."""

    code, status = "upload-session-not-open", 403


class PartialsNotReady(Problem):
    """What is to be joined is not complete, not partial, or was joined already."""

    code, status = "partials-not-ready", 409


class Session(Struct, frozen=True, kw_only=True):
    """A file on its way, part by part."""

    session_id: UUID
    kind: SessionKind
    actor: str
    bucket: Bucket | None
    """None for a partial one that named none, and when the bucket is gone."""
    wish: SessionWish
    length: int | None
    received: int
    expires_at: datetime
    expired: bool
    lease_id: UUID | None
    held: bool
    """Somebody has the lease now."""
    partials: list[UUID]
    joined_into: UUID | None
    put: FilePut | None

    @classmethod
    def of(cls, row: Row) -> Self:
        """Read a row of ``upload_session``, joined with its bucket where there is one."""
        return cls(
            session_id=row["session_id"],
            kind=row["kind"],
            actor=row["actor"],
            bucket=None if row["name"] is None else Bucket.of(row),
            wish=msgspec.convert(row["wish"], SessionWish),
            length=row["length"],
            received=row["received"],
            expires_at=row["expires_at"],
            expired=row["expired"],
            lease_id=row["lease_id"],
            held=row["held"],
            partials=row["partials"],
            joined_into=row["joined_into"],
            put=None if row["put"] is None else msgspec.convert(row["put"], FilePut),
        )

    @property
    def is_full(self) -> bool:
        """Tell whether every byte has come."""
        return self.received == self.length

    def info(self) -> SessionInfo:
        """Return the session as the gateway knows it."""
        return SessionInfo(
            session_id=self.session_id,
            kind=self.kind,
            actor=self.actor,
            wish=self.wish,
            length=self.length,
            received=self.received,
            expires_at=self.expires_at,
            encryption=self.bucket.settings.encryption if self.bucket else "off",
            compression=self.bucket.settings.compression if self.bucket else "off",
            partials=self.partials,
            put=self.put,
        )

    def arrival(self, part: BlobPlace, content_type: str) -> Arrival:
        """Return what came, which is all in ``part``."""
        if self.bucket is None or self.wish.path is None:
            raise SessionNotOpen("it has no place", upload_id=str(self.session_id))
        return Arrival(
            bucket=self.bucket,
            path=self.wish.path,
            place=part,
            actor=self.actor,
            content_type=content_type,
            metadata=self.wish.metadata,
            tags=self.wish.tags,
            expect=self.wish.expect,
        )

    def check_alive(self) -> None:
        """Raise when the session is over, or its bucket gone."""
        if self.expired:
            raise SessionExpired("begin again", upload_id=str(self.session_id))
        if self.put is None and self.wish.bucket is not None:
            if self.bucket is None:
                raise BucketNotFound(self.wish.bucket, bucket=self.wish.bucket)
            self.bucket.check_open()

    def check_free(self) -> None:
        """Raise ``SessionLocked`` while somebody has the lease."""
        if self.held:
            raise SessionLocked("try again", upload_id=str(self.session_id), retry_after_s=1)

    def check_takes_part(self, offset: int, length: int | None) -> None:
        """Raise unless a part may come at ``offset``; ``length`` is what the client says of all."""
        if self.kind == "final":
            raise SessionNotOpen("it is made of others", upload_id=str(self.session_id))
        if offset != self.received:
            raise OffsetMismatch(f"it goes on at {self.received}", offset=self.received)
        if length is None:
            return
        if self.length is not None and length != self.length:
            raise LengthMismatch(f"its length is {self.length}", length=self.length)
        if length < self.received:
            raise LengthMismatch(f"{self.received} bytes have come", length=length)

    def check_assembles(self) -> None:
        """Raise unless a file can be made of the session now."""
        if self.kind == "partial" or not self.is_full or self.put is not None:
            raise SessionNotOpen("there is nothing to assemble", upload_id=str(self.session_id))

    def check_held_by(self, lease_id: UUID) -> None:
        """Raise ``SessionLost`` unless ``lease_id`` is the lease; one that ran out still is."""
        if self.lease_id != lease_id:
            raise SessionLost("its lease is another's", upload_id=str(self.session_id))

    def check_has_room(self, size: int) -> None:
        """Raise when ``size`` more bytes are too many."""
        if self.length is not None and self.received + size > self.length:
            raise LengthMismatch(f"its length is {self.length}", length=self.length)


def check_wish(wish: SessionWish, *, is_partial: bool) -> None:
    """Refuse early what the commit would refuse."""
    if wish.path is not None:
        check_path(wish.path)
    elif not is_partial:
        raise InvalidPath("only a partial upload may leave its path open", field="path")
    if wish.content_type is not None:
        check_content_type(wish.content_type)
    check_metadata(wish.metadata)
    check_tags(wish.tags)


def check_joinable(partials: Sequence[Session], wanted: Sequence[UUID]) -> None:
    """Raise unless all of ``wanted``, each once, are complete and not joined yet."""
    found = {session.session_id: session for session in partials}
    for session_id in wanted:
        session = found.pop(session_id, None)
        if session is None:
            raise SessionNotFound("there is no such partial upload", upload_id=str(session_id))
        session.check_free()
        if session.expired:
            raise SessionExpired("begin again", upload_id=str(session_id))
        if session.kind != "partial" or not session.is_full or session.joined_into is not None:
            raise PartialsNotReady("complete partial uploads are joined", upload_id=str(session_id))
