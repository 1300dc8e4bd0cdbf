"""Files of a bucket in the byte order of their paths: as they are, or as they were at a ref."""

from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from libs.client.failures import FileNotFound
from libs.client.paging import Page, items, pages
from libs.client.transport import Params, Transport, segment


class Named(Protocol):
    """Whatever has a path."""

    @property
    def path(self) -> str: ...


T = TypeVar("T")
N = TypeVar("N", bound=Named)


def files_url(bucket: str) -> str:
    """Return the address of a bucket's files."""
    return f"/buckets/{segment(bucket)}/files"


def below(
    transport: Transport,
    bucket: str,
    prefix: str,
    page: type[Page[T]],
    *,
    ref: str | None = None,
    limit: int | None = None,
) -> AsyncIterator[T]:
    """Yield all files whose path begins with ``prefix``."""
    params: Params = {"prefix": prefix or None, "ref": ref}
    return items(transport, files_url(bucket), page, params, limit=limit)


async def level(
    transport: Transport, bucket: str, prefix: str, page: type[Page[T]], *, ref: str | None = None
) -> Page[T]:
    """Return the files directly below ``prefix``, and the prefixes of those that lie deeper."""
    params: Params = {"prefix": prefix or None, "delimiter": "/", "ref": ref}
    found: list[T] = []
    prefixes: list[str] = []
    async for one in pages(transport, files_url(bucket), page, params):
        found += one.items
        prefixes += one.prefixes
    return Page(items=found, prefixes=prefixes)


async def one(
    transport: Transport, bucket: str, path: str, page: type[Page[N]], *, ref: str | None = None
) -> N:
    """Return what is known of a file; raises ``FileNotFound``."""
    # Of all paths that begin with this one it is the first itself, in byte order.
    async for file in below(transport, bucket, path, page, ref=ref, limit=1):
        if file.path == path:
            return file
    raise FileNotFound(f"there is no file {bucket}/{path}")
