"""F1: content that only branches name outlives every collector, and what none names goes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import asyncpg
import httpx
import pytest

from libs.chassis.bus import Bus
from libs.contracts.storage import FindBlobs
from tests.faults.load import API, make_bucket
from tests.faults.processes import dying
from tests.platform import Platform
from tests.waiting import eventually

BRANCH = "draft"
PATHS = 5
DEATHS = [
    ("storage", "before_commit"),
    ("storage", "after_commit"),
    ("storage", "before_condemn"),
    ("storage", "before_collect"),
    ("storage", "after_collect"),
    ("versioning", "before_record"),
]


class Author:
    """Commits new content to a branch again and again; some of it is committed nowhere.

    Every hold ends as soon as it is known whether its content was committed, so that nothing but
    history keeps the bytes.
    """

    def __init__(self, http: httpx.AsyncClient, rng: Random, platform: Platform, bucket: str):
        self._http = http
        self._rng = rng
        self._platform = platform
        self.bucket = bucket
        self.committed: dict[str, tuple[str, bytes]] = {}
        """By the commit that put it: the path and the bytes."""
        self.left: set[str] = set()
        """Digests that no commit names."""

    async def work(self) -> None:
        body, path = self._rng.randbytes(1_500), f"f{self._rng.randrange(PATHS)}"
        sha256 = hashlib.sha256(body).hexdigest()
        if not await self._put(body):
            return
        if self._rng.random() < 0.3:
            self.left.add(sha256)
        else:
            commit_id = await self._commit(path, sha256)
            if commit_id is None:
                return  # perhaps it was made: its hold goes on
            self.committed[commit_id] = (path, body)
        await self._end_hold(sha256)

    async def until(self, commits: int) -> None:
        wanted = len(self.committed) + commits

        async def enough() -> bool:
            return len(self.committed) >= wanted

        await eventually(enough, timeout_s=40)

    async def _put(self, body: bytes) -> bool:
        try:
            answer = await self._http.post(f"{API}/{self.bucket}/contents", content=body)
        except httpx.TransportError:
            return False
        if answer.status_code != 201:
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)
        return answer.status_code == 201

    async def _commit(self, path: str, sha256: str) -> str | None:
        change = {"op": "put", "path": path, "sha256": sha256}
        wish = {"branch": BRANCH, "message": "work", "changes": [change]}
        try:
            answer = await self._http.post(f"{API}/{self.bucket}/commits", json=wish)
        except httpx.TransportError:
            return None
        if answer.status_code != 200:
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)
            return None
        commit_id: str = answer.json()["commit"]["commit_id"]
        return commit_id

    async def _end_hold(self, sha256: str) -> None:
        conn = await asyncpg.connect(self._platform.database_urls["storage"])
        try:
            await conn.execute(
                """
                UPDATE held_content
                SET held_until = now()
                FROM blob
                WHERE blob.blob_id = held_content.blob_id
                    AND blob.sha256 = $1
                """,
                bytes.fromhex(sha256),
            )
        finally:
            await conn.close()


@asynccontextmanager
async def authoring(
    http: httpx.AsyncClient, rng: Random, platform: Platform
) -> AsyncIterator[Author]:
    """Commit to a branch as long as the block runs, whatever happens to the platform."""
    bucket = await make_bucket(http)
    (await http.put(f"{API}/{bucket}/files/seed", content=rng.randbytes(100))).raise_for_status()
    made = await http.post(f"{API}/{bucket}/branches", json={"name": BRANCH})
    assert made.is_success, made.text
    author, stopping = Author(http, rng, platform, bucket), asyncio.Event()

    async def run() -> None:
        while not stopping.is_set():
            await author.work()

    running = asyncio.create_task(run())
    try:
        yield author
    finally:
        stopping.set()
        await running


async def _is_collected(bus: Bus, author: Author) -> bool:
    found = await bus.ask(FindBlobs(bucket=author.bucket, digests=sorted(author.left)))
    assert not found.items, f"{len(found.items)} of {len(author.left)} are left"
    return True


@pytest.mark.parametrize(("service", "point"), DEATHS, ids=["-".join(death) for death in DEATHS])
async def test_what_a_branch_names_stays_whoever_dies(
    platform: Platform,
    http: httpx.AsyncClient,
    admin_bus: Bus,
    rng: Random,
    service: str,
    point: str,
) -> None:
    async with authoring(http, rng, platform) as author:
        await author.until(commits=5)
        async with dying(platform, service, f"{point}:{rng.randint(1, 3)}"):
            pass
        await author.until(commits=10)

    await eventually(lambda: _is_collected(admin_bus, author), timeout_s=60, pause_s=0.3)
    for commit_id, (path, body) in author.committed.items():
        one = f"{API}/{author.bucket}/files/{path}"
        answer = await http.get(one, params={"ref": commit_id})
        assert (answer.status_code, answer.content) == (200, body), commit_id
