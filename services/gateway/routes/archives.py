"""Many files at once: everything below a prefix as one archive."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ASGIApp

from libs.contracts.storage import BlobPlace, FileInfo, FindBlobs, ListFiles
from libs.contracts.versioning import EntryInfo, ListEntries
from services.gateway.domain.archives import MEDIA_TYPE, Member, name_of_member
from services.gateway.domain.failures import FileDamaged, NotFound, VersionExpired
from services.gateway.edge.gate import needs
from services.gateway.edge.platform import Platform
from services.gateway.routes.files import Ref
from services.gateway.routes.given import Bucket, Prefix
from services.gateway.transfer.archives import Archives

PAGE = 1000

Format = Annotated[Literal["zip"], QueryParameter(description="The kind of archive.")]


@get(
    "/buckets/{bucket:str}/archive",
    summary="Get files as an archive",
    tags=["Files"],
    opt=needs("read", at="prefix", public=True),
    responses={
        200: ResponseSpec(bytes, description="The archive.", media_type=MEDIA_TYPE),
    },
)
async def get_archive(
    bucket: Bucket,
    platform: NamedDependency[Platform],
    archives: NamedDependency[Archives],
    prefix: Prefix = "",
    ref: Ref = None,
    format: Format = "zip",  # noqa: A002 - the query parameter's name
) -> ASGIApp:
    """Return every file whose path begins with ``prefix``, named from the prefix's folder on.

    The archive is made while it is sent, so its length is not known before. One that could not be
    finished ends with a cut connection. Files that change meanwhile are in it as they were when
    their turn came; with ``ref`` all are of one commit.
    """
    members = _members(platform, bucket, prefix, ref)
    first = await anext(members, None)
    if first is None:
        raise NotFound("no file begins with this prefix", bucket=bucket, prefix=prefix)
    return archives.open(bucket, prefix, _again(first, members))


async def _members(
    platform: Platform, bucket: str, prefix: str, ref: str | None
) -> AsyncGenerator[Member, None]:
    after: str | None = ""
    items: list[FileInfo] | list[EntryInfo]
    while after is not None:
        if ref is None:
            listing = ListFiles(bucket=bucket, prefix=prefix, start_after=after, limit=PAGE)
            page = await platform.ask(listing)
            items, after = page.items, page.next
        else:
            entries = ListEntries(
                bucket=bucket, ref=ref, prefix=prefix, start_after=after, limit=PAGE
            )
            then = await platform.ask(entries)
            # The commit itself from now on: a branch may move between two pages.
            items, after, ref = then.items, then.next, then.commit_id
        for member in await _placed(platform, bucket, prefix, items):
            yield member


async def _placed(
    platform: Platform, bucket: str, prefix: str, items: list[FileInfo] | list[EntryInfo]
) -> list[Member]:
    digests = sorted({item.sha256 for item in items})
    found = await platform.ask(FindBlobs(bucket=bucket, digests=digests)) if digests else None
    places = {place.sha256: place for place in found.items} if found else {}
    return [_member(item, prefix, places) for item in items]


def _member(item: FileInfo | EntryInfo, prefix: str, places: dict[str, BlobPlace]) -> Member:
    if isinstance(item, EntryInfo) and item.expired:
        raise VersionExpired(f"the content of {item.path} was given up", path=item.path)
    place = places.get(item.sha256)
    if place is None:
        raise FileDamaged("the bytes of this version are not there", path=item.path)
    return Member(
        name=name_of_member(item.path, prefix),
        blob=place,
        content_type=item.content_type,
        modified_at=item.modified_at if isinstance(item, FileInfo) else item.committed_at,
    )


async def _again(first: Member, rest: AsyncGenerator[Member, None]) -> AsyncGenerator[Member, None]:
    async with aclosing(rest):
        yield first
        async for member in rest:
            yield member


ROUTES = [get_archive]
