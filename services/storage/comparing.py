"""Comparing what the records say with what the store has, in constant memory."""

from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

from msgspec import Struct


class Sized(Protocol):
    """What has a key and a size: a blob's row, or an object."""

    @property
    def key(self) -> str: ...

    @property
    def size(self) -> int: ...


Row = TypeVar("Row", bound=Sized)
Object = TypeVar("Object", bound=Sized)
Thing = TypeVar("Thing", bound=Sized)


class Count(Struct):
    """How much went by."""

    number: int = 0
    bytes: int = 0


async def counted(things: AsyncIterator[Thing], count: Count) -> AsyncIterator[Thing]:
    """Pass ``things`` on and count them."""
    async for thing in things:
        count.number += 1
        count.bytes += thing.size
        yield thing


async def unequal(
    rows: AsyncIterator[Row],
    objects: AsyncIterator[Object],
    differ: Callable[[Row, Object], bool],
) -> AsyncIterator[tuple[Row | None, Object | None]]:
    """Walk both in the order of keys and yield what does not fit.

    A pair of a row and an object is one of which ``differ`` is true; a lone one has no partner.
    """
    row, found = await anext(rows, None), await anext(objects, None)
    while row is not None or found is not None:
        if found is None or (row is not None and row.key < found.key):
            yield row, None
            row = await anext(rows, None)
        elif row is None or found.key < row.key:
            yield None, found
            found = await anext(objects, None)
        else:
            if differ(row, found):
                yield row, found
            row, found = await anext(rows, None), await anext(objects, None)
