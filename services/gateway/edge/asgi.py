"""The shapes of ASGI that this service speaks."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
RawHeaders = Iterable[tuple[bytes, bytes]]

REQUEST_ID = "strongroom.request_id"
"""Where the scope keeps the id of the request, which is that of its trace."""

RAW_FILE = "strongroom.raw_file"
"""Where the scope keeps the undecoded path of the file that its URL names."""

RAW_NAME = "strongroom.raw_name"
"""Where the scope keeps the undecoded name of the branch, tag or commit that its URL names."""

ACCESS = "strongroom.access"
"""Where the scope keeps what its caller may do in buckets."""


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of that lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None


async def answer(
    send: Send, status: int, body: bytes, content_type: bytes, headers: RawHeaders = ()
) -> None:
    """Send a whole answer."""
    lines = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        *headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
