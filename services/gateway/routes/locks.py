"""Retention locks and legal holds."""

from datetime import datetime
from typing import Annotated

from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Struct

from libs.contracts.problems import Problem
from libs.contracts.storage import FileLock, GetLock, ListLocks, LockMode, SetLock
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Page, Prefix

TAGS = ["Locks"]
ONE = "/buckets/{bucket:str}/lock"

Path = Annotated[str, QueryParameter(description="The file.", min_length=1, max_length=1024)]
Version = Annotated[
    int | None, QueryParameter(description="One of its versions; else the present one.", ge=1)
]


class NewLock(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a state is locked from now on; an empty object unlocks it."""

    mode: LockMode | None = None
    """``governance``: an owner may lift it; ``compliance``: nobody can, until it ends."""
    retain_until: datetime | None = None
    legal_hold: bool = False
    """Keeps it without end, until an owner lifts the hold."""
    bypass_governance: bool = False
    """An owner says so to shorten or lift a governance lock."""


@get(ONE, summary="Get a lock", tags=TAGS, opt=needs("read", at="path"))
async def get_lock(
    bucket: Bucket, path: Path, platform: NamedDependency[Platform], version: Version = None
) -> FileLock:
    """Return what keeps a file, or one of its versions, as it is."""
    return await platform.ask(GetLock(bucket=bucket, path=path, revision=version))


@put(ONE, summary="Set a lock", tags=TAGS, opt=needs("write", at="path"))
async def set_lock(
    bucket: Bucket,
    path: Path,
    data: JSONBody[NewLock],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
    version: Version = None,
) -> FileLock:
    """Lock a file or a version in place of how it was locked.

    Anybody who may write may lock and lengthen. 403 `lock-kept` for what is not theirs to lift.
    """
    return await platform.ask(
        SetLock(
            bucket=bucket,
            path=path,
            actor=actor,
            revision=version,
            mode=data.mode,
            retain_until=data.retain_until,
            legal_hold=data.legal_hold,
            as_owner=await _owns(access, bucket, path),
            bypass_governance=data.bypass_governance,
        )
    )


@get(
    "/buckets/{bucket:str}/locks",
    summary="List locks",
    tags=TAGS,
    opt=needs("read", at="prefix"),
)
async def list_locks(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    prefix: Prefix = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[FileLock]:
    """List by path what is locked now."""
    scope = f"locks\n{bucket}\n{prefix}"
    after = cursors.open(scope, cursor, str) or ""
    found = await platform.ask(
        ListLocks(bucket=bucket, prefix=prefix, start_after=after, limit=limit)
    )
    return Page(found.items, cursors.seal(scope, found.next))


async def _owns(access: Access, bucket: str, path: str) -> bool:
    try:
        await access.check(bucket, path, "owner")
    except Problem:
        return False
    return True


ROUTES = [get_lock, set_lock, list_locks]
