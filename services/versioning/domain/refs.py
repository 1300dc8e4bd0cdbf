"""How commits are named: ``main``, ``v1``, ``0f3a99b2``, ``main~2``, ``@2026-11-20T10:00Z``."""

import re
from datetime import UTC, datetime

from msgspec import Struct

from services.versioning.domain.errors import MalformedRef

MAIN = "main"
NOW = "now"
SHORTEST_PREFIX = 8
_BACK = re.compile(r"(?P<ref>.*?)~(?P<steps>[0-9]{0,9})\Z", re.DOTALL)


class RefExpression(Struct, frozen=True):
    """The parts of a ref: ``<name>@<time>~<steps>``, the last two optional."""

    name: str
    """A branch, a tag, a commit id or the beginning of one."""
    at: datetime | None = None
    """The newest commit of the branch at this time."""
    steps: int = 0
    """So many commits before that, along first parents."""


def parse(text: str) -> RefExpression:
    """Take a ref apart; ``malformed-ref`` for a time that is none, or has no zone."""
    steps = 0
    while (back := _BACK.match(text)) is not None:
        text = back["ref"]
        steps += int(back["steps"] or 1)
    name, at_sign, time = text.partition("@")
    if not at_sign:
        return RefExpression(name, None, steps)
    return RefExpression(name or MAIN, _time(time), steps)


def is_prefix(name: str) -> bool:
    """Tell whether this may be the beginning of a commit's id."""
    return SHORTEST_PREFIX <= len(name) <= 64 and all(
        digit in "0123456789abcdefABCDEF" for digit in name
    )


def _time(text: str) -> datetime:
    try:
        # A plus sign in a query becomes a space when nobody encodes it.
        time = datetime.fromisoformat(text.replace(" ", "+"))
        if time.utcoffset() is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise MalformedRef(f"{text!r} is no time: write 2026-11-20T10:00Z", ref=text) from None
    raise MalformedRef(f"{text!r} needs a time zone: write {text}Z for UTC", ref=text)
