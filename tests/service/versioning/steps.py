"""What tests of history share: the states of a file, and the commits of a bucket."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from libs.chassis.database import Database
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import (
    FilePut,
)
from libs.contracts.versioning import (
    CommitInfo,
    ListCommits,
    ListVersions,
    VersionInfo,
)
from tests.waiting import eventually

Ask = Callable[..., Awaitable[Any]]
Put = Callable[..., Awaitable[FilePut]]
DbOf = Callable[[str], Awaitable[Database]]
ANN = "key:ann"


async def versions(ask: Ask, bucket: str, path: str, count: int) -> list[VersionInfo]:
    async def look() -> list[VersionInfo]:
        try:
            found: list[VersionInfo] = (await ask(ListVersions(bucket=bucket, path=path))).items
        except AnsweredWithProblem as problem:
            raise AssertionError(str(problem)) from problem
        assert len(found) == count, found
        return found

    return await eventually(look)


async def commits(ask: Ask, bucket: str) -> list[CommitInfo]:
    found: list[CommitInfo] = (await ask(ListCommits(bucket=bucket))).items
    return found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def bucket_id_of(storage: Database, name: str) -> UUID:
    async with storage.connection() as conn:
        found: UUID = await conn.fetchval(
            "SELECT bucket_id FROM bucket WHERE name = $1 ORDER BY created_at DESC LIMIT 1", name
        )
    return found
