"""What happens, while it happens: topics over a WebSocket, continued after every interruption.

Every message names its place in the topic. Who reconnects says the last place it saw, and hears
what it missed, or how everything is now: never a silent hole.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from libs.client.failures import ApiProblem, UnexpectedAnswer, Unreachable
from libs.client.retries import TRY_LATER
from libs.client.transport import API, Transport
from libs.contracts.base import Event
from libs.contracts.progress import TaskInfo
from libs.contracts.storage import (
    BucketCreated,
    BucketDeleted,
    BucketMarked,
    BucketUpdated,
    FileDeleted,
    FilesChanged,
    FileStored,
)
from libs.contracts.versioning import VersionCreated

LARGEST_MESSAGE = 16 << 20
OPEN_TIMEOUT_S = 10.0

_EVENTS: dict[str, type[Event]] = {
    event.type: event
    for event in (
        BucketCreated,
        BucketDeleted,
        BucketMarked,
        BucketUpdated,
        FileDeleted,
        FilesChanged,
        FileStored,
        VersionCreated,
    )
}


class Gap(Struct, frozen=True):
    """Something of ``topic`` was missed for ever; what follows is whole again."""

    topic: str


class _Place(Struct, frozen=True):
    epoch: str
    offset: int | str


class _Subscribe(Struct, frozen=True, tag="subscribe", omit_defaults=True):
    topic: str
    since: _Place | None = None


class _Subscribed(_Place, frozen=True, kw_only=True, tag="subscribed"):
    recovered: bool
    snapshot: msgspec.Raw = msgspec.Raw(b"null")


class _Publication(_Place, frozen=True, kw_only=True, tag="publication"):
    data: msgspec.Raw


class _Trouble(Struct, frozen=True, tag="problem"):
    problem: dict[str, Any]


class _Shown(Struct, frozen=True):
    """An event of a bucket as its topic shows it."""

    type: str
    data: msgspec.Raw


class _Events(Struct, frozen=True):
    events: list[_Shown]


_decoder: msgspec.json.Decoder[_Subscribed | _Publication | _Trouble] = msgspec.json.Decoder(
    _Subscribed | _Publication | _Trouble
)


class Live:
    """Subscriptions to topics."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def bucket(self, name: str) -> AsyncGenerator[Event | Gap, None]:
        """Yield what happens in a bucket from now on, until it is deleted.

        A ``Gap`` comes first of all after an interruption that was too long to make up for.
        """
        topic = f"bucket.{name}"
        new = True
        async for message in self._follow(topic):
            if isinstance(message, _Publication):
                for event in _events_in(message.data):
                    yield event
                    if isinstance(event, BucketDeleted):
                        return
            elif not new and not message.recovered:
                yield Gap(topic)
            new = False

    async def task(self, task: TaskInfo) -> AsyncGenerator[TaskInfo, None]:
        """Yield a task whenever it is further than ``task``."""
        last = task.offset
        async for message in self._follow(f"task.{task.task_id}"):
            said = message.data if isinstance(message, _Publication) else message.snapshot
            now = msgspec.json.decode(said, type=TaskInfo | None)
            if now is not None and now.offset > last:
                last = now.offset
                yield now

    async def _follow(self, topic: str) -> AsyncGenerator[_Subscribed | _Publication, None]:
        """Yield every message of a topic, over as many connections as that takes."""
        since: _Place | None = None
        tried = 0
        while True:
            try:
                async with self._connect() as socket:
                    await socket.send(msgspec.json.encode(_Subscribe(topic, since)), text=True)
                    async for text in socket:
                        message = _read(text)
                        tried = 0
                        since = _Place(message.epoch, message.offset)
                        yield message
                failure: Exception = ConnectionError("the connection was closed")
            except InvalidStatus as refused:
                failure = _refusal(refused)
            except (OSError, WebSocketException, ApiProblem) as broken:
                failure = broken
            tried += 1
            await self._pause(failure, tried, begun=since is not None)

    async def _pause(self, failure: Exception, tried: int, *, begun: bool) -> None:
        """Wait before the next connection, or raise what keeps it from being made."""
        asked: float | None = None
        if isinstance(failure, ApiProblem):
            if failure.status not in TRY_LATER:
                raise failure
            asked = failure.retry_after_s
        pause_s = self._transport.policy.pause_s(tried, asked, met=begun)
        if pause_s is None and isinstance(failure, ApiProblem):
            raise failure
        if pause_s is None:
            raise Unreachable.at(self._transport.connection.url, failure) from failure
        await asyncio.sleep(pause_s)

    def _connect(self) -> connect:
        url = self._transport.connection.url
        return connect(
            f"ws{url.removeprefix('http')}{API}/live",
            additional_headers=self._transport.authorization(),
            user_agent_header=None,
            open_timeout=OPEN_TIMEOUT_S,
            max_size=LARGEST_MESSAGE,
        )


def _read(text: str | bytes) -> _Subscribed | _Publication:
    try:
        message = _decoder.decode(text)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(f"a live message cannot be understood: {error}") from error
    if isinstance(message, _Trouble):
        raise ApiProblem.read(message.problem)
    return message


def _events_in(data: msgspec.Raw) -> list[Event]:
    """Return the events of a publication; types that this version does not know are left out."""
    shown = msgspec.json.decode(data, type=_Events).events
    known = ((_EVENTS.get(one.type), one.data) for one in shown)
    return [msgspec.json.decode(body, type=event) for event, body in known if event is not None]


def _refusal(refused: InvalidStatus) -> ApiProblem:
    answer = refused.response
    headers = list(answer.headers.raw_items())
    body = bytes(answer.body)
    return ApiProblem.of(httpx.Response(answer.status_code, headers=headers, content=body))
