"""Comparing two states of a bucket."""

import asyncio
from collections.abc import Iterable
from functools import partial

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import Diff, GetDiff, PathDifference
from services.versioning.catching_up import catch_up
from services.versioning.domain import tree
from services.versioning.domain.differing import (
    MOST_COMPARED,
    Differing,
    find_moves,
    joined,
    with_moves,
)
from services.versioning.domain.refs import NOW
from services.versioning.domain.tree import Delta, Difference
from services.versioning.known_moves import Compared, KnownMoves, Moves
from services.versioning.repository import nodes, repositories
from services.versioning.repository.nodes import NodeCache
from services.versioning.settings import Settings
from services.versioning.states import read_state

COMPARED_AT_ONCE = 1_000
"""Differing paths; between two such parts others get their turn."""

Page = tuple[list[PathDifference], str | None]


@serves(GetDiff)
async def get_diff(
    request: GetDiff,
    db: Database,
    bus: Bus,
    cache: NodeCache,
    known: KnownMoves,
    settings: Settings,
) -> Diff:
    if NOW in (request.source, request.target):
        await catch_up(request.bucket, db, bus, settings.mark_timeout_s)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        source = await read_state(conn, repository.bucket_id, request.source)
        target = await read_state(conn, repository.bucket_id, request.target, staged=request.staged)
        compared = Compared(source.tree, target.tree, request.prefix)
        moves = await known.find(compared, partial(_moves, conn, cache, compared))
        if moves is None:
            items, after = await _of_many(conn, cache, compared, request)
        else:
            items, after = await _of_few(conn, cache, compared, moves, request)
    return Diff(
        source=source.commit_id.hex() if source.commit_id else None,
        target=target.commit_id.hex() if target.commit_id else None,
        items=items,
        next=after,
    )


async def _moves(conn: Connection, cache: NodeCache, compared: Compared) -> Moves | None:
    """Return what moved; None where more differs than moves are looked for in."""
    before = await nodes.drive(conn, cache, tree.usage(compared.before, compared.prefix))
    after = await nodes.drive(conn, cache, tree.usage(compared.after, compared.prefix))
    if abs(before.count - after.count) > MOST_COMPARED:
        return None
    found: list[Delta] = []
    start: str | None = ""
    while start is not None:
        part = await _differences(conn, cache, compared, start, COMPARED_AT_ONCE)
        found += part.deltas
        start = part.next
        if start is not None and len(found) >= MOST_COMPARED:
            return None
        await asyncio.sleep(0)
    return find_moves(found)


async def _of_few(
    conn: Connection, cache: NodeCache, compared: Compared, moves: Moves, request: GetDiff
) -> Page:
    """Leave out where files moved from: it is told where they are now."""
    gone = set(moves.values())
    deltas: list[Delta] = []
    start: str | None = request.start_after
    while start is not None and len(deltas) <= request.limit:
        part = await _differences(conn, cache, compared, start, request.limit + 1)
        deltas += [delta for delta in part.deltas if delta.path not in gone]
        start = part.next
    sources = [moves[delta.path] for delta in deltas[: request.limit] if delta.path in moves]
    moved = await nodes.drive(conn, cache, tree.get(compared.before, sources))
    page = fitting(_told(joined(deltas[: request.limit], moves, moved)))
    return list(page), page[-1].path if len(page) < len(deltas) else None


async def _of_many(
    conn: Connection, cache: NodeCache, compared: Compared, request: GetDiff
) -> Page:
    """Cut the page, then find moves in it: so none of their ends is left out or told twice."""
    part = await _differences(conn, cache, compared, request.start_after, request.limit)
    deltas = part.deltas[: len(fitting(_told(joined(part.deltas, {}, {}))))]
    after = deltas[-1].path if len(deltas) < len(part.deltas) else part.next
    return _told(with_moves(deltas)), after


async def _differences(
    conn: Connection, cache: NodeCache, compared: Compared, start: str, limit: int
) -> Difference:
    before, after, prefix = compared
    walk = tree.diff(before, after, prefix=prefix, start_after=start, limit=limit)
    return await nodes.drive(conn, cache, walk)


def _told(found: Iterable[Differing]) -> list[PathDifference]:
    return [one.told() for one in found]
