"""Comparing two states of a bucket."""

import asyncio
from collections.abc import Sequence

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import Diff, GetDiff, PathDifference
from services.versioning.catching_up import catch_up
from services.versioning.domain import differing, tree
from services.versioning.domain.differing import MOST_COMPARED, Differing
from services.versioning.domain.refs import NOW
from services.versioning.domain.tree import Delta
from services.versioning.repository import nodes, repositories
from services.versioning.repository.nodes import NodeCache
from services.versioning.settings import Settings
from services.versioning.states import State, read_state

COMPARED_AT_ONCE = 1_000
"""Differing paths; between two such parts others get their turn."""

Page = tuple[list[PathDifference], str | None]


@serves(GetDiff)
async def get_diff(
    request: GetDiff, db: Database, bus: Bus, cache: NodeCache, settings: Settings
) -> Diff:
    if NOW in (request.source, request.target):
        await catch_up(request.bucket, db, bus, settings.mark_timeout_s)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        source = await read_state(conn, repository.bucket_id, request.source)
        target = await read_state(conn, repository.bucket_id, request.target, staged=request.staged)
        items, after = await _page(conn, cache, source, target, request)
    return Diff(
        source=source.commit_id.hex() if source.commit_id else None,
        target=target.commit_id.hex() if target.commit_id else None,
        items=items,
        next=after,
    )


async def _page(
    conn: Connection, cache: NodeCache, source: State, target: State, request: GetDiff
) -> Page:
    everything = await _everything(conn, cache, source, target, request.prefix)
    if everything is not None:
        return _of_few(everything, request)
    walk = tree.diff(
        source.tree,
        target.tree,
        prefix=request.prefix,
        start_after=request.start_after,
        limit=request.limit,
    )
    part = await nodes.drive(conn, cache, walk)
    return _of_many(part.deltas, part.next)


async def _everything(
    conn: Connection, cache: NodeCache, source: State, target: State, prefix: str
) -> list[Delta] | None:
    """Return all that differs; None where that is more than moves are looked for in."""
    before = await nodes.drive(conn, cache, tree.usage(source.tree, prefix))
    after = await nodes.drive(conn, cache, tree.usage(target.tree, prefix))
    if abs(before.count - after.count) > MOST_COMPARED:
        return None
    found: list[Delta] = []
    start: str | None = ""
    while start is not None:
        walk = tree.diff(
            source.tree, target.tree, prefix=prefix, start_after=start, limit=COMPARED_AT_ONCE
        )
        part = await nodes.drive(conn, cache, walk)
        found += part.deltas
        start = part.next
        if start is not None and len(found) >= MOST_COMPARED:
            return None
        await asyncio.sleep(0)
    return found


def _of_few(deltas: Sequence[Delta], request: GetDiff) -> Page:
    """Find moves anywhere, then cut the page."""
    start = request.start_after.encode()
    found = [one for one in differing.with_moves(deltas) if one.path.encode() > start]
    page = fitting(_told(found[: request.limit]))
    return list(page), page[-1].path if len(page) < len(found) else None


def _of_many(deltas: Sequence[Delta], after: str | None) -> Page:
    """Cut the page, then find moves in it: so none of their ends is left out or told twice."""
    size = len(fitting([Differing(d.path, d.before, d.after).told() for d in deltas]))
    if size < len(deltas):
        deltas, after = deltas[:size], deltas[size - 1].path
    return _told(differing.with_moves(deltas)), after


def _told(found: Sequence[Differing]) -> list[PathDifference]:
    return [one.told() for one in found]
