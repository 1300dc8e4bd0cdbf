"""A subscription survives its connections, and whatever is missed is either made up for or told."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any
from uuid import UUID

import pytest
from msgspec import convert
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from libs.client import ApiProblem, Client, Connection, Gap, Unreachable
from libs.contracts.base import Event
from libs.contracts.progress import TaskInfo
from libs.contracts.storage import FileStored
from tests.service.client.scripted import QUICK, Said, one_after_another, scripted
from tests.service.client.scripted import json as json_said

Session = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]
"""Serves one connection, of which the first message is the subscription."""


@asynccontextmanager
async def a_gateway(*sessions: Session) -> AsyncIterator[tuple[Client, list[dict[str, Any]]]]:
    """Run a server whose connections are served by ``sessions``, one after another."""
    left = list(sessions)
    heard: list[dict[str, Any]] = []

    async def connected(socket: ServerConnection) -> None:
        said = json.loads(await socket.recv())
        heard.append(said)
        await left.pop(0)(socket, said)

    async with serve(connected, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        connection = Connection(url=f"http://127.0.0.1:{port}", key="sr_test")
        async with Client(connection=connection, retries=QUICK) as client:
            yield client, heard


def subscribed(offset: str, *, recovered: bool = False, snapshot: object = None) -> str:
    return json.dumps(
        {
            "type": "subscribed",
            "topic": "t",
            "epoch": "e",
            "offset": offset,
            "recovered": recovered,
            "snapshot": snapshot,
        }
    )


def publication(offset: str | int, data: object) -> str:
    message = {"type": "publication", "topic": "t", "epoch": "e", "offset": offset, "data": data}
    return json.dumps(message)


def stored(*paths: str, type: str = "file.stored") -> dict[str, Any]:  # noqa: A002
    return {
        "events": [
            {
                "type": type,
                "id": "1",
                "time": "",
                "data": {
                    "bucket": "reports",
                    "bucket_id": "0192f0c1-7b1e-7000-8000-2d1f6a3c9b55",
                    "path": path,
                    "revision": 1,
                    "sha256": "0" * 64,
                    "size": 1,
                    "content_type": "text/plain",
                    "metadata": {},
                    "tags": {},
                    "operation": "put",
                    "actor": "key:1",
                    "versioning": "auto",
                    "of_a_later_version": True,
                },
            }
            for path in paths
        ]
    }


def task(offset: int, state: str) -> dict[str, Any]:
    now = "2026-11-21T12:00:00Z"
    return {
        "task_id": "0192f0c1-7b1e-7000-8000-2d1f6a3c9b55",
        "kind": "backup.take_snapshot",
        "title": "",
        "queue": "backup",
        "priority": "normal",
        "state": state,
        "attempt": 1,
        "max_attempts": 3,
        "done": offset,
        "total": None,
        "unit": "items",
        "progress": None,
        "current_step": "",
        "message": "",
        "detail": {},
        "result": None,
        "problem": None,
        "cancel_requested": False,
        "created_by": "key:1",
        "created_at": now,
        "started_at": None,
        "finished_at": None,
        "updated_at": now,
        "offset": offset,
    }


def say(*messages: str, then_stay: bool = False) -> Session:
    """Send these messages, then break the connection off, or let it be."""

    async def session(socket: ServerConnection, said: dict[str, Any]) -> None:
        for message in messages:
            await socket.send(message)
        if then_stay:
            await socket.wait_closed()
        else:
            socket.transport.abort()

    return session


async def first(events: Any, count: int) -> list[Event | Gap]:
    async with aclosing(events), asyncio.timeout(10):
        return [await anext(events) for _ in range(count)]


async def test_what_happens_in_a_bucket_is_told_as_events() -> None:
    session = say(
        subscribed("1.0", snapshot={"name": "reports"}),
        publication("3.0", stored("a", "b")),
        then_stay=True,
    )

    async with a_gateway(session) as (client, heard):
        told = await first(client.live.bucket("reports"), 2)

    assert heard == [{"type": "subscribe", "topic": "bucket.reports"}]
    assert [one.path for one in told if isinstance(one, FileStored)] == ["a", "b"]


async def test_a_new_connection_goes_on_where_the_old_one_broke() -> None:
    sessions = (
        say(subscribed("1.0"), publication("2.0", stored("a"))),
        say(subscribed("2.0", recovered=True), publication("4.0", stored("b")), then_stay=True),
    )

    async with a_gateway(*sessions) as (client, heard):
        told = await first(client.live.bucket("reports"), 2)

    assert heard[1]["since"] == {"epoch": "e", "offset": "2.0"}
    assert [one.path for one in told if isinstance(one, FileStored)] == ["a", "b"]


async def test_what_cannot_be_made_up_for_is_told() -> None:
    sessions = (
        say(subscribed("1.0"), publication("2.0", stored("a"))),
        say(subscribed("9.0"), publication("10.0", stored("b")), then_stay=True),
    )

    async with a_gateway(*sessions) as (client, _):
        told = await first(client.live.bucket("reports"), 3)

    assert isinstance(told[0], FileStored)
    assert told[1] == Gap("bucket.reports")
    assert isinstance(told[2], FileStored)


async def test_events_of_a_later_version_are_left_out() -> None:
    later = {"events": [{"type": "file.blessed", "id": "1", "time": "", "data": {"x": 1}}]}
    session = say(
        subscribed("1.0"),
        publication("2.0", later),
        publication("3.0", stored("a")),
        then_stay=True,
    )

    async with a_gateway(session) as (client, _):
        told = await first(client.live.bucket("reports"), 1)

    assert isinstance(told[0], FileStored)


async def test_a_task_is_followed_over_a_broken_connection_without_going_back() -> None:
    sessions = (
        say(subscribed("1", snapshot=task(1, "queued")), publication(3, task(3, "running"))),
        say(subscribed("2", snapshot=task(2, "running")), publication(5, task(5, "succeeded"))),
    )

    async with a_gateway(*sessions) as (client, _):
        begun = convert(task(1, "queued"), TaskInfo)
        async with aclosing(client.live.task(begun)) as states:
            seen = [await anext(states), await anext(states)]

    assert [(one.offset, one.state) for one in seen] == [(3, "running"), (5, "succeeded")]


async def test_a_task_is_asked_after_where_no_websocket_gets_through() -> None:
    answers = one_after_another(
        json_said(task(1, "queued")),
        Said(403, b"no upgrades here"),
        json_said(task(2, "running")),
        json_said(task(3, "succeeded")),
    )

    async with scripted(answers) as (client, heard):
        task_id = UUID(str(task(1, "queued")["task_id"]))
        states = [one.state async for one in client.tasks.watch(task_id)]

    assert states == ["queued", "running", "succeeded"]
    assert heard[1].headers["upgrade"] == "websocket"


async def test_a_topic_that_does_not_exist_is_a_problem() -> None:
    problem = {
        "type": "urn:strongroom:problem:bucket-not-found",
        "title": "No bucket",
        "status": 404,
    }
    session = say(json.dumps({"type": "problem", "topic": "t", "problem": problem}))

    async with a_gateway(session) as (client, _):
        with pytest.raises(ApiProblem) as caught:
            await first(client.live.bucket("reports"), 1)

    assert (caught.value.code, caught.value.status) == ("bucket-not-found", 404)


async def test_a_refused_connection_says_why() -> None:
    body = json.dumps({"type": "urn:strongroom:problem:unauthorized", "title": "No"})

    def refuse(socket: ServerConnection, request: Request) -> Response:
        return socket.respond(HTTPStatus.UNAUTHORIZED, body)

    async with serve(say(), "127.0.0.1", 0, process_request=refuse) as server:  # type: ignore[arg-type]
        port = next(iter(server.sockets)).getsockname()[1]
        async with Client(f"http://127.0.0.1:{port}", "sr_test", retries=QUICK) as client:
            with pytest.raises(ApiProblem, match="unauthorized"):
                await first(client.live.bucket("reports"), 1)


async def test_nobody_there_is_noticed() -> None:
    async with Client("http://127.0.0.1:9", "sr_test", retries=QUICK) as client:
        with pytest.raises(Unreachable):
            await first(client.live.bucket("reports"), 1)
