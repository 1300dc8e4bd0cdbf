"""Changes of many files at once: all of them or none."""

from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct, field

from libs.contracts.storage import (
    ApplyChanges,
    ChangesApplied,
    CopyPath,
    MovePath,
    PutContent,
    RemovePath,
    Role,
)
from libs.contracts.values import FilePath, Message
from services.gateway.domain.conditions import bare_etag
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket

MOST_CHANGES = 10_000


class Put(PutContent, frozen=True, kw_only=True, tag="put", forbid_unknown_fields=True):
    """Point ``path`` at bytes that the bucket holds or held."""


class Delete(RemovePath, frozen=True, kw_only=True, tag="delete", forbid_unknown_fields=True):
    """Delete ``path``."""


class Copy(CopyPath, frozen=True, kw_only=True, tag="copy", forbid_unknown_fields=True):
    """Copy ``source`` to ``path``; no bytes move."""


class Move(MovePath, frozen=True, kw_only=True, tag="move", forbid_unknown_fields=True):
    """Move ``source`` to ``path``; no bytes move."""


class Changes(Struct, frozen=True, forbid_unknown_fields=True):
    changes: Annotated[
        list[Put | Delete | Copy | Move], Meta(min_length=1, max_length=MOST_CHANGES)
    ]
    message: Message = ""
    expect: dict[FilePath, str | None] = field(default_factory=dict)
    """Per path its present ETag, or null for "no file"; anything else refuses all."""
    lenient: bool = False
    """To delete what is not there is no failure."""


@post(
    "/buckets/{bucket:str}/changes",
    summary="Change many files",
    tags=["Files"],
    opt=needs("write", role="reader", at="somewhere"),
    status_code=200,
)
async def apply_changes(
    bucket: Bucket,
    data: JSONBody[Changes],
    actor: NamedDependency[str],
    access: NamedDependency[Access],
    platform: NamedDependency[Platform],
) -> ChangesApplied:
    """Apply all changes in one transaction and one commit, or none."""
    await _check_all(access, bucket, data)
    return await platform.ask(
        ApplyChanges(
            bucket=bucket,
            actor=actor,
            changes=list(data.changes),
            message=data.message,
            expect={path: bare_etag(etag) for path, etag in data.expect.items()},
            lenient=data.lenient,
        )
    )


async def _check_all(access: Access, bucket: str, data: Changes) -> None:
    """Raise unless the caller may do every one of the changes, and know what they expect."""
    if access.is_admin:
        return
    for change in data.changes:
        await access.check(bucket, change.path, "writer")
        if isinstance(change, Put):  # a digest may name bytes from anywhere in the bucket
            await access.check(bucket)
        elif isinstance(change, Copy | Move):
            role: Role = "reader" if isinstance(change, Copy) else "writer"
            await access.check(bucket, change.source, role)
    for path in data.expect:
        await access.check(bucket, path)


ROUTES = [apply_changes]
