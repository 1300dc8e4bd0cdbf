"""History: the versions of a file, the commits of a bucket, and the way back."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from libs.client.paging import Page, items
from libs.client.transport import Params, Transport, segment
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
        self,
        bucket: str,
        *,
        ref: str | None = None,
        path: str | None = None,
        author: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        message: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CommitInfo]:
        """Yield the commits that led to ``ref`` (or to the present), newest first.

        Only those that changed ``path``, are of ``author``, lie between ``since`` and ``until``,
        and have ``message`` somewhere in theirs.
        """
        params: Params = {
            "ref": ref,
            "path": path,
            "author": author,
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
            "message": message,
        }
        url = f"{_url(bucket)}/commits"
        return items(self._transport, url, Page[CommitInfo], params, limit=limit)

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
        branch: str | None = None,
        message: str = "",
    ) -> Restored:
        """Make files of a branch as they were at a commit: a new commit, no bytes move."""
        body = {"to": to, "message": message, **({} if branch is None else {"branch": branch})}
        chosen = {"paths": list(paths)} if paths is not None else {}
        below = {"prefix": prefix} if prefix is not None else {}
        return await self._transport.post(
            f"{_url(bucket)}/restores", Restored, {**body, **chosen, **below}
        )


def _url(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}"
