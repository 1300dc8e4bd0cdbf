"""Lists come in pages; a caller wants the items."""

from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from msgspec import Struct, field

from libs.client.transport import Params, Transport

T = TypeVar("T")
PAGE_ITEMS = 1000


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """One answer of a list; ``next`` is the cursor of the following one."""

    items: list[T]
    prefixes: list[str] = field(default_factory=list)
    next: str | None = None


async def pages(
    transport: Transport,
    path: str,
    page: type[Page[T]],
    params: Params | None = None,
    *,
    limit: int | None = None,
) -> AsyncIterator[Page[T]]:
    """Yield every page of a list, at most ``limit`` items in all."""
    left = limit
    cursor: str | None = None
    while left is None or left > 0:
        wanted = PAGE_ITEMS if left is None else min(left, PAGE_ITEMS)
        asked = {**(params or {}), "limit": wanted, "cursor": cursor}
        answer = await transport.get(path, page, asked)
        yield answer
        cursor = answer.next
        if cursor is None:
            return
        if left is not None:
            left -= len(answer.items)


async def items(
    transport: Transport,
    path: str,
    page: type[Page[T]],
    params: Params | None = None,
    *,
    limit: int | None = None,
) -> AsyncIterator[T]:
    """Yield the items of a list, asking for the next page when they are used up."""
    async for answer in pages(transport, path, page, params, limit=limit):
        for item in answer.items:
            yield item
