"""Uploads in parts: each request's bytes become an object, at the end all of them a file.

Nothing of an upload is kept in this process between two requests, so any gateway can go on.
"""

import logging
from typing import NamedTuple, Self
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from libs.contracts.problems import AnsweredWithProblem, Problem
from libs.contracts.storage import (
    AppendPart,
    BeginSession,
    EndSession,
    GetSession,
    JoinSessions,
    LeaseAssembly,
    LeasePart,
    SessionInfo,
    SessionWish,
)
from services.gateway.domain.access import Deed
from services.gateway.domain.failures import BodyTooLarge, DigestMismatch
from services.gateway.domain.tus import Checksum, Creation
from services.gateway.edge.access import Access
from services.gateway.edge.asgi import Receive
from services.gateway.edge.platform import Platform
from services.gateway.settings import Settings
from services.gateway.transfer.assembling import Assembler
from services.gateway.transfer.leases import Holding
from services.gateway.transfer.part_bodies import PartBody
from services.gateway.transfer.parts import PartWriter

NOT_OPEN = "upload-session-not-open"

log = logging.getLogger(__name__)


class IncomingPart(Struct, frozen=True, kw_only=True):
    """What a request says of the bytes that it brings."""

    offset: int
    size: int | None
    """``Content-Length``; absent when the body is chunked."""
    checksum: Checksum | None
    length: int | None = None
    """Of the whole upload, when this request tells it."""


class Caller(NamedTuple):
    """Who asks."""

    actor: str
    access: Access

    @property
    def whose(self) -> str | None:
        """Return whose uploads this one may touch: its own; None: everybody's."""
        return None if self.access.is_admin else self.actor

    async def check(self, wish: SessionWish) -> None:
        """Raise unless the caller may write where the upload goes.

        Partial ones need not say where: for those anywhere in their bucket is enough, if they name
        one, as the upload that joins them is asked again.
        """
        if wish.bucket is not None:
            await self.access.check_deed(wish.bucket, Deed(role="writer", at=wish.path))


class TusUploads:
    """Takes uploads part by part and makes files of them.

    Another's upload is as one that never was. Whether the caller may write to the bucket is asked
    at every request, so whoever may not any more cannot finish what was begun.
    """

    def __init__(
        self, platform: Platform, writer: PartWriter, assembler: Assembler, settings: Settings
    ) -> None:
        self._platform = platform
        self._writer = writer
        self._assembler = assembler
        self._most = settings.max_upload_bytes
        self._leaving = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        return None

    async def drain(self) -> None:
        """End bodies that are coming: what came is kept, and another gateway takes the rest."""
        self._leaving = True

    async def create(
        self, wanted: Creation, caller: Caller, first: IncomingPart | None, receive: Receive
    ) -> SessionInfo:
        """Begin an upload, with its first bytes if they came along; or join partial ones."""
        await caller.check(wanted.wish)
        if wanted.length is not None:
            self._check_length(wanted.length)
        if wanted.partials is not None:
            return await self._join(wanted, wanted.partials, caller)
        session = await self._platform.ask(
            BeginSession(
                wish=wanted.wish,
                actor=caller.actor,
                length=wanted.length,
                is_partial=wanted.is_partial,
            )
        )
        try:
            if first is not None:
                return await self.append(session.session_id, caller, first, receive)
            return await self._whole(session, caller)
        except BaseException:
            # Nobody was told its address.
            await self._give_up(session.session_id)
            raise

    async def look(self, session_id: UUID, caller: Caller) -> SessionInfo:
        """Return how far an upload has come; one that has all its bytes is a file on return."""
        session = await self._platform.ask(GetSession(session_id=session_id, actor=caller.whose))
        return await self._whole(session, caller)

    async def append(
        self, session_id: UUID, caller: Caller, part: IncomingPart, receive: Receive
    ) -> SessionInfo:
        """Keep the bytes that come; with the last of them the file appears.

        Whatever came before a connection broke is kept, unless a checksum was to prove all of it.
        """
        if part.length is not None:
            self._check_length(part.length)
        lease = await self._platform.ask(
            LeasePart(
                session_id=session_id, offset=part.offset, actor=caller.whose, length=part.length
            )
        )
        async with Holding(self._platform, lease) as holding:
            await caller.check(lease.session.wish)
            session = await self._receive(holding, part, receive)
            if _is_ready(session):
                session = await self._assemble(holding, session)
        return session

    async def end(self, session_id: UUID, caller: Caller) -> None:
        """Forget an upload and its parts."""
        await self._platform.ask(EndSession(session_id=session_id, actor=caller.whose))

    async def _join(self, wanted: Creation, partials: list[UUID], caller: Caller) -> SessionInfo:
        session = await self._platform.ask(
            JoinSessions(wish=wanted.wish, actor=caller.actor, partials=partials)
        )
        try:
            self._check_length(session.length or 0)
        except BodyTooLarge:
            await self._give_up(session.session_id)
            raise
        return await self._whole(session, caller)

    async def _receive(self, holding: Holding, part: IncomingPart, receive: Receive) -> SessionInfo:
        session = holding.lease.session
        room = (self._most if session.length is None else session.length) - session.received
        if part.size is not None and part.size > room:
            raise BodyTooLarge(f"{room} bytes are wanted", most_bytes=room)
        body = PartBody(receive, room, wanted=lambda: holding.wanted, leaving=lambda: self._leaving)
        written = await self._writer.write(holding.lease, body, part.size, part.checksum)
        if written is None:
            return session
        session = await self._platform.ask(
            AppendPart(session_id=session.session_id, lease_id=holding.lease.lease_id, part=written)
        )
        holding.settled = not _is_ready(session)
        if body.broken is not None and not session.is_full:
            raise body.broken
        return session

    async def _whole(self, session: SessionInfo, caller: Caller) -> SessionInfo:
        """Return the session as a file if all its bytes are there, else as it is."""
        if not _is_ready(session):
            return session
        await caller.check(session.wish)
        question = LeaseAssembly(session_id=session.session_id, actor=caller.whose)
        try:
            lease = await self._platform.ask(question)
        except AnsweredWithProblem as problem:
            if problem.named == NOT_OPEN:  # somebody else made a file of it meanwhile
                return await self._platform.ask(
                    GetSession(session_id=session.session_id, actor=caller.whose)
                )
            raise
        async with Holding(self._platform, lease) as holding:
            return await self._assemble(holding, lease.session)

    async def _assemble(self, holding: Holding, session: SessionInfo) -> SessionInfo:
        """Make the file; bytes that will never be what was announced are given up."""
        try:
            put = await self._assembler.assemble(holding.lease, session)
        except DigestMismatch:
            await self._give_up(session.session_id)
            raise
        holding.settled = True
        return replace(session, put=put)

    async def _give_up(self, session_id: UUID) -> None:
        """Forget an upload that failed; why it failed is what the caller hears."""
        try:
            await self._platform.ask(EndSession(session_id=session_id))
        except Problem as problem:
            log.info("upload %s is left to the sweeper: %s", session_id, problem)

    def _check_length(self, length: int) -> None:
        if length > self._most:
            raise BodyTooLarge(f"a file has at most {self._most} bytes", most_bytes=self._most)


def _is_ready(session: SessionInfo) -> bool:
    """Tell whether a file is to be made of the session now."""
    return session.is_full and session.kind != "partial" and session.put is None
