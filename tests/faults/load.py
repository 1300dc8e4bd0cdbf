"""Uploads from several clients at once, and a ledger that says afterwards what must be true."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import httpx

from tests.builders import a_bucket_name
from tests.waiting import eventually

API = "/api/v1/buckets"
CLIENTS = 6
SHARED_PATHS = 3
OWN_PATHS = 4
PAUSE_AFTER_REFUSAL_S = 0.05
LOOK_AT_ONCE = 8


class State(NamedTuple):
    """One state of a file, as the history tells it."""

    revision: int
    sha256: str


@dataclass
class Ledger:
    """What was sent into a bucket, and what was answered."""

    bucket: str
    sent: dict[str, str] = field(default_factory=dict)
    """The path of every body by its sha256; no two bodies are equal."""
    acknowledged: dict[str, set[State]] = field(default_factory=dict)
    """By path; a body that is not here is in doubt: it was stored, or it was not."""
    refusals: Counter[str] = field(default_factory=Counter)
    """How often which refusal came; ``ConnectError`` and the like where no answer came."""
    dishonest: list[str] = field(default_factory=list)
    """Answers that no fault excuses: anything but 503 with Retry-After."""
    slowest_refusal_s: float = 0.0

    @property
    def uploads(self) -> int:
        """How many uploads were acknowledged."""
        return sum(map(len, self.acknowledged.values()))

    async def until(self, uploads: int, *, timeout_s: float = 20.0) -> None:
        """Wait until so many more uploads than now were acknowledged."""
        wanted = self.uploads + uploads

        async def enough() -> bool:
            return self.uploads >= wanted

        await eventually(enough, timeout_s=timeout_s)

    def note(self, path: str, sha256: str, answer: httpx.Response, took_s: float) -> bool:
        """Enter an answer; false when it was a refusal."""
        if answer.is_success:
            state = State(answer.json()["revision"], sha256)
            self.acknowledged.setdefault(path, set()).add(state)
            return True
        self.refusals[str(answer.status_code)] += 1
        self.slowest_refusal_s = max(self.slowest_refusal_s, took_s)
        if answer.status_code != 503 or "retry-after" not in answer.headers:
            self.dishonest.append(f"{answer.status_code} {answer.text}")
        return False


@asynccontextmanager
async def uploading(http: httpx.AsyncClient, rng: Random) -> AsyncIterator[Ledger]:
    """Upload into a new bucket as long as the block runs, whatever happens to the platform."""
    bucket = await make_bucket(http)
    ledger, stopping = Ledger(bucket), asyncio.Event()
    clients = [
        asyncio.create_task(_upload(http, ledger, Random(rng.random()), number, stopping))
        for number in range(CLIENTS)
    ]
    try:
        yield ledger
    finally:
        stopping.set()
        await asyncio.gather(*clients)


async def make_bucket(http: httpx.AsyncClient) -> str:
    """Make a bucket of the test's own."""
    bucket = a_bucket_name("fault")
    answer = await http.post(API, json={"name": bucket})
    answer.raise_for_status()
    return bucket


async def _upload(
    http: httpx.AsyncClient, ledger: Ledger, rng: Random, number: int, stopping: asyncio.Event
) -> None:
    own = [f"client-{number}/{name}" for name in range(OWN_PATHS)]
    paths = own + [f"shared/{name}" for name in range(SHARED_PATHS)]
    while not stopping.is_set():
        path, body = rng.choice(paths), a_body(rng)
        sha256 = hashlib.sha256(body).hexdigest()
        ledger.sent[sha256] = path
        began = time.monotonic()
        try:
            answer = await http.put(f"{API}/{ledger.bucket}/files/{path}", content=body)
        except httpx.TransportError as error:
            ledger.refusals[type(error).__name__] += 1
        else:
            if ledger.note(path, sha256, answer, time.monotonic() - began):
                continue
        await asyncio.sleep(PAUSE_AFTER_REFUSAL_S)


def a_body(rng: Random) -> bytes:
    """Return bytes that no other upload has: mostly few, now and then enough to be streamed."""
    return rng.randbytes(rng.randint(100, 8_000) if rng.random() < 0.95 else 200_000)


async def assert_kept(http: httpx.AsyncClient, ledger: Ledger, *, timeout_s: float = 30.0) -> None:
    """Wait until the platform says what the ledger says, and its history has caught up.

    Every acknowledged upload is a version with its bytes; revisions count from one without a gap;
    no body became two versions; what was in doubt is there as a whole or not at all; and each file
    is the newest of its versions.
    """
    assert not ledger.dishonest, ledger.dishonest[:3]
    assert ledger.uploads > 0
    slots = asyncio.Semaphore(LOOK_AT_ONCE)

    async def look(path: str) -> bool:
        async with slots:
            await assert_path_kept(http, ledger, path)
        return True

    async def all_is_kept() -> bool:
        return all(await asyncio.gather(*map(look, sorted(set(ledger.sent.values())))))

    await eventually(all_is_kept, timeout_s=timeout_s, pause_s=0.2)


async def assert_path_kept(http: httpx.AsyncClient, ledger: Ledger, path: str) -> None:
    """Compare one path with its history and with the ledger."""
    history = await states(http, ledger.bucket, path)
    answer = await http.get(f"{API}/{ledger.bucket}/files/{path}")
    missing = ledger.acknowledged.get(path, set()) - set(history)
    assert not missing, f"{path} misses {sorted(missing)} in {history}"
    if not history:
        assert answer.status_code == 404, f"{path} is readable without a version"
        return
    revisions, contents = zip(*history, strict=True)
    assert list(revisions) == list(range(1, len(history) + 1)), f"{path} has {revisions}"
    assert len(set(contents)) == len(contents), f"a body became two versions of {path}"
    assert all(ledger.sent.get(sha256) == path for sha256 in contents)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == contents[-1], f"{path} is another state"


async def recorded(http: httpx.AsyncClient, bucket: str, path: str) -> list[State]:
    """Return the states of a file as soon as its history knows one."""
    return await eventually(lambda: states(http, bucket, path))


async def states(http: httpx.AsyncClient, bucket: str, path: str) -> list[State]:
    """Return every state that a file had, oldest first."""
    found: list[State] = []
    query: dict[str, Any] = {"path": path, "limit": 1000}
    while True:
        answer = await http.get(f"{API}/{bucket}/versions", params=query)
        if answer.status_code == 404:  # versioning has not heard of the bucket yet
            return []
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [State(item["version"], item["sha256"]) for item in page["items"]]
        if page["next"] is None:
            return sorted(found)
        query["cursor"] = page["next"]
