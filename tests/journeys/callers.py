"""Keys as journeys need them, and clients that call with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID

import httpx

Json = dict[str, Any]


class CallerWith(Protocol):
    """The fixture ``caller``."""

    async def __call__(self, *scopes: str, **more: object) -> httpx.AsyncClient: ...


async def new_key(http: httpx.AsyncClient, *scopes: str, **more: object) -> Json:
    """Have the administrator make a key; returns the answer."""
    answer = await http.post("/api/v1/api-keys", json={"name": "k", "scopes": scopes} | more)
    assert answer.status_code == 201, answer.text
    created: Json = answer.json()
    return created


@asynccontextmanager
async def calling(http: httpx.AsyncClient, key: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """Call the same gateway with this key, or without any."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx.AsyncClient(base_url=http.base_url, headers=headers, timeout=30.0) as client:
        yield client


async def give(
    http: httpx.AsyncClient, bucket: str, principal: str, role: str, prefix: str = ""
) -> None:
    """Give a role, as the administrator or the owner."""
    grant = {"principal": principal, "role": role, "prefix": prefix}
    answer = await http.put(f"/api/v1/buckets/{bucket}/grants", json=grant)
    assert answer.status_code == 200, answer.text


async def take(http: httpx.AsyncClient, bucket: str, principal: str, prefix: str = "") -> None:
    """Take it back."""
    query = {"principal": principal, "prefix": prefix}
    answer = await http.delete(f"/api/v1/buckets/{bucket}/grants", params=query)
    assert answer.status_code == 204, answer.text


def told(answer: httpx.Response) -> Json:
    """Return a problem without what names the request."""
    body: Json = answer.json()
    del body["instance"]
    return body


def principal_of(client: httpx.AsyncClient) -> str:
    """Return whom a grant has to name to mean the key of this client."""
    key_id = UUID(hex=client.headers["authorization"].split("_")[1])
    return f"key:{key_id}"
