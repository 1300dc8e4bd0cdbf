"""The trash: deleted files, for as long as their bucket keeps them."""

from typing import Annotated

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta, Struct

from libs.contracts.storage import (
    EmptyTrash,
    ListTrash,
    RestoreTrash,
    TrashedFile,
    TrashEmptied,
    TrashRestored,
)
from libs.contracts.values import FilePath, Message
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket, Cursor, Cursors, Limit, Page, Prefix

TAGS = ["Trash"]
MANY = "/buckets/{bucket:str}/trash"

Text = Annotated[str, Meta(max_length=1024)]


class Bringing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to bring back: ``paths``, or everything below ``prefix``."""

    paths: Annotated[list[FilePath], Meta(min_length=1, max_length=10_000)] | None = None
    prefix: Text | None = None
    """Empty for all of the trash."""
    into: Text = ""
    """Put in front of every path, e.g. ``restored/``."""
    overwrite: bool = False
    """Else 409 when a file is there by now."""
    message: Message = ""


@get(MANY, summary="List the trash", tags=TAGS, opt=needs("read", at="prefix"))
async def list_trash(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    cursors: NamedDependency[Cursors],
    prefix: Prefix = "",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TrashedFile]:
    """List deleted files by path, what was deleted last first where a path is there twice."""
    scope = f"trash\n{bucket}\n{prefix}"
    after = cursors.open(scope, cursor, str) or ""
    found = await platform.ask(
        ListTrash(bucket=bucket, prefix=prefix, start_after=after, limit=limit)
    )
    return Page(found.items, cursors.seal(scope, found.next))


@post(
    f"{MANY}/restores",
    summary="Restore from the trash",
    tags=TAGS,
    opt=needs("write"),
    status_code=200,
)
async def restore_trash(
    bucket: Bucket,
    data: JSONBody[Bringing],
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
) -> TrashRestored:
    """Bring files back as they were when they were deleted last: all of them, or none."""
    return await platform.ask(
        RestoreTrash(
            bucket=bucket,
            actor=actor,
            paths=data.paths,
            prefix=data.prefix,
            into=data.into,
            overwrite=data.overwrite,
            message=data.message,
        )
    )


@delete(MANY, summary="Empty the trash", tags=TAGS, opt=needs("write"), status_code=200)
async def empty_trash(
    bucket: Bucket,
    actor: NamedDependency[str],
    platform: NamedDependency[Platform],
    path: Annotated[
        str | None, QueryParameter(description="This file.", min_length=1, max_length=1024)
    ] = None,
    prefix: Annotated[
        str | None, QueryParameter(description="All below; empty for everything.", max_length=1024)
    ] = None,
) -> TrashEmptied:
    """Forget one file, or all below a prefix; versions stay where history keeps them."""
    return await platform.ask(EmptyTrash(bucket=bucket, actor=actor, path=path, prefix=prefix))


ROUTES = [list_trash, restore_trash, empty_trash]
