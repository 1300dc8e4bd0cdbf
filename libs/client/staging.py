"""Writes on branches that no commit has yet."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from pathlib import Path

import httpx
from msgspec import Struct

from libs.client.files import file_url, guess_type
from libs.client.meter import OnBytes
from libs.client.paging import Page, items
from libs.client.sending import conditions, labels, send_body
from libs.client.transport import Transport, decode, segment
from libs.contracts.versioning import EntryInfo, StagedChange


class Discarded(Struct, frozen=True, kw_only=True):
    """What became of what was staged."""

    branch: str
    discarded: int
    """How many paths are as committed again."""
    staged: int
    """How many are staged still."""


class Staging:
    """Writes on branches; on one with ``auto_commit`` each is a commit at once.

    What is staged is read as any file: ``ref`` is the branch. ``files.delete(ref=…)`` stages, too.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def put(
        self,
        bucket: str,
        branch: str,
        path: str,
        source: Path | bytes | AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        if_match: str | None = None,
        only_new: bool = False,
        on_bytes: OnBytes | None = None,
    ) -> EntryInfo:
        """Stage ``source`` as ``path`` of a branch; else as ``files.put``."""
        return await send_body(
            self._transport,
            "PUT",
            file_url(bucket, path),
            source,
            params={"ref": branch},
            headers={
                "Content-Type": content_type or guess_type(path),
                **conditions(if_match, only_new=only_new),
                **labels(metadata or {}, tags or {}),
            },
            conditional=bool(if_match or only_new),
            on_bytes=on_bytes,
            reply=_entry,
        )

    def list(
        self, bucket: str, branch: str, prefix: str = "", *, limit: int | None = None
    ) -> AsyncIterator[StagedChange]:
        """Yield what is staged on a branch, by path."""
        params = {"branch": branch, "prefix": prefix or None}
        return items(self._transport, _url(bucket), Page[StagedChange], params, limit=limit)

    async def discard(
        self,
        bucket: str,
        branch: str,
        *,
        path: str | None = None,
        prefix: str | None = None,
    ) -> Discarded:
        """Forget what is staged: one path, those below ``prefix``, or all."""
        params = {"branch": branch, "path": path, "prefix": prefix}
        response = await self._transport.delete(_url(bucket), params=params)
        return decode(response, Discarded)


def _url(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}/staged"


async def _entry(response: httpx.Response) -> EntryInfo:
    return decode(response, EntryInfo)
