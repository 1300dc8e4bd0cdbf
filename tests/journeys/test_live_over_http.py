"""Live updates over WebSockets: every gap can be seen and filled."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.builders import a_bucket_name
from tests.journeys.callers import calling, give, new_key, take
from tests.platform import Platform

Json = dict[str, Any]


class Client:
    """A live client that speaks JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send(msgspec.json.encode(message).decode())

    async def hear(self, kind: str, *, timeout_s: float = 10.0) -> Json:
        """Return the next message, which has to be of that kind."""
        message: Json = msgspec.json.decode(await asyncio.wait_for(self.socket.recv(), timeout_s))
        assert message["type"] == kind, message
        return message

    async def hear_events(self, *kinds: str) -> tuple[list[Json], Json]:
        """Collect publications until all kinds came; return the events and the last place."""
        found: list[Json] = []
        while not set(kinds) <= {event["type"] for event in found}:
            news = await self.hear("publication")
            found += news["data"]["events"]
        return found, {"epoch": news["epoch"], "offset": news["offset"]}

    async def hear_last(self, kind: str) -> Json:
        """Return the message of that kind that ends the publications of a topic."""
        async with asyncio.timeout(10):
            while (message := msgspec.json.decode(await self.socket.recv()))["type"] != kind:
                assert message["type"] == "publication", message
        last: Json = message
        return last

    async def closed(self, *, timeout_s: float = 10.0) -> int:
        """Wait until the gateway closes and return its code."""
        async with asyncio.timeout(timeout_s):
            with suppress(ConnectionClosed):
                async for _ in self.socket:
                    pass
        assert self.socket.close_code is not None
        return self.socket.close_code


Listen = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def listen(platform: Platform) -> Listen:
    """Open a WebSocket, as the administrator unless another key is given."""

    @asynccontextmanager
    async def listen(path: str = "/live", key: str | None = None) -> AsyncIterator[Client]:
        url = platform.url.replace("http", "ws", 1) + "/api/v1" + path
        headers = {"Authorization": f"Bearer {key or platform.admin_key}"}
        async with connect(url, additional_headers=headers) as socket:
            yield Client(socket)

    return listen


async def new_task(http: httpx.AsyncClient) -> str:
    created = await http.post("/api/v1/progress/tasks", json={"kind": "test.run", "title": "A run"})
    assert created.status_code == 201, created.text
    task_id: str = created.json()["task_id"]
    return task_id


async def test_a_task_is_watched_until_its_end(http: httpx.AsyncClient, listen: Listen) -> None:
    task_id = await new_task(http)
    url = f"/api/v1/progress/tasks/{task_id}"

    async with listen(f"/progress/ws?task_id={task_id}") as client:
        first = await client.hear("subscribed")
        await http.patch(f"{url}/progress", json={"progress": 0.5, "message": "half"})
        half = await client.hear("publication")
        await http.post(f"{url}/complete", json={"result": {"files": 3}})
        last = await client.hear("publication")

        assert await client.closed() == 1000
    assert first["snapshot"]["state"] == "running"
    assert half["data"]["progress"] == 0.5
    assert last["data"]["state"] == "succeeded"
    assert last["data"]["result"] == {"files": 3}
    assert first["offset"] < half["offset"] < last["offset"]


async def test_ticks_are_coalesced_to_ten_a_second_and_the_last_one_comes(
    http: httpx.AsyncClient, listen: Listen
) -> None:
    task_id = await new_task(http)
    heard: list[float] = []

    async with listen() as client:
        await client.say(type="subscribe", topic=f"task.{task_id}")
        await client.hear("subscribed")
        began = asyncio.get_running_loop().time()
        for number in range(1, 51):
            await http.patch(
                f"/api/v1/progress/tasks/{task_id}/progress", json={"done": number, "total": 50}
            )
        while not heard or heard[-1] < 50:
            heard.append((await client.hear("publication"))["data"]["done"])
        took_s = asyncio.get_running_loop().time() - began

    assert heard == sorted(heard)
    assert len(heard) <= took_s * 10 + 2


async def test_a_bucket_tells_its_events_in_order(
    http: httpx.AsyncClient, listen: Listen, bucket: str, files: str
) -> None:
    async with listen() as client:
        await client.say(type="subscribe", topic=f"bucket.{bucket}")
        subscribed = await client.hear("subscribed")
        await http.put(f"{files}/a", content=b"1")
        await http.delete(f"{files}/a")
        events, _ = await client.hear_events("file.stored", "file.deleted", "version.created")

    assert subscribed["recovered"] is False
    assert subscribed["snapshot"]["name"] == bucket
    of_files = [event["type"] for event in events if event["type"].startswith("file.")]
    assert of_files == ["file.stored", "file.deleted"]


async def test_who_comes_back_gets_what_was_missed(
    http: httpx.AsyncClient, listen: Listen, bucket: str, files: str
) -> None:
    topic = f"bucket.{bucket}"
    async with listen() as client:
        await client.say(type="subscribe", topic=topic)
        await client.hear("subscribed")
        await http.put(f"{files}/before", content=b"1")
        _, seen = await client.hear_events("file.stored", "version.created")
    for number in range(3):
        await http.put(f"{files}/missed-{number}", content=b"x")
    async with listen() as other:
        await other.say(type="subscribe", topic=topic, since=seen)
        back = await other.hear("subscribed")
        await http.put(f"{files}/after", content=b"1")
        paths: list[str] = []
        while "after" not in paths:
            news = await other.hear("publication")
            paths += [
                event["data"]["path"]
                for event in news["data"]["events"]
                if event["type"] == "file.stored"
            ]

    assert back["recovered"] is True
    assert back["snapshot"] is None
    assert paths == ["missed-0", "missed-1", "missed-2", "after"]


@pytest.mark.parametrize(
    "since",
    [
        {"epoch": "another", "offset": "1.1"},
        {"epoch": "another", "offset": 7},
        {"epoch": "", "offset": "x"},
    ],
)
async def test_a_place_of_another_time_gives_a_fresh_snapshot(
    listen: Listen, bucket: str, since: Json
) -> None:
    async with listen() as client:
        await client.say(type="subscribe", topic=f"bucket.{bucket}", since=since)
        subscribed = await client.hear("subscribed")

    assert subscribed["recovered"] is False
    assert subscribed["snapshot"]["name"] == bucket


async def test_many_listeners_of_a_topic_all_hear(
    http: httpx.AsyncClient, listen: Listen, bucket: str, files: str
) -> None:
    async def hear_one() -> list[Json]:
        async with listen() as client:
            await client.say(type="subscribe", topic=f"bucket.{bucket}")
            await client.hear("subscribed")
            ready.release()
            return (await client.hear_events("file.stored"))[0]

    ready = asyncio.Semaphore(0)
    listening = [asyncio.create_task(hear_one()) for _ in range(20)]
    for _ in listening:
        await ready.acquire()
    await http.put(f"{files}/a", content=b"1")

    for heard in await asyncio.gather(*listening):
        (stored,) = [event for event in heard if event["type"] == "file.stored"]
        assert stored["data"]["path"] == "a"


@pytest.mark.parametrize("name", ["task", "bucket"])
async def test_what_does_not_exist_cannot_be_listened_to(listen: Listen, name: str) -> None:
    key = str(uuid4()) if name == "task" else f"no-{uuid4().hex[:8]}"

    async with listen() as client:
        await client.say(type="subscribe", topic=f"{name}.{key}")
        refused = await client.hear("problem")

    assert refused["problem"]["status"] == 404
    assert refused["topic"] == f"{name}.{key}"


async def test_nonsense_is_answered_and_the_connection_goes_on(listen: Listen, bucket: str) -> None:
    async with listen() as client:
        for text in ("nonsense", "[]", '{"type":"subscribe","topic":"bucket.*"}', "[" * 50_000):
            await client.socket.send(text)
            assert (await client.hear("problem"))["problem"]["status"] == 400
        await client.say(type="subscribe", topic=f"bucket.{bucket}")
        await client.hear("subscribed")
        await client.say(type="unsubscribe", topic=f"bucket.{bucket}")
        await client.hear("unsubscribed")


async def test_a_frame_that_is_too_large_ends_the_connection(listen: Listen) -> None:
    async with listen() as client:
        await client.socket.send("x" * 2_000_000)

        assert await client.closed() == 1009


async def test_a_flood_ends_the_connection(listen: Listen) -> None:
    async with listen() as client:
        for _ in range(300):
            await client.socket.send('{"type":"unsubscribe","topic":"x"}')

        assert await client.closed() == 1008


async def test_a_wrong_key_or_one_in_the_url_opens_nothing(
    platform: Platform, listen: Listen
) -> None:
    url = platform.url.replace("http", "ws", 1) + "/api/v1/live"

    with pytest.raises(InvalidStatus) as wrong:
        async with listen(key="sr_wrong"):
            pass
    with pytest.raises(InvalidStatus) as in_url:
        async with connect(f"{url}?token={platform.admin_key}"):
            pass

    assert wrong.value.response.status_code == in_url.value.response.status_code == 401


async def test_a_revoked_key_ends_its_connections(http: httpx.AsyncClient, listen: Listen) -> None:
    created = (await http.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read"]})).json()

    async with listen(key=created["key"]) as client:
        await client.say(type="unsubscribe", topic="x")
        await client.hear("unsubscribed")
        await http.delete(f"/api/v1/api-keys/{created['key_id']}")

        assert await client.closed() == 4401


async def test_what_may_not_be_seen_is_not_heard_of(
    http: httpx.AsyncClient, listen: Listen, bucket: str
) -> None:
    key = (await new_key(http, "read", "write"))["key"]
    task_id, absent, nowhere = await new_task(http), uuid4(), a_bucket_name("absent")

    async with listen(key=key) as client:
        problems = []
        for topic in (f"bucket.{bucket}", f"bucket.{nowhere}", f"task.{task_id}", f"task.{absent}"):
            await client.say(type="subscribe", topic=topic)
            problems.append((await client.hear("problem"))["problem"])

    hidden, nothing, others, no_task = problems
    assert hidden | {"detail": nowhere} == nothing
    assert others | {"detail": str(absent)} == no_task
    assert (nothing["status"], no_task["status"]) == (404, 404)


async def test_a_bucket_tells_nothing_of_one_that_had_its_name_before(
    http: httpx.AsyncClient, listen: Listen, bucket: str, files: str
) -> None:
    await http.put(f"{files}/secret", content=uuid4().bytes)
    await http.delete(f"{files}/secret")
    await http.delete(f"/api/v1/buckets/{bucket}")
    created = await new_key(http, "read", "write")
    topic = f"bucket.{bucket}"

    async with calling(http, created["key"]) as other, listen(key=created["key"]) as client:
        await other.post("/api/v1/buckets", json={"name": bucket})
        await client.say(type="subscribe", topic=topic)
        epoch = (await client.hear("subscribed"))["epoch"]
        await other.put(f"{files}/mine", content=uuid4().bytes)
        await client.hear_events("version.created")
    async with listen(key=created["key"]) as client:
        await client.say(type="subscribe", topic=topic, since={"epoch": epoch, "offset": "0.0"})
        assert (await client.hear("subscribed"))["recovered"] is True
        events, _ = await client.hear_events("version.created")

    told = [event["data"].get("path") for event in events if event["type"] == "file.stored"]
    assert told == ["mine"]
    assert "secret" not in str(events)


async def test_who_may_no_longer_read_hears_no_more(
    http: httpx.AsyncClient, listen: Listen, bucket: str, files: str
) -> None:
    created = await new_key(http, "read")
    await give(http, bucket, f"key:{created['key_id']}", "reader")

    async with listen(key=created["key"]) as client:
        await client.say(type="subscribe", topic=f"bucket.{bucket}")
        await client.hear("subscribed")
        await http.put(f"{files}/seen", content=uuid4().bytes)
        await client.hear_events("file.stored", "version.created")
        await take(http, bucket, f"key:{created['key_id']}")
        message = await client.hear_last("problem")
        await http.put(f"{files}/unseen", content=uuid4().bytes)
        await client.say(type="unsubscribe", topic="x")
        await client.hear("unsubscribed")

    assert message["problem"]["status"] == 404
    assert message["topic"] == f"bucket.{bucket}"
