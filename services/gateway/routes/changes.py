"""Changes of many files at once: all of them or none."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Meta, Struct, field

from libs.contracts.storage import (
    ApplyChanges,
    ChangesApplied,
    CopyPath,
    CopyPrefix,
    MovePath,
    MovePrefix,
    PutContent,
    RemovePath,
    RemovePrefix,
    Role,
)
from libs.contracts.values import FilePath, Message
from services.gateway.domain.conditions import bare_etag
from services.gateway.edge.access import Access
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import Bucket

MOST_CHANGES = 10_000
LONGEST_S = 60.0
"""How long storage may take for all that prefixes may mean."""


class Put(PutContent, frozen=True, kw_only=True, tag="put", forbid_unknown_fields=True):
    """Point ``path`` at bytes that the bucket holds or held."""


class Delete(RemovePath, frozen=True, kw_only=True, tag="delete", forbid_unknown_fields=True):
    """Delete ``path``."""


class Copy(CopyPath, frozen=True, kw_only=True, tag="copy", forbid_unknown_fields=True):
    """Copy ``source`` to ``path``; no bytes move."""


class Move(MovePath, frozen=True, kw_only=True, tag="move", forbid_unknown_fields=True):
    """Move ``source`` to ``path``; no bytes move."""


class DeletePrefix(
    RemovePrefix, frozen=True, kw_only=True, tag="delete_prefix", forbid_unknown_fields=True
):
    """Delete every file below ``prefix``."""


class CopyFolder(
    CopyPrefix, frozen=True, kw_only=True, tag="copy_prefix", forbid_unknown_fields=True
):
    """Copy every file below ``source_prefix`` to below ``prefix``; no bytes move."""


class MoveFolder(
    MovePrefix, frozen=True, kw_only=True, tag="move_prefix", forbid_unknown_fields=True
):
    """Move every file below ``source_prefix`` to below ``prefix``; no bytes move."""


PREFIXES = (DeletePrefix, CopyFolder, MoveFolder)
AnyChange = Put | Delete | Copy | Move | DeletePrefix | CopyFolder | MoveFolder


class Changes(Struct, frozen=True, forbid_unknown_fields=True):
    changes: Annotated[list[AnyChange], Meta(min_length=1, max_length=MOST_CHANGES)]
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
        ),
        timeout_s=LONGEST_S if any(isinstance(one, PREFIXES) for one in data.changes) else None,
    )


def needed_access(
    changes: Iterable[AnyChange], expect: Iterable[str]
) -> Iterator[tuple[str, Role]]:
    """Yield which role changes and expectations need at which paths and prefixes."""
    for change in changes:
        if isinstance(change, DeletePrefix | CopyFolder | MoveFolder):
            yield change.prefix, "writer"
        else:
            yield change.path, "writer"
        if isinstance(change, Put):  # a digest may name bytes from anywhere in the bucket
            yield "", "reader"
        elif isinstance(change, Copy | Move):
            yield change.source, "reader" if isinstance(change, Copy) else "writer"
        elif isinstance(change, CopyFolder | MoveFolder):
            yield change.source_prefix, "reader" if isinstance(change, CopyFolder) else "writer"
    for path in expect:
        yield path, "reader"


async def _check_all(access: Access, bucket: str, data: Changes) -> None:
    """Raise unless the caller may do every one of the changes, and know what they expect."""
    if access.is_admin:
        return
    for place, role in needed_access(data.changes, data.expect):
        await access.check(bucket, place, role)


ROUTES = [apply_changes]
