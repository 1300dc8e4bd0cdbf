"""Files: put, get, look, list, change, remove."""

import mimetypes
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Iterable,
    Mapping,
    Sequence,
)
from datetime import datetime
from pathlib import Path

import httpx
from msgspec import Struct

from libs.client.changes import OnBatch, batches
from libs.client.checks import Checks
from libs.client.downloads import download
from libs.client.failures import FileNotFound
from libs.client.meter import OnBytes
from libs.client.paging import Page, items, pages
from libs.client.reading import read_once
from libs.client.sending import conditions, labels, send_body
from libs.client.transport import Params, Transport, decode, segment, segments
from libs.contracts.storage import (
    Change,
    ChangesApplied,
    CopyPrefix,
    FileCheck,
    FileInfo,
    MovePrefix,
    RemovePath,
    RemovePrefix,
)
from libs.contracts.values import Labels

ACCEPTED = 202


class ListedFile(Struct, frozen=True, kw_only=True):
    """A file as it is, or as it was at a ref."""

    path: str
    sha256: str
    size: int
    content_type: str
    metadata: Labels
    tags: Labels
    modified_at: datetime
    """At a ref: when its commit was made."""
    revision: int | None = None
    """Its version; absent at a ref."""
    modified_by: str | None = None


class Files:
    """The files of every bucket."""

    def __init__(self, transport: Transport, checks: Checks) -> None:
        self._transport = transport
        self._checks = checks

    async def put(
        self,
        bucket: str,
        path: str,
        source: Path | bytes | AsyncIterable[bytes],
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        if_match: str | None = None,
        only_new: bool = False,
        on_bytes: OnBytes | None = None,
    ) -> FileInfo:
        """Store ``source`` as ``path``, whole or not at all, and check what was stored.

        ``if_match`` is the sha256 that must be there before; ``only_new`` refuses to replace.
        A put with such a condition is not repeated once bytes were sent, as the first try may have
        fulfilled it; nor is one of a stream, whose bytes are gone. In a bucket with checks this
        ends when they have passed; raises ``FileRefused`` when they do not.
        """
        return await send_body(
            self._transport,
            "PUT",
            file_url(bucket, path),
            source,
            headers={
                "Content-Type": content_type or guess_type(path),
                **conditions(if_match, only_new=only_new),
                **labels(metadata or {}, tags or {}),
            },
            conditional=bool(if_match or only_new),
            on_bytes=on_bytes,
            reply=self._put,
        )

    async def _put(self, response: httpx.Response) -> FileInfo:
        if response.status_code == ACCEPTED:
            return await self._checks.wait(decode(response, FileCheck))
        return decode(response, FileInfo)

    async def stat(self, bucket: str, path: str, *, ref: str | None = None) -> ListedFile:
        """Return what is known of a file; raises ``FileNotFound``."""
        # Of all paths that begin with this one it is the first itself, in byte order.
        async for file in self.list(bucket, path, ref=ref, limit=1):
            if file.path == path:
                return file
        raise FileNotFound(f"there is no file {bucket}/{path}")

    def read(
        self, bucket: str, path: str, *, ref: str | None = None, version: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes; trust them when the end came without ``DigestMismatch``."""
        return read_once(self._transport, file_url(bucket, path), params=_state(ref, version))

    async def get(
        self, bucket: str, path: str, *, ref: str | None = None, version: int | None = None
    ) -> bytes:
        """Return a file's bytes, verified."""
        return b"".join(
            [piece async for piece in self.read(bucket, path, ref=ref, version=version)]
        )

    async def download(
        self,
        bucket: str,
        path: str,
        to: Path,
        *,
        ref: str | None = None,
        version: int | None = None,
        on_bytes: OnBytes | None = None,
    ) -> str | None:
        """Fetch a file to ``to`` and return its sha256; until it is verified ``to`` is untouched.

        What an interrupted download left beside ``to`` is continued.
        """
        return await download(
            self._transport,
            file_url(bucket, path),
            to,
            params=_state(ref, version),
            on_bytes=on_bytes,
        )

    def list(
        self, bucket: str, prefix: str = "", *, ref: str | None = None, limit: int | None = None
    ) -> AsyncIterator[ListedFile]:
        """Yield the files whose path begins with ``prefix``, in the byte order of their paths."""
        params: Params = {"prefix": prefix or None, "ref": ref}
        return items(self._transport, _files(bucket), Page[ListedFile], params, limit=limit)

    async def level(
        self, bucket: str, prefix: str = "", *, ref: str | None = None
    ) -> Page[ListedFile]:
        """Return one level of the tree: files directly below ``prefix``, and deeper prefixes."""
        params: Params = {"prefix": prefix or None, "delimiter": "/", "ref": ref}
        found: list[ListedFile] = []
        prefixes: list[str] = []
        async for page in pages(self._transport, _files(bucket), Page[ListedFile], params):
            found += page.items
            prefixes += page.prefixes
        return Page(items=found, prefixes=prefixes)

    async def delete(
        self, bucket: str, path: str, *, if_match: str | None = None, ref: str | None = None
    ) -> None:
        """Remove a file, or stage that on the branch ``ref``; raises ``ApiProblem`` 404."""
        await self._transport.delete(
            file_url(bucket, path), params={"ref": ref}, headers=conditions(if_match)
        )

    async def update(
        self,
        bucket: str,
        path: str,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        if_match: str | None = None,
    ) -> FileInfo:
        """Change what is known of a file: what is given replaces all of its kind, the rest stays.

        Raises ``ApiProblem`` 404 when there is no such file.
        """
        given = {"content_type": content_type, "metadata": metadata, "tags": tags}
        body = {name: value for name, value in given.items() if value is not None}
        headers = conditions(if_match)
        return await self._transport.patch(file_url(bucket, path), FileInfo, body, headers=headers)

    async def change(
        self,
        bucket: str,
        changes: Sequence[Change],
        *,
        message: str = "",
        expect: Mapping[str, str | None] | None = None,
        lenient: bool = False,
    ) -> ChangesApplied:
        """Make all of ``changes`` in one transaction, or none; no bytes move.

        A change is a ``PutContent``, ``RemovePath``, ``CopyPath`` or ``MovePath``, or one of
        everything below a prefix: ``RemovePrefix``, ``CopyPrefix``, ``MovePrefix``. ``expect``
        says for paths which sha256 must be there before, or None for no file. If ``lenient``,
        removing what is not there is no failure. Up to 10,000 changes and 1 MB go into one call.
        """
        body = {
            "changes": changes,
            "message": message,
            "expect": expect or {},
            "lenient": lenient,
        }
        return await self._transport.post(_changes(bucket), ChangesApplied, body)

    async def copy_prefix(
        self,
        bucket: str,
        source_prefix: str,
        prefix: str,
        *,
        overwrite: bool = False,
        message: str = "",
    ) -> int:
        """Copy all files below ``source_prefix`` to below ``prefix``, or none; return how many.

        A prefix is empty or ends with a slash. Without ``overwrite`` a file that is there already
        refuses all. Raises ``ApiProblem`` 404 when there is none to copy, and 422 for more than
        250,000.
        """
        copying = CopyPrefix(source_prefix=source_prefix, prefix=prefix, overwrite=overwrite)
        return (await self.change(bucket, [copying], message=message)).files

    async def move_prefix(
        self,
        bucket: str,
        source_prefix: str,
        prefix: str,
        *,
        overwrite: bool = False,
        message: str = "",
    ) -> int:
        """Move all files below ``source_prefix`` to below ``prefix``; else as ``copy_prefix``."""
        moving = MovePrefix(source_prefix=source_prefix, prefix=prefix, overwrite=overwrite)
        return (await self.change(bucket, [moving], message=message)).files

    async def delete_prefix(self, bucket: str, prefix: str, *, message: str = "") -> int:
        """Remove all files below ``prefix``, or none; else as ``copy_prefix``."""
        return (await self.change(bucket, [RemovePrefix(prefix=prefix)], message=message)).files

    async def change_many(
        self,
        bucket: str,
        changes: Iterable[Change],
        *,
        message: str = "",
        lenient: bool = False,
        on_batch: OnBatch | None = None,
    ) -> int:
        """Make any number of changes, by batches that are each made whole or not at all.

        Return how many paths this changed. A batch that is refused ends it; those before it stay.
        """
        changed = 0
        for batch in batches(changes):
            done = await self.change(bucket, batch, message=message, lenient=lenient)
            changed += len(done.changed)
            if on_batch is not None:
                on_batch(len(batch))
        return changed

    async def delete_many(
        self,
        bucket: str,
        paths: Iterable[str],
        *,
        message: str = "",
        on_batch: OnBatch | None = None,
    ) -> int:
        """Remove files, by batches; return how many were there. Missing ones are no failure."""
        removals = (RemovePath(path=path) for path in paths)
        return await self.change_many(
            bucket, removals, message=message, lenient=True, on_batch=on_batch
        )


def guess_type(path: str) -> str:
    """Return the media type that a file's name suggests."""
    return mimetypes.guess_type(path, strict=False)[0] or "application/octet-stream"


def file_url(bucket: str, path: str) -> str:
    """Return the address of a file."""
    return f"{_files(bucket)}/{segments(path)}"


def _files(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}/files"


def _changes(bucket: str) -> str:
    return f"/buckets/{segment(bucket)}/changes"


def _state(ref: str | None, version: int | None) -> Params:
    return {"ref": ref, "version": version}
