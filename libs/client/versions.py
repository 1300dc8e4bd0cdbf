"""History: the versions of a file, the commits of a bucket, and the way back."""

from collections.abc import AsyncIterator, Sequence

from libs.client.paging import Page, items
from libs.client.transport import Transport, segment
from libs.contracts.versioning import CommitDetail, CommitInfo, Restored, VersionInfo


class Versions:
    """The history of every bucket."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def of(self, bucket: str, path: str, *, limit: int | None = None) -> AsyncIterator[VersionInfo]:
        """Yield the states that a file had, newest first."""
        url = f"{_url(bucket)}/versions"
        return items(self._transport, url, Page[VersionInfo], {"path": path}, limit=limit)

    def commits(
        self, bucket: str, *, ref: str | None = None, limit: int | None = None
    ) -> AsyncIterator[CommitInfo]:
        """Yield the commits that led to ``ref`` (or to the present), newest first."""
        url = f"{_url(bucket)}/commits"
        return items(self._transport, url, Page[CommitInfo], {"ref": ref}, limit=limit)

    async def commit(self, bucket: str, commit: str) -> CommitDetail:
        """Return a commit with its changes."""
        return await self._transport.get(f"{_url(bucket)}/commits/{segment(commit)}", CommitDetail)

    async def restore(
        self,
        bucket: str,
        to: str,
        *,
        paths: Sequence[str] | None = None,
        prefix: str | None = None,
        message: str = "",
    ) -> Restored:
        """Make files as they were at a commit, as a new commit; no bytes move."""
        body = {"to": to, "message": message}
        chosen = {"paths": list(paths)} if paths is not None else {}
        below = {"prefix": prefix} if prefix is not None else {}
        return await self._transport.post(
            f"{_url(bucket)}/restores", Restored, {**body, **chosen, **below}
        )


def _url(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}"
