"""Blobs in a bucket, whoever runs it: what the ``s3``, ``gs`` and ``az`` drivers have in common."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import timedelta
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import obstore

from libs.blobs.bodies import (
    CHUNK_BYTES,
    by_the_megabyte,
    chained,
    check_range,
    check_size,
    clip_range,
    nothing,
    pieces_of,
    slices_of,
    take,
)
from libs.blobs.bucket_client import MOST_PARTS, BucketClient, BucketOptions
from libs.blobs.bucket_failures import EmptyRange, failures
from libs.blobs.contract import (
    LONGEST_SIGNATURE_S,
    BlobBody,
    BlobStat,
    Body,
    Durability,
    SignedMethod,
)
from libs.blobs.failures import (
    BlobExists,
    BlobNotFound,
    BlobTooLarge,
    BlobTruncated,
    StoreMisconfigured,
)
from libs.blobs.keys import check_key, check_prefix
from libs.blobs.multipart import MultipartUploads

if TYPE_CHECKING:
    from obstore import GetResult  # exists for type checkers only

MOST_CREATED_BYTES = 16 * 1024 * 1024
"""Of a ``put`` with ``if_absent``: one request, for obstore completes no parts on a condition."""


class BucketStore:
    """A blob store in one bucket."""

    put_headers: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self,
        client: BucketClient,
        options: BucketOptions,
        *,
        label: str,
        durability: Durability,
        signer: BucketClient | None,
    ) -> None:
        """Prepare; nothing is sent before the first call. ``signer`` has what it takes to sign."""
        self.label = label
        self.durability = durability
        self._bucket = client
        self._signer = signer
        self._part_bytes = options.part_bytes
        self._uploads = MultipartUploads(
            label, in_flight=options.parts_in_flight, stall_s=options.request_timeout_s
        )
        self._heeds_conditions = False
        self._asking_conditions = asyncio.Lock()

    async def put(
        self, key: str, body: Body, *, size: int | None = None, if_absent: bool = False
    ) -> int:
        """See ``BlobStore.put``. One request up to ``part_bytes``, a multipart upload above."""
        check_key(key)
        if if_absent:
            return await self._create(key, body, size)
        if isinstance(body, bytes):
            check_size(key, len(body), size)
            if len(body) <= self._part_bytes:
                return await self._put_small(key, [body])
            body = slices_of(body)
        part_bytes = self._part_bytes_for(size)
        async with aclosing(by_the_megabyte(pieces_of(key, body, size))) as pieces:
            first, ended = await take(pieces, self._part_bytes)
            if ended:
                return await self._put_small(key, first)
            rest = chained(key, first, pieces, most=part_bytes * MOST_PARTS)
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
        with suppress(BlobNotFound), failures(self.label, key):  # Google and Azure say so
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
        if self._signer is None:
            return None
        with failures(self.label, key):
            return await obstore.sign_async(self._signer, method, key, timedelta(seconds=expires_s))

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
        """Return the part size that fits an announced ``size`` into the number of parts."""
        return max(self._part_bytes, -(-(size or 0) // MOST_PARTS))

    async def _put_small(self, key: str, pieces: Sequence[bytes]) -> int:
        with failures(self.label, key, writing=True):
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

    async def _create(self, key: str, body: Body, size: int | None) -> int:
        await self._check_conditions()
        async with aclosing(pieces_of(key, body, size)) as pieces:
            taken, ended = await take(pieces, MOST_CREATED_BYTES)
        if not ended:
            advice = "with if_absent a blob goes in one request"
            raise BlobTooLarge(key, most=MOST_CREATED_BYTES, advice=advice)
        with failures(self.label, key, writing=True):
            await obstore.put_async(self._bucket, key, taken, mode="create", use_multipart=False)
        return sum(map(len, taken))

    async def _check_conditions(self) -> None:
        """Find out, once, whether the server heeds the condition: some overwrite all the same."""
        async with self._asking_conditions:
            if self._heeds_conditions:
                return
            key = f"probes/{uuid4().hex}"
            try:
                with failures(self.label, key, writing=True):
                    for _ in range(2):
                        await obstore.put_async(
                            self._bucket, key, b"probe", mode="create", use_multipart=False
                        )
            except BlobExists:
                self._heeds_conditions = True
            finally:
                await self.delete(key)
            if not self._heeds_conditions:
                raise StoreMisconfigured(self.label, "overwrites although told to create only")

    async def _empty(self, key: str, start: int, end: int | None) -> BlobBody:
        """Return no bytes of a blob, or raise when the range lies behind its end."""
        size = (await self.head(key)).size
        stop = clip_range(key, start, end, size)
        return BlobBody(key, nothing(), size=size, start=start, end=stop)

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


def _range(start: int, end: int | None) -> Any:
    """Return obstore's options for a range; none for a whole blob, which may be empty."""
    if end is not None:
        return {"range": (start, end)}
    return {"range": {"offset": start}} if start else {}
