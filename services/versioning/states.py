"""What a bucket was at a ref: the tree there, and the commit that has it."""

from uuid import UUID

from msgspec import Struct

from libs.chassis.database import Connection
from services.versioning.domain.commits import CommitId
from services.versioning.domain.errors import RefNotFound
from services.versioning.domain.refs import MAIN, NOW
from services.versioning.domain.tree import EMPTY, NodeId
from services.versioning.repository import commits, refs


class State(Struct, frozen=True):
    """A tree, and the commit that was asked for."""

    tree: NodeId
    commit_id: CommitId | None
    """None: nothing was committed yet."""


async def find_commit_id(conn: Connection, bucket_id: UUID, ref: str) -> CommitId | None:
    """Return the commit that ``ref`` names; None for a branch on which nothing was committed yet.

    ``now`` is main's head: whoever means the present lets history catch up before.
    """
    name = MAIN if ref == NOW else ref
    try:
        return await refs.get_commit_id(conn, bucket_id, name)
    except RefNotFound:
        found = await refs.find_ref(conn, bucket_id, name)
        if found is None or found.commit_id is not None:
            raise
        return None


async def read_state(conn: Connection, bucket_id: UUID, ref: str, *, staged: bool = False) -> State:
    """Return what ``ref`` names; with ``staged`` it has to be a branch, and what waits on it is in.

    Raises ``RefNotFound``, ``RefAmbiguous``, ``MalformedRef``, and ``BranchNotFound`` with
    ``staged``.
    """
    if staged:
        branch = await refs.get_branch(conn, bucket_id, MAIN if ref == NOW else ref)
        if branch.staged_tree is not None:
            return State(branch.staged_tree, branch.commit_id)
    commit_id = await find_commit_id(conn, bucket_id, ref)
    if commit_id is None:
        return State(EMPTY.node_id, None)
    stored = await commits.get_commit(conn, bucket_id, commit_id)
    return State(stored.commit.tree, commit_id)
