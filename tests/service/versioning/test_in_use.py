"""Storage asks which bytes history still needs before it deletes any."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Protocol
from uuid import UUID

import httpx
import pytest

from libs.chassis.database import Database
from libs.contracts.base import R, Request
from libs.contracts.ids import new_id
from libs.contracts.problems import AnsweredWithProblem
from libs.contracts.storage import GetBucket, MarkBucket
from libs.contracts.versioning import BlobsInUse
from services.versioning.reactions import RECORD
from tests.builders import a_bucket_name


class Ask(Protocol):
    """The fixture ``ask``."""

    async def __call__(self, request: Request[R], *, timeout_s: float = 10.0) -> R: ...


def a_digest() -> str:
    return hashlib.sha256(new_id().bytes).hexdigest()


@pytest.fixture
async def bucket(http: httpx.AsyncClient) -> str:
    name = a_bucket_name("in-use")
    (await http.post("/api/v1/buckets", json={"name": name})).raise_for_status()
    return name


async def _in_use(ask: Ask, bucket: str, *digests: str, mark_id: UUID | None = None) -> list[str]:
    if mark_id is None:
        mark_id = (await ask(MarkBucket(name=bucket))).mark_id
    bucket_id = (await ask(GetBucket(name=bucket))).bucket_id
    question = BlobsInUse(bucket_id=bucket_id, digests=list(digests), mark_id=mark_id)
    return (await ask(question)).digests


async def test_what_any_version_has_is_in_use_as_soon_as_it_is_stored(
    http: httpx.AsyncClient, ask: Ask, bucket: str
) -> None:
    bodies = [new_id().bytes for _ in range(3)]
    for body in bodies:
        await http.put(f"/api/v1/buckets/{bucket}/files/a", content=body)
    digests = [hashlib.sha256(body).hexdigest() for body in bodies]

    found = await _in_use(ask, bucket, *digests, a_digest())

    assert sorted(found) == sorted(digests)


async def test_bytes_of_another_bucket_are_not_in_use_here(
    http: httpx.AsyncClient, ask: Ask, bucket: str
) -> None:
    other = a_bucket_name("in-use")
    await http.post("/api/v1/buckets", json={"name": other})
    body = new_id().bytes
    await http.put(f"/api/v1/buckets/{other}/files/a", content=body)

    assert await _in_use(ask, bucket, hashlib.sha256(body).hexdigest()) == []


async def test_what_a_parked_event_tells_of_is_in_use(
    ask: Ask, bucket: str, db_of: Callable[[str], Awaitable[Database]]
) -> None:
    """An operator may redrive it."""
    digest, letter_id = a_digest(), new_id()
    db = await db_of("versioning")
    async with db.connection() as conn:
        await conn.execute(
            """
            INSERT INTO dead_letter
                (dead_letter_id, consumer, subject, headers, payload, error, tries)
            VALUES ($1, $2, 'file.stored.x', '{}', $3, 'planted', 8)
            """,
            letter_id,
            RECORD,
            f'{{"sha256": "{digest}"}}'.encode(),
        )

    try:
        found = await _in_use(ask, bucket, digest, a_digest())
    finally:
        async with db.connection() as conn:
            await conn.execute("DELETE FROM dead_letter WHERE dead_letter_id = $1", letter_id)

    assert found == [digest]


async def test_nothing_is_said_before_the_mark_came_by(ask: Ask, bucket: str) -> None:
    with pytest.raises(AnsweredWithProblem) as refusal:
        await _in_use(ask, bucket, a_digest(), mark_id=new_id())

    assert refusal.value.named == "history-behind"
