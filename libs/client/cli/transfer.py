"""``put``, ``get`` and ``cat``: bytes in and out."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec import Struct

from libs.client.cli.bars import TransferBar
from libs.client.cli.connect import FOUND, Connect
from libs.client.cli.location import Location, Place
from libs.client.cli.output import human_size, say, tell
from libs.client.client import Client
from libs.client.digests import PIECE_BYTES, sha256_of
from libs.client.failures import FileNotFound, Usage
from libs.client.meter import OnBytes
from libs.client.parallel import each
from libs.client.trees import LocalFile, below, joined, same, walk
from libs.contracts.versioning import VersionInfo

Jobs = Annotated[
    int,
    Parameter(name=["--jobs", "-j"], validator=Number(gte=1, lte=64), help="Files at once."),
]
Sync = Annotated[
    bool, Parameter(negative=(), help="Leave files alone that are equal on both sides.")
]
Ref = Annotated[str | None, Parameter(help="As of this branch, tag or commit.")]
Version = Annotated[int | None, Parameter(help="This version of the file; see `strongroom log`.")]


_Content = Path | AsyncIterator[bytes]
_PutOne = Callable[[str, _Content, OnBytes | None], Awaitable[int]]


class _Sent(Struct, frozen=True):
    """A file to send, and the path it gets."""

    file: LocalFile
    path: str


async def put(
    source: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="A file, a directory, or - for stdin.")
    ],
    to: Place,
    /,
    *,
    jobs: Jobs = 8,
    sync: Sync = False,
    content_type: Annotated[
        str | None, Parameter(help="Media type; else the name's ending tells.")
    ] = None,
    ref: Annotated[
        str | None, Parameter(help="Stage it on this branch, for `commit`; else it is there.")
    ] = None,
    connect: Connect = FOUND,
) -> int:
    """Upload a file, or everything below a directory."""
    async with connect.client() as client:
        if source == "-":
            if to.is_prefix:
                raise Usage("say under which name: strongroom put - bucket/path")
            put_one = _putting(client, to.bucket, content_type, ref)
            size = await put_one(to.path, _stdin(), None)
            say(f"put {to}, {human_size(size)}")
            return 0
        plan = await asyncio.to_thread(_plan, Path(source), to)
        return await _put_all(client, to, plan, jobs, content_type, ref, sync=sync)


def _putting(client: Client, bucket: str, content_type: str | None, branch: str | None) -> _PutOne:
    """Return what puts one file, or stages it on a branch, and returns its size."""

    async def put_one(path: str, source: _Content, on_bytes: OnBytes | None) -> int:
        if branch is None:
            file = await client.files.put(
                bucket, path, source, content_type=content_type, on_bytes=on_bytes
            )
            return file.size
        entry = await client.staging.put(
            bucket, branch, path, source, content_type=content_type, on_bytes=on_bytes
        )
        return entry.size

    return put_one


def _plan(source: Path, to: Location) -> list[_Sent]:
    """Return the files that ``source`` stands for, each with its path in the bucket."""
    if not source.is_dir():
        named = to.path + source.name if to.is_prefix else to.path
        return [_Sent(LocalFile(source.name, source, source.stat().st_size), named)]
    tree = walk(source)
    for name in tree.left_out:
        tell(f"left out: {name} is no readable file with a UTF-8 name", style="yellow")
    return [_Sent(file, joined(to.path, file.name)) for file in tree.files]


async def _put_all(
    client: Client,
    to: Location,
    plan: Sequence[_Sent],
    jobs: int,
    content_type: str | None,
    ref: str | None,
    *,
    sync: bool,
) -> int:
    known = {}
    if sync:
        there = client.files.list(to.bucket, to.path, ref=ref)
        known = {file.path: file async for file in there}
    put_one = _putting(client, to.bucket, content_type, ref)
    with TransferBar("put", files=len(plan), size=sum(one.file.size for one in plan)) as bar:

        async def upload(one: _Sent) -> None:
            if sync and await asyncio.to_thread(same, one.file, known.get(one.path)):
                bar.skip(one.file.size)
                return
            await put_one(one.path, one.file.path, bar.on_bytes)
            bar.done()

        failed = await each(plan, upload, jobs=jobs)
    say(bar.summary("put"))
    return _report([(one.path, why) for one, why in failed])


async def get(
    source: Place,
    to: Annotated[
        Path | None, Parameter(help="File or directory; else the name in this directory.")
    ] = None,
    /,
    *,
    ref: Ref = None,
    version: Version = None,
    jobs: Jobs = 8,
    sync: Sync = False,
    zip: Annotated[  # noqa: A002 - the option's name
        bool, Parameter(negative=(), help="Everything below the prefix, as one zip archive.")
    ] = False,
    connect: Connect = FOUND,
) -> int:
    """Download a file, or everything below a prefix; what was interrupted is continued."""
    if zip and (sync or version is not None):
        raise Usage("--zip makes a new archive of a prefix: no --sync, no --version")
    async with connect.client() as client:
        if zip:
            return await _get_zip(client, source, to, ref)
        files = await _wanted(client, source, to, ref=ref, version=version)
        with TransferBar("get", files=len(files), size=sum(one.size for one in files)) as bar:

            async def fetch(one: _Wanted) -> None:
                if sync and await asyncio.to_thread(one.is_here):
                    bar.skip(one.size)
                    return
                await client.files.download(
                    source.bucket, one.path, one.to, ref=ref, version=version, on_bytes=bar.on_bytes
                )
                bar.done()

            failed = await each(files, fetch, jobs=jobs)
    say(bar.summary("got"))
    return _report([(one.path, why) for one, why in failed])


async def _get_zip(client: Client, source: Location, to: Path | None, ref: str | None) -> int:
    name = f"{source.path.rstrip('/').rpartition('/')[2] or source.bucket}.zip"
    archive = await asyncio.to_thread(_destination, Location(source.bucket, name), to)
    prefix = source.below if source.path else ""
    with TransferBar("get", files=1, size=0) as bar:
        size = await client.archives.download(
            source.bucket, prefix, archive, ref=ref, on_bytes=bar.on_bytes
        )
        bar.done()
    say(f"got {archive}, {human_size(size)}")
    return 0


async def cat(
    source: Place,
    /,
    *,
    ref: Ref = None,
    version: Version = None,
    connect: Connect = FOUND,
) -> int:
    """Write a file to stdout; exit 0 says that every byte was verified."""
    async with connect.client() as client:
        pieces = client.files.read(source.bucket, source.path, ref=ref, version=version)
        async with aclosing(pieces):
            async for piece in pieces:
                await asyncio.to_thread(sys.stdout.buffer.write, piece)
    sys.stdout.buffer.flush()
    return 0


class _Wanted(Struct, frozen=True):
    """A file to fetch, and where to."""

    path: str
    size: int
    sha256: str | None
    to: Path

    def is_here(self) -> bool:
        """Tell whether it was fetched before and is still equal; reads it if the sizes agree."""
        here = self.to.is_file() and self.to.stat().st_size == self.size
        return here and sha256_of(self.to) == self.sha256


async def _wanted(
    client: Client, source: Location, to: Path | None, *, ref: str | None, version: int | None
) -> list[_Wanted]:
    """Return the one file that ``source`` names, or all below it."""
    if not source.is_prefix:
        alone = await asyncio.to_thread(_destination, source, to)
        if version is not None:
            found = await _version(client, source, version)
            return [_Wanted(source.path, found.size, found.sha256, alone)]
        with suppress(FileNotFound):
            file = await client.files.stat(source.bucket, source.path, ref=ref)
            return [_Wanted(file.path, file.size, file.sha256, alone)]
    elif version is not None:
        raise Usage("--version is of one file, not of a prefix")
    prefix = source.below
    directory = to or Path(prefix.rstrip("/").rpartition("/")[2] or source.bucket)
    files = [
        _Wanted(file.path, file.size, file.sha256, below(directory, file.path[len(prefix) :]))
        async for file in client.files.list(source.bucket, prefix, ref=ref)
    ]
    if not files and prefix:
        raise FileNotFound(f"there is no file {source}, nor any below it")
    return files


def _destination(source: Location, to: Path | None) -> Path:
    """Return where one file goes: under its own name into a directory, or as ``to`` says."""
    if to is None or to.is_dir():
        return below(to or Path(), source.path.rpartition("/")[2])
    return to


async def _version(client: Client, source: Location, version: int) -> VersionInfo:
    async for found in client.versions.of(source.bucket, source.path):
        if found.version == version and found.sha256 is not None:
            return found
    raise FileNotFound(f"{source} has no version {version} that can be read")


async def _stdin() -> AsyncIterator[bytes]:
    with os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stdin:
        while piece := await asyncio.to_thread(stdin.read, PIECE_BYTES):
            yield piece


def _report(failed: Sequence[tuple[str, Exception]]) -> int:
    """Print every failure as one line; return the exit code."""
    for name, why in failed:
        tell(f"failed: {name}: {why}", style="red")
    return 1 if failed else 0
