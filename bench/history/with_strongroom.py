"""What Strongroom takes for it, over HTTP as any caller would ask it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import asyncpg

from bench.history.layouts import content
from bench.lean_http import LeanConnection

IN_FLIGHT = 10
PART = 4_000
"""Changes of one request, when a commit is imported in parts."""

Json = dict[str, Any]


class Bucket(NamedTuple):
    """Where the history is, and how to get there."""

    url: str
    key: str
    name: str

    @property
    def path(self) -> str:
        """Where its routes begin."""
        return f"/api/v1/buckets/{self.name}"


class Caller:
    """Asks for JSON on one kept-alive connection."""

    def __init__(self, bucket: Bucket, connection: LeanConnection) -> None:
        self._bucket = bucket
        self._connection = connection

    async def ask(self, method: str, target: str, body: Json | None = None) -> tuple[float, Json]:
        """Return how long the answer took, in seconds, and what it says."""
        given = b"" if body is None else json.dumps(body).encode()
        began = time.perf_counter()
        answered = await self._connection.request(
            method, self._bucket.path + target, given, content_type="application/json"
        )
        took = time.perf_counter() - began
        if answered.status not in (200, 201):
            raise RuntimeError(f"{method} {target}: {answered.status} {answered.body[:500]!r}")
        found: Json = json.loads(answered.body) if answered.body else {}
        return took, found

    async def put(self, path: str, branch: str, body: bytes) -> None:
        """Stage a file on a branch."""
        query = urlencode({"ref": branch})
        await self._connection.put(f"{self._bucket.path}/files/{quote(path)}?{query}", body)


@asynccontextmanager
async def calling(bucket: Bucket, count: int = 1) -> AsyncIterator[list[Caller]]:
    """Open some connections."""
    connections = [await LeanConnection.open(bucket.url, bucket.key) for _ in range(count)]
    try:
        yield [Caller(bucket, connection) for connection in connections]
    finally:
        for connection in connections:
            await connection.close()


async def import_all(bucket: Bucket, files: Sequence[tuple[str, str]], branch: str) -> float:
    """Make one commit of many files that storage has (paths and digests), on a new branch."""
    async with calling(bucket) as (caller,):
        began = time.perf_counter()
        tree = None
        for first in range(0, len(files), PART):
            part = files[first : first + PART]
            last = first + PART >= len(files)
            changes = [{"op": "put", "path": path, "sha256": sha256} for path, sha256 in part]
            wish: Json = {"changes": changes, "partial": not last, "tree": tree}
            about = {"author": "import:ann", "committed_at": "2026-01-01T00:00:00Z"}
            _, made = await caller.ask("POST", "/imports", wish | about)
            tree = made["commit"]["tree"]
        await caller.ask(
            "POST", "/branches", {"name": branch, "source": made["commit"]["commit_id"]}
        )
        return time.perf_counter() - began


class CommitTimes(NamedTuple):
    whole_s: float
    """With the bytes: staged by several at once, then committed."""
    commit_s: float
    """The commit of what is staged, alone."""


async def commit_staged(
    bucket: Bucket, branch: str, paths: Sequence[str], edition: int
) -> CommitTimes:
    """Put new editions of some files on a branch, and commit them."""
    async with calling(bucket, IN_FLIGHT) as callers:
        bodies = {path: content(path, edition) for path in paths}
        began = time.perf_counter()

        async def put_some(number: int) -> None:
            for path in paths[number::IN_FLIGHT]:
                await callers[number].put(path, branch, bodies[path])

        await asyncio.gather(*(put_some(number) for number in range(IN_FLIGHT)))
        commit_s, _ = await callers[0].ask(
            "POST", "/commits", {"branch": branch, "message": f"edition {edition}"}
        )
        return CommitTimes(time.perf_counter() - began, commit_s)


async def commit_digests(
    bucket: Bucket, branch: str, files: Sequence[tuple[str, str]], message: str
) -> float:
    """Commit files whose bytes storage has; return how long that one request takes."""
    changes = [{"op": "put", "path": path, "sha256": sha256} for path, sha256 in files]
    wish = {"branch": branch, "message": message, "changes": changes}
    async with calling(bucket) as (caller,):
        took, made = await caller.ask("POST", "/commits", wish)
    if made["changed"] != len(files):
        raise RuntimeError(f"{made['changed']} of {len(files)} files changed")
    return took


async def ask_often(
    bucket: Bucket, wishes: Sequence[tuple[str, str, Json | None]], *, items: int | None = None
) -> list[float]:
    """Return how long each request takes; an answer has to hold so many ``items``."""
    async with calling(bucket) as (caller,):
        measured = []
        for method, target, body in wishes:
            took, found = await caller.ask(method, target, body)
            if items is not None and len(found["items"]) != items:
                raise RuntimeError(f"{target}: {len(found['items'])} items, not {items}")
            measured.append(took)
        return measured


async def table_bytes(superuser_url: str) -> int:
    """Return what versioning's tables take on disk, indexes included."""
    connection = await asyncpg.connect(superuser_url)
    try:
        found: int = await connection.fetchval(
            """
            SELECT sum(pg_total_relation_size(oid))::bigint
            FROM pg_class
            WHERE relkind = 'r'
                AND relnamespace = 'versioning'::regnamespace
                AND relname NOT IN ('outbox', 'inbox')
            """
        )
        return found
    finally:
        await connection.close()
