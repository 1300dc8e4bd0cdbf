"""The commit: a tree, where it came from, and who made it when and why; named by its sha256.

The layout is specified in ``docs/versioning-format.md``. As a commit names its tree and its parents
by digest, its own id vouches for the whole history behind it.
"""

from datetime import datetime
from hashlib import sha256
from typing import NewType

from msgspec import Struct, field

from services.versioning.domain.errors import CorruptCommit, UnsupportedFormat
from services.versioning.domain.tree import NodeId
from services.versioning.domain.wire import (
    DIGEST_BYTES,
    Malformed,
    Scanner,
    put_bytes,
    put_digest,
    put_metadata,
    put_time,
    put_varint,
    utf8,
)

FORMAT = 0xC1
"""First byte of every commit: kind C (commit), version 1."""

CommitId = NewType("CommitId", bytes)


class Commit(Struct, frozen=True, kw_only=True):
    tree: NodeId
    parents: tuple[CommitId, ...]
    """The first one is the branch's former head; none for the first commit, two for a merge."""
    author: str
    committed_at: datetime
    """Aware; kept in UTC to the microsecond."""
    operation: str
    """What made it, e.g. ``put``, ``restore`` or ``mixed``."""
    message: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def encode(commit: Commit) -> bytes:
    """Write a commit; a naive ``committed_at`` is a ``ValueError``."""
    out = bytearray((FORMAT,))
    put_digest(out, commit.tree)
    put_varint(out, len(commit.parents))
    for parent in commit.parents:
        put_digest(out, parent)
    put_time(out, commit.committed_at)
    for text in (commit.author, commit.operation, commit.message):
        put_bytes(out, utf8(text))
    put_metadata(out, commit.metadata)
    return bytes(out)


def id_of(data: bytes) -> CommitId:
    """Return the name of an encoded commit."""
    return CommitId(sha256(data).digest())


def decode(commit_id: CommitId, data: bytes) -> Commit:
    """Read a commit and prove that it is the one asked for.

    Raises ``CorruptCommit`` for bytes that do not hash to ``commit_id`` or that no writer makes,
    and ``UnsupportedFormat`` for commits of a later format.
    """
    if id_of(data) != commit_id:
        raise CorruptCommit(f"commit {commit_id.hex()} does not match its digest")
    if data[:1] != bytes((FORMAT,)):
        raise UnsupportedFormat(f"commit {commit_id.hex()} is not in format {FORMAT:#x}")
    try:
        return _parse(Scanner(data[1:]))
    except (Malformed, OverflowError) as fault:
        raise CorruptCommit(f"commit {commit_id.hex()} is malformed: {fault}") from fault


def _parse(scanner: Scanner) -> Commit:
    tree = NodeId(scanner.take(DIGEST_BYTES))
    parents = tuple(CommitId(scanner.take(DIGEST_BYTES)) for _ in range(scanner.varint()))
    committed_at = scanner.time()
    author, operation, message = scanner.text(), scanner.text(), scanner.text()
    return Commit(
        tree=tree,
        parents=parents,
        author=author,
        committed_at=committed_at,
        operation=operation,
        message=message,
        metadata=scanner.metadata(),
    )
