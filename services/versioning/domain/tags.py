"""The tag: a name for one commit, given by somebody at some time; named by its sha256.

The layout is specified in ``docs/versioning-format.md``. A tag's id vouches for its commit, and by
that for the whole history behind it: it is what a signature of a tag signs.
"""

from datetime import datetime
from hashlib import sha256
from typing import NewType

from msgspec import Struct, field

from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import CorruptTag, UnsupportedFormat
from services.versioning.domain.wire import (
    DIGEST_BYTES,
    Malformed,
    Scanner,
    put_bytes,
    put_digest,
    put_metadata,
    put_time,
    utf8,
)

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
    out = bytearray((FORMAT,))
    put_bytes(out, utf8(tag.name))
    put_digest(out, tag.commit_id)
    put_bytes(out, utf8(tag.author))
    put_time(out, tag.tagged_at)
    put_bytes(out, utf8(tag.message))
    put_metadata(out, tag.metadata)
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
    tagged_at = scanner.time()
    message = scanner.text()
    return Tag(
        name=name,
        commit_id=commit_id,
        author=author,
        tagged_at=tagged_at,
        message=message,
        metadata=scanner.metadata(),
    )
