"""One call over HTTP: sent, repeated where that is safe, answered with a struct or a problem."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from libs.client.connection import Connection
from libs.client.failures import ApiProblem, UnexpectedAnswer, Unreachable
from libs.client.retries import NOTHING_SENT, RetryPolicy, passes, repeatable
from libs.contracts.ids import new_id

API = "/api/v1"
T = TypeVar("T")
Params = Mapping[str, str | int | bool | None]
Content = bytes | AsyncIterator[bytes]

CALL_TIMEOUT = httpx.Timeout(60.0, connect=5.0, read=300.0, pool=None)
"""To commit many gigabytes may take a store minutes before the answer begins."""

READ_TIMEOUT = httpx.Timeout(60.0, connect=5.0, pool=None)
"""A download that is silent for so long is taken up again on another connection."""


def _no_content() -> None:
    return None


class Transport:
    """The connections to one gateway; made by ``Client``."""

    def __init__(self, connection: Connection, policy: RetryPolicy) -> None:
        self.connection = connection
        self.policy = policy
        self._met = False
        self._http = httpx.AsyncClient(
            base_url=connection.url + API,
            headers=self.authorization(),
            timeout=CALL_TIMEOUT,
            limits=httpx.Limits(max_connections=128, max_keepalive_connections=64),
            follow_redirects=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def authorization(self) -> dict[str, str]:
        """Return the headers that show the key."""
        key = self.connection.key
        headers = {"User-Agent": "strongroom-client"}
        return {**headers, "Authorization": f"Bearer {key}"} if key else headers

    async def get(self, path: str, reply: type[T], params: Params | None = None) -> T:
        """Return what ``path`` shows."""
        return decode(await self.send("GET", path, params=params), reply)

    async def post(
        self,
        path: str,
        reply: type[T],
        body: Any = None,
        *,
        params: Params | None = None,
        key: str | None = None,
    ) -> T:
        """Ask for something once: repeated with one ``Idempotency-Key``, it is done only once."""
        headers = {"Idempotency-Key": key or str(new_id())}
        content = None
        if body is not None:
            content = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        response = await self.send(
            "POST", path, params=params, headers=headers, content=lambda: content
        )
        return decode(response, reply)

    async def patch(
        self, path: str, reply: type[T], body: Any, *, headers: Mapping[str, str] | None = None
    ) -> T:
        """Change what is said of a resource; saying it twice is saying it once."""
        content = msgspec.json.encode(body)
        said = {"Content-Type": "application/json", **(headers or {})}
        return decode(await self.send("PATCH", path, headers=said, content=lambda: content), reply)

    async def delete(
        self, path: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Remove a resource."""
        return await self.send("DELETE", path, params=params, headers=headers)

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        content: Callable[[], Content | None] = _no_content,
        idempotent: bool = True,
        policy: RetryPolicy | None = None,
    ) -> httpx.Response:
        """Return a response with status below 400, its body read; raises ``ApiProblem``.

        ``content`` is called once for every try.
        """
        tried = 0
        while True:
            tried += 1
            try:
                response = await self._http.request(
                    method, path, params=_said(params), headers=headers, content=content()
                )
            except httpx.TransportError as error:
                await self.pause_after(
                    error, tried, policy, again=repeatable(error, idempotent=idempotent)
                )
                continue
            if response.status_code < 400:
                self._met = True
                return response
            if method == "DELETE" and response.status_code == 404 and tried > 1:
                return response  # the first try did it, only its answer was lost
            await self.pause_after(ApiProblem.of(response), tried, policy, again=True)

    async def pause_after(
        self,
        failure: httpx.TransportError | ApiProblem,
        tried: int,
        policy: RetryPolicy | None = None,
        *,
        again: bool,
    ) -> None:
        """Wait before the next try, or raise ``failure`` when there shall be none."""
        policy = policy or self.policy
        if isinstance(failure, ApiProblem):
            self._met = True
            pause_s = policy.pause_s(tried, failure.retry_after_s)
            if pause_s is None or not (again and passes(failure, tried)):
                raise failure
        else:
            self._met = self._met or not isinstance(failure, NOTHING_SENT)
            pause_s = policy.pause_s(tried, met=self._met)
            if pause_s is None or not again:
                raise Unreachable.at(self.connection.url, failure) from failure
        await asyncio.sleep(pause_s)

    @asynccontextmanager
    async def stream(
        self, path: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[httpx.Response]:
        """Open a GET whose body is read piece by piece; one try, raises ``ApiProblem``."""
        async with self._http.stream(
            "GET", path, params=_said(params), headers=headers, timeout=READ_TIMEOUT
        ) as response:
            if response.status_code >= 400:
                await response.aread()
                raise ApiProblem.of(response)
            self._met = True
            yield response


def decode(response: httpx.Response, reply: type[T]) -> T:
    """Return the JSON body as ``reply``; fields that this version does not know are ignored."""
    try:
        return msgspec.json.decode(response.content, type=reply)
    except msgspec.DecodeError as error:
        raise UnexpectedAnswer(
            f"{response.request.url} answered what a Strongroom gateway would not: {error}"
        ) from error


def segment(text: str) -> str:
    """Return ``text`` as one segment of a URL's path."""
    return quote(text, safe="")


def segments(path: str) -> str:
    """Return a file's path for a URL, its slashes kept."""
    return quote(path, safe="/")


def _said(params: Params | None) -> dict[str, str | int | bool]:
    return {name: value for name, value in (params or {}).items() if value is not None}
