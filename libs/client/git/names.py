"""Which names of a git repository a bucket can have, and of a bucket a git repository."""

import msgspec

from libs.contracts.paths import InvalidPath, check_path
from libs.contracts.versioning import RefName


def refused_path(path: bytes) -> str | None:
    """Return why a bucket cannot have a file of this path, None when it can."""
    try:
        check_path(path.decode())
    except UnicodeDecodeError:
        return "the path is no UTF-8"
    except InvalidPath as refused:
        return str(refused)
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
