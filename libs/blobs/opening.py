"""From an address to a store: the one place that knows which drivers there are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Struct
from obstore.exceptions import BaseError

from libs.blobs.azure import AzureOptions, AzureStore
from libs.blobs.contract import BlobStore
from libs.blobs.failures import BlobKeyRefused, StoreUrlInvalid
from libs.blobs.file import FileOptions, FileStore
from libs.blobs.gcs import GcsOptions, GcsStore
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
    query = _query(parts)
    from_address = {
        **_bucket_of(parts, parts.path, expected="s3://access:secret@host:port/bucket"),
        "endpoint": f"{_web_scheme(parts, query)}://{_host(parts)}",
        "access_key": _decoded(parts.username),
        "secret_key": _decoded(parts.password),
    }
    return _opened(S3Store, _options(S3Options, "s3", query, from_address))


def _open_gcs(parts: SplitResult) -> BlobStore:
    path = f"/{parts.netloc}{parts.path}"
    if "@" in parts.netloc or ":" in parts.netloc:
        raise StoreUrlInvalid("gs:// takes no secrets: name a key file by ?credentials=/path")
    from_address = _bucket_of(parts, path, expected="gs://bucket")
    return _opened(GcsStore, _options(GcsOptions, "gs", _query(parts), from_address))


def _open_azure(parts: SplitResult) -> BlobStore:
    expected = "az://account:key@host/container"
    if not parts.username:
        raise StoreUrlInvalid(f"az:// expects {expected}")
    query = _query(parts)
    account = unquote(parts.username)
    endpoint = f"{_web_scheme(parts, query)}://{_host(parts)}"
    if _flag(parts, query, "path_style", "false"):
        endpoint = f"{endpoint}/{account}"
    from_address = {
        **_bucket_of(parts, parts.path, expected=expected),
        "endpoint": endpoint,
        "account": account,
        "key": _decoded(parts.password),
    }
    return _opened(AzureStore, _options(AzureOptions, "az", query, from_address))


def _open_file(parts: SplitResult) -> BlobStore:
    path = unquote(parts.path)
    if parts.netloc or not path.startswith("/"):
        raise StoreUrlInvalid("file:// expects an absolute path: file:///var/lib/strongroom")
    return FileStore(_options(FileOptions, "file", _query(parts), {"root": Path(path)}))


def _open_memory(parts: SplitResult) -> BlobStore:
    if parts.netloc or parts.path or parts.query:
        raise StoreUrlInvalid("memory:// takes nothing else")
    return MemoryStore()


_DRIVERS = {
    "s3": _open_s3,
    "gs": _open_gcs,
    "az": _open_azure,
    "file": _open_file,
    "memory": _open_memory,
}


def _opened(driver: Callable[[Options], BlobStore], options: Options) -> BlobStore:
    """Make the store; obstore refuses credentials that it cannot read when it is made."""
    try:
        return driver(options)
    except BaseError:
        # Its text is not repeated: it may quote what it could not read.
        raise StoreUrlInvalid(
            "a store's credentials cannot be read (a key file, or a key that is no base64)"
        ) from None


def _bucket_of(parts: SplitResult, path: str, *, expected: str) -> dict[str, str]:
    """Return bucket and folder, the first segment of ``path`` and what follows it."""
    bucket, _, prefix = unquote(path).strip("/").partition("/")
    if not parts.hostname or not bucket:
        raise StoreUrlInvalid(f"{parts.scheme}:// expects {expected}")
    try:
        check_prefix(prefix)
    except BlobKeyRefused as error:
        raise StoreUrlInvalid(str(error)) from None
    return {"bucket": bucket, "prefix": prefix}


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _decoded(secret: str | None) -> str | None:
    return None if secret is None else unquote(secret)


def _web_scheme(parts: SplitResult, query: dict[str, str]) -> str:
    return "https" if _flag(parts, query, "tls", "true") else "http"


def _flag(parts: SplitResult, query: dict[str, str], name: str, default: str) -> bool:
    """Take the option ``name`` out of ``query``."""
    given = query.pop(name, default)
    if given not in {"true", "false"}:
        raise StoreUrlInvalid(f"{parts.scheme}:// expects {name} to be true or false")
    return given == "true"


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
