"""Which names blobs may have: those that mean the same in every store and on every file system."""

import re

from libs.blobs.failures import BlobKeyRefused

MAX_KEY_LENGTH = 512
MAX_SEGMENT_LENGTH = 200

_SEGMENT = r"[a-z0-9_][a-z0-9._-]*"
_KEY = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")


def check_key(key: str) -> str:
    """Return ``key``, or raise ``BlobKeyRefused``.

    A key is one or more segments joined by ``/``; a segment is of ``a-z 0-9 . _ -`` and begins with
    a letter, digit or ``_``. So there is no ``..``, no hidden file, no escape sequence, and no pair
    of names that a file system without case would take for one.
    """
    if len(key) > MAX_KEY_LENGTH:
        raise BlobKeyRefused(key[:64] + "…", f"longer than {MAX_KEY_LENGTH} characters")
    if not _KEY.fullmatch(key):
        raise BlobKeyRefused(key, "segments of a-z 0-9 . _ - joined by / are expected")
    if any(len(segment) > MAX_SEGMENT_LENGTH for segment in key.split("/")):
        raise BlobKeyRefused(key, f"a segment is longer than {MAX_SEGMENT_LENGTH} characters")
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` without its last slash: a folder's key, or nothing for the whole store."""
    folder = prefix.removesuffix("/")
    return check_key(folder) if folder else ""


def is_under(key: str, folder: str) -> bool:
    """Tell whether ``key`` lies in ``folder`` or below; everything lies in the empty one."""
    return not folder or key.startswith(f"{folder}/")
