"""Safe retries: the first answer to a POST is kept for a day under its ``Idempotency-Key``."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from uuid import UUID

import msgspec

from libs.chassis.database import Database
from services.gateway.domain.failures import (
    BodyTooLarge,
    KeyIsInUse,
    KeyWasUsedDifferently,
    MalformedHeader,
)
from services.gateway.edge.asgi import App, Message, Receive, Scope, Send, header
from services.gateway.repository import kept_answers
from services.gateway.repository.kept_answers import KeptAnswer

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
NOT_KEPT = frozenset({401, 403, 408, 413, 429})
KEPT_HEADERS = frozenset({b"content-type", b"location", b"etag"})
REPLAYED = (b"idempotent-replayed", b"true")
"""Tells a repeated answer from a first one."""


class Idempotency:
    """Middleware behind the gate, so that a key belongs to its caller.

    Answers 409 while the first request runs and 422 when the key was used for another one. A
    failure of ours (5xx) is not kept. An answer that is lost with its gateway is made again: the
    claim is free after a minute.
    """

    def __init__(self, app: App, db: Database, most_bytes: int) -> None:
        self._app = app
        self._db = db
        self._most = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer once, and then again the same."""
        key = header(scope, b"idempotency-key") if scope.get("method") == "POST" else None
        if key is None or "user" not in scope:
            await self._app(scope, receive, send)
            return
        if scope["route_handler"].opt.get("streams"):
            raise MalformedHeader("bodies of this call are not kept", header="Idempotency-Key")
        if not _KEY.fullmatch(key):
            raise MalformedHeader("1 to 255 visible ASCII letters", header="Idempotency-Key")
        body = await _collect(receive, self._most)
        key_id: UUID = scope["user"].key_id
        asked = _hash(scope, body)
        async with self._db.transaction() as tx:
            kept = await kept_answers.claim(tx, key_id, key, asked)
        if kept is not None:
            await _repeat(kept, asked, send)
            return
        await self._answer_first(scope, body, receive, send, key_id, key)

    async def _answer_first(
        self, scope: Scope, body: bytes, receive: Receive, send: Send, key_id: UUID, key: str
    ) -> None:
        recorder = _Recorder(send, lambda: self._settle(scope, recorder, key_id, key))
        try:
            await self._app(scope, _given_again(body, receive), recorder.send)
        finally:
            if not recorder.ended:
                await self._settle(scope, recorder, key_id, key)

    async def _settle(self, scope: Scope, recorder: "_Recorder", key_id: UUID, key: str) -> None:
        async with self._db.connection() as conn:
            if not recorder.ended or recorder.status >= 500 or recorder.status in NOT_KEPT:
                await kept_answers.give_up(conn, key_id, key)
                return
            secrets: tuple[str, ...] = scope["route_handler"].opt.get("shown_once", ())
            await kept_answers.keep(
                conn,
                key_id,
                key,
                status=recorder.status,
                headers=recorder.headers,
                body=_without(secrets, bytes(recorder.body)),
            )


class _Recorder:
    """Passes an answer on and remembers it: it is kept before the caller has all of it."""

    def __init__(self, send: Send, keep: Callable[[], Awaitable[None]]) -> None:
        self._send = send
        self._keep = keep
        self.status = 0
        self.headers: list[list[str]] = []
        self.body = bytearray()
        self.ended = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [
                [name.decode("latin-1"), value.decode("latin-1")]
                for name, value in message["headers"]
                if name.lower() in KEPT_HEADERS
            ]
        else:
            self.body += message.get("body", b"")
            self.ended = not message.get("more_body", False)
        try:
            if self.ended:  # who has heard it may ask again at once
                await self._keep()
        finally:
            await self._send(message)


async def _collect(receive: Receive, most: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            raise BodyTooLarge("a JSON body may not be that large")
        if not message.get("more_body", False):
            return bytes(body)


def _given_again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _hash(scope: Scope, body: bytes) -> bytes:
    asked = hashlib.sha256()
    for part in (scope["raw_path"], scope["query_string"], body):
        asked.update(len(part).to_bytes(8, "big"))
        asked.update(part)
    return asked.digest()


async def _repeat(kept: KeptAnswer, asked: bytes, send: Send) -> None:
    if kept.request_hash != asked:
        raise KeyWasUsedDifferently("take a new Idempotency-Key for another request")
    if kept.status is None:
        raise KeyIsInUse("the first request with this key is not answered yet", retry_after_s=1)
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept.headers]
    lines += [(b"content-length", str(len(kept.body)).encode()), REPLAYED]
    await send({"type": "http.response.start", "status": kept.status, "headers": lines})
    await send({"type": "http.response.body", "body": kept.body})


def _without(secrets: tuple[str, ...], body: bytes) -> bytes:
    """Return the answer without what may be shown once only and is stored nowhere."""
    if not secrets:
        return body
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    hidden = msgspec.Raw(b"null")
    return msgspec.json.encode(
        {name: hidden if name in secrets else value for name, value in members.items()}
    )
