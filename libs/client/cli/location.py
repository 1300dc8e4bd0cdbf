"""``bucket/path``: how a place on the platform is written on the command line."""

from collections.abc import Sequence
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from msgspec import Struct


class Location(Struct, frozen=True):
    """A bucket, a file in it, or everything below a prefix (which ends with a slash)."""

    bucket: str
    path: str = ""

    @property
    def is_prefix(self) -> bool:
        """Tell whether this can only mean many files."""
        return not self.path or self.path.endswith("/")

    @property
    def below(self) -> str:
        """Return the prefix of everything below this place."""
        return self.path if self.is_prefix else f"{self.path}/"

    def __str__(self) -> str:
        return f"{self.bucket}/{self.path}" if self.path else self.bucket


def parse_location(text: str) -> Location:
    """Return what ``bucket``, ``bucket/path`` or ``bucket/prefix/`` names."""
    bucket, _, path = text.partition("/")
    if not bucket or bucket in (".", "..", "~"):
        raise ValueError(f"{text!r} is no bucket/path")
    return Location(bucket, path)


def _convert(type_: Any, tokens: Sequence[cyclopts.Token]) -> Location:
    return parse_location(tokens[0].value)


Place = Annotated[
    Location,
    Parameter(converter=_convert, n_tokens=1, accepts_keys=False, help="bucket/path"),
]
"""A parameter that is a location."""
