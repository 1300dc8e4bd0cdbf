"""What lies at a place, now or at a ref."""

from collections.abc import AsyncIterator

from libs.client.cli.location import Location
from libs.client.client import Client
from libs.client.paging import Page
from libs.contracts.storage import FileInfo
from libs.contracts.versioning import EntryInfo

Found = FileInfo | EntryInfo


def below(place: Location) -> str:
    """Return the prefix of everything below ``place``."""
    return place.path if place.is_prefix else f"{place.path}/"


async def find_file(client: Client, place: Location, ref: str | None) -> Found:
    """Return the file at ``place``; raises ``FileNotFound``."""
    if ref is None:
        return await client.files.stat(place.bucket, place.path)
    return await client.versions.file(place.bucket, ref, place.path)


def find_all(client: Client, place: Location, ref: str | None) -> AsyncIterator[Found]:
    """Yield all files below ``place``."""
    found: AsyncIterator[FileInfo] | AsyncIterator[EntryInfo]
    if ref is None:
        found = client.files.list(place.bucket, below(place))
    else:
        found = client.versions.files(place.bucket, ref, below(place))
    return found


async def find_level(
    client: Client, place: Location, ref: str | None
) -> tuple[list[str], list[Found]]:
    """Return the prefixes and files directly below ``place``, or the file that it names."""
    level: Page[FileInfo] | Page[EntryInfo]
    if ref is None:
        level = await client.files.level(place.bucket, below(place))
    else:
        level = await client.versions.level(place.bucket, ref, below(place))
    files: list[Found] = [*level.items]
    if not files and not level.prefixes and not place.is_prefix:
        files = [await find_file(client, place, ref)]
    return level.prefixes, files
