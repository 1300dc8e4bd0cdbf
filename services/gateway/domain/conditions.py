"""Conditional requests (RFC 9110 §13). An ETag is the sha256 of the bytes in quotes, and strong.

The same bytes sent as zstd are another representation, so its tag has ``-zstd`` behind the sha256.
As a precondition each of the two names the content: whoever has either has the file.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum

from libs.contracts.storage import Expectation
from services.gateway.domain.failures import InvalidInput, MalformedHeader

_LIST = re.compile(
    r'[ \t]*(?:W/)?"[\x21\x23-\x7e]*"[ \t]*(?:,[ \t]*(?:W/)?"[\x21\x23-\x7e]*"[ \t]*)*'
)
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CODED = "-zstd"
_ANY = "*"


class Outcome(Enum):
    """What the preconditions of a read lead to."""

    ANSWER = 200
    NOT_MODIFIED = 304
    FAILED = 412


def etag(sha256: str, *, as_zstd: bool = False) -> str:
    """Return the strong entity tag of these bytes, sent as they are or as zstd."""
    return f'"{sha256}{_CODED if as_zstd else ""}"'


def known_etag(headers: Mapping[str, str], sha256: str) -> str:
    """Return the tag that a 304 carries: of what the reader has, or of the plain bytes."""
    header = headers.get("if-none-match", _ANY)
    if header.strip() != _ANY:
        for _, tag in _tags(header, "If-None-Match"):
            if _content(tag) == sha256:
                return f'"{tag}"'
    return etag(sha256)


def http_date(moment: datetime) -> str:
    """Return ``moment`` as HTTP writes it, in whole seconds."""
    return format_datetime(moment.astimezone(UTC).replace(microsecond=0), usegmt=True)


def judge_read(headers: Mapping[str, str], sha256: str, modified_at: datetime) -> Outcome:
    """Decide on a GET or HEAD in the order that RFC 9110 §13.2.2 gives; names are lower-case.

    ``If-Match`` compares strongly, ``If-None-Match`` weakly; dates that are none are ignored.
    """
    modified = modified_at.astimezone(UTC).replace(microsecond=0)
    if_match = headers.get("if-match")
    if if_match is not None:
        if not _matches(if_match, sha256, name="If-Match", weakly=False):
            return Outcome.FAILED
    elif (limit := _date(headers.get("if-unmodified-since"))) and modified > limit:
        return Outcome.FAILED
    if_none_match = headers.get("if-none-match")
    if if_none_match is not None:
        if _matches(if_none_match, sha256, name="If-None-Match", weakly=True):
            return Outcome.NOT_MODIFIED
    elif (since := _date(headers.get("if-modified-since"))) and modified <= since:
        return Outcome.NOT_MODIFIED
    return Outcome.ANSWER


def range_applies(if_range: str | None, sha256: str, modified_at: datetime) -> bool:
    """Tell whether ``If-Range`` still names this state; else the whole is sent (§13.1.5)."""
    if if_range is None:
        return True
    value = if_range.strip()
    if value.startswith(('"', "W/")):
        return value == etag(sha256)
    return _date(value) == modified_at.astimezone(UTC).replace(microsecond=0)


def expectation(headers: Mapping[str, str]) -> Expectation:
    """Return what ``If-Match`` and ``If-None-Match: *`` of a write expect of the file.

    Raises ``MalformedHeader``; a tag that is no sha256 can match nothing and is left out.
    """
    none_match = headers.get("if-none-match")
    if none_match is not None and none_match.strip() != _ANY:
        raise MalformedHeader("a write knows only If-None-Match: *", header="If-None-Match")
    match = headers.get("if-match")
    if match is None:
        return Expectation(absent=none_match is not None)
    if match.strip() == _ANY:
        return Expectation(any_of=[], absent=none_match is not None)
    strong = [_content(tag) for weak, tag in _tags(match, "If-Match") if not weak]
    tags = [content for content in strong if _SHA256.fullmatch(content)]
    return Expectation(any_of=tags or [NOTHING], absent=none_match is not None)


def bare_etag(tag: str | None) -> str | None:
    """Return the sha256 in an ETag that came as JSON, with its quotes or without."""
    if tag is None:
        return None
    bare = _content(tag.removeprefix('"').removesuffix('"'))
    if not _SHA256.fullmatch(bare):
        raise InvalidInput("an ETag of ours is 64 hexadecimal digits", field="expect")
    return bare


NOTHING = "0" * 64
"""Stands for tags that no file can have; no bytes with this sha256 are known."""


def _matches(header: str, sha256: str, *, name: str, weakly: bool) -> bool:
    if header.strip() == _ANY:
        return True
    tags = _tags(header, name)
    return any(_content(tag) == sha256 and (weakly or not weak) for weak, tag in tags)


def _content(tag: str) -> str:
    """Return the sha256 that a tag of ours names, however the bytes were sent."""
    return tag.removesuffix(_CODED)


def _tags(header: str, name: str) -> list[tuple[bool, str]]:
    if not _LIST.fullmatch(header):
        raise MalformedHeader("this is no list of entity tags", header=name)
    return [(bool(weak), tag) for weak, tag in _TAG.findall(header)]


def _date(header: str | None) -> datetime | None:
    if header is None:
        return None
    try:
        parsed = parsedate_to_datetime(header)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
