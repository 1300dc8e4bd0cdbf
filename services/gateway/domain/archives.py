"""Archives: how files are named in a zip, and which of them are worth compressing."""

import re
from datetime import UTC, datetime
from urllib.parse import quote

from msgspec import Struct

from libs.contracts.storage import BlobPlace

FAST = 1
"""zlib's level: an archive is made once for each reader, so speed counts more than size."""
STORED = 0

SMALL_BYTES = 128
"""Less is not worth compressing."""

MEDIA_TYPE = "application/zip"

_COMPRESSED = re.compile(
    r"(?:image/(?!svg\+xml|bmp|x-ms-bmp|tiff)|video/|audio/(?!x?-?wav|aiff)|font/woff"
    r"|application/(?:zip|gzip|x-gzip|zstd|x-xz|x-bzip2|x-7z-compressed|x-rar|vnd\.rar|pdf"
    r"|epub\+zip|java-archive|vnd\.openxmlformats-|vnd\.oasis\.opendocument\.|vnd\.apache\.parquet))"
    r".*"
)
_DRIVE = re.compile(r"^[A-Za-z]:")
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)


class Member(Struct, frozen=True, kw_only=True):
    """A file that goes into an archive."""

    name: str
    """Inside the archive."""
    blob: BlobPlace
    content_type: str
    modified_at: datetime

    @property
    def level(self) -> int:
        """How hard zlib shall try."""
        is_compressed = _COMPRESSED.fullmatch(self.content_type.lower())
        return STORED if is_compressed or self.blob.size < SMALL_BYTES else FAST

    @property
    def time(self) -> datetime:
        """When it was modified, as far as zip can say it."""
        return max(self.modified_at.astimezone(UTC), _EARLIEST)


def name_of_member(path: str, prefix: str) -> str:
    """Return how ``path`` is named in an archive of ``prefix``: relative to the prefix's folder.

    Whatever unpacks it, it stays below the folder where it is unpacked.
    """
    folder = prefix[: prefix.rfind("/") + 1]
    relative = path.removeprefix(folder).replace("\\", "_")
    segments = [part for part in relative.split("/") if part not in ("", ".", "..")]
    name = "/".join(segments) or "_"
    return _DRIVE.sub(lambda drive: f"{drive[0][0]}_", name)


def disposition(bucket: str, prefix: str) -> str:
    """Return ``Content-Disposition`` of an archive, named after the folder that it has."""
    name = f"{prefix.strip('/').rpartition('/')[2] or bucket}.zip"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    value = f'attachment; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"
