"""One part of an upload: a request's body as an object of its own."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from blake3 import blake3

from libs.blobs.contract import Body
from libs.blobs.depot import Depot, Plan, Written
from libs.contracts.storage import BlobPlace, SessionInfo, SessionLease
from services.gateway.domain.tus import Checksum
from services.gateway.edge.budget import Budget
from services.gateway.settings import Settings
from services.gateway.transfer.ahead import read_ahead
from services.gateway.transfer.hashing import PIECE_BYTES, StreamHash, in_large_pieces
from services.gateway.transfer.part_bodies import PartBody
from services.gateway.transfer.uploads import LARGE_BYTES, MOST_PIECES_AHEAD, UploadDepots

KEPT_BYTES = 16 * 1024
"""What a broken connection leaves is kept from this size on; less is not worth an object."""


class PartWriter:
    """Writes parts, within the memory that all transfers share."""

    def __init__(self, depots: UploadDepots, budget: Budget, settings: Settings) -> None:
        self._depots = depots
        self._budget = budget
        self._has_keys = settings.master_keys is not None

    @property
    def depot(self) -> Depot:
        """Where parts are written and read."""
        return self._depots.lean if self._budget.is_in_demand else self._depots.fast

    async def write(
        self, lease: SessionLease, body: PartBody, size: int | None, checksum: Checksum | None
    ) -> BlobPlace | None:
        """Store the body at the lease's key; None when nothing came.

        A body that breaks off is stored as far as it came. When that is too little, or would have
        to prove a checksum, nothing is stored and the reason why it broke off is raised.
        """
        proven = _Proven(body, checksum)
        held = LARGE_BYTES if size is None else min(size, LARGE_BYTES)
        async with self._budget.hold(held), aclosing(body.chunks()) as chunks:
            pieces = in_large_pieces(chunks)
            first = await anext(aiter(pieces), b"")
            if len(first) < PIECE_BYTES:
                whole = b"".join([piece async for piece in proven.pieces(first, pieces)])
                if not whole:
                    return None
                return await proven.place(lease, await self._store(lease, whole))
            async with aclosing(
                read_ahead(proven.pieces(first, pieces), self._pieces_ahead)
            ) as ahead:
                return await proven.place(lease, await self._store(lease, ahead))

    async def _store(self, lease: SessionLease, body: Body) -> Written:
        return await self.depot.write(
            lease.key, body, blob_id=lease.lease_id, plan=self._plan(lease.session)
        )

    def _plan(self, session: SessionInfo) -> Plan:
        """Seal what is sealed in its bucket; of what names none yet, as much as can be."""
        if session.wish.bucket is None and self._has_keys:
            return Plan(encryption="aes-256-gcm")
        return Plan(encryption=session.encryption)

    def _pieces_ahead(self) -> int:
        return 1 if self._budget.is_in_demand else MOST_PIECES_AHEAD


class _Proven:
    """A body's digests, and what they have to be."""

    def __init__(self, body: PartBody, checksum: Checksum | None) -> None:
        self._body = body
        self._checksum = checksum
        running = [checksum.running()] if checksum else []
        self._hashed = StreamHash(hashlib.sha256(), blake3(), *running)

    async def pieces(self, first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield the body; raise in place of its end when it must not be kept."""
        await self._hashed.update(first)
        yield first
        async for piece in rest:
            await self._hashed.update(piece)
            yield piece
        await self._check()

    async def place(self, lease: SessionLease, written: Written) -> BlobPlace:
        """Return where the part lies."""
        sha256, check, *_ = await self._hashed.hexdigests()
        return BlobPlace(
            blob_id=lease.lease_id,
            key=lease.key,
            size=self._hashed.size,
            sha256=sha256,
            blake3=check,
            stored_size=written.stored_size,
            codec=written.codec,
            sealed=written.sealed,
            backend=written.backend,
        )

    async def _check(self) -> None:
        broken = self._body.broken
        if broken is not None and (self._checksum or self._hashed.size < KEPT_BYTES):
            raise broken
        if self._checksum is not None:
            self._checksum.check((await self._hashed.hexdigests())[2])
