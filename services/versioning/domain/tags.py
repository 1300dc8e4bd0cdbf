"""The tag: a name for one commit, given by somebody at some time; named by its sha256.

The layout is specified in ``docs/versioning-format.md``. A tag's id vouches for its commit, and by
that for the whole history behind it: it is what a signature of a tag signs.
"""

from datetime import datetime
from hashlib import sha256
from typing import NewType

from msgspec import Struct, field

from services.versioning.domain.commits import DIGEST_BYTES, EPOCH, METADATA, MICROSECOND, CommitId
from services.versioning.domain.errors import CorruptTag, UnsupportedFormat
from services.versioning.domain.wire import Malformed, Scanner, labels, put_bytes, put_varint, utf8

FORMAT = 0xA1
"""First byte of every tag: kind A (a name), version 1."""

TagId = NewType("TagId", bytes)


class Tag(Struct, frozen=True, kw_only=True):
    name: str
    commit_id: CommitId
    author: str
    tagged_at: datetime
    """Aware; kept in UTC to the microsecond."""
    message: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def encode(tag: Tag) -> bytes:
    """Write a tag; a naive ``tagged_at`` is a ``ValueError``."""
    if tag.tagged_at.utcoffset() is None:
        raise ValueError("a tag's time needs a time zone")
    if len(tag.commit_id) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, not {len(tag.commit_id)}")
    out = bytearray((FORMAT,))
    put_bytes(out, utf8(tag.name))
    out += tag.commit_id
    put_bytes(out, utf8(tag.author))
    out += ((tag.tagged_at - EPOCH) // MICROSECOND).to_bytes(8, "big", signed=True)
    put_bytes(out, utf8(tag.message))
    if tag.metadata:
        put_varint(out, METADATA)
        put_bytes(out, labels(tag.metadata))
    return bytes(out)


def id_of(data: bytes) -> TagId:
    """Return the name of an encoded tag, which is not the one that it gives."""
    return TagId(sha256(data).digest())


def decode(data: bytes) -> Tag:
    """Read a tag.

    Raises ``CorruptTag`` for bytes that no writer makes, and ``UnsupportedFormat`` for tags of a
    later format.
    """
    if data[:1] != bytes((FORMAT,)):
        raise UnsupportedFormat(f"tag {id_of(data).hex()} is not in format {FORMAT:#x}")
    try:
        return _parse(Scanner(data[1:]))
    except (Malformed, OverflowError) as fault:
        raise CorruptTag(f"tag {id_of(data).hex()} is malformed: {fault}") from fault


def _parse(scanner: Scanner) -> Tag:
    name = scanner.text()
    commit_id = CommitId(scanner.take(DIGEST_BYTES))
    author = scanner.text()
    tagged_at = EPOCH + int.from_bytes(scanner.take(8), "big", signed=True) * MICROSECOND
    message = scanner.text()
    metadata: dict[str, str] = {}
    if not scanner.at_end():
        if (number := scanner.varint()) != METADATA:
            raise Malformed(f"field {number} is unknown")
        metadata = scanner.labels()
    if not scanner.at_end():
        raise Malformed("bytes follow its end")
    return Tag(
        name=name,
        commit_id=commit_id,
        author=author,
        tagged_at=tagged_at,
        message=message,
        metadata=metadata,
    )
