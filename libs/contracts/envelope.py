"""CloudEvents 1.0 in NATS binary mode: attributes in ``ce-`` headers, the struct as JSON body.

Source: CloudEvents core 1.0.2 and its NATS protocol binding.
"""

from collections.abc import Mapping
from functools import cache

import msgspec

from libs.contracts.base import EVENTS, Event
from libs.contracts.streams import stream_for

_decoders: dict[str, msgspec.json.Decoder[Event]] = {}


class UnknownEvent(ValueError):
    """The message names an event type that this program does not know."""


class UnreadableEvent(ValueError):
    """The message is no event: a header is missing or its body does not fit the type."""


def headers(event: Event) -> dict[str, str]:
    """Return the headers of ``event``; its source is the stream's owner."""
    return {
        "Nats-Msg-Id": str(event.event_id),
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": str(event.event_id),
        "ce-source": f"/strongroom/{_owner(event.type)}",
        "ce-type": event.type,
        "ce-time": event.occurred_at.isoformat(),
        "ce-subject": str(getattr(event, event.key_field)),
    }


@cache
def _owner(event_type: str) -> str:
    return stream_for(event_type).owner


def encode(event: Event) -> bytes:
    """Return the body of ``event``."""
    return msgspec.json.encode(event)


def decode(headers: Mapping[str, str] | None, body: bytes) -> Event:
    """Return the event in a message; fields that this program does not know are ignored.

    Raises ``UnknownEvent`` or ``UnreadableEvent``.
    """
    event_type = (headers or {}).get("ce-type")
    if event_type is None:
        raise UnreadableEvent("the ce-type header is missing")
    cls = EVENTS.get(event_type)
    if cls is None:
        raise UnknownEvent(event_type)
    decoder = _decoders.get(event_type)
    if decoder is None:
        decoder = _decoders[event_type] = msgspec.json.Decoder(cls)
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableEvent(f"{event_type}: {error}") from error
