"""Backups: targets, snapshots, and bringing files back."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from msgspec import Meta, Struct

from libs.contracts.backup import (
    CreateTarget,
    DeleteTarget,
    GetSnapshot,
    ListSnapshots,
    ListTargets,
    RestoreSnapshot,
    SnapshotInfo,
    TakeSnapshot,
    TargetInfo,
    TargetName,
    VerifySnapshot,
)
from libs.contracts.values import BucketName, FilePath
from services.gateway.domain.failures import InvalidInput, SnapshotNotFound
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.accepted import Accepted, accepted
from services.gateway.routes.given import PREFIX, Cursor, Cursors, Limit, Page

TAGS = ["Backups"]


class NewTarget(Struct, frozen=True, forbid_unknown_fields=True):
    name: TargetName
    url: Annotated[str, Meta(max_length=2000)]
    """``file:///path`` below an allowed directory, or ``s3://key:secret@host:port/bucket``."""


class NewSnapshot(Struct, frozen=True, forbid_unknown_fields=True):
    bucket: BucketName
    target: TargetName


class Restoring(Struct, frozen=True, forbid_unknown_fields=True):
    snapshot: UUID
    into: BucketName | None = None
    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=1000)] | None = None
    prefix: Annotated[str, Meta(max_length=1024)] = ""

    def places(self) -> list[str]:
        """Return what may change: these paths, or all below the prefix."""
        return [self.prefix] if self.paths is None else self.paths


@post("/backups/targets", summary="Register a target", tags=TAGS, opt=needs("admin"))
async def create_target(
    data: JSONBody[NewTarget], actor: NamedDependency[str], platform: NamedDependency[Platform]
) -> Response[TargetInfo]:
    """Register a place for snapshots, after a probe was written, read back and deleted there."""
    info = await platform.ask(CreateTarget(name=data.name, url=data.url, actor=actor))
    return Response(info, headers={"Location": f"{PREFIX}/backups/targets/{info.name}"})


@get("/backups/targets", summary="List targets", tags=TAGS, opt=needs("read"))
async def list_targets(platform: NamedDependency[Platform]) -> Page[TargetInfo]:
    """List the registered targets, without their secrets."""
    return Page((await platform.ask(ListTargets())).items)


@delete(
    "/backups/targets/{name:str}",
    summary="Forget a target",
    tags=TAGS,
    opt=needs("admin"),
    status_code=204,
)
async def delete_target(name: FromPath[str], platform: NamedDependency[Platform]) -> None:
    """Forget a target; its snapshots stay where they are."""
    await platform.ask(DeleteTarget(name=name))


@post(
    "/backups/snapshots",
    summary="Take a snapshot",
    tags=TAGS,
    opt=needs("write"),
    status_code=202,
)
async def take_snapshot(
    data: JSONBody[NewSnapshot],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> Response[Accepted]:
    """Begin a snapshot of a bucket, which the caller owns, as a task."""
    await access.check(data.bucket, role="owner")
    return await accepted(
        platform, TakeSnapshot(bucket=data.bucket, target=data.target, actor=actor)
    )


@get("/backups/snapshots", summary="List snapshots", tags=TAGS, opt=needs("read"))
async def list_snapshots(
    platform: NamedDependency[Platform],
    access: NamedDependency[Access],
    cursors: NamedDependency[Cursors],
    bucket: Annotated[str | None, QueryParameter(description="Only of this bucket.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[SnapshotInfo]:
    """List snapshots, newest first: all with the scope admin, else those of a bucket you own."""
    if not access.is_admin:
        if bucket is None:
            raise InvalidInput("say of which bucket", parameter="bucket")
        await access.check(bucket, role="owner")
    scope = f"snapshots\n{bucket or ''}"
    before = cursors.open(scope, cursor, UUID)
    found = await platform.ask(ListSnapshots(bucket=bucket, before=before, limit=limit))
    # Newest first: behind one of a bucket that had the name before, there are only such.
    own = [one for one in found.items if await access.owns_since(one.bucket, one.created_at)]
    more = found.next if len(own) == len(found.items) else None
    return Page(own, cursors.seal(scope, more))


@get("/backups/snapshots/{snapshot:uuid}", summary="Get a snapshot", tags=TAGS, opt=needs("read"))
async def get_snapshot(
    snapshot: FromPath[UUID],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> SnapshotInfo:
    """Return one snapshot and how far it is."""
    return await _get_own(platform, access, snapshot)


@post(
    "/backups/snapshots/{snapshot:uuid}/verifications",
    summary="Verify a snapshot",
    tags=TAGS,
    opt=needs("write"),
    status_code=202,
)
async def verify_snapshot(
    snapshot: FromPath[UUID],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> Response[Accepted]:
    """Begin to read every blob of the snapshot from its target and hash it again."""
    await _check_own(platform, access, snapshot)
    return await accepted(platform, VerifySnapshot(snapshot_id=snapshot, actor=actor))


@post(
    "/backups/restores",
    summary="Restore a snapshot",
    tags=TAGS,
    opt=needs("write"),
    status_code=202,
)
async def restore_snapshot(
    data: JSONBody[Restoring],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> Response[Accepted]:
    """Begin to bring files of a snapshot back, into their bucket or another one."""
    await _check_own(platform, access, data.snapshot)
    if data.into is not None:
        for place in data.places():
            await access.check(data.into, place, "writer")
    return await accepted(
        platform,
        RestoreSnapshot(
            snapshot_id=data.snapshot,
            actor=actor,
            into=data.into,
            paths=data.paths,
            prefix=data.prefix,
        ),
    )


async def _get_own(platform: Platform, access: Access, snapshot_id: UUID) -> SnapshotInfo:
    """Return a snapshot of a bucket that the caller owns; those of others are not there."""
    snapshot = await platform.ask(GetSnapshot(snapshot_id=snapshot_id))
    if not await access.owns_since(snapshot.bucket, snapshot.created_at):
        raise SnapshotNotFound(f"no snapshot is {snapshot_id}", snapshot_id=str(snapshot_id))
    return snapshot


async def _check_own(platform: Platform, access: Access, snapshot_id: UUID) -> None:
    if not access.is_admin:
        await _get_own(platform, access, snapshot_id)


ROUTES: list[Any] = [
    create_target,
    list_targets,
    delete_target,
    take_snapshot,
    list_snapshots,
    get_snapshot,
    verify_snapshot,
    restore_snapshot,
]
