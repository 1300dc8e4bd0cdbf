"""Upload sessions: begun, written to under leases, joined, and ended."""

from uuid import UUID

from libs.chassis.crashpoint import crashpoint
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.base import Done
from libs.contracts.ids import new_id
from libs.contracts.problems import Problem
from libs.contracts.storage import (
    AppendPart,
    BeginSession,
    CommitPart,
    EndSession,
    FilePut,
    GetSession,
    JoinSessions,
    LeaseAssembly,
    LeasePart,
    LeaseRenewed,
    ListParts,
    ReleaseLease,
    RenewLease,
    SessionInfo,
    SessionKind,
    SessionLease,
    SessionParts,
    SessionWish,
)
from services.storage import arriving
from services.storage.domain.checks import answer
from services.storage.domain.preconditions import check_expectation
from services.storage.domain.sessions import (
    Session,
    SessionExpired,
    SessionLocked,
    SessionLost,
    check_joinable,
    check_wish,
)
from services.storage.domain.uploads import blob_key
from services.storage.repository import buckets, files, promises, session_parts, sessions
from services.storage.restraints import check_room
from services.storage.settings import Settings

RENEWALS_A_LEASE = 4
"""How often a lease is renewed before it would run out."""


@serves(BeginSession)
async def begin_session(request: BeginSession, db: Database, settings: Settings) -> SessionInfo:
    check_wish(request.wish, is_partial=request.is_partial)
    kind: SessionKind = "partial" if request.is_partial else "whole"
    async with db.transaction() as tx:
        session_id = await _insert(
            tx, kind, request.wish, request.actor, settings, length=request.length
        )
        session = await sessions.get(tx, session_id)
    return session.info()


@serves(JoinSessions)
async def join_sessions(request: JoinSessions, db: Database, settings: Settings) -> SessionInfo:
    check_wish(request.wish, is_partial=False)
    async with db.transaction() as tx:
        partials = await sessions.list_for_update(tx, request.partials, request.actor)
        session_id = await sessions.find_joined(tx, request.partials, request.actor)
        if session_id is None:
            check_joinable(partials, request.partials)
            session_id = await _insert(
                tx, "final", request.wish, request.actor, settings, partials=request.partials
            )
            await sessions.join(tx, session_id, request.partials)
        session = await sessions.get(tx, session_id)
    return session.info()


@serves(GetSession)
async def get_session(request: GetSession, db: Database) -> SessionInfo:
    async with db.connection() as conn:
        session = await sessions.get(conn, request.session_id, request.actor)
    session.check_alive()
    return session.info()


@serves(LeasePart)
async def lease_part(request: LeasePart, db: Database, settings: Settings) -> SessionLease:
    """Promise a key and lend the session to whoever writes there."""
    try:
        async with db.transaction() as tx:
            session = await sessions.get_for_update(tx, request.session_id, request.actor)
            session.check_alive()
            session.check_free()
            session.check_takes_part(request.offset, request.length)
            lease = await _lease(tx, session, settings, length=request.length)
            await session_parts.promise(tx, lease.key, lease_s=settings.promise_lease_s)
    except SessionLocked:
        async with db.connection() as conn:
            await sessions.want(conn, request.session_id)
        raise
    return lease


@serves(LeaseAssembly)
async def lease_assembly(request: LeaseAssembly, db: Database, settings: Settings) -> SessionLease:
    async with db.transaction() as tx:
        session = await sessions.get_for_update(tx, request.session_id, request.actor)
        session.check_alive()
        session.check_assembles()
        session.check_free()
        return await _lease(tx, session, settings)


@serves(RenewLease)
async def renew_lease(request: RenewLease, db: Database, settings: Settings) -> LeaseRenewed:
    async with db.connection() as conn:
        wanted = await sessions.renew(
            conn, request.session_id, request.lease_id, lease_s=settings.session_lease_s
        )
        if wanted is None:
            raise SessionLost("its lease is another's", upload_id=str(request.session_id))
        await session_parts.promise_longer(
            conn, blob_key(request.lease_id), lease_s=settings.promise_lease_s
        )
    return LeaseRenewed(wanted=wanted)


@serves(ReleaseLease)
async def release_lease(request: ReleaseLease, db: Database) -> Done:
    async with db.transaction() as tx:
        await sessions.release(tx, request.session_id, request.lease_id)
        await session_parts.give_up_unwritten(tx, blob_key(request.lease_id))
    return Done()


@serves(AppendPart)
async def append_part(request: AppendPart, db: Database, settings: Settings) -> SessionInfo:
    """Move the offset on; only who holds the lease can, so parts never overlap."""
    async with db.transaction() as tx:
        before = await sessions.get_for_update(tx, request.session_id)
        before.check_held_by(request.lease_id)
        before.check_has_room(request.part.size)
        if not await session_parts.insert(tx, before.session_id, before.received, request.part):
            raise SessionExpired("writing the part took too long", upload_id=str(before.session_id))
        is_full = before.received + request.part.size == before.length
        await sessions.advance(
            tx,
            before.session_id,
            request.part.size,
            keep_lease=is_full and before.kind != "partial",
            idle_s=settings.session_idle_s,
        )
        session = await sessions.get(tx, before.session_id)
    crashpoint("after_append")
    return session.info()


@serves(ListParts)
async def list_parts(request: ListParts, db: Database) -> SessionParts:
    async with db.connection() as conn:
        session = await sessions.get(conn, request.session_id)
        session.check_held_by(request.lease_id)
        found = await session_parts.list_page(
            conn, request.session_id, start_at=request.start_at, limit=request.limit + 1
        )
    shown = found[: request.limit]
    return SessionParts(
        items=[part for _, part in shown],
        next=found[request.limit][0] if len(found) > len(shown) else None,
    )


@serves(CommitPart)
async def commit_part(request: CommitPart, db: Database, settings: Settings) -> FilePut:
    """Make the file of what lies there already; asked again, answer the same again."""
    async with db.transaction() as tx:
        session = await _get_with_bucket(tx, request.session_id)
        if session.put is not None:
            return session.put
        session.check_alive()
        session.check_held_by(request.lease_id)
        session.check_assembles()
        part = await session_parts.take_only(tx, session.session_id)
        arrival = session.arrival(part, request.content_type)
        if await promises.keep(tx, [part.key]) != 1:
            raise SessionExpired("begin again", upload_id=str(session.session_id))
        (outcome,) = await arriving.put(tx, [arrival])
        if isinstance(outcome, Problem):
            raise outcome
        put = answer(arrival, outcome)
        await sessions.finish(tx, session.session_id, put, kept_s=settings.answer_kept_s)
        crashpoint("before_commit")
    crashpoint("after_commit")
    return put


@serves(EndSession)
async def end_session(request: EndSession, db: Database) -> Done:
    async with db.transaction() as tx:
        session = await sessions.get_for_update(tx, request.session_id, request.actor)
        await session_parts.give_up(tx, [session.session_id])
        await sessions.delete(tx, [session.session_id])
    return Done()


async def _insert(
    tx: Connection,
    kind: SessionKind,
    wish: SessionWish,
    actor: str,
    settings: Settings,
    *,
    length: int | None = None,
    partials: list[UUID] | None = None,
) -> UUID:
    """Begin a session in a bucket that takes changes, or in none yet."""
    bucket = None
    if wish.bucket is not None:
        bucket = await buckets.get_open_for_share(tx, wish.bucket)
        if wish.path is not None:
            await check_room(tx, bucket, wish.path, length, actor)
            present = await files.find_sha256(tx, bucket.bucket_id, wish.path)
            check_expectation(wish.expect, wish.path, present)
    session_id = new_id()
    await sessions.insert(
        tx,
        session_id,
        kind,
        actor,
        wish=wish,
        bucket_id=None if bucket is None else bucket.bucket_id,
        length=length,
        partials=partials or [],
        idle_s=settings.session_idle_s,
        longest_s=settings.session_longest_s,
    )
    return session_id


async def _get_with_bucket(tx: Connection, session_id: UUID) -> Session:
    """Return the session, locked behind its bucket as everywhere."""
    found = await sessions.get(tx, session_id)
    if found.wish.bucket is not None and found.put is None:
        await buckets.get_open_for_share(tx, found.wish.bucket)
    return await sessions.get_for_update(tx, session_id)


async def _lease(
    tx: Connection, session: Session, settings: Settings, *, length: int | None = None
) -> SessionLease:
    lease_id = new_id()
    await sessions.lease(
        tx, session.session_id, lease_id, length=length, lease_s=settings.session_lease_s
    )
    leased = await sessions.get(tx, session.session_id)
    return SessionLease(
        lease_id=lease_id,
        renew_within_s=settings.session_lease_s / RENEWALS_A_LEASE,
        session=leased.info(),
        key=blob_key(lease_id),
    )
