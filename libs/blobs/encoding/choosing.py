"""Whether compressing pays: told by what the bytes are said to be, and by their first 64 KiB."""

import zstandard

PROBE_BYTES = 64 * 1024
PROBE_LEVEL = 1

WORTH_IT = 0.9
"""Compressed bytes are kept when they are at most this share of the original: a tenth less to
store and send is worth taking them apart at every read."""

LEAST_BYTES = 256
"""Less is never compressed: frame and table take 40 bytes, and small objects cost by the piece."""

MOST_BYTES = 40 * 1024**3
"""More is not compressed: S3 has to know the stored size of larger ones before their first byte."""

# What these formats left, zstd cannot take; a name that is missing here costs one probe.
_PACKED_KINDS = frozenset({"audio", "font", "image", "video"})
_YET_LOOSE = frozenset(
    {
        "audio/aiff", "audio/basic", "audio/midi", "audio/vnd.wave", "audio/wav", "audio/x-aiff",
        "audio/x-wav", "font/otf", "font/ttf", "image/bmp", "image/svg+xml", "image/tiff",
        "image/vnd.adobe.photoshop", "image/x-icon", "image/x-portable-bitmap",
        "image/x-portable-graymap", "image/x-portable-pixmap",
    }
)  # fmt: skip
_PACKED = frozenset(
    {
        "application/epub+zip", "application/gzip", "application/java-archive",
        "application/vnd.android.package-archive", "application/vnd.rar",
        "application/x-7z-compressed", "application/x-bzip2", "application/x-gzip",
        "application/x-lzma", "application/x-rar-compressed", "application/x-xz",
        "application/zip", "application/zstd",
    }
)  # fmt: skip
_PACKED_FAMILIES = (
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
)


def may_pay(content_type: str, size: int | None) -> bool:
    """Tell whether bytes of this type, ``size`` of them if that is known, are worth a probe.

    A type that lies costs its owner the saving, nothing else.
    """
    if size is not None and not LEAST_BYTES <= size <= MOST_BYTES:
        return False
    essence = content_type.partition(";")[0].strip().lower()
    if essence in _PACKED or essence.startswith(_PACKED_FAMILIES):
        return False
    return essence.partition("/")[0] not in _PACKED_KINDS or essence in _YET_LOOSE


def is_worth_it(size: int, compressed_size: int) -> bool:
    """Tell whether ``compressed_size`` is so much less than ``size`` that it pays."""
    return size >= LEAST_BYTES and compressed_size <= WORTH_IT * size


def pays(content_type: str, probe: bytes) -> bool:
    """Tell whether a body that begins with ``probe`` (``PROBE_BYTES``, or all of it) shrinks."""
    if not may_pay(content_type, len(probe)):
        return False
    tried = zstandard.ZstdCompressor(level=PROBE_LEVEL).compress(probe[:PROBE_BYTES])
    return is_worth_it(min(len(probe), PROBE_BYTES), len(tried))
