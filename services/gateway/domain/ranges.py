"""Byte ranges (RFC 9110 §14): one at most."""

import re
from typing import NamedTuple

from services.gateway.domain.failures import RangeNotSatisfiable

_ONE = re.compile(r"[ \t]*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))[ \t]*")


class ByteRange(NamedTuple):
    """The bytes ``start`` to before ``end`` of a representation of ``size``."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes these are."""
        return self.end - self.start

    def content_range(self) -> str:
        """Return the value of ``Content-Range``."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def find_range(header: str | None, size: int) -> ByteRange | None:
    """Return the range that ``Range: bytes=…`` asks for; None when it asks in another unit.

    Raises ``RangeNotSatisfiable`` for several ranges, for one that is none, and for one that has
    no byte in a representation of ``size``.
    """
    if header is None:
        return None
    unit, _, spec = header.partition("=")
    if unit.strip().lower() != "bytes":
        return None
    found = _ONE.fullmatch(spec)
    if not found:
        raise _refused("this is not one range of bytes", size)
    first, last, suffix = found.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            raise _refused("the range ends before it begins", size)
    if start >= end:
        raise _refused("the range lies behind the last byte", size)
    return ByteRange(start, end, size)


def _refused(why: str, size: int) -> RangeNotSatisfiable:
    return RangeNotSatisfiable(why, size=size)
