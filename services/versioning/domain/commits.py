"""The commit: a tree, where it came from, and who made it when and why; named by its sha256.

The layout is specified in ``docs/versioning-format.md``. As a commit names its tree and its parents
by digest, its own id vouches for the whole history behind it.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NewType

from msgspec import Struct, field

from services.versioning.domain.errors import CorruptCommit, UnsupportedFormat
from services.versioning.domain.tree import NodeId
from services.versioning.domain.wire import Malformed, Scanner, labels, put_bytes, put_varint, utf8

FORMAT = 0xC1
"""First byte of every commit: kind C (commit), version 1."""
DIGEST_BYTES = 32
METADATA = 1
"""Number of the optional field; a reader refuses those it does not know."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

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
    if commit.committed_at.utcoffset() is None:
        raise ValueError("a commit's time needs a time zone")
    out = bytearray((FORMAT,))
    out += _digest(commit.tree)
    put_varint(out, len(commit.parents))
    for parent in commit.parents:
        out += _digest(parent)
    out += ((commit.committed_at - EPOCH) // MICROSECOND).to_bytes(8, "big", signed=True)
    for text in (commit.author, commit.operation, commit.message):
        put_bytes(out, utf8(text))
    if commit.metadata:
        put_varint(out, METADATA)
        put_bytes(out, labels(commit.metadata))
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
    committed_at = EPOCH + int.from_bytes(scanner.take(8), "big", signed=True) * MICROSECOND
    author, operation, message = scanner.text(), scanner.text(), scanner.text()
    metadata: dict[str, str] = {}
    if not scanner.at_end():
        if (number := scanner.varint()) != METADATA:
            raise Malformed(f"field {number} is unknown")
        metadata = scanner.labels()
    if not scanner.at_end():
        raise Malformed("bytes follow its end")
    return Commit(
        tree=tree,
        parents=parents,
        author=author,
        committed_at=committed_at,
        operation=operation,
        message=message,
        metadata=metadata,
    )


def _digest(digest: bytes) -> bytes:
    if len(digest) != DIGEST_BYTES:
        raise ValueError(f"a digest has {DIGEST_BYTES} bytes, not {len(digest)}")
    return digest
