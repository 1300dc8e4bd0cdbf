"""Blobs in an S3 bucket: AWS, MinIO, SeaweedFS and whoever else speaks it."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Self

import obstore
from msgspec import Meta, Struct
from obstore.store import S3Store as Bucket

from libs.blobs.bodies import (
    CHUNK_BYTES,
    by_the_megabyte,
    check_range,
    check_size,
    clip_range,
    pieces_of,
)
from libs.blobs.contract import (
    LONGEST_SIGNATURE_S,
    BlobBody,
    BlobStat,
    Body,
    Durability,
    DurabilityLevel,
    SignedMethod,
)
from libs.blobs.failures import BlobTooLarge, BlobTruncated
from libs.blobs.keys import check_key, check_prefix
from libs.blobs.s3_failures import EmptyRange, failures
from libs.blobs.s3_upload import MultipartUploads

if TYPE_CHECKING:
    from obstore import GetResult  # exists for type checkers only

MOST_PARTS = 10_000  # S3's limit
LEAST_PART_BYTES = 5 * 1024 * 1024  # S3's limit


class S3Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach a bucket, and how much of the machine an upload may take."""

    bucket: str
    endpoint: str
    """With scheme; requests are path-style, as every implementation understands."""
    prefix: str = ""
    """A folder of the bucket that is the whole store for us."""
    access_key: str | None = None
    """Without it, credentials come from the environment or the machine's role."""
    secret_key: str | None = None
    region: str = "us-east-1"
    durability: DurabilityLevel = DurabilityLevel.BEST_EFFORT
    part_bytes: Annotated[int, Meta(ge=LEAST_PART_BYTES)] = LEAST_PART_BYTES
    """Larger parts are not faster on one node, and an upload holds up to three of them."""
    parts_in_flight: Annotated[int, Meta(ge=1)] = 2
    connect_timeout_s: Annotated[float, Meta(gt=0)] = 1.5
    request_timeout_s: Annotated[float, Meta(gt=0)] = 8.0
    """For a request until its answer begins, and between two pieces of an answer's body."""


class S3Store:
    """A blob store in one bucket."""

    def __init__(self, options: S3Options) -> None:
        """Prepare; nothing is sent before the first call."""
        self.label = "/".join(
            part for part in (options.endpoint, options.bucket, options.prefix) if part
        )
        self.durability = Durability(options.durability, _REASONS[options.durability])
        self._part_bytes = options.part_bytes
        self._bucket = _bucket(options)
        self._uploads = MultipartUploads(
            self.label, in_flight=options.parts_in_flight, stall_s=options.request_timeout_s
        )

    async def put(self, key: str, body: Body, *, size: int | None = None) -> int:
        """See ``BlobStore.put``. One request up to ``part_bytes``, a multipart upload above."""
        check_key(key)
        if isinstance(body, bytes):
            check_size(key, len(body), size)
            if len(body) <= self._part_bytes:
                return await self._put_small(key, [body])
            body = _slices(body)
        part_bytes = self._part_bytes_for(size)
        async with aclosing(by_the_megabyte(pieces_of(key, body, size))) as pieces:
            first, ended = await _take(pieces, self._part_bytes)
            if ended:
                return await self._put_small(key, first)
            rest = _chain(key, first, pieces, most=part_bytes * MOST_PARTS)
            return await self._put_large(key, rest, part_bytes)

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> BlobBody:
        """See ``BlobStore.get``."""
        check_key(key)
        check_range(key, start, end)
        if start == end:
            return await self._empty(key, start, end)
        try:
            with failures(self.label, key):
                found = await obstore.get_async(self._bucket, key, options=_range(start, end))
        except EmptyRange:
            return await self._empty(key, start, end)
        size = found.meta["size"]
        stop = clip_range(key, start, end, size)
        return BlobBody(key, self._chunks(key, found), size=size, start=start, end=stop)

    async def head(self, key: str) -> BlobStat:
        """See ``BlobStore.head``."""
        check_key(key)
        with failures(self.label, key):
            found = await obstore.head_async(self._bucket, key)
        return BlobStat(key, found["size"], found["last_modified"])

    async def delete(self, key: str) -> None:
        """See ``BlobStore.delete``."""
        check_key(key)
        with failures(self.label, key):
            await obstore.delete_async(self._bucket, key)

    async def list(
        self, prefix: str = "", *, start_after: str | None = None
    ) -> AsyncIterator[BlobStat]:
        """See ``BlobStore.list``; fetched by pages of 1,000."""
        folder = check_prefix(prefix) or None
        with failures(self.label):
            pages = obstore.list(self._bucket, folder, offset=start_after, chunk_size=1000)
            async for page in pages:
                for found in page:
                    yield BlobStat(found["path"], found["size"], found["last_modified"])

    async def sign(self, method: SignedMethod, key: str, expires_s: int) -> str | None:
        """See ``BlobStore.sign``."""
        check_key(key)
        if not 1 <= expires_s <= LONGEST_SIGNATURE_S:
            raise ValueError(f"a signature lasts 1 to {LONGEST_SIGNATURE_S} s, not {expires_s}")
        with failures(self.label, key):
            return await obstore.sign_async(self._bucket, method, key, timedelta(seconds=expires_s))

    async def check(self) -> None:
        """See ``BlobStore.check``: the bucket answers to our credentials."""
        with failures(self.label):
            pages = obstore.list(self._bucket, _NOWHERE, chunk_size=1)
            async for _ in pages:
                break

    async def close(self) -> None:
        """See ``BlobStore.close``."""
        await self._uploads.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    def _part_bytes_for(self, size: int | None) -> int:
        """Return the part size that fits an announced ``size`` into S3's number of parts."""
        return max(self._part_bytes, -(-(size or 0) // MOST_PARTS))

    async def _put_small(self, key: str, pieces: Sequence[bytes]) -> int:
        with failures(self.label, key):
            await obstore.put_async(self._bucket, key, pieces, use_multipart=False)
        return sum(map(len, pieces))

    async def _put_large(self, key: str, pieces: AsyncIterator[bytes], part_bytes: int) -> int:
        stored = await self._uploads.run(self._bucket, key, pieces, part_bytes=part_bytes)
        # The last answer of a multipart upload may be 200 and yet carry an error.
        kept = (await self.head(key)).size
        if kept != stored:
            await self.delete(key)
            raise BlobTruncated(key, expected=stored, got=kept)
        return stored

    async def _empty(self, key: str, start: int, end: int | None) -> BlobBody:
        """Return no bytes of a blob, or raise when the range lies behind its end."""
        size = (await self.head(key)).size
        stop = clip_range(key, start, end, size)
        return BlobBody(key, _nothing(), size=size, start=start, end=stop)

    async def _chunks(self, key: str, found: "GetResult") -> AsyncGenerator[bytes, None]:
        first, behind_last = found.range
        with failures(self.label, key):
            if behind_last - first <= CHUNK_BYTES:
                if whole := bytes(await found.bytes_async()):  # half the awaits of a stream
                    yield whole
                return
            async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                if chunk:
                    yield chunk


_NOWHERE = "_check"  # a folder without blobs: an answer costs the store nothing

_REASONS = {
    DurabilityLevel.DURABLE: "its operator declares that it syncs to disk before it answers",
    DurabilityLevel.BEST_EFFORT: "nobody declared that it syncs to disk before it answers; "
    "a single SeaweedFS node lost the last seconds in a simulated power loss",
}


def _bucket(options: S3Options) -> Bucket:
    """Return obstore's client: short retries, and no limit on how long a body may take in all."""
    credentials: dict[str, Any] = {}
    if options.access_key is not None:
        credentials = {
            "access_key_id": options.access_key,
            "secret_access_key": options.secret_key or "",
        }
    return Bucket(
        options.bucket,
        endpoint=options.endpoint,
        region=options.region,
        prefix=options.prefix or None,
        virtual_hosted_style_request=False,
        disable_bulk_delete=True,
        client_options={
            "allow_http": options.endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=options.connect_timeout_s),
            # For writing it covers the whole request, for reading each wait for more.
            "read_timeout": timedelta(seconds=options.request_timeout_s),
            # A total limit (30 s otherwise) would cut off who reads a large blob slowly.
            "timeout": timedelta(days=7),
        },
        retry_config={
            "max_retries": 3,
            "retry_timeout": timedelta(seconds=1),
            "backoff": {
                "init_backoff": timedelta(milliseconds=50),
                "max_backoff": timedelta(milliseconds=400),
                "base": 2,
            },
        },
        **credentials,
    )


def _range(start: int, end: int | None) -> Any:
    """Return obstore's options for a range; none for a whole blob, which may be empty."""
    if end is not None:
        return {"range": (start, end)}
    return {"range": {"offset": start}} if start else {}


async def _take(pieces: AsyncIterator[bytes], limit: int) -> tuple[list[bytes], bool]:
    """Return the first pieces, a little over ``limit`` bytes, and whether they were all."""
    taken: list[bytes] = []
    taken_bytes = 0
    async for piece in pieces:
        taken.append(piece)
        taken_bytes += len(piece)
        if taken_bytes > limit:
            return taken, False
    return taken, True


async def _chain(
    key: str, first: list[bytes], rest: AsyncIterator[bytes], *, most: int
) -> AsyncIterator[bytes]:
    """Yield ``first``, letting go of each piece, then ``rest``; raise above ``most`` bytes."""
    total = 0
    first.reverse()
    while first:
        total += len(first[-1])
        yield first.pop()
    async for piece in rest:
        total += len(piece)
        if total > most:
            raise BlobTooLarge(key, most=most)
        yield piece


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    """Yield views of a large body, so that it is not copied to be sent in parts."""
    view = memoryview(body)
    for at in range(0, len(body), CHUNK_BYTES):
        yield view[at : at + CHUNK_BYTES]  # type: ignore[misc]  # obstore takes any buffer


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield b""
