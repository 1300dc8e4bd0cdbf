"""Direct URLs: bytes that go between client and object store, without passing through here.

A store's URL cannot be taken back. So one that reads lasts a minute; one that writes leads to a
draft, from which nothing is served: what came is read, proven and stored anew before it is a file,
and a second put to the same URL changes nothing.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from libs.blobs.contract import BlobStore, SignedMethod
from libs.blobs.depot import Depot
from libs.blobs.failures import BlobNotFound
from libs.contracts.problems import Problem
from libs.contracts.storage import (
    BeginDirectUpload,
    BeginUpload,
    BlobPlace,
    DirectUpload,
    DiscardDraft,
    EndSession,
    FilePut,
    GetDirectUpload,
    GetFile,
    SessionWish,
)
from services.gateway.domain.failures import (
    BodyTooLarge,
    DirectNotPossible,
    DraftMissing,
    NotFound,
)
from services.gateway.edge.access import Access
from services.gateway.edge.platform import Platform
from services.gateway.settings import Settings
from services.gateway.transfer.uploads import Announced, Uploads

LONGEST_READ_S = 60
"""How long a link may work after its file, its key or its grant is gone."""

log = logging.getLogger(__name__)


class DirectUrl(NamedTuple):
    """A URL of the object store."""

    url: str
    expires_at: datetime


class DirectUploads:
    """Signs URLs of the store, where it can be reached by clients, and makes drafts files."""

    def __init__(
        self,
        platform: Platform,
        depot: Depot,
        signer: BlobStore | None,
        uploads: Uploads,
        settings: Settings,
    ) -> None:
        self._platform = platform
        self._depot = depot
        self._signer = signer
        self._uploads = uploads
        self._most_bytes = settings.max_upload_bytes

    async def reading(self, bucket: str, path: str, expires_s: int) -> DirectUrl:
        """Return a URL of the file's bytes; raises ``DirectNotPossible``."""
        place = (await self._platform.ask(GetFile(bucket=bucket, path=path))).blob
        if not await self._is_bare(place):
            raise DirectNotPossible("the file's bytes do not lie alone and as they are in a store")
        return await self._sign("GET", place.key, min(expires_s, LONGEST_READ_S))

    async def begin(
        self, wish: SessionWish, actor: str, *, expires_s: int, length: int | None, most: int | None
    ) -> tuple[UUID, DirectUrl]:
        """Return the id of a new upload, and where its bytes go; raises ``DirectNotPossible``."""
        if self._signer is None:
            raise _unreachable()
        begun = await self._platform.ask(
            BeginDirectUpload(
                wish=wish, actor=actor, lasts_s=expires_s, length=length, most_bytes=most
            )
        )
        return begun.session.session_id, await self._sign("PUT", begun.key, expires_s)

    async def complete(
        self, bucket: str, upload_id: UUID, access: Access, sha256: str | None
    ) -> FilePut:
        """Make the draft the file; asked again, answer the same again."""
        direct = await self._find(bucket, upload_id, access)
        session = direct.session
        if session.put is not None:
            return session.put
        begin = _begin(direct, bucket)
        wanted = {digest for digest in (sha256, session.wish.sha256) if digest is not None}
        announced = Announced(
            size=session.length,
            digests=frozenset(wanted),
            content_type=session.wish.content_type is not None,
        )
        async with aclosing(self._pieces(direct)) as pieces:
            put = await self._uploads.put_pieces(begin, announced, pieces)
        await self._discard(upload_id)
        return put

    async def end(self, bucket: str, upload_id: UUID, access: Access) -> None:
        """Forget an upload and what came of it."""
        direct = await self._find(bucket, upload_id, access)
        await self._platform.ask(EndSession(session_id=direct.session.session_id))
        await self._discard(upload_id)

    async def _find(self, bucket: str, upload_id: UUID, access: Access) -> DirectUpload:
        """Return the caller's own upload; another's is as one that is not there."""
        whose = None if access.is_admin or access.identity is None else access.identity.actor
        direct = await self._platform.ask(GetDirectUpload(session_id=upload_id, actor=whose))
        wish = direct.session.wish
        if wish.bucket != bucket or wish.path is None:
            raise NotFound("there is no such upload")
        await access.check(bucket, wish.path, "writer")
        return direct

    async def _pieces(self, direct: DirectUpload) -> AsyncGenerator[bytes, None]:
        """Yield the draft as it is now; raises ``DraftMissing`` or ``BodyTooLarge``."""
        most = min(self._most_bytes, direct.most_bytes or self._most_bytes)
        try:
            body = await self._depot.backends.store("primary").get(direct.key)
        except BlobNotFound:
            raise DraftMissing("put the bytes at the URL first") from None
        async with body:
            if body.size > most:
                raise BodyTooLarge(f"the upload may have {most} bytes", most_bytes=most)
            async for piece in body:
                yield piece

    async def _is_bare(self, place: BlobPlace) -> bool:
        """Tell whether an object of the first store is exactly this file."""
        is_plain = place.codec is None and place.sealed is None and place.offset == 0
        if not is_plain or place.quarantined or place.backend != "primary":
            return False
        found = await self._depot.backends.store("primary").head(place.key)
        return found.size == place.size

    async def _sign(self, method: SignedMethod, key: str, expires_s: int) -> DirectUrl:
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=expires_s)
        url = None if self._signer is None else await self._signer.sign(method, key, expires_s)
        if url is None:
            raise _unreachable()
        return DirectUrl(url, expires_at)

    async def _discard(self, upload_id: UUID) -> None:
        """Have the draft deleted now; it would be at its end."""
        try:
            await self._platform.ask(DiscardDraft(session_id=upload_id))
        except Problem as problem:
            log.info("the draft of %s is left to the sweeper: %s", upload_id, problem)


def _begin(direct: DirectUpload, bucket: str) -> BeginUpload:
    wish = direct.session.wish
    if wish.path is None:
        raise ValueError("storage keeps the path of every direct upload")
    begin = BeginUpload(
        bucket=bucket,
        path=wish.path,
        actor=direct.session.actor,
        metadata=wish.metadata,
        tags=wish.tags,
        expect=wish.expect,
        session_id=direct.session.session_id,
    )
    return begin if wish.content_type is None else replace(begin, content_type=wish.content_type)


def _unreachable() -> DirectNotPossible:
    return DirectNotPossible("clients do not reach the object store of this installation")
