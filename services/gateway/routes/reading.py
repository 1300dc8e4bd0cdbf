"""One file to be read, as it is or as it was, and the answer that its preconditions lead to."""

from collections.abc import Mapping
from datetime import datetime

from litestar.types import ASGIApp
from msgspec import Struct

from libs.blobs.depot import compressed_frames, compressed_size
from libs.contracts.storage import BlobPlace, FindBlobs
from libs.contracts.values import Labels
from libs.contracts.versioning import EntryInfo, GetEntry, GetVersion
from services.gateway.domain import conditions, labels, served
from services.gateway.domain.codings import ZSTD, accepts_zstd
from services.gateway.domain.conditions import Outcome
from services.gateway.domain.digests import repr_digest
from services.gateway.domain.failures import FileDamaged, InvalidInput, PreconditionFailed
from services.gateway.domain.ranges import ByteRange, find_range
from services.gateway.edge.platform import Platform
from services.gateway.transfer.downloads import Downloads, Lines, ready

PRESENT = "now"
"""The ref of what storage has at this moment, which is read without one."""


class Reading(Struct, frozen=True, kw_only=True):
    """A file's state, wherever it was found."""

    bucket: str
    path: str
    sha256: str
    size: int
    content_type: str
    metadata: Labels
    tags: Labels
    modified_at: datetime
    named: tuple[bytes, bytes]
    """The header that tells which state this is."""
    blob: BlobPlace | None
    """Where its bytes lie, if that is known already."""

    async def answer(
        self, headers: Mapping[str, str], downloads: Downloads, *, download: bool
    ) -> ASGIApp:
        """Return the answer to a GET."""
        if self._judge(headers) is Outcome.NOT_MODIFIED:
            return bodiless(304, self._state_lines(conditions.known_etag(headers, self.sha256)))
        part = self._part(headers)
        blob = self.blob or await self._find_blob(downloads.platform)
        if part is None and _takes_stored(headers, blob):
            lines = self._lines(None, compressed_size(blob), download=download)
            return await downloads.open_compressed(blob, lines)
        return await downloads.open(blob, part, self._lines(part, download=download))

    async def head(
        self, headers: Mapping[str, str], platform: Platform, *, download: bool
    ) -> ASGIApp:
        """Return the answer to a HEAD."""
        if self._judge(headers) is Outcome.NOT_MODIFIED:
            return bodiless(304, self._state_lines(conditions.known_etag(headers, self.sha256)))
        if accepts_zstd(headers.get("accept-encoding")):
            blob = self.blob or await self._find_blob(platform)
            if _takes_stored(headers, blob):
                lines = self._lines(None, compressed_size(blob), download=download)
                return bodiless(200, lines)
        return bodiless(200, self._lines(None, download=download))

    async def whole(self, downloads: Downloads) -> bytes:
        """Return all bytes, for who has looked at their size."""
        return await downloads.whole(self.blob or await self._find_blob(downloads.platform))

    def _judge(self, headers: Mapping[str, str]) -> Outcome:
        outcome = conditions.judge_read(headers, self.sha256, self.modified_at)
        if outcome is Outcome.FAILED:
            raise PreconditionFailed("the file has another ETag", etag=conditions.etag(self.sha256))
        return outcome

    def _part(self, headers: Mapping[str, str]) -> ByteRange | None:
        if not conditions.range_applies(headers.get("if-range"), self.sha256, self.modified_at):
            return None
        return find_range(headers.get("range"), self.size)

    async def _find_blob(self, platform: Platform) -> BlobPlace:
        found = await platform.ask(FindBlobs(bucket=self.bucket, digests=[self.sha256]))
        if not found.items:
            raise FileDamaged("the bytes of this version are not there")
        return found.items[0]

    def _state_lines(self, etag: str) -> Lines:
        return [
            (b"etag", etag.encode()),
            (b"last-modified", conditions.http_date(self.modified_at).encode()),
            # Shared caches must not answer in our place; the caller's may, after asking again.
            (b"cache-control", b"private, no-cache"),
            (b"vary", b"accept-encoding"),
            self.named,
        ]

    def _lines(
        self, part: ByteRange | None, as_zstd: int | None = None, *, download: bool
    ) -> Lines:
        """Return the headers of these bytes, or of as many as they are ``as_zstd``."""
        length = part.length if part else self.size if as_zstd is None else as_zstd
        disposition = served.disposition(self.path, self.content_type, download=download)
        lines = [
            (b"content-type", self.content_type.encode("latin-1", "replace")),
            (b"content-length", str(length).encode()),
            (b"content-disposition", disposition.encode("latin-1")),
            (b"accept-ranges", b"bytes"),
            *self._state_lines(conditions.etag(self.sha256, as_zstd=as_zstd is not None)),
            *served.PROTECTION,
            *labels.write(self.metadata, self.tags),
        ]
        if part:
            lines.append((b"content-range", part.content_range().encode()))
        if as_zstd is None:
            lines.append((b"repr-digest", repr_digest(self.sha256).encode()))
        else:  # a digest would be that of the coded bytes (RFC 9530 §3), which nobody computed
            lines.append((b"content-encoding", ZSTD.encode()))
        return lines


async def read(
    downloads: Downloads, bucket: str, path: str, ref: str | None, version: int | None
) -> Reading:
    """Find the state that is asked for: the present one, one at a ref, or one by its number."""
    if ref is not None and version is not None:
        raise InvalidInput("ask for a ref or for a version, not for both")
    platform = downloads.platform
    if version is not None:
        entry = await platform.ask(GetVersion(bucket=bucket, path=path, version=version))
        return _of_history(bucket, entry)
    if ref is not None and ref != PRESENT:
        entry = await platform.ask(GetEntry(bucket=bucket, path=path, ref=ref))
        return _of_history(bucket, entry, ref)
    stored = await downloads.records.get(bucket, path)
    file = stored.file
    return Reading(
        bucket=bucket,
        path=file.path,
        sha256=file.sha256,
        size=file.size,
        content_type=file.content_type,
        metadata=file.metadata,
        tags=file.tags,
        modified_at=file.modified_at,
        named=(b"strongroom-version", str(file.revision).encode()),
        blob=stored.blob,
    )


def _of_history(bucket: str, entry: EntryInfo, ref: str = "") -> Reading:
    return Reading(
        bucket=bucket,
        path=entry.path,
        sha256=entry.sha256,
        size=entry.size,
        content_type=entry.content_type,
        metadata=entry.metadata,
        tags=entry.tags,
        modified_at=entry.committed_at,
        named=_name_of(entry, ref),
        blob=None,
    )


def _name_of(entry: EntryInfo, ref: str) -> tuple[bytes, bytes]:
    """Return the header that tells which state this is: a commit's, or a branch's staged one."""
    if entry.staged or entry.commit_id is None:
        return b"strongroom-branch", ref.encode()
    return b"strongroom-commit", entry.commit_id.encode()


def _takes_stored(headers: Mapping[str, str], blob: BlobPlace) -> bool:
    """Tell whether the stored zstd can be sent as it is."""
    if blob.codec != ZSTD:
        return False
    return accepts_zstd(headers.get("accept-encoding"), frames=compressed_frames(blob))


def bodiless(status: int, lines: Lines) -> ASGIApp:
    """Return an answer of headers only."""
    return ready(status, lines, b"")
