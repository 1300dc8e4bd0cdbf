"""Which addresses a target may have, and how they are shown."""

from collections.abc import Iterable
from pathlib import PurePath, PurePosixPath
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from services.backup.domain.errors import TargetUrlRefused

S3_OPTIONS = frozenset({"tls", "region", "durability"})


class FilePlace(Struct, frozen=True):
    """A folder of this machine; the service allows only some."""

    path: PurePosixPath


class S3Place(Struct, frozen=True):
    """A bucket, or a folder of it. Administrators may name any host, as they may any bucket."""

    host: str
    bucket: str


Place = FilePlace | S3Place


def parse(url: str) -> Place:
    """Return where ``url`` points; raises ``TargetUrlRefused``, without repeating a secret."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        _ = parts.port
    except ValueError as error:
        raise TargetUrlRefused("the address cannot be understood") from error
    if parts.fragment or any(ord(letter) < 0x20 for letter in unquote(url)):
        raise TargetUrlRefused("an address has no fragment and no control characters")
    if parts.scheme == "file":
        return _file(parts.netloc, unquote(parts.path), parts.query)
    if parts.scheme == "s3":
        return _s3(host, bool(parts.username and parts.password), parts.path, parts.query)
    raise TargetUrlRefused("the address begins neither with file:/// nor with s3://")


def _file(host: str, path: str, query: str) -> FilePlace:
    if host or query:
        raise TargetUrlRefused("a folder is written file:///path and nothing else")
    place = PurePosixPath(path)
    if not place.is_absolute() or ".." in place.parts:
        raise TargetUrlRefused("a folder's path is absolute and without ..")
    return FilePlace(place)


def _s3(host: str, has_credentials: bool, path: str, query: str) -> S3Place:
    bucket = path.removeprefix("/").partition("/")[0]
    if not host or not bucket:
        raise TargetUrlRefused("s3://key:secret@host:port/bucket is expected")
    if not has_credentials:
        raise TargetUrlRefused("the address has no access key and secret")
    unknown = {name for name, _ in parse_qsl(query, keep_blank_values=True)} - S3_OPTIONS
    if unknown:
        raise TargetUrlRefused(f"only the options {', '.join(sorted(S3_OPTIONS))} are known")
    return S3Place(host, bucket)


def check_below(path: PurePath, roots: Iterable[PurePath]) -> None:
    """Raise ``TargetUrlRefused`` unless the real ``path`` is one of ``roots`` or below it."""
    if not any(path.is_relative_to(root) for root in roots):
        raise TargetUrlRefused(f"{path} is not below a directory that this service may use")


def redacted(url: str) -> str:
    """Return ``url`` as it may be shown: without credentials and options."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
