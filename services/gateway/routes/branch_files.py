"""Writes to a file on a branch: they are staged there, and storage's file of the path stays."""

from typing import Any, TypeGuard

import msgspec
from litestar import Response
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from libs.contracts.storage import BeginUpload, Expectation, HeldContent
from libs.contracts.values import ContentType, Labels, Sha256
from libs.contracts.versioning import (
    BranchName,
    GetBranch,
    Staged,
    StagedWrite,
    StageUpdate,
    StageWrites,
)
from services.gateway.domain import conditions, served
from services.gateway.domain.failures import BranchProtected, NotABranch
from services.gateway.edge.asgi import Receive
from services.gateway.edge.platform import Platform
from services.gateway.routes.given import PREFIX
from services.gateway.routes.reading import PRESENT
from services.gateway.transfer.uploads import Announced, Uploads

MAIN = "main"


class FileChange(Struct, frozen=True, forbid_unknown_fields=True):
    content_type: ContentType | UnsetType = UNSET
    metadata: Labels | UnsetType = UNSET
    tags: Labels | UnsetType = UNSET


def is_meant(ref: str | None) -> TypeGuard[str]:
    """Tell whether ``ref`` is another branch than what storage holds; raises ``NotABranch``."""
    if ref in (None, MAIN, PRESENT):
        return False
    try:
        msgspec.convert(ref, BranchName)
    except msgspec.ValidationError:
        raise NotABranch(f"{ref} is not the name of a branch", ref=ref) from None
    return True


async def put(
    uploads: Uploads, branch: str, begin: BeginUpload, announced: Announced, receive: Receive
) -> Response[Any]:
    """Store a body and stage it: 201 for a path that the branch did not show, else 200.

    Whatever fails, nothing is staged; the bytes go when nobody holds them any more.
    """
    platform = uploads.platform
    await _check_writable(platform, begin.bucket, branch)
    hold = replace(begin, hold=True, expect=Expectation())
    stored = await uploads.put(hold, announced, receive)
    if stored.held is None:
        raise TypeError("what was to be held became something else")
    staged = await platform.ask(
        StageWrites(
            bucket=begin.bucket,
            branch=branch,
            actor=begin.actor,
            writes=[_write(begin, stored.held)],
            expect=_expected(begin.path, begin.expect),
            held_until=stored.held.held_until,
        )
    )
    answer = _answer(branch, staged)
    if staged.created:
        answer.status_code = 201
        place = f"{PREFIX}/buckets/{begin.bucket}/files/{served.url_path(begin.path)}"
        answer.headers["Location"] = f"{place}?ref={branch}"
    return answer


async def delete(
    platform: Platform, branch: str, bucket: str, path: str, actor: str, expect: Expectation
) -> None:
    """Stage that the path is gone; ``file-not-found`` if the branch does not show it."""
    await platform.ask(
        StageWrites(
            bucket=bucket,
            branch=branch,
            actor=actor,
            writes=[StagedWrite(path=path)],
            expect=_expected(path, expect),
            lenient=False,
        )
    )


async def update(
    platform: Platform,
    branch: str,
    bucket: str,
    path: str,
    actor: str,
    change: FileChange,
    expect: Expectation,
) -> Response[Any]:
    """Stage what is known of a file; what is absent stays, and the bytes do."""
    staged = await platform.ask(
        StageUpdate(
            bucket=bucket,
            branch=branch,
            actor=actor,
            path=path,
            content_type=change.content_type,
            metadata=change.metadata,
            tags=change.tags,
            expect=_expected(path, expect),
        )
    )
    return _answer(branch, staged)


async def _check_writable(platform: Platform, bucket: str, name: str) -> None:
    """Raise before a body is taken what staging it would raise."""
    branch = await platform.ask(GetBranch(bucket=bucket, name=name))
    if branch.protected:
        raise BranchProtected(f"write on another branch and merge it into {name}", branch=name)


def _write(begin: BeginUpload, held: HeldContent) -> StagedWrite:
    return StagedWrite(
        path=begin.path,
        sha256=held.sha256,
        size=held.size,
        content_type=held.content_type,
        metadata=begin.metadata,
        tags=begin.tags,
    )


def _expected(path: str, expect: Expectation) -> dict[str, list[Sha256] | None]:
    """Return the preconditions of one file as staging knows them."""
    if expect.any_of is not None:
        # A file cannot be one of some and absent at once.
        return {path: [conditions.NOTHING] if expect.absent else expect.any_of}
    return {path: None} if expect.absent else {}


def _answer(branch: str, staged: Staged) -> Response[Any]:
    entry = staged.entries[0]
    headers = {"ETag": conditions.etag(entry.sha256), "Strongroom-Branch": branch}
    if staged.commit_id is not None:
        headers["Strongroom-Commit"] = staged.commit_id
    return Response(entry, status_code=200, headers=headers)
