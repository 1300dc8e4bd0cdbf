"""What live clients say and hear, one JSON object a message.

A client says ``{"type": "subscribe", "topic": "bucket.reports"}``, after a lost connection with the
last ``{"epoch": …, "offset": …}`` that it saw as ``since``; or ``{"type": "unsubscribe", …}``.
It hears ``subscribed`` (with a snapshot unless everything missed follows), then ``publication``,
and ``problem`` for what it got wrong.
"""

import re
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from libs.contracts.problems import ProblemDetails
from services.gateway.domain.failures import InvalidInput, MalformedBody

LARGEST_MESSAGE = 64 * 1024

Offset = int | str


class Seen(Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a topic; both are to be compared for equality only."""

    epoch: str
    offset: Offset


class Subscribe(Struct, frozen=True, tag="subscribe", forbid_unknown_fields=True):
    topic: str
    since: Seen | None = None
    """The last that the client saw before it lost its connection."""


class Unsubscribe(Struct, frozen=True, tag="unsubscribe", forbid_unknown_fields=True):
    topic: str


class Subscribed(Struct, frozen=True, kw_only=True, tag="subscribed"):
    """Nothing is missing from here on: all since ``since`` follows, or ``snapshot`` is all."""

    topic: str
    epoch: str
    offset: Offset
    recovered: bool
    snapshot: Any = None


class Publication(Struct, frozen=True, kw_only=True, tag="publication"):
    """Something new; ``offset`` is the place behind it."""

    topic: str
    epoch: str
    offset: Offset
    data: Any


class Unsubscribed(Struct, frozen=True, tag="unsubscribed"):
    topic: str


class Trouble(Struct, frozen=True, kw_only=True, tag="problem", omit_defaults=True):
    """The client's message, or its topic, failed."""

    problem: dict[str, Any]
    topic: str = ""


class Topic(Struct, frozen=True):
    """What can be listened to: a task, or what happens in a bucket."""

    kind: Literal["task", "bucket"]
    key: str

    @property
    def name(self) -> str:
        """The topic as clients name it."""
        return f"{self.kind}.{self.key}"


_BUCKET = re.compile(r"bucket\.([a-z0-9][a-z0-9-]{1,61}[a-z0-9])")
_TASK = re.compile(r"task\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_decoder = msgspec.json.Decoder(Subscribe | Unsubscribe)


def read_message(text: str | bytes) -> Subscribe | Unsubscribe:
    """Return what the client says; raises ``MalformedBody``."""
    try:
        said: Subscribe | Unsubscribe = _decoder.decode(text)
    except RecursionError:
        raise MalformedBody("the JSON is nested too deeply") from None
    except msgspec.DecodeError as error:
        raise MalformedBody(str(error)) from None
    return said


def read_topic(name: str) -> Topic:
    """Return the topic of that name; raises ``InvalidInput``."""
    if found := _BUCKET.fullmatch(name):
        return Topic("bucket", found[1])
    if found := _TASK.fullmatch(name):
        return Topic("task", str(UUID(found[1])))
    raise InvalidInput("a topic is task.<id> or bucket.<name>", topic=name[:200])


def trouble(details: ProblemDetails, topic: str = "") -> bytes:
    """Return the frame that tells of a problem."""
    problem = {
        "type": f"urn:strongroom:problem:{details.code}",
        "title": details.title,
        "status": details.status,
        "detail": details.detail,
    }
    return msgspec.json.encode(Trouble(problem=problem, topic=topic))
