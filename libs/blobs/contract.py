"""What a blob store promises. These docstrings are the contract; ``tests/conformance`` holds every
driver to it.
"""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Literal, Protocol, Self

from msgspec import Struct

from libs.blobs.failures import BlobTruncated

Body = bytes | AsyncIterable[bytes]
"""What can be stored: all bytes at once, or pieces of any length as they come."""


SignedMethod = Literal["GET", "HEAD", "PUT"]
"""What a signed URL may be good for."""

LONGEST_SIGNATURE_S = 7 * 24 * 3600
"""No store signs for longer."""


class DurabilityLevel(StrEnum):
    """What an acknowledged blob survives."""

    DURABLE = "durable"
    """A power loss of the store's node, and everything less."""
    BEST_EFFORT = "best-effort"
    """The crash of a process; a power loss may take what was stored in the seconds before."""


class Durability(Struct, frozen=True):
    """How safe an acknowledged blob is, and why we say so."""

    level: DurabilityLevel
    reason: str


class BlobStat(Struct, frozen=True):
    """What a store knows about a blob without reading it."""

    key: str
    size: int
    modified_at: datetime
    """When it was stored, by the store's clock, with a time zone; whole seconds at worst."""


class Chunks(Protocol):
    """The bytes of one read, in order, and a way to stop before their end."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None:
        """Let go of the connection or file behind this; may be called twice."""


class BlobBody:
    """The bytes ``start`` to ``end`` of a blob, read as they are asked for, once.

    Chunks are about 1 MiB, the last one smaller, none is empty. A reader may take its time: nothing
    is read ahead but a few chunks, and a pause between two chunks breaks nothing. Iterating to the
    end frees everything; whoever stops earlier calls ``close`` (or uses ``async with``).

    Iteration raises ``StoreUnavailable`` when the store falls silent or breaks off, and
    ``BlobTruncated`` when the bytes end too early: who reached the end has all of them.
    """

    def __init__(self, key: str, chunks: Chunks, *, size: int, start: int, end: int) -> None:
        self.key = key
        self.size = size
        """Of the whole blob, whatever part of it this is."""
        self.start = start
        self.end = end
        """Exclusive, and never behind the blob's end: ``end - start`` bytes will come."""
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        got = 0
        try:
            async for chunk in self._chunks:
                got += len(chunk)
                yield chunk
        finally:
            await self.close()
        if got != self.end - self.start:
            raise BlobTruncated(self.key, expected=self.end - self.start, got=got)

    async def read(self) -> bytes:
        """Return all bytes at once; for blobs that are known to be small."""
        return b"".join([chunk async for chunk in self])

    async def close(self) -> None:
        """Stop reading; may be called at any time and twice."""
        await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()


class BlobStore(Protocol):
    """Immutable bytes under a key, in an object store, on a disk or in memory.

    Every method may be called by many tasks at once, and again after any failure. Besides what is
    named at a method, each raises ``StoreUnavailable`` (or its kind ``StoreMisconfigured``) within
    2 s when nobody listens at the store's address and within 10 s when the store falls silent;
    short failures are retried before that, invisibly. ``BlobKeyRefused`` comes before anything is
    sent.
    """

    label: str
    """The store's address without its secrets, for logs and messages."""
    durability: Durability
    """What an acknowledged ``put`` survives; ``strongroom doctor`` shows it."""
    put_headers: Mapping[str, str]
    """What a client has to send along with a ``PUT`` to a signed URL."""

    async def put(
        self, key: str, body: Body, *, size: int | None = None, if_absent: bool = False
    ) -> int:
        """Store ``body`` under ``key`` and return how many bytes that were.

        Atomic: a reader sees nothing (or what was there before) until all bytes are stored, then
        all of them. On return they are as safe as ``durability`` says. Repeating it with the same
        bytes is harmless; another body replaces the first, though our keys are random and written
        once.

        A body that raises, a cancellation or a crash before the body's last byte leaves nothing
        readable, and the body's own exception comes out. After the last byte they leave nothing or
        everything. Unreadable remains of a crash (files in the staging folder, parts of a multipart
        upload) are swept by the ``file`` driver itself and by a lifecycle rule of an S3 store.

        ``size`` announces the length, where it is known: it allows larger blobs on S3 (parts grow
        with it), and another length raises ``BodySizeMismatch``. Memory is bounded by the driver's
        part size, never by the body. ``StoreFull`` when there is no room (SeaweedFS does not tell:
        ``StoreUnavailable``). No key may also be a folder of other keys: file systems cannot hold
        both (``BlobKeyRefused``), SeaweedFS fails, other stores would allow it.

        With ``if_absent`` the blob is created, or ``BlobExists`` is raised and what is there stays
        as it is; of several at once, one creates. A bucket takes 16 MiB like this, in memory
        (``BlobTooLarge``), and a server that overwrites all the same is found out before the first
        time (``StoreMisconfigured``).
        """

    async def get(self, key: str, *, start: int = 0, end: int | None = None) -> BlobBody:
        """Open the bytes from ``start`` to before ``end`` (the blob's end when None or behind it).

        The range counts *stored* bytes. An empty range within the blob is an empty body. Raises
        ``BlobNotFound``; ``RangeNotSatisfiable`` when ``start`` lies behind the blob's end or
        ``end`` before ``start``. A blob that is deleted or replaced while it is read either goes on
        with the bytes it began with or fails, it never mixes.
        """

    async def head(self, key: str) -> BlobStat:
        """Return what is known about the blob without reading it, or raise ``BlobNotFound``."""

    async def delete(self, key: str) -> None:
        """Remove the blob; a blob that is not there is removed already.

        On return ``get`` and ``head`` raise ``BlobNotFound``. The removal is as durable as a
        ``put``; where that is best effort, a deleted blob may be back after a power loss.
        """

    def list(self, prefix: str = "", *, start_after: str | None = None) -> AsyncIterator[BlobStat]:
        """Yield the blobs in the folder ``prefix`` and below, in ascending order of their keys.

        ``prefix`` counts whole segments: ``blobs/2026`` does not find ``blobs/20261``. With
        ``start_after`` only keys behind that one come, whether it exists or not. A blob stored or
        removed during the walk may or may not be seen, all others are seen exactly once; memory is
        bounded. The order is that of bytes; SeaweedFS goes folder by folder, which is the same
        order unless one name in a folder is the beginning of another (``a/…`` and ``a-b``).
        """

    async def sign(self, method: SignedMethod, key: str, expires_s: int) -> str | None:
        """Return a URL at which ``method`` works for the blob without credentials, or None.

        For who shall talk to the store directly; None where there is nobody to talk to (a disk,
        memory) or nothing to sign with. Nothing is asked of the store, so the blob need not exist.
        The URL ends after ``expires_s`` (1 to ``LONGEST_SIGNATURE_S``, else ``ValueError``) and
        cannot be taken back before. A ``PUT`` stores what the client sends, whatever its size, and
        replaces what was there: sign for a key that nothing names yet, and look at what came. The
        client sends ``put_headers`` along.
        """

    async def check(self) -> None:
        """Ask the store for a sign of life, cheaply; raise when blobs could not be stored."""

    async def close(self) -> None:
        """Let go of connections and threads; may be called twice. Nothing else may follow."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None: ...
