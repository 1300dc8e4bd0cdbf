"""Which file a URL means: its raw path is percent-decoded strictly, once, and never normalised.

An encoded slash is a slash, as in S3: ``a%2Fb`` and ``a/b`` are the same file. ``+`` is a plus.
Whether the decoded path may name a file is storage's rule.
"""

import re
from typing import NamedTuple

from services.gateway.domain.failures import MalformedPath

_FILE = re.compile(rb"(?P<before>/api/v1/buckets/[^/]+/files)/(?P<file>.*)", re.DOTALL)
_ESCAPE = re.compile(rb"%(..?)?", re.DOTALL)
_HEX = re.compile(rb"[0-9A-Fa-f]{2}")

LONGEST_BYTES = 1024


class FileAddress(NamedTuple):
    """A URL's path that names a file: what routes it, and the file's own undecoded part."""

    before: bytes
    file: bytes


def find_file(raw_path: bytes) -> FileAddress | None:
    """Return the parts of a path below ``/buckets/{bucket}/files/``; None for any other path."""
    found = _FILE.fullmatch(raw_path)
    return FileAddress(found["before"], found["file"]) if found else None


def decode(raw: bytes) -> str:
    """Return the file path that ``raw`` spells; raises ``MalformedPath``."""
    if not raw:
        raise MalformedPath("the path is empty")
    decoded = _ESCAPE.sub(_unescape, raw)
    if len(decoded) > LONGEST_BYTES:
        raise MalformedPath(f"the path has more than {LONGEST_BYTES} bytes")
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedPath("the path is not UTF-8") from None


def _unescape(escape: re.Match[bytes]) -> bytes:
    digits = escape[1]
    if digits is None or not _HEX.fullmatch(digits):
        raise MalformedPath("a % is not followed by two hexadecimal digits")
    return bytes.fromhex(digits.decode("ascii"))
