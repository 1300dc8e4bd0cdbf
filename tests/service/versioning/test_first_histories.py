"""Histories from before there were branches get lines, whatever their length."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from uuid import uuid4

import asyncpg
import pytest

from deploy.local import Stack
from libs.chassis.migrate import migrate
from libs.contracts.ids import new_id
from services import versioning
from services.versioning.domain.commits import Commit, CommitId, encode, id_of
from services.versioning.domain.tree import EMPTY

MIGRATIONS = Path(versioning.__path__[0]) / "migrations"
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
COMMITS = 300
VERSION = [
    *("bucket_id", "path", "revision", "commit_id"),
    *("operation", "author", "message", "created_at"),
]

Rows = list[tuple[object, ...]]


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A server of its own, as the user who may make schemas."""
    with Stack.temporary(()) as stack:
        told = stack.describe()
        assert told.postgres is not None
        yield told.postgres.superuser_url


@pytest.fixture
async def schema(postgres: str) -> AsyncIterator[tuple[asyncpg.Connection, str]]:
    """A connection to a schema that only this test uses, and its name."""
    name = f"t{uuid4().hex[:12]}"
    conn = await asyncpg.connect(postgres)
    await conn.execute(f"CREATE SCHEMA {name}")
    await conn.execute(f"SET search_path = {name}")
    yield conn, name
    await conn.close()


async def test_commits_of_main_stand_on_one_line_in_their_order(
    schema: tuple[asyncpg.Connection, str], postgres: str, tmp_path: Path
) -> None:
    conn, name = schema
    for migration in sorted(MIGRATIONS.glob("000[12]_*.sql")):
        copy(migration, tmp_path)
    migrate(postgres, name, tmp_path)
    made = await a_long_history(conn, "long")
    await a_bucket(conn, "empty")

    migrate(postgres, name, MIGRATIONS)

    rows = await conn.fetch("SELECT commit_id, author, message FROM commit ORDER BY position")
    assert [CommitId(row["commit_id"]) for row in rows] == made
    assert [row["message"] for row in rows] == [a_message(number) for number in range(COMMITS)]
    assert {row["author"] for row in rows} == {"key:ann"}
    refs = await conn.fetch("SELECT bucket, commit_id FROM ref JOIN repository USING (bucket_id)")
    assert {row["bucket"]: row["commit_id"] for row in refs} == {"long": made[-1], "empty": None}
    versions = await conn.fetch("SELECT revision, position FROM version")
    assert {row["revision"] - 1 for row in versions} == {row["position"] for row in versions}
    assert await conn.fetchval("SELECT count(DISTINCT line_id) FROM commit") == 1


async def a_bucket(conn: asyncpg.Connection, name: str) -> object:
    bucket_id = new_id()
    await conn.execute(
        "INSERT INTO repository (bucket_id, bucket) VALUES ($1, $2)", bucket_id, name
    )
    return bucket_id


async def a_long_history(conn: asyncpg.Connection, name: str) -> list[CommitId]:
    """Write commits, each with a version of one file, as it was done before there were branches."""
    bucket_id = await a_bucket(conn, name)
    made: list[CommitId] = []
    commits: Rows = []
    versions: Rows = []
    for number in range(COMMITS):
        commit = Commit(
            tree=EMPTY.node_id,
            parents=tuple(made[-1:]),
            author="key:ann",
            # A clock that was set back: the order is that of the parents.
            committed_at=BEGAN - timedelta(seconds=number),
            operation="put",
            message=a_message(number),
        )
        data = encode(commit)
        before = made[-1] if made else None
        made.append(id_of(data))
        commits.append((bucket_id, made[-1], data, before, commit.committed_at, 0, 0))
        versions.append((bucket_id, "a", number + 1, made[-1], "delete", "key:ann", "", BEGAN))
    await conn.copy_records_to_table("commit", records=commits)
    await conn.copy_records_to_table("version", records=versions, columns=VERSION)
    await conn.execute("INSERT INTO ref VALUES ($1, 'main', 'branch', $2)", bucket_id, made[-1])
    return made


def a_message(number: int) -> str:
    return f"put {number} ✓ " + "x" * number
