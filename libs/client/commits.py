"""Commits that somebody makes, and what undoes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from libs.client.paging import Page
from libs.client.transport import Transport, decode, segment
from libs.contracts.storage import PathChange, PutContent, RemovePath
from libs.contracts.versioning import (
    CheckState,
    CommitCheck,
    CommitMade,
)


class Imported(Struct, frozen=True, kw_only=True):
    """A commit of another history, with its own author, time and parents."""

    author: str
    committed_at: datetime
    parents: Sequence[str] = ()
    message: str = ""
    metadata: Mapping[str, str] = {}
    changes: Sequence[PutContent | RemovePath] = ()
    """Against the first parent, or against ``tree``."""
    tree: str | None = None
    partial: bool = False
    """Store the tree only: the answer's ``commit.tree`` is where the next part goes on."""


class Commits:
    """Commits on every branch of every bucket."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        bucket: str,
        changes: Sequence[PathChange] = (),
        *,
        branch: str = "main",
        message: str = "",
        metadata: Mapping[str, str] | None = None,
        expect: Mapping[str, str | None] | None = None,
        expect_head: str | None = None,
        lenient: bool = False,
    ) -> CommitMade:
        """Commit ``changes``, all or none; without any, what is staged on the branch.

        ``expect`` and ``lenient`` as in ``files.change``; ``expect_head`` is the commit that the
        branch must name. Bytes are put before by ``contents.put``, or the bucket has them.
        """
        body = {
            "branch": branch,
            "message": message,
            "metadata": metadata or {},
            "changes": changes,
            "expect": expect or {},
            "lenient": lenient,
            **_given(expect_head=expect_head),
        }
        return await self._transport.post(_url(bucket, "commits"), CommitMade, body)

    async def revert(
        self,
        bucket: str,
        commit: str,
        *,
        branch: str = "main",
        message: str = "",
        expect_head: str | None = None,
    ) -> CommitMade:
        """Take back what a commit did: a new commit; of a restore, too.

        Raises ``ApiProblem`` 409 ``merge-conflict`` where the same files were changed since.
        """
        body = {"commit": commit, "branch": branch, "message": message}
        given = _given(expect_head=expect_head)
        return await self._transport.post(_url(bucket, "reverts"), CommitMade, body | given)

    async def cherry_pick(
        self,
        bucket: str,
        commit: str,
        *,
        branch: str = "main",
        message: str = "",
        expect_head: str | None = None,
    ) -> CommitMade:
        """Do on a branch what a commit did elsewhere; else as ``revert``."""
        body = {"commit": commit, "branch": branch, "message": message}
        given = _given(expect_head=expect_head)
        return await self._transport.post(_url(bucket, "cherry-picks"), CommitMade, body | given)

    async def add_imported(self, bucket: str, commit: Imported) -> CommitMade:
        """Bring a commit of another history along; the same one again is there already.

        It is on no branch until one is created at it, or it is merged.
        """
        body = msgspec.structs.asdict(commit)
        given = _given(tree=body.pop("tree"))
        return await self._transport.post(_url(bucket, "imports"), CommitMade, body | given)

    async def checks(self, bucket: str, commit: str) -> list[CommitCheck]:
        """Return what checks say of a commit."""
        url = f"{_url(bucket, 'commits')}/{segment(commit)}/checks"
        return (await self._transport.get(url, Page[CommitCheck])).items

    async def report_check(
        self, bucket: str, commit: str, name: str, state: CheckState, *, detail: str = ""
    ) -> CommitCheck:
        """Say how a check of a commit went; the last word counts."""
        body = msgspec.json.encode({"name": name, "state": state, "detail": detail})
        response = await self._transport.send(
            "PUT",
            f"{_url(bucket, 'commits')}/{segment(commit)}/checks",
            headers={"Content-Type": "application/json"},
            content=lambda: body,
        )
        return decode(response, CommitCheck)


def _url(bucket: str, what: str) -> str:
    return f"/buckets/{segment(bucket)}/{what}"


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
