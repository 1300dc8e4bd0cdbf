"""A body on its way up: sent, repeated where that is safe, and compared with what was stored."""

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import quote, urlencode

import httpx

from libs.client.bodies import Body, body_of
from libs.client.digests import etag, repr_digest
from libs.client.failures import DigestMismatch
from libs.client.meter import Meter, OnBytes
from libs.client.retries import NEVER
from libs.client.transport import Content, Params, Transport


class Stored(Protocol):
    """What the platform says of the bytes it took."""

    @property
    def sha256(self) -> str: ...


T = TypeVar("T", bound=Stored)

_PLAIN = " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What metadata may hold as it is; all else is percent-encoded."""


async def send_body(
    transport: Transport,
    method: str,
    url: str,
    source: Path | bytes | AsyncIterable[bytes],
    *,
    reply: Callable[[httpx.Response], Awaitable[T]],
    headers: Mapping[str, str],
    params: Params | None = None,
    conditional: bool = False,
    on_bytes: OnBytes | None = None,
) -> T:
    """Send ``source`` and return what was stored; raises ``DigestMismatch`` for other bytes.

    With a condition it is not repeated once bytes were sent, as the first try may have fulfilled
    it; nor is a stream, whose bytes are gone.
    """
    body = await body_of(source)
    meter = Meter(on_bytes)

    def content() -> Content:
        meter.restart()
        return meter.count(body.open())

    try:
        response = await transport.send(
            method,
            url,
            params=params,
            headers={**headers, **_framing(body)},
            content=content,
            idempotent=body.repeatable and not conditional,
            policy=None if body.repeatable else NEVER,
        )
        stored = await reply(response)
        if body.sha256 is not None and stored.sha256 != body.sha256:
            raise DigestMismatch(f"{url}: what was stored is not what was sent")
    except BaseException:
        meter.restart()
        raise
    return stored


def conditions(if_match: str | None, *, only_new: bool = False) -> dict[str, str]:
    """Return the headers that say what must be there before."""
    matching = {} if if_match is None else {"If-Match": etag(if_match)}
    return {**matching, **({"If-None-Match": "*"} if only_new else {})}


def labels(metadata: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that say what is known of a file."""
    headers = {
        f"Strongroom-Meta-{key}": quote(value, safe=_PLAIN) for key, value in metadata.items()
    }
    return {**headers, **({"Strongroom-Tags": urlencode(tags)} if tags else {})}


def _framing(body: Body) -> dict[str, str]:
    length = {} if body.size is None else {"Content-Length": str(body.size)}
    digest = {} if body.sha256 is None else {"Repr-Digest": repr_digest(body.sha256)}
    return {**length, **digest}
