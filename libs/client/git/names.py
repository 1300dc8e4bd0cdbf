"""Which names of a git repository a bucket can have, and of a bucket a git repository."""

import re

import msgspec

from libs.contracts.versioning import RefName

MOST_BYTES = 1024

_REFUSED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\\\\\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)


def refused_path(path: bytes) -> str | None:
    """Return why a bucket cannot have a file of this path, None when it can.

    The rule is storage's; it is known here so that nothing is changed before all is well.
    """
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return "it is no UTF-8"
    if _REFUSED.search(text):
        return "it has a backslash, or a character that controls or misleads"
    if len(path) > MOST_BYTES:
        return f"it is longer than {MOST_BYTES} bytes"
    return None


def refused_ref(name: str) -> str | None:
    """Return why a bucket cannot have a branch or tag of this name, None when it can."""
    try:
        msgspec.convert(name, RefName)
    except msgspec.ValidationError:
        return "other characters than A-Z a-z 0-9 . _ / -, too long, or like a commit's id"
    return None


def refused_by_git(path: str) -> str | None:
    """Return why git cannot have a file of this path, None when it can."""
    if any(part.lower() == ".git" for part in path.split("/")):
        return "git keeps its own files under that name"
    return None
