"""What a tree says about one file: content and description, nothing of storage or time.

Equal files therefore give equal entries, and equal trees, in every installation.
"""

from msgspec import Struct, field

from services.versioning.domain.errors import CorruptNode, EmptyPath
from services.versioning.domain.tree.media_types import MEDIA_TYPES, NUMBERS
from services.versioning.domain.tree.node import Item
from services.versioning.domain.wire import (
    DIGEST_BYTES,
    Malformed,
    Scanner,
    labels,
    put_bytes,
    put_digest,
    put_varint,
    utf8,
)

METADATA, TAGS = 1, 2
"""Numbers of the optional fields; a reader refuses those it does not know."""


class Entry(Struct, frozen=True):
    sha256: bytes
    """32 bytes."""
    size: int
    content_type: str
    metadata: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def key_of(path: str) -> bytes:
    """Return the key of ``path``; byte order of keys is code point order of paths."""
    if not path:
        raise EmptyPath
    return utf8(path)


def to_item(path: str, entry: Entry) -> Item:
    """Return the leaf's item that records ``entry`` at ``path``."""
    return Item(key_of(path), _encode(entry), 1, entry.size)


def to_entry(item: Item) -> Entry:
    """Read a leaf's item back; ``CorruptNode`` tells what no writer makes."""
    try:
        return _decode(item)
    except Malformed as fault:
        raise CorruptNode(f"the entry at {item.key!r} is malformed: {fault}") from fault


def to_path(key: bytes) -> str:
    """Read a key back; ``CorruptNode`` when it is no UTF-8."""
    try:
        return key.decode()
    except UnicodeDecodeError as fault:
        raise CorruptNode(f"the path {key!r} is not UTF-8") from fault


def _encode(entry: Entry) -> bytes:
    out = bytearray()
    number = NUMBERS.get(entry.content_type, 0)
    put_varint(out, number)
    if not number:
        put_bytes(out, utf8(entry.content_type))
    put_digest(out, entry.sha256)
    for field_number, pairs in ((METADATA, entry.metadata), (TAGS, entry.tags)):
        if pairs:
            put_varint(out, field_number)
            put_bytes(out, labels(pairs))
    return bytes(out)


def _decode(item: Item) -> Entry:
    scanner = Scanner(item.body)
    content_type = _media_type(scanner)
    digest = scanner.take(DIGEST_BYTES)
    fields: dict[int, dict[str, str]] = {}
    last = 0
    while not scanner.at_end():
        number = scanner.varint()
        if number <= last or number > TAGS:
            raise Malformed(f"field {number} is unknown or out of order")
        fields[number] = scanner.labels()
        last = number
    return Entry(digest, item.size, content_type, fields.get(METADATA, {}), fields.get(TAGS, {}))


def _media_type(scanner: Scanner) -> str:
    number = scanner.varint()
    if number > len(MEDIA_TYPES):
        raise Malformed(f"content type {number} is unknown")
    if number:
        return MEDIA_TYPES[number - 1]
    text = scanner.text()
    if text in NUMBERS:
        raise Malformed("a content type that has a number is written as text")
    return text
