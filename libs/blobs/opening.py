"""From an address to a store: the one place that knows which drivers there are."""

from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Struct

from libs.blobs.contract import BlobStore
from libs.blobs.failures import BlobKeyRefused, StoreUrlInvalid
from libs.blobs.file import FileOptions, FileStore
from libs.blobs.keys import check_prefix
from libs.blobs.memory import MemoryStore
from libs.blobs.s3 import S3Options, S3Store

Options = TypeVar("Options", bound=Struct)


def open_store(url: str) -> BlobStore:
    """Return the store at ``url``; README.md lists the addresses and their options.

    Raises ``StoreUrlInvalid`` for an address that cannot be understood. ``file`` makes and sweeps
    its folder at once and raises ``StoreUnavailable`` if it cannot; ``s3`` sends nothing yet.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # read here because a bad one raises, with a piece of the secret in its text
    except ValueError:
        raise StoreUrlInvalid("a store's address is no URL; escape / @ : in secrets") from None
    driver = _DRIVERS.get(parts.scheme)
    if driver is None:
        known = ", ".join(f"{scheme}://" for scheme in _DRIVERS)
        raise StoreUrlInvalid(f"a store's address begins with one of {known}")
    return driver(parts)


def _open_s3(parts: SplitResult) -> BlobStore:
    bucket, _, prefix = unquote(parts.path).strip("/").partition("/")
    if not parts.hostname or not bucket:
        raise StoreUrlInvalid("s3:// expects access:secret@host:port/bucket")
    try:
        check_prefix(prefix)
    except BlobKeyRefused as error:
        raise StoreUrlInvalid(str(error)) from None
    query = _query(parts)
    scheme = {"true": "https", "false": "http"}.get(query.pop("tls", "true"))
    if scheme is None:
        raise StoreUrlInvalid("s3:// expects tls to be true or false")
    host = parts.netloc.rpartition("@")[2]
    from_address = {
        "endpoint": f"{scheme}://{host}",
        "bucket": bucket,
        "prefix": prefix,
        "access_key": None if parts.username is None else unquote(parts.username),
        "secret_key": None if parts.password is None else unquote(parts.password),
    }
    return S3Store(_options(S3Options, "s3", query, from_address))


def _open_file(parts: SplitResult) -> BlobStore:
    path = unquote(parts.path)
    if parts.netloc or not path.startswith("/"):
        raise StoreUrlInvalid("file:// expects an absolute path: file:///var/lib/strongroom")
    return FileStore(_options(FileOptions, "file", _query(parts), {"root": Path(path)}))


def _open_memory(parts: SplitResult) -> BlobStore:
    if parts.netloc or parts.path or parts.query:
        raise StoreUrlInvalid("memory:// takes nothing else")
    return MemoryStore()


_DRIVERS = {"s3": _open_s3, "file": _open_file, "memory": _open_memory}


def _query(parts: SplitResult) -> dict[str, str]:
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(pairs)
    if len(query) != len(pairs):
        raise StoreUrlInvalid(f"{parts.scheme}:// has an option twice")
    return query


def _options(
    kind: type[Options], scheme: str, query: dict[str, str], from_address: dict[str, Any]
) -> Options:
    twice = query.keys() & from_address.keys()
    if twice:
        raise StoreUrlInvalid(f"{scheme}:// has no option {', '.join(sorted(twice))}")
    try:
        return msgspec.convert({**query, **from_address}, kind, strict=False)
    except msgspec.ValidationError as error:
        raise StoreUrlInvalid(f"{scheme}:// options: {error}") from None
