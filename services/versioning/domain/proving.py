"""What is wrong with a stored commit or tag: pure comparisons of what is said twice."""

from collections.abc import Iterator

from libs.contracts.versioning import Fault
from services.versioning.domain import commits, tags
from services.versioning.domain.commits import Commit, CommitId
from services.versioning.domain.errors import (
    CorruptCommit,
    CorruptNode,
    CorruptTag,
    UnsupportedFormat,
)
from services.versioning.domain.tree import NodeId, decode
from services.versioning.domain.tree.node import Node

Columns = tuple[object, ...]
"""First parent, time, author and message: what SQL is to see of a commit."""


def open_commit(commit_id: CommitId, data: bytes) -> Commit | Fault:
    """Return the commit that these bytes are, if they are what their name says."""
    try:
        return commits.decode(commit_id, data)
    except (CorruptCommit, UnsupportedFormat) as wrong:
        return Fault(code=wrong.code, detail=wrong.detail, commit_id=commit_id.hex())


def open_node(node_id: NodeId, data: bytes | None, commit_id: CommitId) -> Node | Fault:
    """Return the node that these bytes are, if they are what their name says."""
    if data is None:
        detail = f"node {node_id.hex()} is not stored"
        return Fault(code="node-not-found", detail=detail, commit_id=commit_id.hex())
    try:
        return decode(node_id, data)
    except (CorruptNode, UnsupportedFormat) as wrong:
        return Fault(code=wrong.code, detail=wrong.detail, commit_id=commit_id.hex())


def columns_of(commit: Commit) -> Columns:
    """Return what SQL is to see of a commit."""
    first = commit.parents[0] if commit.parents else None
    return first, commit.committed_at, commit.author, commit.message


def check_columns(commit_id: CommitId, commit: Commit, seen: Columns) -> Iterator[Fault]:
    """Yield a fault where the columns beside a commit say something else than the commit."""
    if seen != columns_of(commit):
        yield Fault(
            code="corrupt-commit",
            detail=f"the columns of commit {commit_id.hex()} differ from what it says",
            commit_id=commit_id.hex(),
        )


def check_tag(name: str, commit_id: bytes, data: bytes) -> Iterator[Fault]:
    """Yield a fault where a tag is stored as another one, or as none."""
    try:
        tag = tags.decode(data)
    except (CorruptTag, UnsupportedFormat) as wrong:
        yield Fault(code=wrong.code, detail=wrong.detail, commit_id=commit_id.hex())
        return
    if (tag.name, tag.commit_id) != (name, commit_id):
        detail = f"tag {name} is stored as another one"
        yield Fault(code="corrupt-tag", detail=detail, commit_id=commit_id.hex())
