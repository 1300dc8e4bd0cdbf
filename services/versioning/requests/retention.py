"""Which past states a bucket keeps: the policy, what it would do, and giving some up at once."""

from datetime import UTC, datetime

import msgspec

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.pages import fitting
from libs.contracts.versioning import (
    Expiring,
    GetRetention,
    PreviewRetention,
    Purged,
    PurgeVersions,
    Retention,
    RetentionPreview,
    SetRetention,
)
from services.versioning.catching_up import catch_up
from services.versioning.domain.errors import InvalidPurge
from services.versioning.domain.retention import State, Verdict, judge
from services.versioning.locked_states import find_locked
from services.versioning.purging import Purge, parse
from services.versioning.repository import past_states, repositories, retention
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.past_states import parse_behind
from services.versioning.repository.purging import Chosen
from services.versioning.repository.repositories import Repository
from services.versioning.settings import Settings

LOOKED_AT = 2000
"""States of one page of a preview, shown or not."""

BATCHES_AT_ONCE = 10
"""Batches of a purge that one request does; whoever asks goes on."""


@serves(GetRetention)
async def get_retention(request: GetRetention, db: Database) -> Retention:
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        return await _read(conn, repository)


@serves(SetRetention)
async def set_retention(request: SetRetention, db: Database) -> Retention:
    async with db.transaction() as tx:
        repository = await repositories.get_repository(tx, request)
        await retention.upsert_policy(tx, repository.bucket_id, request.policy, request.actor)
        return await _read(tx, repository)


@serves(PreviewRetention)
async def preview_retention(request: PreviewRetention, db: Database, bus: Bus) -> RetentionPreview:
    behind = parse_behind(request.cursor)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        bucket_id = repository.bucket_id
        policy = request.policy or (await retention.get_retaining(conn, bucket_id)).policy
        with_tags = policy is None or policy.keep_tagged
        anchors = await past_states.list_anchors(conn, bucket_id, tags=with_tags)
        # A page is as long as what it looks at; so it may be short, or empty, and still go on.
        looked_at = request.limit if request.kept else LOOKED_AT
        page = await past_states.list_states(
            conn, bucket_id, behind, prefix=request.prefix, limit=looked_at
        )
    now = datetime.now(UTC)
    verdicts = [(state, judge(state, policy, anchors, now)) for state in page.states]
    locked = await find_locked(
        bus, request.bucket, [(s.path, s.revision) for s, verdict in verdicts if verdict.expires]
    )
    told = [
        (state, _expiring(state, verdict, (state.path, state.revision) in locked))
        for state, verdict in verdicts
    ]
    shown = [(state, item) for state, item in told if request.kept or item.expires]
    items = fitting([item for _, item in shown[: request.limit]])
    further = page.further
    if len(items) < len(shown):
        further = page.behind(shown[len(items) - 1][0])
    return RetentionPreview(
        items=list(items),
        next=None if further is None else msgspec.json.encode(further).decode(),
    )


@serves(PurgeVersions)
async def purge_versions(
    request: PurgeVersions, db: Database, bus: Bus, cache: NodeCache, settings: Settings
) -> Purged:
    """Purge what was announced before the request, a part of it where that is much."""
    if (request.path is None) == (request.prefix is None):
        raise InvalidPurge("either a path or a prefix says what is purged")
    going = parse(request.cursor)
    if not request.cursor:
        await catch_up(request.bucket, db, bus, settings.mark_timeout_s)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
    chosen = Chosen(request.path, request.prefix or "")
    purge = Purge(db, bus, cache, repository, chosen, request.dry_run)
    for _ in range(BATCHES_AT_ONCE):
        going = await purge.go_on(going)
        if going.done:
            break
    return Purged(
        versions=going.versions,
        bytes=going.bytes,
        locked=going.locked,
        next=None if going.done else going.cursor(),
    )


async def _read(conn: Connection, repository: Repository) -> Retention:
    retaining = await retention.get_retaining(conn, repository.bucket_id)
    return Retention(
        policy=retaining.policy,
        expired=retaining.expired,
        expired_bytes=retaining.expired_bytes,
        ran_at=retaining.ran_at,
    )


def _expiring(state: State, verdict: Verdict, locked: bool) -> Expiring:
    return Expiring(
        path=state.path,
        version=state.revision,
        sha256=state.sha256.hex(),
        size=state.size,
        created_at=state.created_at,
        expires=verdict.expires and not locked,
        reason="it is locked" if locked else verdict.reason,
    )
