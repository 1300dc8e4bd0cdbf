"""Branches and tags: names for commits, one that moves and one that does not."""

from collections.abc import AsyncIterator, Mapping, Sequence

from libs.client.paging import Page, items
from libs.client.transport import Transport, segment, segments
from libs.contracts.versioning import BranchInfo, TagInfo


class Branches:
    """The branches of every bucket; ``main`` is what the file routes show without a ref."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, bucket: str, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[BranchInfo]:
        """Yield the branches by name."""
        params = {"prefix": prefix or None}
        return items(self._transport, _many(bucket), Page[BranchInfo], params, limit=limit)

    async def get(self, bucket: str, name: str) -> BranchInfo:
        """Return a branch; raises ``ApiProblem`` 404."""
        return await self._transport.get(_one(bucket, name), BranchInfo)

    async def create(
        self,
        bucket: str,
        name: str,
        *,
        source: str = "main",
        auto_commit: bool = False,
        protected: bool = False,
        required_checks: Sequence[str] = (),
    ) -> BranchInfo:
        """Make a branch that begins at ``source``; raises ``ApiProblem`` 409 for a taken name.

        With ``auto_commit`` each write becomes a commit at once; else writes are staged.
        """
        body = {
            "name": name,
            "source": source,
            "auto_commit": auto_commit,
            "protected": protected,
            "required_checks": [*required_checks],
        }
        return await self._transport.post(_many(bucket), BranchInfo, body)

    async def update(
        self,
        bucket: str,
        name: str,
        *,
        auto_commit: bool | None = None,
        protected: bool | None = None,
        required_checks: Sequence[str] | None = None,
    ) -> BranchInfo:
        """Change what holds for a branch; what is not given stays."""
        checks = None if required_checks is None else [*required_checks]
        given = {
            "auto_commit": auto_commit,
            "protected": protected,
            "required_checks": checks,
        }
        body = {key: value for key, value in given.items() if value is not None}
        return await self._transport.patch(_one(bucket, name), BranchInfo, body)

    async def reset(
        self,
        bucket: str,
        name: str,
        to: str,
        *,
        expect: str | None = None,
        discard: bool = False,
    ) -> BranchInfo:
        """Let a branch name another commit.

        Raises ``ApiProblem`` 409 ``stale-head`` unless it names ``expect``, where that is given,
        and ``staged-changes`` where something is staged and ``discard`` is false.
        """
        body: dict[str, object] = {"to": to, "discard": discard}
        if expect is not None:
            body["expect"] = expect
        return await self._transport.patch(_one(bucket, name), BranchInfo, body)

    async def delete(
        self, bucket: str, name: str, *, expect: str | None = None, discard: bool = False
    ) -> None:
        """Remove a branch, not its commits."""
        params = {"expect": expect, "discard": True if discard else None}
        await self._transport.delete(_one(bucket, name), params=params)


class Tags:
    """The tags of every bucket; a tag never moves."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self, bucket: str, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[TagInfo]:
        """Yield the tags by name."""
        params = {"prefix": prefix or None}
        return items(self._transport, _many(bucket, "tags"), Page[TagInfo], params, limit=limit)

    async def get(self, bucket: str, name: str) -> TagInfo:
        """Return a tag; raises ``ApiProblem`` 404."""
        return await self._transport.get(_one(bucket, name, "tags"), TagInfo)

    async def create(
        self,
        bucket: str,
        name: str,
        *,
        source: str = "main",
        message: str = "",
        metadata: Mapping[str, str] | None = None,
    ) -> TagInfo:
        """Name a commit for good; raises ``ApiProblem`` 409 for a taken name."""
        body = {"name": name, "source": source, "message": message, "metadata": metadata or {}}
        return await self._transport.post(_many(bucket, "tags"), TagInfo, body)

    async def delete(self, bucket: str, name: str) -> None:
        """Remove a tag, not its commit."""
        await self._transport.delete(_one(bucket, name, "tags"))


def _many(bucket: str, kind: str = "branches") -> str:
    return f"/buckets/{segment(bucket)}/{kind}"


def _one(bucket: str, name: str, kind: str = "branches") -> str:
    return f"{_many(bucket, kind)}/{segments(name)}"
