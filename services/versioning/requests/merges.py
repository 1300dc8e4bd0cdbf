"""Merging: what was done elsewhere comes to a branch, as one commit or not at all."""

from collections.abc import Mapping
from itertools import islice

from msgspec import Struct

from libs.chassis.bus import Bus
from libs.chassis.database import Connection, Database
from libs.chassis.rpc import serves
from libs.contracts.versioning import Content, Merge, Merged
from services.versioning import history, holding, three_ways
from services.versioning.applying import Applied, Applier, Change, Planned, check_branch
from services.versioning.catching_up import catch_up_if_named
from services.versioning.domain import merging
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import ChecksMissing, RefNotFound
from services.versioning.domain.files import check_files
from services.versioning.domain.merging import Resolution, ThreeWay
from services.versioning.domain.refs import MAIN
from services.versioning.domain.tree import EMPTY, Entry
from services.versioning.history import CHANGES_TOLD, Head
from services.versioning.repository import ancestry, commit_checks, commits, refs, repositories
from services.versioning.repository.commits import StoredCommit
from services.versioning.repository.nodes import NodeCache
from services.versioning.repository.repositories import Repository
from services.versioning.requests.commits import expected
from services.versioning.requests.log import commit_info
from services.versioning.settings import Settings
from services.versioning.states import find_commit_id


class Resolutions(Struct, frozen=True):
    """What conflicts come to, and the bytes that storage holds for it."""

    by_path: Mapping[str, Resolution]
    held: Mapping[str, int]
    """The size of each, by digest."""


class Outcome(Struct, frozen=True):
    """What a merge comes to on one head."""

    base: CommitId | None
    merged: ThreeWay
    """With the conflicts that nothing resolved."""
    contained: bool = False
    """The branch has all of it already."""


@serves(Merge)
async def merge(
    request: Merge, db: Database, bus: Bus, cache: NodeCache, settings: Settings, applier: Applier
) -> Merged:
    """Merge on the head as it is when nobody else changes the branch."""
    # What is merged into main catches up by itself, unless it is a rehearsal.
    present = MAIN if request.dry_run and request.into == MAIN else request.source
    await catch_up_if_named(present, request.bucket, db, bus, settings.mark_timeout_s)
    async with db.connection() as conn:
        repository = await repositories.get_repository(conn, request)
        source = await _source(conn, repository, request.source)
    merging_ = _Merging(cache, repository, request, source, await _resolutions(bus, request))
    if request.dry_run:
        async with db.connection() as conn:
            return await merging_.rehearse(conn)
    applied = await applier.commit(
        repository,
        request.into,
        merging_.plan,
        expect_head=expected(request.expect_head),
        may_write_protected=True,
    )
    async with db.connection() as conn:
        return await merging_.report(conn, applied)


class _Merging:
    """One request, which may be planned on several heads until one of them stays."""

    def __init__(
        self,
        cache: NodeCache,
        repository: Repository,
        request: Merge,
        source: StoredCommit,
        resolutions: Resolutions,
    ) -> None:
        self._cache = cache
        self._repository = repository
        self._request = request
        self._source = source
        self._resolutions = resolutions
        self._base: CommitId | None = None

    async def plan(self, conn: Connection, head: Head) -> Planned:
        """Return the commit that merges; raises ``MergeConflict`` while any conflict is left."""
        outcome = await self._outcome(conn, head)
        if outcome.merged.conflicts:
            raise three_ways.refusal(outcome.merged.conflicts)
        self._base = outcome.base
        request = self._request
        recorded = not request.squash and not outcome.contained
        return Planned(
            states=outcome.merged.states,
            change=Change(
                author=request.actor,
                message=request.message or _title(request),
                operation="merge",
                metadata=request.metadata,
                merges=(self._source.commit_id,) if recorded else (),
                even_empty=recorded,
            ),
            # Were one of them changed meanwhile, it would be in conflict.
            reads=outcome.merged.on_both,
            held=self._resolutions.held,
        )

    async def rehearse(self, conn: Connection) -> Merged:
        """Tell what the merge would do, and change nothing."""
        bucket_id = self._repository.bucket_id
        ref = await refs.get_branch(conn, bucket_id, self._request.into)
        head = await history.read_head(conn, bucket_id, ref)
        check_branch(head, expected(self._request.expect_head), may_write_protected=True)
        outcome = await self._outcome(conn, head)
        states, conflicts = outcome.merged.states, outcome.merged.conflicts
        first = dict(islice(sorted(states.items()), CHANGES_TOLD))
        _, changes = await history.edit(conn, self._cache, head.tree, first)
        return Merged(
            base=_hex(outcome.base),
            source=self._source.commit_id.hex(),
            commit=None,
            changed=len(states),
            changes=changes,
            conflicts=three_ways.told(conflicts),
            conflicts_total=len(conflicts),
        )

    async def report(self, conn: Connection, applied: Applied) -> Merged:
        """Tell what the merge did."""
        commit = None
        if applied.written and applied.head.commit_id is not None:
            stored = await commits.get_commit(
                conn, self._repository.bucket_id, applied.head.commit_id
            )
            commit = commit_info(stored)
        return Merged(
            base=_hex(self._base),
            source=self._source.commit_id.hex(),
            commit=commit,
            changed=applied.changed,
            changes=applied.changes,
            conflicts=[],
        )

    async def _outcome(self, conn: Connection, head: Head) -> Outcome:
        """Compare both sides with their best common ancestors, and resolve what can be."""
        bucket_id, source = self._repository.bucket_id, self._source
        ours = await ancestry.list_ancestors(conn, head.place) if head.place else {}
        if ancestry.contains(ours, source.place):
            return Outcome(source.commit_id, ThreeWay({}, []), contained=True)
        await self._check(conn, head)
        theirs = await ancestry.list_ancestors(conn, source.place)
        bases = await ancestry.list_merge_bases(conn, bucket_id, ours, theirs)
        stored = [await commits.get_commit(conn, bucket_id, base) for base in bases]
        merged = await three_ways.merge_over(
            conn,
            self._cache,
            bases=[base.commit.tree for base in stored] or [EMPTY.node_id],
            ours=head.tree,
            theirs=source.commit.tree,
        )
        resolved = merging.resolve(merged, self._resolutions.by_path, self._request.otherwise)
        return Outcome(bases[0] if bases else None, resolved)

    async def _check(self, conn: Connection, head: Head) -> None:
        """Raise unless all that the branch asks for has passed on this source."""
        missing = await commit_checks.list_missing(
            conn,
            self._repository.bucket_id,
            self._source.commit_id,
            head.ref.required_checks,
        )
        if missing:
            raise ChecksMissing(
                f"{missing[0]} has not passed on {self._source.commit_id.hex()[:12]}",
                branch=head.ref.name,
                checks=missing,
            )


async def _source(conn: Connection, repository: Repository, ref: str) -> StoredCommit:
    commit_id = await find_commit_id(conn, repository.bucket_id, ref)
    if commit_id is None:
        raise RefNotFound(f"nothing was committed to {ref} yet", ref=ref)
    return await commits.get_commit(conn, repository.bucket_id, commit_id)


async def _resolutions(bus: Bus, request: Merge) -> Resolutions:
    """Have storage hold the bytes that resolutions name; what could be no file is refused."""
    named = {
        given.sha256
        for given in request.resolutions.values()
        if isinstance(given, Content) and given.sha256 is not None
    }
    sizes = await holding.hold(bus, request.bucket, sorted(named))
    by_path = {path: _resolution(given, sizes) for path, given in request.resolutions.items()}
    check_files({path: way for path, way in by_path.items() if isinstance(way, Entry)})
    return Resolutions(by_path, sizes)


def _resolution(given: merging.Side | Content, sizes: Mapping[str, int]) -> Resolution:
    if not isinstance(given, Content):
        return given
    if given.sha256 is None:
        return None
    return Entry(
        sha256=bytes.fromhex(given.sha256),
        size=sizes[given.sha256],
        content_type=given.content_type,
        metadata=given.metadata,
        tags=given.tags,
    )


def _title(request: Merge) -> str:
    return f"{'squash' if request.squash else 'merge'} {request.source} into {request.into}"


def _hex(commit_id: CommitId | None) -> str | None:
    return None if commit_id is None else commit_id.hex()
