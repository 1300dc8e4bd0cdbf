"""Making a file of the parts of an upload.

A part that is the whole file already stays where it lies. Several are read once more and written as
one object, as a digest cannot be carried from one process to the next: that pass takes the way of
every upload, with its codec, its cipher and its commit.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from blake3 import blake3
from msgspec.structs import replace

from libs.contracts.storage import (
    BeginUpload,
    BlobPlace,
    CommitPart,
    FilePut,
    ListParts,
    SessionInfo,
    SessionLease,
)
from services.gateway.domain.failures import FileDamaged
from services.gateway.domain.sniffing import HEAD_BYTES, content_type_of
from services.gateway.edge.platform import Platform
from services.gateway.transfer.hashing import StreamHash
from services.gateway.transfer.parts import PartWriter
from services.gateway.transfer.uploads import Announced, Uploads


class Assembler:
    """Makes files of parts; the commit ends the session in the same transaction."""

    def __init__(self, platform: Platform, writer: PartWriter, uploads: Uploads) -> None:
        self._platform = platform
        self._writer = writer
        self._uploads = uploads

    async def assemble(self, lease: SessionLease, session: SessionInfo) -> FilePut:
        """Return the file; raises ``DigestMismatch`` when it is not what was announced."""
        begin, announced = _intent(session)
        only = await self._find_only_part(lease, session)
        if only is not None:
            return await self._adopt(lease, begin, announced, only)
        async with aclosing(self._bytes_of(lease)) as pieces:
            return await self._uploads.put_pieces(begin, announced, pieces)

    async def _find_only_part(self, lease: SessionLease, session: SessionInfo) -> BlobPlace | None:
        """Return the part that is the whole file, as it is to be stored, if there is one."""
        page = await self._platform.ask(
            ListParts(session_id=session.session_id, lease_id=lease.lease_id, limit=1)
        )
        if not page.items or page.next is not None or session.compression != "off":
            return None
        (part,) = page.items
        return part if (part.sealed is not None) == (session.encryption != "off") else None

    async def _adopt(
        self, lease: SessionLease, begin: BeginUpload, announced: Announced, part: BlobPlace
    ) -> FilePut:
        announced.check(part.size, part.sha256)
        content_type = begin.content_type
        if not announced.content_type:
            content_type = content_type_of(begin.path, await self._beginning_of(part))
        return await self._platform.ask(
            CommitPart(
                session_id=lease.session.session_id,
                lease_id=lease.lease_id,
                content_type=content_type,
            )
        )

    async def _beginning_of(self, part: BlobPlace) -> bytes:
        async with await self._writer.depot.read(part, end=min(HEAD_BYTES, part.size)) as body:
            return await body.read()

    async def _bytes_of(self, lease: SessionLease) -> AsyncGenerator[bytes, None]:
        """Yield all parts in their order, each proven before the next one begins."""
        at: int | None = 0
        while at is not None:
            page = await self._platform.ask(
                ListParts(session_id=lease.session.session_id, lease_id=lease.lease_id, start_at=at)
            )
            for part in page.items:
                async with aclosing(self._proven(part)) as pieces:
                    async for piece in pieces:
                        yield piece
            at = page.next

    async def _proven(self, part: BlobPlace) -> AsyncGenerator[bytes, None]:
        hashed = StreamHash(blake3())
        async with await self._writer.depot.read(part) as body:
            async for piece in body:
                await hashed.update(piece)
                yield piece
        if await hashed.hexdigests() != [part.blake3]:
            raise FileDamaged("a part of the upload is not what came")


def _intent(session: SessionInfo) -> tuple[BeginUpload, Announced]:
    """Return what a PUT of the same bytes would have said."""
    wish = session.wish
    if wish.bucket is None or wish.path is None:
        raise ValueError("storage keeps the place of every upload that is not partial")
    begin = BeginUpload(
        bucket=wish.bucket,
        path=wish.path,
        actor=session.actor,
        metadata=wish.metadata,
        tags=wish.tags,
        expect=wish.expect,
        size=session.length,
        session_id=session.session_id,
    )
    if wish.content_type is not None:
        begin = replace(begin, content_type=wish.content_type)
    announced = Announced(
        size=session.length,
        content_type=wish.content_type is not None,
        digests=frozenset() if wish.sha256 is None else frozenset({wish.sha256}),
    )
    return begin, announced
